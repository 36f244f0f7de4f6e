package bench

import (
	"crypto/rand"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// echo starts an echo server, and returns its address.
func echo(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				io.Copy(conn, conn)
			}()
		}
	}()
	return listener.Addr().String()
}

func through(t *testing.T, target string, delay time.Duration) net.Conn {
	t.Helper()
	r, err := newRelay(target, delay)
	require.NoError(t, err)
	t.Cleanup(func() { r.close() })
	conn, err := net.Dial("tcp", r.listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

func TestRelay_DelaysEachDirection(t *testing.T) {
	const delay = 30 * time.Millisecond
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	near := through(t, listener.Addr().String(), delay)
	far, err := listener.Accept()
	require.NoError(t, err)
	defer far.Close()
	for range 3 {
		requireDelay(t, near, far, delay)
		requireDelay(t, far, near, delay)
	}
}

// requireDelay requires that a byte takes at least that long.
func requireDelay(t *testing.T, from, to net.Conn, delay time.Duration) {
	t.Helper()
	sent := time.Now()
	_, err := from.Write([]byte("x"))
	require.NoError(t, err)
	_, err = io.ReadFull(to, make([]byte, 1))
	require.NoError(t, err)
	require.GreaterOrEqual(t, time.Since(sent), delay)
}

// One delay for each read would be 512 delays for 16 MB.
func TestRelay_KeepsOrderAndThroughput(t *testing.T) {
	const delay = 30 * time.Millisecond
	conn := through(t, echo(t), delay)
	sent := make([]byte, 16<<20)
	rand.Read(sent)
	start := time.Now()
	go func() {
		conn.Write(sent)
		conn.(*net.TCPConn).CloseWrite()
	}()
	got, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.Less(t, time.Since(start), 100*delay)
	require.Equal(t, sent, got)
}

func TestRelay_EndsWithServer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	go func() {
		conn, err := listener.Accept()
		if err == nil {
			conn.Write([]byte("bye"))
			conn.Close()
		}
	}()
	got, err := io.ReadAll(through(t, listener.Addr().String(), time.Millisecond))
	require.NoError(t, err)
	require.Equal(t, "bye", string(got))
}
