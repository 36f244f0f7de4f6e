package sidekiq

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Search finds the Redis of a running process: the one that has its heartbeat. Locator.Search makes it.
type Search struct {
	Found     []Found // addresses to look at, in their order
	unread    error   // why some are not known
	namespace string
	hostname  string // in heartbeats of this host
	open      func(Found) Client
}

func (s Search) client(found Found) Client {
	if s.open != nil {
		return s.open(found)
	}
	return NewClient(found, s.namespace, s.hostname)
}

// NotFound is the error of a process whose heartbeat is in no Redis that was looked at.
type NotFound struct {
	PID    int
	Looked []string // a line for each Redis: where, how the address was found, and what it answered
}

// add adds a Redis to the error, without the place that errors of Redis have.
func (e *NotFound) add(where string, err error) {
	text := err.Error()
	if _, rest, isRedis := strings.Cut(text, ": "); isRedis && strings.HasPrefix(text, "redis at ") {
		text = rest
	}
	e.Looked = append(e.Looked, where+": "+text)
}

func (e *NotFound) Error() string {
	return fmt.Sprintf("no heartbeat of process %d was found; looked at %s", e.PID, strings.Join(e.Looked, "; "))
}

// Locate looks at the known addresses, then at the servers to which the process is connected, then at the sockets that Redis has by default. An
// application may set its address, or the database, in Ruby alone. The error is a *NotFound.
func (s Search) Locate(main MainProcess) (Client, []Process, error) {
	looked := &NotFound{PID: main.PID}
	if s.unread != nil {
		looked.add("config/redis.yml", s.unread)
	}
	for _, list := range []func() []Found{
		func() []Found { return s.Found },
		func() []Found { return s.peers(main, looked) },
		s.sockets,
	} {
		if c, heartbeats := s.among(list(), main, looked); len(heartbeats) > 0 {
			return c, heartbeats, nil
		}
	}
	return Client{}, nil, looked
}

// maxDatabases limits the databases that are checked of each server.
const maxDatabases = 64

// among checks each Redis of a list, and its other databases. CLIENT LIST would show the database, but ACLs often deny it.
func (s Search) among(list []Found, main MainProcess, looked *NotFound) (Client, []Process) {
	for _, found := range list {
		c := s.client(found)
		heartbeats, err := c.Heartbeats(main)
		if len(heartbeats) > 0 {
			return c, heartbeats
		}
		looked.add(fmt.Sprintf("%s (%s)", found.Place(), found.Source), err)
		if err != ErrNoHeartbeat {
			continue
		}
		databases, err := ask(c, Store.Databases)
		if err != nil { // an ACL may deny INFO
			looked.add("its other databases", err)
		}
		for _, number := range databases[:min(len(databases), maxDatabases)] {
			u, err := parseRedisURL(found.URL)
			if err != nil {
				break
			}
			c := s.client(Found{withDatabase(*u, number).String(), found.Source})
			if heartbeats, err := c.Heartbeats(main); err == nil {
				return c, heartbeats
			}
		}
	}
	return Client{}, nil
}

// otherPorts are standard ports of other protocols. A command of Redis would count there as a failed connection (MySQL's max_connect_errors blocks
// a host after a hundred), and would be logged as an error.
var otherPorts = []uint16{22, 25, 53, 80, 443, 465, 587, 1433, 1521, 2181, 3306, 3307, 5432, 5433, 5672, 6432, 8080, 8443, 8983, 9042, 9092, 9200, 9300, 11211, 26257, 27017, 33060}

// maxPeers limits the servers that are asked.
const maxPeers = 8

// peers are the servers to which the process has connections and that were not looked at. They get no password: who they are is not known.
func (s Search) peers(main MainProcess, looked *NotFound) []Found {
	peers, err := main.Peers()
	if err != nil {
		looked.add("connections of the process", err)
	}
	if len(peers) == 0 {
		return nil
	}
	known := s.addresses()
	peers = slices.DeleteFunc(peers, func(peer netip.AddrPort) bool {
		return slices.Contains(known, peer) || slices.Contains(otherPorts, peer.Port())
	})
	var all []Found
	for _, peer := range peers[:min(len(peers), maxPeers)] {
		u := url.URL{Scheme: "redis", Host: peer.String()}
		all = append(all, Found{u.String(), fmt.Sprintf("a connection of process %d", main.PID)})
	}
	return all
}

// addresses are those of the known servers.
func (s Search) addresses() []netip.AddrPort {
	var all []netip.AddrPort
	ctx, cancel := context.WithTimeout(context.Background(), replyTimeout)
	defer cancel()
	for _, found := range s.Found {
		u, err := parseRedisURL(found.URL)
		if err != nil || u.Scheme == "unix" {
			continue
		}
		host, port, err := net.SplitHostPort(placeOf(u))
		if err != nil {
			continue
		}
		number, err := net.DefaultResolver.LookupPort(ctx, "tcp", port)
		if err != nil {
			continue
		}
		ips, _ := net.DefaultResolver.LookupNetIP(ctx, "ip", host) // one that does not resolve was reported when it was looked at
		for _, ip := range ips {
			all = append(all, netip.AddrPortFrom(ip.Unmap(), uint16(number)))
		}
	}
	return all
}

