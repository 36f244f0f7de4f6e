package sidekiq

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
)

// Locator finds where the Redis of a running process may be. What cannot be read of the process is taken from options and files.
type Locator struct {
	Service
	Given     string // option redis_url
	Namespace string // of the gem redis-namespace, or ""

	Open func(Found) Client // nil: NewClient; tests replace it
}

// byDefault is the source of an address that nothing names.
const byDefault = "Sidekiq's default"

// Search returns where to look for the Redis of a process: known, the addresses of other processes of the service, then what its environment names,
// or what its unit gives if that cannot be read.
//
// process are the variables of the process; nil: not known.
func (l Locator) Search(pid int, process map[string]string, unit environ.Sources, known ...Found) Search {
	of := ""
	if process != nil {
		unit, of = l.Environment.Of(process), fmt.Sprintf("of process %d", pid)
	}
	l.Environment = unit
	env, err := l.Environ()
	if err != nil { // what a dotenv or an environment file would add is not known
		l.Environment.DotenvFiles, l.Environment.EnvironmentFiles = nil, nil
		env, _ = l.Environ() // reads no file
	}
	s := l.searchFor(known, env, of)
	s.unread = errors.Join(s.unread, err)
	return s
}

// IsGuess reports whether nothing but Sidekiq's default says where the Redis is.
func (s Search) IsGuess() bool { return s.Found[0].Source == byDefault }

// Predicted returns the first Redis that options and files name. It is an error if config/redis.yml, which may name it, cannot be read.
func (l Locator) Predicted(env environ.Environ) (Client, error) {
	s := l.searchFor(nil, env, "")
	if s.IsGuess() && s.unread != nil {
		return Client{}, s.unread
	}
	return s.client(s.Found[0]), nil
}

func (l Locator) searchFor(known []Found, env environ.Environ, of string) Search {
	s := Search{namespace: l.Namespace, hostname: hostname(env), open: l.Open}
	found, unread := l.addresses(env, of)
	s.Found, s.unread = append(slices.Clip(known), found...), unread
	return s
}

// addresses returns what names the Redis of a process, in the order in which it is checked: the given one, that of the environment as Sidekiq itself
// reads it (lib/sidekiq/redis_connection.rb, determine_redis_provider), that of config/redis.yml, and without a variable Sidekiq's default.
// of names the process whose environment it is, if it is one's. unread is why config/redis.yml cannot be read.
func (l Locator) addresses(env environ.Environ, of string) (all []Found, unread error) {
	if l.Given != "" {
		all = append(all, Found{l.Given, "redis_url"})
	}
	name, isSet := env("REDIS_PROVIDER")
	if !isSet {
		name = "REDIS_URL"
	}
	fromVariable, _ := env(name)
	if fromVariable != "" {
		all = append(all, Found{fromVariable, strings.TrimSpace("the variable " + name + " " + of)})
	}
	if l.AppRoot != "" {
		path := l.AppRoot + "/config/redis.yml"
		var text []byte
		text, unread = l.Files.ReadIfThere(path)
		if url := RedisYML(text, l.RailsEnv, env); url != "" {
			all = append(all, Found{url, path})
		}
	}
	if fromVariable == "" {
		all = append(all, Found{"redis://localhost:6379/0", byDefault})
	}
	return all, unread
}
