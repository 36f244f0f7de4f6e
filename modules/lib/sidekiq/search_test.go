package sidekiq

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/proc"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq/redistest"
)

func TestLocator_Addresses(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "app/config"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(root, "app/config/redis.yml"), []byte("production:\n  host: r1\n"), 0o600))
	byDefault := Found{"redis://localhost:6379/0", "Sidekiq's default"}
	for _, c := range []struct {
		given, app, of string
		environment    map[string]string
		want           []Found
	}{
		{"redis://r3", "/app", "", map[string]string{"REDIS_URL": "redis://r2"},
			[]Found{{"redis://r3", "redis_url"}, {"redis://r2", "the variable REDIS_URL"}, {"redis://r1", "/app/config/redis.yml"}}},
		{"", "/app", "", nil, []Found{{"redis://r1", "/app/config/redis.yml"}, byDefault}},
		{"", "/other", "", nil, []Found{byDefault}},
		{"", "", "of process 42", map[string]string{"REDIS_URL": "redis://b", "REDIS_PROVIDER": "MY_REDIS", "MY_REDIS": "redis://c"},
			[]Found{{"redis://c", "the variable MY_REDIS of process 42"}}},
		{"", "", "", map[string]string{"REDIS_URL": ""}, []Found{byDefault}},
	} {
		w := Locator{Service: Service{RailsEnv: "production", AppRoot: c.app, Files: atomicfile.NewReader(root)}, Given: c.given}
		got, err := w.addresses(environ.Overlay(environ.None, c.environment), c.of)
		require.NoError(t, err)
		require.Equal(t, c.want, got)
	}
}

// The environment of the process counts, else that of its unit.
func TestLocator_Search(t *testing.T) {
	root := t.TempDir()
	files := atomicfile.NewReader(root)
	l := Locator{Service: Service{RailsEnv: "production", Files: files, Environment: environ.Sources{Files: files}}}
	unit := environ.Sources{Variables: map[string]string{"REDIS_URL": "redis://unit"}, Files: files}
	s := l.Search(42, nil, unit)
	require.Equal(t, []Found{{"redis://unit", "the variable REDIS_URL"}}, s.Found)

	known := Found{"redis://known", "redis_url"}
	s = l.Search(42, map[string]string{"REDIS_URL": "redis://process", "DYNO": "worker.1"}, unit, known)
	require.Equal(t, []Found{known, {"redis://process", "the variable REDIS_URL of process 42"}}, s.Found)
	require.Equal(t, "worker.1", s.hostname)

	// A dotenv file that cannot be read is reported; the environment of the process counts all the same.
	require.NoError(t, os.Mkdir(filepath.Join(root, ".env"), 0o755))
	l.Environment.DotenvFiles = []string{"/.env"}
	s = l.Search(42, map[string]string{"REDIS_URL": "redis://process"}, unit)
	require.Equal(t, []Found{{"redis://process", "the variable REDIS_URL of process 42"}}, s.Found)
	require.ErrorContains(t, s.unread, "is a directory")
}

// searchIn is a search in fake stores, by the place of each.
func searchIn(stores map[string]*fakeStore, found ...Found) Search {
	return Search{Found: found, open: func(f Found) Client {
		return Client{f, "web", func() (Store, error) {
			if store := stores[f.Place()]; store != nil {
				return store, nil
			}
			return nil, errors.New("refused")
		}}
	}}
}

func TestLocate_OtherDatabase(t *testing.T) {
	main := MainProcess{Process: testProc(t).Process(42)}
	heartbeats := []Process{{PID: 42, Hostname: "web"}}
	byDefault := Found{"redis://localhost:6379/0", "Sidekiq's default"}
	other := &fakeStore{heartbeats: []Process{{PID: 77, Hostname: "web"}}, databases: []int{0, 1, 5}}
	s := searchIn(map[string]*fakeStore{"localhost:6379/0": other, "localhost:6379/1": {}, "localhost:6379/5": {heartbeats: heartbeats}}, byDefault)
	c, got, err := s.Locate(main)
	require.NoError(t, err)
	require.Equal(t, heartbeats, got)
	require.Equal(t, "localhost:6379/5", c.Place())
	require.Equal(t, "Sidekiq's default, another database", c.Source)

	other.databases = nil
	_, _, err = s.Locate(main)
	require.EqualError(t, err, "no heartbeat of process 42 was found; looked at localhost:6379/0 (Sidekiq's default): no heartbeat of this process; connections of the process: open "+
		string(main.path())+"/fd: no such file or directory")
	require.ErrorAs(t, err, new(*NotFound))
}

// path is the directory of the process.
func (m MainProcess) path() string {
	_, err := m.Peers()
	return strings.TrimSuffix(err.(*os.PathError).Path, "/fd")
}

