package sidekiq

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomodule/redigo/redis"
	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq/redistest"
)

// answering is a connection to what sends a reply to anything and then closes.
func answering(reply []byte) *respConn {
	return newRESPConn(&sender{reply: bytes.NewReader(reply)})
}

type sender struct {
	net.Conn
	reply io.Reader
}

func (s *sender) Read(p []byte) (int, error)  { return s.reply.Read(p) }
func (s *sender) Write(p []byte) (int, error) { return len(p), nil }
func (s *sender) Close() error                { return nil }

func (s *sender) SetDeadline(time.Time) error     { return nil }
func (s *sender) SetReadDeadline(time.Time) error { return nil }

func TestRESP_Replies(t *testing.T) {
	for reply, want := range map[string][]string{
		"+OK\r\n": {"OK"}, ":-5\r\n": {"-5"}, "$-1\r\n": {""}, "$0\r\n\r\n": {""}, "$4\r\na\r\nb\r\n": {"a\r\nb"},
		"*-1\r\n": nil, "*0\r\n": nil, "*3\r\n$1\r\na\r\n:1\r\n$-1\r\n": {"a", "1", ""}, "$4\r\n\x00\x1b\xff\n\r\n": {"\x00\x1b\xff\n"},
	} {
		values, isList, err := answering([]byte(reply)).do("X")
		require.NoError(t, err, "%q", reply)
		require.Equal(t, want, values, "%q", reply)
		require.Equal(t, reply[0] == '*', isList, "%q", reply)
	}
	_, _, err := answering([]byte("-ERR no\r\n")).do("X")
	require.EqualError(t, err, "ERR no")
}

// hostile are replies that no Redis sends, and what is said of each.
var hostile = map[string]string{
	"$9223372036854775807\r\n":   "a reply announces 9223372036854775807 bytes; accepted: 16777130 more bytes",
	"$2147483647\r\nab":          "a reply announces 2147483647 bytes; accepted: 16777139 more bytes",
	"$99999999999999999999\r\n":  "does not speak the protocol",
	"*9223372036854775807\r\n":   "a reply announces 9223372036854775807 values; accepted: 16777130 more bytes",
	"*2147483647\r\n$1\r\na\r\n": "a reply announces 2147483647 values; accepted: 16777139 more bytes",
	"$-2\r\n":                    "does not speak the protocol",
	"*-2\r\n":                    "does not speak the protocol",
	"$\r\n":                      "does not speak the protocol",
	"$1e3\r\n":                   "does not speak the protocol",
	strings.Repeat("*1\r\n", 10000) + ":1\r\n": "does not speak the protocol",
	"*2\r\n*1\r\n:1\r\n:1\r\n":                 "does not speak the protocol",
	"+" + strings.Repeat("a", 1<<20):           "does not speak the protocol",
	strings.Repeat("a", 5000) + "\r\n":         "does not speak the protocol",
	"\r\n":                                     "does not speak the protocol",
	"+OK\n":                                    "does not speak the protocol",
	"\x00\x1b[2J\r\n":                          "does not speak the protocol",
	"HTTP/1.1 400 Bad Request\r\n":             "does not speak the protocol",
	"$1\r\nabc":                                "does not speak the protocol",
	"$3\r\nab":                                 "closed the connection",
	"*2\r\n$1\r\na\r\n":                        "closed the connection",
	"":                                         "closed the connection",
	"*2\r\n-ERR no\r\n:1\r\n":                  "ERR no",
	"*260000\r\n" + strings.Repeat("+\r\n", 1<<18): "its replies are too large",
}

func TestRESP_RefusesHostileReplies(t *testing.T) {
	for reply, want := range hostile {
		_, _, err := answering([]byte(reply)).do("X")
		require.ErrorContains(t, err, want, "%.40q", reply)
		require.Less(t, len(err.Error()), 200, "%.40q", reply)
	}
}

// A reply that announces much makes nobody reserve memory for it.
func TestRESP_ReservesNoMemory(t *testing.T) {
	for _, reply := range []string{
		fmt.Sprintf("$%d\r\nab", totalSize-100), fmt.Sprintf("*%d\r\n:1\r\n", totalSize/valueCost-10),
		"$9223372036854775807\r\n", "*9223372036854775807\r\n", strings.Repeat("*1\r\n", 10000),
	} {
		c := answering([]byte(reply))
		require.Less(t, allocated(func() { _, _, err := c.do("X"); require.Error(t, err) }), uint64(256<<10), "%.40q", reply)
	}
}

// Whatever a connection sends, in as many replies as it likes, no more than the limit is read.
func TestRESP_LimitsTheWholeConnection(t *testing.T) {
	endless := strings.NewReader(strings.Repeat("$1048576\r\n"+strings.Repeat("a", 1<<20)+"\r\n", 1+totalSize>>20))
	c := newRESPConn(&sender{reply: endless})
	replies := 0
	for {
		values, _, err := c.do("X")
		if err != nil {
			require.ErrorContains(t, err, "a reply announces 1048576 bytes; accepted: 1047392 more bytes")
			break
		}
		require.Len(t, values[0], 1<<20)
		replies++
	}
	require.Equal(t, totalSize>>20-1, replies)
	_, _, err := c.do("X")
	require.ErrorContains(t, err, "a reply announces", "what comes next answers nothing")
}

