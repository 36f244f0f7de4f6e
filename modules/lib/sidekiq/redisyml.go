package sidekiq

import (
	"net"
	"net/url"
	"strconv"

	"gopkg.in/yaml.v3"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/rubyyaml"
)

// DefaultRedis is the source of RedisOf where nothing names a Redis.
const DefaultRedis = "Sidekiq's default, localhost"

// Found is a Redis that was looked for.
type Found struct {
	URL     string
	Source  string // where it was learned
	Guessed bool   // by the default, or in a file that the application need not read
}

// FindRedis is RedisOf and, where no variable names a Redis, what config/redis.yml of the application says; without app_root there is none.
func FindRedis(given string, env environ.Environ, appRoot, railsEnv string, read func(path string) ([]byte, error)) (Found, error) {
	f := Found{}
	f.URL, f.Source = RedisOf(given, env)
	if f.Guessed = f.Source == DefaultRedis; !f.Guessed || appRoot == "" {
		return f, nil
	}
	path := appRoot + "/config/redis.yml"
	text, err := read(path)
	if err != nil {
		return f, err
	}
	if url := RedisYML(text, railsEnv, env); url != "" {
		f.URL, f.Source = url, path
	}
	return f, nil
}

// RedisYML is the URL of the Redis that a config/redis.yml names for an environment, as applications of Samvera have it: url, or host, port,
// db, password and ssl, in a section of the environment or at the top. "" where it names none, or only Ruby can tell.
func RedisYML(source []byte, environment string, env environ.Environ) string {
	readings, err := rubyyaml.Readings(source, rubyyaml.NoTrim)
	if err != nil || len(readings) != 1 {
		return ""
	}
	doc, err := readings[0].Document()
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