// A real Redis, to which this process has a connection that no option names, and its database.
func TestLocate_Connection(t *testing.T) {
	server := redistest.Start(t)
	connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", server.Port))
	require.NoError(t, err)
	defer connection.Close()
	main := MainProcess{Process: proc.FS("/proc").Process(os.Getpid())}
	key := fmt.Sprintf("web:%d:a", main.PID)
	require.NoError(t, server.Do(3, "SADD", "processes", key))
	require.NoError(t, server.Do(3, "HSET", key, "info", fmt.Sprintf(`{"hostname":"web","pid":%d,"concurrency":5}`, main.PID), "busy", "0", "beat", "1700000000"))
	require.NoError(t, server.Do(0, "ACL", "SETUSER", "default", "nopass"))
	s := Search{Found: []Found{{"unix:///none", "the variable REDIS_URL"}}, hostname: "web"}
	c, got, err := s.Locate(main)
	require.NoError(t, err)
	require.Len(t, got, 1)
	require.Equal(t, fmt.Sprintf("127.0.0.1:%d/3", server.Port), c.Place())
	require.Equal(t, fmt.Sprintf("a connection of process %d, another database", main.PID), c.Source)
}

// A server that was looked at is not looked at again without its password, and one of another protocol not at all.
func TestSearch_Peers(t *testing.T) {
	f := testProc(t)
	require.NoError(t, os.MkdirAll(filepath.Join(string(f), "42/fd"), 0o755))
	lines := "heading\n"
	for i, peer := range []string{"0100007F:18EB", "0200000A:0CEA", "0300000A:18EB"} { // localhost:6379, 10.0.0.2:3306, 10.0.0.3:6379
		require.NoError(t, os.Symlink(fmt.Sprintf("socket:[%d]", i), filepath.Join(string(f), "42/fd", fmt.Sprint(i))))
		lines += fmt.Sprintf("0: 0100007F:BA48 %s 01 0:0 0:0 0 1000 0 %d 1\n", peer, i)
	}
	writeProc(t, f, "42/net/tcp", lines)
	s := Search{Found: []Found{{"redis://:hush@localhost:6379/0", "redis_url"}, {"unix:///a", "redis_url"}, {"redis-sentinel://x", "redis_url"}}}
	require.Contains(t, s.addresses(), netip.MustParseAddrPort("127.0.0.1:6379"))
	main := MainProcess{Process: f.Process(42)}
	require.Equal(t, []Found{{"redis://10.0.0.3:6379", "a connection of process 42"}}, s.begin(main).peers())

	// The processes of a swarm have the connections.
	require.NoError(t, os.MkdirAll(filepath.Join(string(f), "44/fd"), 0o755))
	writeProc(t, f, "44/cmdline", "sidekiq 7.3.2 a [0 of 5 busy]\x00")
	require.NoError(t, os.Symlink("socket:[9]", filepath.Join(string(f), "44/fd/1")))
	writeProc(t, f, "44/net/tcp", "heading\n0: 0100007F:BA48 0400000A:18EB 01 0:0 0:0 0 1000 0 9 1\n")
	require.Equal(t, []Found{{"redis://10.0.0.3:6379", "a connection of process 42"}, {"redis://10.0.0.4:6379", "a connection of process 42"}}, s.begin(main).peers())
}

func TestObserve(t *testing.T) {
	const title = "sidekiq 7.3.2 a [1 of 5 busy]\x00"
	heartbeats := []Process{{PID: 42, Hostname: "web", Concurrency: 5}}
	for name, c := range map[string]struct {
		heartbeatAfter, titleAfter time.Duration // negative: never
		isOld                      bool
		by                         string
		waits                      time.Duration
	}{
		"both at once":                         {by: ByHeartbeat},
		"a booting process":                    {heartbeatAfter: 8 * time.Second, titleAfter: 8 * time.Second, by: ByHeartbeat, waits: 8 * time.Second},
		"a heartbeat after the title":          {heartbeatAfter: time.Second, by: ByHeartbeat, waits: time.Second},
		"a hidden heartbeat":                   {heartbeatAfter: -1, by: ByTitle, waits: settleTime},
		"a hidden heartbeat of an old process": {heartbeatAfter: -1, isOld: true, by: ByTitle},
		"neither":                              {heartbeatAfter: -1, titleAfter: -1, by: ByUptime, waits: HeartbeatTimeout},
		"no title, and an old process":         {heartbeatAfter: -1, titleAfter: -1, isOld: true, by: ByUptime},
	} {
		t.Run(name, func(t *testing.T) {
			f := testProc(t)
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				main := MainProcess{Process: f.Process(42), Started: start}
				if c.isOld {
					main.Started = start.Add(-time.Minute)
					heartbeats[0].StartedAt = main.Started
				} else {
					heartbeats[0].StartedAt = start
				}
				store := &fakeStore{}
				s := searchIn(map[string]*fakeStore{"localhost:6379/0": store}, Found{"redis://localhost:6379/0", "Sidekiq's default"})
				after(c.heartbeatAfter, func() { store.heartbeats = heartbeats })
				after(c.titleAfter, func() { writeProc(t, f, "42/cmdline", title) })
				e := s.Observe(main)
				require.Equal(t, c.by, e.By)
				require.InDelta(t, c.waits.Seconds(), time.Since(start).Seconds(), 0.6)
				require.Equal(t, c.by == ByHeartbeat, e.Missing == nil)
				require.Equal(t, c.by == ByHeartbeat, e.Redis.IsKnown())
				require.Equal(t, c.by == ByUptime, len(e.Processes) == 0)
			})
		})
	}
}