func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// An error of Redis' leaves the connection usable.
func TestRESP_GoesOnAfterAnErrorOfRedis(t *testing.T) {
	c := answering([]byte("-NOPERM no\r\n+OK\r\n"))
	_, _, err := c.do("X")
	require.EqualError(t, err, "NOPERM no")
	values, _, err := c.do("X")
	require.NoError(t, err)
	require.Equal(t, []string{"OK"}, values)
}

// One byte a second is no answer: a command has its time, and so has the connection. The time is that of the test's bubble.
func TestRESP_DripIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		ended := make(chan bool)
		go func() {
			defer close(ended)
			if _, err := theirs.Read(make([]byte, 100)); err != nil {
				return
			}
			for err := error(nil); err == nil; time.Sleep(time.Second) {
				_, err = theirs.Write([]byte("+"))
			}
		}()
		c, start := newRESPConn(ours), time.Now()
		_, _, err := c.do("X")
		require.ErrorContains(t, err, "i/o timeout")
		require.Equal(t, replyTimeout, time.Since(start))
		require.NoError(t, c.Close())
		<-ended
	})
}

func TestRESP_ManySlowRepliesAreGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		ended := make(chan bool)
		go func() {
			defer close(ended)
			for {
				if _, err := theirs.Read(make([]byte, 100)); err != nil {
					return
				}
				time.Sleep(replyTimeout - time.Second)
				if _, err := theirs.Write([]byte("+OK\r\n")); err != nil {
					return
				}
			}
		}()
		c, start := newRESPConn(ours), time.Now()
		var err error
		for err == nil {
			_, _, err = c.do("X")
		}
		require.ErrorContains(t, err, "i/o timeout")
		require.Equal(t, totalTimeout, time.Since(start))
		require.NoError(t, c.Close())
		<-ended
	})
}

// Replies of the wrong type or shape are errors, whoever asks, and never a panic.
func TestRedis_RepliesOfAnotherTypeAreErrors(t *testing.T) {
	questions := map[string]func(*Redis) error{
		"processes": func(r *Redis) error { _, err := r.Processes(); return err },
		"jobs":      func(r *Redis) error { _, err := r.Jobs("w:1:a"); return err },
		"waiting":   func(r *Redis) error { _, err := r.Waiting("default", 5); return err },
		"overview":  func(r *Redis) error { _, err := r.Overview(); return err },
		"used":      func(r *Redis) error { _, err := r.HasSidekiq(); return err },
		"server":    func(r *Redis) error { _, err := r.Server(); return err },
	}
	for reply, fits := range map[string]string{
		":1\r\n": "used server", ":99999999999999999999\r\n": "server", "+many\r\n": "server", "$-1\r\n": "used server",
		"*0\r\n": "jobs waiting processes", "*1\r\n$1\r\na\r\n": "waiting", "*-1\r\n": "jobs waiting processes", "*2\r\n$1\r\na\r\n$-1\r\n": "jobs waiting processes",
	} {
		for name, ask := range questions {
			r := redisAnswering(t, []redistest.Answer{{Words: "", Reply: reply}})
			err := ask(r)
			require.Equal(t, strings.Contains(fits, name), err == nil, "%s %q: %v", name, reply, err)
		}
	}
}

func redisAnswering(t *testing.T, answers []redistest.Answer) *Redis {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s")
	fake, err := redistest.Fake(socket, answers)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, fake.Close()) })
	return open(t, "unix://"+socket, "")
}

// Redis' own error for a command that it does not know holds the arguments of the command.
func TestOpen_MasksThePasswordThatRedisRepeats(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	fake, err := redistest.Fake(socket, []redistest.Answer{{Words: "AUTH", Reply: "-ERR unknown command `AUTH`, with args beginning with: `hush`\r\n"}})
	require.NoError(t, err)
	defer fake.Close()
	_, err = Open("unix://:hush@"+socket, "")
	require.EqualError(t, err, "redis at "+socket+": ERR unknown command `AUTH`, with args beginning with: `********`")
}

// FuzzReply looks for panics, and compares what can be read with what redigo reads, which is stricter about numbers.
func FuzzReply(f *testing.F) {
	for reply := range hostile {
		f.Add([]byte(reply[:min(len(reply), 1000)]))
	}
	for _, reply := range []string{"+OK\r\n", ":-5\r\n", "$3\r\nabc\r\n", "*2\r\n$-1\r\n+a\r\n", "-ERR\r\n"} {
		f.Add([]byte(reply))
	}
	f.Fuzz(func(t *testing.T, reply []byte) {
		values, isList, err := answering(reply).do("X")
		if err != nil {
			return
		}
		theirs, err := redis.NewConn(&sender{reply: bytes.NewReader(reply)}, 0, 0).Do("X")
		if err != nil {
			return
		}
		list, theyHaveList := theirs.([]any)
		if !theyHaveList && theirs != nil {
			list = []any{theirs}
		}
		require.Equal(t, isList, theyHaveList || theirs == nil && isList)
		for i, their := range list {
			switch their := their.(type) {
			case int64:
				ours, err := strconv.ParseInt(values[i], 10, 64)
				require.True(t, err != nil || ours == their) // redigo wraps around
			case nil:
				require.Empty(t, values[i])
			default:
				require.Equal(t, fmt.Sprintf("%s", their), values[i])
			}
		}
	})
}
