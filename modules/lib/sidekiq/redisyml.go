package sidekiq

import (
	"cmp"
	"net"
	"net/url"
	"strconv"

	"gopkg.in/yaml.v3"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/rubyyaml"
)

// Found is a Redis that was looked for.
type Found struct {
	URL    string
	Source string // where the address was found
}

// Place is where it is, with the database and without user and password; "" if the URL cannot be parsed.
func (f Found) Place() string {
	u, err := parseRedisURL(f.URL)
	switch {
	case err != nil:
		return ""
	case u.Scheme != "unix":
		return placeOf(u) + "/" + cmp.Or(database(u), "0")
	case database(u) != "":
		return placeOf(u) + "?db=" + database(u)
	}
	return placeOf(u)
}

// RedisYML is the URL of the Redis that a config/redis.yml names for an environment, as applications of Samvera have it: url, or host, port,
// db, password and ssl, in a section of the environment or at the top. "" where it names none, or the file requires Ruby.
func RedisYML(source []byte, environment string, env environ.Environ) string {
	doc, err := parseCertain(source, rubyyaml.NoTrim)
	if err != nil || doc.Root() == nil {
		return ""
	}
	r := reader{doc: doc, env: env}
	settings, err := r.settings(environment)
	if err != nil {
		return ""
	}
	return r.redisURL(settings)
}

func (r reader) redisURL(settings map[string]*yaml.Node) string {
	text := func(name string) string { return r.text(settings[name]) }
	if given := text("url"); given != "" {
		return given
	}
	host := text("host")
	if host == "" {
		return ""
	}
	u := url.URL{Scheme: "redis", Host: host}
	if text("ssl") == "true" {
		u.Scheme = "rediss"
	}
	if port := text("port"); port != "" {
		u.Host = net.JoinHostPort(host, port)
	}
	if password := text("password"); password != "" {
		u.User = url.UserPassword(text("username"), password)
	}
	if db := text("db"); db != "" {
		if _, err := strconv.Atoi(db); err != nil {
			return ""
		}
		u.Path = "/" + db
	}
	return u.String()
}