func after(d time.Duration, do func()) {
	switch {
	case d == 0:
		do()
	case d > 0:
		time.AfterFunc(d, do)
	}
}

func TestAwaitIdle_Heartbeat(t *testing.T) {
	f := testProc(t)
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		main := MainProcess{Process: f.Process(42)}
		store := &fakeStore{heartbeats: []Process{{PID: 42, Hostname: "web", Beat: start.Add(-time.Second)}}} // before: no evidence
		redis := Client{Hostname: "web", Open: func() (Store, error) { return store, nil }}
		after(5*time.Second, func() {
			store.heartbeats = []Process{{PID: 42, Hostname: "web", Busy: 2, Quiet: true, Beat: time.Now()}}
		})
		last, isIdle := AwaitIdle(main, redis, start, 8*time.Second)
		require.False(t, isIdle)
		require.Equal(t, 2, last.Busy)
		after(5*time.Second, func() {
			store.heartbeats = []Process{{PID: 42, Hostname: "web", Beat: time.Now()}} // before it has handled the signal
		})
		after(10*time.Second, func() {
			store.heartbeats = []Process{{PID: 42, Hostname: "web", Quiet: true, Beat: time.Now()}}
		})
		_, isIdle = AwaitIdle(main, redis, start, time.Minute)
		require.True(t, isIdle)
		require.InDelta(t, 18, time.Since(start).Seconds(), 1.1)
	})
}

// Without a heartbeat two beats of the title in a row prove it, which a job that ends in between does not delay.
func TestAwaitIdle_Title(t *testing.T) {
	f := testProc(t)
	write := func(title string) { writeProc(t, f, "42/cmdline", title+strings.Repeat("\x00", 20)) }
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		main := MainProcess{Process: f.Process(42)}
		write("sidekiq 7.3.2 a [0 of 5 busy]")
		last, isIdle := AwaitIdle(main, Client{}, start, 30*time.Second)
		require.False(t, isIdle, "it is not quiet")
		require.Zero(t, last)

		start = time.Now()
		write("sidekiq 7.3.2 a [0 of 5 busy] stopping") // a fetched job is missing
		after(10*time.Second, func() { write("sidekiq 7.3.2 a [1 of 5 busy] stopping") })
		after(20*time.Second, func() { write("sidekiq 7.3.2 a [0 of 5 busy] stopping") })
		last, isIdle = AwaitIdle(main, Client{}, start, time.Minute)
		require.True(t, isIdle)
		require.Zero(t, last.Busy)
		require.InDelta(t, 31, time.Since(start).Seconds(), 1.1)

		write("sidekiq 7.3.2 a [2 of 5 busy] stopping")
		last, isIdle = AwaitIdle(main, Client{}, start, 5*time.Second)
		require.False(t, isIdle)
		require.Equal(t, 2, last.Busy)

		start = time.Now()
		write("sidekiq 6.4.1 a [0 of 5 busy] stopping")
		_, isIdle = AwaitIdle(main, Client{}, start, time.Minute)
		require.True(t, isIdle)
		require.InDelta(t, 6, time.Since(start).Seconds(), 1.1, "a heartbeat each 5 seconds")

		// Ruby before 3.3 has cut off " stopping": after a heartbeat the process has handled the signal.
		start = time.Now()
		writeProc(t, f, "42/cmdline", "sidekiq 6.4.1 digital-collections [0 of 25 busy]\x00")
		_, isIdle = AwaitIdle(main, Client{}, start, time.Minute)
		require.True(t, isIdle)
		require.InDelta(t, 13, time.Since(start).Seconds(), 1.1)
	})
}

// A server that answers some questions and not others must not hold up a run.
func TestLocate_Timeout(t *testing.T) {
	f := testProc(t)
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		s := Search{Found: []Found{{"redis://a", "redis_url"}, {"redis://b", "redis_url"}}, open: func(found Found) Client {
			return Client{found, "web", func() (Store, error) {
				time.Sleep(10 * time.Second)
				return &fakeStore{databases: make([]int, 64)}, nil
			}}
		}}
		_, _, err := s.Locate(MainProcess{Process: f.Process(42)})
		require.ErrorContains(t, err, "others: not checked, since 15 s are over")
		require.Less(t, time.Since(start), 45*time.Second)
	})
}

// The error that a server answers is cut off.
func TestNotFound_LongAnswer(t *testing.T) {
	e := &NotFound{PID: 42}
	e.add("web:6379/0 (redis_url)", errors.New("redis at web:6379: "+strings.Repeat("x", 5000)))
	require.Less(t, len(e.Error()), 400)
	require.Contains(t, e.Error(), "web:6379/0 (redis_url): xxx")
}
