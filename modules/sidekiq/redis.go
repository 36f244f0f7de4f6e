package sidekiq

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lazyregexp"
	"github.com/gomodule/redigo/redis"
)

// RedisOf is the Redis that a Sidekiq with these variables uses, and where that was learned, as Sidekiq itself looks for it
// (lib/sidekiq/redis_connection.rb, determine_redis_provider). A URL that is given wins.
func RedisOf(given string, environ Environ) (redisURL, source string) {
	if given != "" {
		return given, "redis_url"
	}
	name, found := environ("REDIS_PROVIDER")
	if !found {
		name = "REDIS_URL"
	}
	if redisURL, found := environ(name); found && redisURL != "" {
		return redisURL, "the variable " + name
	}
	return "redis://localhost:6379/0", DefaultRedis
}

// Redis is one connection to the Redis of a Sidekiq; Open makes it. It only reads, one command at a time. Errors of its methods
// name the place, host and port, and hold no password.
type Redis struct {
	conn   redis.Conn
	place  string // where it is, without user and password
	prefix string // of every key
}

// redisTimeout bounds connecting, and every single command.
const redisTimeout = 3 * time.Second

// Open connects. The URL is redis://, rediss:// (the certificate is verified by the CAs that the host trusts) or
// unix:///path?db=N; namespace is the prefix of redis-namespace, "" without it.
func Open(ctx context.Context, redisURL, namespace string) (*Redis, error) {
	r := &Redis{}
	if namespace != "" {
		r.prefix = namespace + ":"
	}
	u, err := parseRedisURL(redisURL)
	if err != nil {
		return nil, err
	}
	if u.Scheme == "unix" {
		r.place = u.Path
		r.conn, err = dialUnix(ctx, u)
	} else {
		r.place = placeOf(u)
		r.conn, err = redis.DialURLContext(ctx, redisURL, timeouts...)
	}
	if untrusted := new(*tls.CertificateVerificationError); errors.As(err, untrusted) {
		err = fmt.Errorf("%w; hint: let this host trust the CA (update-ca-certificates), and use the name that is in the certificate", err)
	}
	if err != nil {
		return nil, r.at(err)
	}
	return r, nil
}

// Close ends the connection.
func (r *Redis) Close() error { return r.at(r.conn.Close()) }

// Place is where it is: host and port, or the path of a socket.
func (r *Redis) Place() string { return r.place }

// at adds the place to an error.
func (r *Redis) at(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("redis at %s: %w", r.place, err)
}

// do sends a command on one key of Sidekiq.
func (r *Redis) do(ctx context.Context, command, key string, args ...any) (any, error) {
	reply, err := redis.DoContext(r.conn, ctx, command, append([]any{r.prefix + key}, args...)...)
	return reply, r.at(err)
}

// errRedisURL quotes nothing: what cannot be parsed may have the password anywhere.
var errRedisURL = errors.New("the Redis URL cannot be parsed; accepted: redis://[user:password@]host[:port][/db], rediss://..., " +
	"unix:///path[?db=N]; hint: write special characters of the password as %XX")

var databasePath = lazyregexp.New(`^/?\d{0,6}$`)

func parseRedisURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || u.Fragment != "" || strings.Contains(u.RawQuery, "@") {
		return nil, errRedisURL
	}
	unix := u.Scheme == "unix" && u.Host == "" && u.Path != ""
	if tcp := u.Scheme == "redis" || u.Scheme == "rediss"; !unix && !(tcp && databasePath().MatchString(u.Path)) {
		return nil, errRedisURL
	}
	return u, nil
}

// placeOf is host and port, with the defaults of redigo.
func placeOf(u *url.URL) string {
	host, port := u.Hostname(), u.Port()
	if host == "" {
		host = "localhost"
	}
	if port == "" {
		port = "6379"
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return host + ":" + port
}

var timeouts = []redis.DialOption{
	redis.DialConnectTimeout(redisTimeout), redis.DialReadTimeout(redisTimeout),
	redis.DialWriteTimeout(redisTimeout), redis.DialTLSHandshakeTimeout(redisTimeout),
}

func dialUnix(ctx context.Context, u *url.URL) (redis.Conn, error) {
	options := timeouts
	if password, set := u.User.Password(); set {
		options = append(options, redis.DialUsername(u.User.Username()), redis.DialPassword(password))
	}
	if db := u.Query().Get("db"); db != "" {
		number, err := strconv.Atoi(db)
		if err != nil {
			return nil, errors.New("db= of the Redis URL is not a number")
		}
		options = append(options, redis.DialDatabase(number))
	}
	return redis.DialContext(ctx, "unix", u.Path, options...)
}
