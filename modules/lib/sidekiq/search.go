package sidekiq

import (
	"cmp"
	"context"
	"errors"
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

// NotFound is the error of a process whose heartbeat is in no Redis that was checked.
type NotFound struct {
	PID    int
	Looked []string // a line for each Redis: where, how the address was found, and what it answered
}

func (e *NotFound) Error() string {
	return fmt.Sprintf("no heartbeat of process %d was found; looked at %s", e.PID, strings.Join(e.Looked, "; "))
}

// add adds a Redis to the error, without the place that errors of Redis have. A server may answer anything.
func (e *NotFound) add(where string, err error) {
	text := err.Error()
	if _, rest, isRedis := strings.Cut(text, ": "); isRedis && strings.HasPrefix(text, "redis at ") {
		text = rest
	}
	e.Looked = append(e.Looked, fmt.Sprintf("%s: %.200s", where, text))
}

// searchTimeout limits a search: a server may accept connections and not answer.
const searchTimeout = 15 * time.Second

// Locate checks the known addresses, then the servers to which the process is connected, then the sockets that Redis has by default. An application
// may set its address, or the database, in Ruby alone. The error is a *NotFound.
func (s Search) Locate(main MainProcess) (Client, []Process, error) {
	a := s.begin(main)
	if c, heartbeats := a.among(s.Found); len(heartbeats) > 0 {
		return c, heartbeats, nil
	}
	return a.elsewhere()
}

// Heartbeats are those in the Redis of a known address. The error is ErrNoHeartbeat if one of them answers, else that of the last.
func (s Search) Heartbeats(main MainProcess) (all []Process, err error) {
	for _, found := range s.Found {
		heartbeats, fault := s.client(found).Heartbeats(main)
		if fault == nil {
			return heartbeats, nil
		}
		if !errors.Is(err, ErrNoHeartbeat) {
			err = fault
		}
	}
	return nil, err
}

// attempt is a search that has begun.
type attempt struct {
	Search
	main   MainProcess
	looked *NotFound
	end    time.Time
}

func (s Search) begin(main MainProcess) *attempt {
	a := &attempt{s, main, &NotFound{PID: main.PID}, time.Now().Add(searchTimeout)}
	if s.unread != nil {
		a.looked.add("a file that may name it", s.unread)
	}
	return a
}

func (a *attempt) elsewhere() (Client, []Process, error) {
	for _, list := range []func() []Found{a.peers, a.sockets} {
		if c, heartbeats := a.among(list()); len(heartbeats) > 0 {
			return c, heartbeats, nil
		}
	}
	return Client{}, nil, a.looked
}

// among checks each Redis of a list, then the other databases of those that answer. CLIENT LIST would show the database, but ACLs often deny it.
func (a *attempt) among(list []Found) (Client, []Process) {
	var answering []Found
	for _, found := range list {
		if a.isOver() {
			break
		}
		c := a.client(found)
		heartbeats, err := c.Heartbeats(a.main)
		if err == nil {
			return c, heartbeats
		}
		a.looked.add(fmt.Sprintf("%s (%s)", cmp.Or(found.Place(), "an address that cannot be parsed"), found.Source), err)
		if errors.Is(err, ErrNoHeartbeat) {
			answering = append(answering, found)
		}
	}
	for _, found := range answering {
		if c, heartbeats := a.otherDatabases(found); len(heartbeats) > 0 {
			return c, heartbeats
		}
	}
	return Client{}, nil
}

func (a *attempt) isOver() bool {
	isOver := time.Now().After(a.end)
	if isOver {
		a.looked.add("others", fmt.Errorf("not checked, since %d s are over", int(searchTimeout.Seconds())))
	}
	return isOver
}

// maxDatabases limits the databases that are checked of each server.
const maxDatabases = 64

func (a *attempt) otherDatabases(found Found) (Client, []Process) {
	u, err := parseRedisURL(found.URL)
	if err != nil { // of a test: it was asked before
		return Client{}, nil
	}
	databases, err := ask(a.client(found), Store.Databases)
	if err != nil { // an ACL may deny INFO
		a.looked.add("its other databases", err)
	}
	for _, number := range databases[:min(len(databases), maxDatabases)] {
		if a.isOver() {
			break
		}
		c := a.client(Found{withDatabase(*u, number).String(), found.Source + ", another database"})
		heartbeats, err := c.Heartbeats(a.main)
		if err == nil {
			return c, heartbeats
		}
		if !errors.Is(err, ErrNoHeartbeat) {
			a.looked.add(fmt.Sprintf("database %d", number), err)
			break
		}
	}
	return Client{}, nil
}

// otherPorts are standard ports of other protocols. A command of Redis would count there as a failed connection (MySQL's max_connect_errors blocks
// a host after a hundred), and would be logged as an error.
var otherPorts = []uint16{22, 25, 53, 80, 389, 443, 465, 587, 636, 1433, 1521, 2181, 2525, 3306, 3307, 3308, 5432, 5433, 5434, 5671, 5672, 6432, 8080, 8443, 8983, 9042, 9092, 9093,
	9200, 9300, 11211, 15672, 26257, 27017, 27018, 27019, 33060}

// maxPeers limits the servers that are asked.
const maxPeers = 4

// peers are the servers to which the process, or a process of its swarm, has connections and that were not checked. They get no password: who they
// are is not known.
func (a *attempt) peers() []Found {
	var peers []netip.AddrPort
	for _, p := range append([]Process{{PID: a.main.PID}}, a.main.Titles()...) {
		more, err := a.main.Other(p.PID).Peers()
		if err != nil {
			a.looked.add("connections of the process", err)
		}
		peers = append(peers, more...)
	}
	if len(peers) == 0 {
		return nil
	}
	known := a.addresses()
	var all []Found
	for _, peer := range peers {
		u := url.URL{Scheme: "redis", Host: peer.String()}
		found := Found{u.String(), fmt.Sprintf("a connection of process %d", a.main.PID)}
		if !slices.Contains(known, peer) && !slices.Contains(otherPorts, peer.Port()) && !slices.Contains(all, found) {
			all = append(all, found)
		}
	}
	return all[:min(len(all), maxPeers)]
}

// HasOthers reports whether the process is connected to a server that may be its Redis, and that is not among the known ones.
func (s Search) HasOthers(main MainProcess) bool { return len(s.begin(main).peers()) > 0 }

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
func (a *attempt) sockets() []Found {
	var all []Found
	for _, pattern := range []string{"/run/redis*/*.sock", "/run/valkey*/*.sock"} {
		paths, _ := filepath.Glob(pattern) // an invalid pattern matches nothing
		for _, path := range paths {
			u := url.URL{Scheme: "unix", Path: path}
			if !slices.ContainsFunc(a.Found, func(f Found) bool { return strings.Contains(f.URL, path) }) {
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
// follows at once, and does not wait for a process that was started earlier.
func (s Search) Observe(main MainProcess) Evidence {
	isOld := !main.Started.IsZero() && time.Since(main.Started) > HeartbeatTimeout
	var titled time.Time
	for end := time.Now().Add(HeartbeatTimeout); ; time.Sleep(500 * time.Millisecond) {
		a := s.begin(main)
		if c, heartbeats := a.among(s.Found); len(heartbeats) > 0 {
			return Evidence{By: ByHeartbeat, Processes: heartbeats, Redis: c}
		}
		titles := main.Titles()
		if len(titles) > 0 && titled.IsZero() {
			titled = time.Now()
		}
		if isOld || !titled.IsZero() && time.Since(titled) >= settleTime || time.Now().After(end) {
			return a.last(titles)
		}
	}
}

func (a *attempt) last(titles []Process) Evidence {
	c, heartbeats, err := a.elsewhere()
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
			if p := Sum(heartbeats); p.Beat.After(signalled) && p.Quiet {
				last = p
			}
			if last.Beat.After(signalled) && last.Busy == 0 {
				return last, true
			}
		}
		title := Sum(main.Titles())
		isQuiet := title.Quiet || title.HidesQuiet && time.Since(signalled) > BeatPause(title)
		if isQuiet && last.Beat.IsZero() {
			last = title
		}
		switch {
		case !isQuiet || title.Busy > 0:
			idleSince = time.Time{}
		case idleSince.IsZero():
			idleSince = time.Now()
		case time.Since(idleSince) > BeatPause(title):
			return title, true
		}
		if time.Now().After(end) {
			return last, false
		}
	}
}

// BeatPause is a little more than the time between two heartbeats of a process.
func BeatPause(p Process) time.Duration {
	if v, err := ParseVersion(p.Version); err == nil && !v.AtLeast(7, 0, 0) {
		return 6 * time.Second
	}
	return 11 * time.Second
}
