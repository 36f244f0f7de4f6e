// Package redistest runs a real Redis for tests.
package redistest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

// Password is the password of every Redis that is started. In a URL its blank is %20.
const Password = "hush hush"

// Server is a Redis that runs until the test ends, on a socket and on a port of the loopback interface.
type Server struct {
	Socket string
	Port   int
}

// program returns the path of redis-server.
func program(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		testenv.NotTested(t, err.Error()+"; hint: apt-get install redis-server")
	}
	return path
}

// SpeaksTLS reports whether redis-server was built with TLS; one without rejects tls-port. If oracles are required, it
// fails the test then.
func SpeaksTLS(t testing.TB) bool {
	t.Helper()
	cmd := exec.Command(program(t), "-")
	cmd.Stdin = strings.NewReader("tls-port 0\nnonsense\n")
	complaint, err := cmd.CombinedOutput()
	require.Error(t, err)
	speaks := strings.Contains(string(complaint), "'nonsense'")
	if !speaks && testenv.OraclesRequired() {
		t.Fatalf("REQUIRE_ORACLES=1 and redis-server speaks no TLS: %s", complaint)
	}
	return speaks
}

// Start starts redis-server with additional arguments.
func Start(t testing.TB, more ...string) Server {
	t.Helper()
	path := program(t)
	directory, err := os.MkdirTemp("", "redis") // the path of a socket must be short
	require.NoError(t, err)
	s := Server{Socket: filepath.Join(directory, "s"), Port: FreePort(t)}
	cmd := exec.Command(path, "--port", fmt.Sprint(s.Port), "--bind", "127.0.0.1", "--unixsocket", s.Socket,
		"--requirepass", Password, "--save", "", "--dir", directory)
	cmd.Args = append(cmd.Args, more...)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait() // it was killed
		require.NoError(t, os.RemoveAll(directory))
	})
	require.Eventually(t, func() bool {
		conn, err := redis.Dial("unix", s.Socket, redis.DialPassword(Password))
		return err == nil && conn.Close() == nil
	}, 10*time.Second, 20*time.Millisecond, "redis-server does not answer")
	return s
}

// FreePort returns a port of the loopback interface on which nothing listens.
func FreePort(t testing.TB) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

// Do sends a command to a database.
func (s Server) Do(db int, command string, args ...any) error {
	conn, err := redis.Dial("unix", s.Socket, redis.DialPassword(Password), redis.DialDatabase(db))
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.Do(command, args...)
	return err
}

// Writer sends commands to a database as Sidekiq would.
func (s Server) Writer(t testing.TB, db int) func(command string, args ...any) {
	return func(command string, args ...any) {
		t.Helper()
		require.NoError(t, s.Do(db, command, args...))
	}
}

// Answer is the reply of a Fake to commands that begin with Words.
type Answer struct{ Words, Reply string }

// Fake replies on a socket, until it is closed, with the first answer that matches. If none matches, it closes the
// connection.
func Fake(socket string, answers []Answer) (io.Closer, error) {
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // it was closed
			}
			go serve(conn, answers)
		}
	}()
	return listener, nil
}

// serve returns when the client closes the connection.
func serve(conn net.Conn, answers []Answer) {
	defer conn.Close()
	for in := bufio.NewReader(conn); ; {
		words, err := command(in)
		if err != nil {
			return
		}
		i := slices.IndexFunc(answers, func(a Answer) bool { return strings.HasPrefix(strings.Join(words, " "), a.Words) })
		if i < 0 {
			return
		}
		if _, err := io.WriteString(conn, answers[i].Reply); err != nil {
			return
		}
	}
}

// command reads a command.
func command(in *bufio.Reader) ([]string, error) {
	var n, size int
	if _, err := fmt.Fscanf(in, "*%d\r\n", &n); err != nil {
		return nil, err
	}
	words := make([]string, n)
	for i := range words {
		if _, err := fmt.Fscanf(in, "$%d\r\n", &size); err != nil {
			return nil, err
		}
		word := make([]byte, size+len("\r\n"))
		if _, err := io.ReadFull(in, word); err != nil {
			return nil, err
		}
		words[i] = string(word[:size])
	}
	return words, nil
}

// ParseAnswers parses an answer in each line: words, a bar and the reply as a Go string.
func ParseAnswers(text string) ([]Answer, error) {
	var all []Answer
	for line := range strings.Lines(text) {
		words, quoted, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " | ")
		reply, err := strconv.Unquote(quoted)
		if err != nil {
			return nil, fmt.Errorf("line %q: %w", line, err)
		}
		all = append(all, Answer{words, reply})
	}
	return all, nil
}

// FakeCommand is the testscript command `fake SOCKET FILE`: a Fake with the answers in a file, until the script ends.
func FakeCommand(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: fake SOCKET FILE")
	}
	answers, err := ParseAnswers(ts.ReadFile(args[1]))
	ts.Check(err)
	fake, err := Fake(ts.MkAbs(args[0]), answers)
	ts.Check(err)
	ts.Defer(func() { ts.Check(fake.Close()) })
}