// sockets are those of local servers with the settings of distributions. Only root and the server can make one there.
func (s Search) sockets() []Found {
	var all []Found
	for _, pattern := range []string{"/run/redis*/*.sock", "/run/valkey*/*.sock"} {
		paths, _ := filepath.Glob(pattern) // an invalid pattern matches nothing
		for _, path := range paths {
			u := url.URL{Scheme: "unix", Path: path}
			if !slices.ContainsFunc(s.Found, func(f Found) bool { return strings.Contains(f.URL, path) }) {
				all = append(all, Found{u.String(), "the sockets in /run"})
			}
		}
	}
	return all
}

// What proves that a process works, the strongest first.
const (
	ByHeartbeat = "heartbeat" // in Redis
	ByTitle     = "title"     // which its heartbeat thread writes
	ByUptime    = "uptime"    // no more is known than that it runs
)

// Evidence is what is known of a running process.
type Evidence struct {
	By        string
	Processes []Process // as their heartbeats show them, or their titles; several of a swarm
	Redis     Client    // that has the heartbeats
	Missing   error     // why there is no heartbeat
}

// HeartbeatTimeout is how long Observe waits for the first heartbeat or title: Sidekiq writes both when it has booted, then every 5 seconds,
// since 7.0 every 10 (lib/sidekiq/launcher.rb).
const HeartbeatTimeout = 12 * time.Second

// settleTime is how much later than the title the heartbeat may come.
const settleTime = 2 * time.Second

// Observe waits for the heartbeat of a process that may have just been started. It stops settleTime after the title appears, since the heartbeat
// follows at once.
func (s Search) Observe(main MainProcess) Evidence {
	var titled time.Time
	for end := time.Now().Add(HeartbeatTimeout); ; time.Sleep(500 * time.Millisecond) {
		if c, heartbeats := s.among(s.Found, main, new(NotFound)); len(heartbeats) > 0 {
			return Evidence{By: ByHeartbeat, Processes: heartbeats, Redis: c}
		}
		titles := main.Titles()
		if len(titles) > 0 && titled.IsZero() {
			titled = time.Now()
			if !main.Started.IsZero() && time.Since(main.Started) > HeartbeatTimeout {
				titled = titled.Add(-settleTime) // it was written before
			}
		}
		isLate := !titled.IsZero() && time.Since(titled) >= settleTime
		if isLate || time.Now().After(end) {
			return s.last(main, titles)
		}
	}
}

func (s Search) last(main MainProcess, titles []Process) Evidence {
	c, heartbeats, err := s.Locate(main)
	switch {
	case err == nil:
		return Evidence{By: ByHeartbeat, Processes: heartbeats, Redis: c}
	case len(titles) > 0:
		return Evidence{By: ByTitle, Processes: titles, Missing: err}
	}
	return Evidence{By: ByUptime, Missing: err}
}

// AwaitIdle waits until a quiet process runs no job. At the timeout it returns false, and the last that is known (Concurrency 0: nothing).
//
// Proof is a heartbeat later than the signal, or an idle title for longer than one heartbeat interval: the title is updated only with the heartbeat,
// and the first one may miss a job that was fetched right before the signal. redis is the one with the heartbeat, if it is known.
func AwaitIdle(main MainProcess, redis Client, signalled time.Time, timeout time.Duration) (last Process, isIdle bool) {
	var idleSince time.Time
	for end := time.Now().Add(timeout); ; time.Sleep(500 * time.Millisecond) {
		if heartbeats, err := redis.Heartbeats(main); err == nil {
			if p := Sum(heartbeats); p.Beat.After(signalled) {
				last = p
			}
			if last.Beat.After(signalled) && last.Busy == 0 {
				return last, true
			}
		}
		title := Sum(main.Titles())
		if title.Quiet && last.Beat.IsZero() {
			last = title
		}
		switch {
		case !title.Quiet || title.Busy > 0:
			idleSince = time.Time{}
		case idleSince.IsZero():
			idleSince = time.Now()
		case time.Since(idleSince) > beatPause(title):
			return title, true
		}
		if time.Now().After(end) {
			return last, false
		}
	}
}

// beatPause is a little more than the time between two heartbeats of a process.
func beatPause(p Process) time.Duration {
	if v, err := ParseVersion(p.Version); err == nil && !v.AtLeast(7, 0, 0) {
		return 6 * time.Second
	}
	return 11 * time.Second
}
