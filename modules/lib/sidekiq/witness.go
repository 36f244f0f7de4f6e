package sidekiq

import (
	"fmt"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/proc"
)

// Witness asks running processes of a service. What cannot be read of them is taken from options and files.
type Witness struct {
	Service
	Proc      proc.FS
	Given     string // option redis_url
	Namespace string // of the gem redis-namespace, or ""
	AppRoot   string // of the application; "": not known

	Open func(Found) Client // nil: NewClient; tests replace it
}

// byDefault is the source of an address that nothing names.
const byDefault = "Sidekiq's default"

// Search is where the Redis of a running process is looked for: known are those of other processes of the service, then what the environment of the
// process names. Where that cannot be read, it is what its unit gives, unit.
func (w Witness) Search(pid int, unit environ.Sources, known ...Found) Search {
	of := ""
	if variables, err := w.Proc.Process(pid).Environ(); err == nil {
		unit, of = w.Environment.Of(variables), fmt.Sprintf("of process %d", pid)
	}
	w.Environment = unit
	env, err := w.Environ()
	if err != nil { // a file was removed since the process was started
		env = environ.None
	}
	return w.searchFor(known, env, of)
}

// Predicted is the Redis that options and files name: that of a process with this environment. It is an error if config/redis.yml, which may name
// it, cannot be read.
func (w Witness) Predicted(env environ.Environ) (Client, error) {
	s := w.searchFor(nil, env, "")
	if s.Found[0].Source == byDefault && s.unread != nil {
		return Client{}, s.unread
	}
	return s.client(s.Found[0]), nil
}

func (w Witness) searchFor(known []Found, env environ.Environ, of string) Search {
	s := Search{namespace: w.Namespace, hostname: hostname(env), open: w.Open}
	found, unread := w.addresses(env, of)
	s.Found, s.unread = append(slices.Clip(known), found...), unread
	return s
}

// addresses are what names the Redis of a process, in the order in which they are looked at: the given one, that of the environment as Sidekiq itself
// reads it (lib/sidekiq/redis_connection.rb, determine_redis_provider), that of config/redis.yml, and without a variable Sidekiq's default.
// of names the process whose environment it is, if it is one's. unread is why config/redis.yml cannot be read.
func (w Witness) addresses(env environ.Environ, of string) (all []Found, unread error) {
	if w.Given != "" {
		all = append(all, Found{w.Given, "redis_url"})
	}
	name, isSet := env("REDIS_PROVIDER")
	if !isSet {
		name = "REDIS_URL"
	}
	fromVariable, _ := env(name)
	if fromVariable != "" {
		all = append(all, Found{fromVariable, strings.TrimSpace("the variable " + name + " " + of)})
	}
	if w.AppRoot != "" {
		path := w.AppRoot + "/config/redis.yml"
		var text []byte
		text, unread = w.Files.ReadIfThere(path)
		if url := RedisYML(text, w.RailsEnv, env); url != "" {
			all = append(all, Found{url, path})
		}
	}
	if fromVariable == "" {
		all = append(all, Found{"redis://localhost:6379/0", byDefault})
	}
	return all, unread
}
