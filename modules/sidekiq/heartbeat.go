package sidekiq

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gomodule/redigo/redis"
)

// Process is a Sidekiq process as its heartbeat shows it.
type Process struct {
	Identity    string // hostname:pid:nonce
	Hostname    string
	PID         int
	Tag         string
	Version     string // "" before 6.5
	Concurrency int
	Busy        int // threads that run a job
	Queues      []string
	Quiet       bool // it takes no new jobs
	StartedAt   time.Time
	Beat        time.Time // the last heartbeat, at most 60 s ago
}

// redisTimeout bounds connecting, and every single command.
const redisTimeout = 3 * time.Second

// Processes are the Sidekiq processes that beat in a Redis, sorted by identity. The URL is redis://, rediss:// or
// unix:///path?db=N; namespace is the prefix of redis-namespace, "" without it. Errors name host and port and hold no password.
func Processes(ctx context.Context, redisURL, namespace string) ([]Process, error) {
	conn, place, err := dial(ctx, redisURL)
	if err != nil {
		return nil, err
	}
	processes, err := readProcesses(ctx, conn, prefix(namespace))
	if err := errors.Join(err, conn.Close()); err != nil {
		return nil, fmt.Errorf("redis at %s: %w", place, err)
	}
	return processes, nil
}

func prefix(namespace string) string {
	if namespace == "" {
		return ""
	}
	return namespace + ":"
}

// errRedisURL quotes nothing: what cannot be parsed may have the password anywhere.
var errRedisURL = errors.New("the Redis URL cannot be parsed; accepted: redis://[user:password@]host[:port][/db], rediss://..., " +
	"unix:///path[?db=N]; hint: write special characters of the password as %XX")

var databasePath = regexp.MustCompile(`^/?\d{0,6}$`)

// dial connects, and tells where to without user and password.
func dial(ctx context.Context, redisURL string) (conn redis.Conn, place string, err error) {
	u, err := url.Parse(redisURL)
	if err != nil || u.Opaque != "" || u.Fragment != "" || strings.Contains(u.RawQuery, "@") {
		return nil, "", errRedisURL
	}
	options := []redis.DialOption{
		redis.DialConnectTimeout(redisTimeout), redis.DialReadTimeout(redisTimeout),
		redis.DialWriteTimeout(redisTimeout), redis.DialTLSHandshakeTimeout(redisTimeout),
	}
	switch {
	case u.Scheme == "unix" && u.Host == "" && u.Path != "":
		place = u.Path
		conn, err = dialUnix(ctx, u, options)
	case (u.Scheme == "redis" || u.Scheme == "rediss") && databasePath.MatchString(u.Path):
		place = u.Host
		conn, err = redis.DialURLContext(ctx, redisURL, options...)
	default:
		return nil, "", errRedisURL
	}
	if err != nil {
		return nil, "", fmt.Errorf("redis at %s: %w", place, err)
	}
	return conn, place, nil
}

func dialUnix(ctx context.Context, u *url.URL, options []redis.DialOption) (redis.Conn, error) {
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

func readProcesses(ctx context.Context, conn redis.Conn, prefix string) ([]Process, error) {
	identities, err := redis.Strings(redis.DoContext(conn, ctx, "SMEMBERS", prefix+"processes"))
	if err != nil {
		return nil, err
	}
	slices.Sort(identities)
	var processes []Process
	for _, identity := range identities {
		fields, err := redis.StringMap(redis.DoContext(conn, ctx, "HGETALL", prefix+identity))
		if err != nil {
			return nil, err
		}
		if fields["info"] == "" { // it died, and its entry has expired
			continue
		}
		p, err := parseProcess(identity, fields)
		if err != nil {
			return nil, err
		}
		processes = append(processes, p)
	}
	return processes, nil
}

// processInfo is the field info, which changes rarely.
type processInfo struct {
	Hostname    string   `json:"hostname"`
	PID         int      `json:"pid"`
	Tag         string   `json:"tag"`
	Version     string   `json:"version"`
	StartedAt   float64  `json:"started_at"`
	Concurrency int      `json:"concurrency"` // until 8.1.1; later a field of its own
	Queues      []string `json:"queues"`
	Capsules    map[string]struct {
		Weights map[string]int `json:"weights"`
	} `json:"capsules"` // since 8.0.9
}

func parseProcess(identity string, fields map[string]string) (Process, error) {
	var info processInfo
	if err := json.Unmarshal([]byte(fields["info"]), &info); err != nil {
		return Process{}, fmt.Errorf("the heartbeat of %s is not understood: %w", identity, err)
	}
	p := Process{Identity: identity, Hostname: info.Hostname, PID: info.PID, Tag: info.Tag, Version: info.Version,
		Concurrency: info.Concurrency, Queues: info.queues(), Quiet: fields["quiet"] == "true", StartedAt: seconds(info.StartedAt)}
	for name, field := range map[string]*int{"concurrency": &p.Concurrency, "busy": &p.Busy} {
		if text, set := fields[name]; set {
			number, err := strconv.Atoi(text)
			if err != nil {
				return Process{}, fmt.Errorf("the heartbeat of %s is not understood: %s is not a number", identity, name)
			}
			*field = number
		}
	}
	beat, err := strconv.ParseFloat(fields["beat"], 64)
	if err != nil {
		return Process{}, fmt.Errorf("the heartbeat of %s is not understood: beat is not a time", identity)
	}
	p.Beat = seconds(beat)
	return p, nil
}

// queues are those of the process, of all its capsules.
func (i processInfo) queues() []string {
	if len(i.Queues) > 0 {
		return i.Queues
	}
	var all []string
	for _, capsule := range i.Capsules {
		for queue := range capsule.Weights {
			all = append(all, queue)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func seconds(epoch float64) time.Time {
	return time.UnixMicro(int64(epoch * 1e6))
}
