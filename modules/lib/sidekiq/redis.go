package sidekiq

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
)

// Redis is one connection to the Redis of a Sidekiq; Open makes it. It only reads, one command at a time, and what it reads and how long
// that takes is limited. Errors of its methods name the place, host and port, and hold no password.
type Redis struct {
	conn   *respConn
	place  string // where it is, without user and password
	prefix string // of every key
}

// Open connects. The URL is redis://, rediss:// (the certificate is verified by the CAs that the host trusts) or
// unix:///path?db=N; namespace is the prefix of redis-namespace, "" without it.
func Open(redisURL, namespace string) (*Redis, error) {
	u, err := parseRedisURL(redisURL)
	if err != nil {
		return nil, err
	}
	r := &Redis{place: placeOf(u)}
	if namespace != "" {
		r.prefix = namespace + ":"
	}
	conn, err := dial(u)
	if untrusted := new(*tls.CertificateVerificationError); errors.As(err, untrusted) {
		err = fmt.Errorf("%w; hint: let this host trust the CA (update-ca-certificates), and use the name that is in the certificate", err)
	}
	if err != nil {
		return nil, r.at(err)
	}
	r.conn = newRESPConn(conn)
	if err := r.enter(u); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// dial connects within replyTimeout.
func dial(u *url.URL) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), replyTimeout)
	defer cancel()
	switch u.Scheme {
	case "unix":
		return new(net.Dialer).DialContext(ctx, "unix", placeOf(u))
	case "rediss":
		return new(tls.Dialer).DialContext(ctx, "tcp", placeOf(u))
	}
	return new(net.Dialer).DialContext(ctx, "tcp", placeOf(u))
}

// enter logs in, and selects the database. A user without a password is a password, as in redis-cli.
func (r *Redis) enter(u *url.URL) error {
	login := []string{"AUTH"}
	password, isSet := u.User.Password()
	if name := u.User.Username(); !isSet {
		password = name
	} else if name != "" {
		login = append(login, name)
	}
	if password != "" {
		if _, err := r.text(append(login, password)...); err != nil { // Redis repeats the arguments of a command that it does not know
			return errors.New(strings.ReplaceAll(err.Error(), password, "********"))
		}
	}
	if db := database(u); db != "" {
		_, err := r.text("SELECT", db)
		return err
	}
	return nil
}

// Close ends the connection.
func (r *Redis) Close() error { return r.at(r.conn.Close()) }

// at adds the place to an error.
func (r *Redis) at(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("redis at %s: %w", r.place, err)
}

// The methods list, text and number send a command whose reply is of that type.

func (r *Redis) list(words ...string) ([]string, error) {
	values, isList, err := r.conn.do(words...)
	if err == nil && !isList {
		err = fmt.Errorf("the reply to %s is not a list", words[0])
	}
	return values, r.at(err)
}

// text is "" where there is none.
func (r *Redis) text(words ...string) (string, error) {
	values, isList, err := r.conn.do(words...)
	switch {
	case err != nil:
		return "", r.at(err)
	case isList:
		return "", r.at(fmt.Errorf("the reply to %s is a list", words[0]))
	}
	return values[0], nil
}

// number is 0 where there is none.
func (r *Redis) number(words ...string) (int, error) {
	text, err := r.text(words...)
	if err != nil || text == "" {
		return 0, err
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		err = r.at(fmt.Errorf("the reply to %s is not a number", words[0]))
	}
	return n, err
}

// hash is all that a hash of Redis has.
func (r *Redis) hash(key string) (map[string]string, error) {
	pairs, err := r.list("HGETALL", r.prefix+key)
	if err != nil {
		return nil, err
	}
	if len(pairs)%2 != 0 {
		return nil, r.at(errors.New("the reply to HGETALL has a name without a value"))
	}
	fields := map[string]string{}
	for pair := range slices.Chunk(pairs, 2) {
		fields[pair[0]] = pair[1]
	}
	return fields, nil
}

// errRedisURL quotes nothing: what cannot be parsed may have the password anywhere.
var errRedisURL = errors.New("the Redis URL cannot be parsed; accepted: redis://[user:password@]host[:port][/db], rediss://..., " +
	"unix:///path[?db=N]; hint: write special characters of the password as %XX")

// CheckURL is an error for a URL that Open does not accept.
func CheckURL(redisURL string) error {
	_, err := parseRedisURL(redisURL)
	return err
}

var databaseNumber = lazyregexp.New(`^\d{0,6}$`)

func parseRedisURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || u.Fragment != "" || strings.Contains(u.RawQuery, "@") {
		return nil, errRedisURL
	}
	password, _ := u.User.Password()
	if strings.ContainsFunc(u.User.Username()+password, unicode.IsControl) { // a server that reads lines would take them for commands
		return nil, errRedisURL
	}
	unix := u.Scheme == "unix" && u.Host == "" && u.Path != ""
	if tcp := u.Scheme == "redis" || u.Scheme == "rediss"; !unix && !tcp || !databaseNumber().MatchString(database(u)) {
		return nil, errRedisURL
	}
	return u, nil
}

// placeOf is host and port, or the path of a socket.
func placeOf(u *url.URL) string {
	if u.Scheme == "unix" {
		return u.Path
	}
	return net.JoinHostPort(cmp.Or(u.Hostname(), "localhost"), cmp.Or(u.Port(), "6379"))
}

// database is the number of the database, "" for the first, which need not be selected: an access list may forbid that.
func database(u *url.URL) string {
	number := strings.TrimPrefix(u.Path, "/")
	if u.Scheme == "unix" {
		number = u.Query().Get("db")
	}
	return strings.TrimLeft(number, "0")
}

// withDatabase is the URL of another database of the same server.
func withDatabase(u url.URL, number int) *url.URL {
	if u.Scheme == "unix" {
		u.RawQuery = url.Values{"db": {strconv.Itoa(number)}}.Encode()
	} else {
		u.Path = "/" + strconv.Itoa(number)
	}
	return &u
}

var keyspace = lazyregexp.New(`(?m)^db(\d{1,6}):`)

// Databases are the numbers of the databases that have keys.
func (r *Redis) Databases() ([]int, error) {
	text, err := r.text("INFO", "keyspace")
	var all []int
	for _, m := range keyspace().FindAllStringSubmatch(text, -1) {
		if number, err := strconv.Atoi(m[1]); err == nil {
			all = append(all, number)
		}
	}
	return all, err
}
