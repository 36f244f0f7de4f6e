package bench

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// relay is a local port that forwards connections to a target with a delay in each direction, without limiting the
// throughput.
type relay struct {
	listener net.Listener
	target   string
	delay    time.Duration
}

func newRelay(target string, delay time.Duration) (*relay, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &relay{listener, target, delay}
	go r.serve()
	return r, nil
}

func (r *relay) port() int    { return r.listener.Addr().(*net.TCPAddr).Port }
func (r *relay) close() error { return r.listener.Close() }

func (r *relay) serve() {
	for {
		near, err := r.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "relay:", err)
			continue
		}
		go r.connect(near.(*net.TCPConn))
	}
}

// connect serves one connection until both directions have ended.
func (r *relay) connect(near *net.TCPConn) {
	defer near.Close()
	conn, err := net.Dial("tcp", r.target)
	if err != nil {
		fmt.Fprintln(os.Stderr, "relay:", err)
		return
	}
	far := conn.(*net.TCPConn)
	defer far.Close()
	done := make(chan struct{})
	go func() {
		carry(near, far, r.delay)
		close(done)
	}()
	carry(far, near, r.delay)
	<-done
}

// parcel is the data of one read, and when to write it.
type parcel struct {
	due  time.Time
	data []byte
}

// carry copies from to to until its end, and closes the writing side of to. If a write fails, it closes the reading
// side of from.
func carry(to, from *net.TCPConn, delay time.Duration) {
	parcels := make(chan parcel, 4096)
	go collect(parcels, from, delay)
	for p := range parcels {
		time.Sleep(time.Until(p.due))
		if _, err := to.Write(p.data); err != nil {
			from.CloseRead()
		}
	}
	to.CloseWrite()
}

// collect reads until the end or an error, such as a reset connection.
func collect(parcels chan<- parcel, from *net.TCPConn, delay time.Duration) {
	defer close(parcels)
	for {
		buffer := make([]byte, 32<<10)
		n, err := from.Read(buffer)
		if n > 0 {
			parcels <- parcel{time.Now().Add(delay), buffer[:n]}
		}
		if err != nil {
			time.Sleep(delay)
			return
		}
	}
}
