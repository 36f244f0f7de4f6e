package sidekiq

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// replyTimeout is the timeout of one command. Tests shorten it.
var replyTimeout = 3 * time.Second

// A Redis is not trusted: others than root may have written what it says, or be what answers.
const (
	totalTimeout = 20 * time.Second // for a connection, which asks a question for each process and queue
	totalSize    = 16 << 20         // bytes that a connection reads; 500 running jobs of 2 kB are 1 MB
	valueCost    = 64               // bytes that a value counts beside its text, for the memory that it takes
)

// respConn is a connection that speaks RESP2 (https://redis.io/docs/latest/develop/reference/protocol-spec). It reserves memory for what it
// has read and never for what a reply announces, and reads in the caller's goroutine, where a panic is recovered. redigo does neither, and checking
// what it reads takes as much code as reading.
type respConn struct {
	net.Conn
	in     *bufio.Reader
	end    time.Time
	left   int   // bytes that it may still read
	broken error // what comes next is no answer to what is asked next
}

func newRESPConn(conn net.Conn) *respConn {
	return &respConn{Conn: conn, in: bufio.NewReader(conn), end: time.Now().Add(totalTimeout), left: totalSize}
}

// serverError is an error that Redis replies.
type serverError string

func (e serverError) Error() string { return string(e) }

// do sends a command and returns its reply. A reply that is one value is a list of one; numbers are texts, and null is "".
func (c *respConn) do(words ...string) (values []string, isList bool, err error) {
	if c.broken != nil {
		return nil, false, c.broken
	}
	values, isList, err = c.exchange(words)
	if errors.Is(err, io.EOF) {
		err = errors.New("it closed the connection")
	}
	if isList || !errors.As(err, new(serverError)) {
		c.broken = err
	}
	return values, isList, err
}

func (c *respConn) exchange(words []string) (values []string, isList bool, err error) {
	deadline := time.Now().Add(replyTimeout)
	if c.end.Before(deadline) {
		deadline = c.end
	}
	if err := c.SetDeadline(deadline); err != nil {
		return nil, false, err
	}
	text := fmt.Appendf(nil, "*%d\r\n", len(words))
	for _, w := range words {
		text = fmt.Appendf(text, "$%d\r\n%s\r\n", len(w), w)
	}
	if _, err := c.Write(text); err != nil {
		return nil, false, err
	}
	return c.reply()
}

var errNotRESP = errors.New("what answers does not speak the protocol of Redis")

// reply reads one reply. A list within a list is refused: no command of Sidekiq's data has such a reply.
func (c *respConn) reply() (values []string, isList bool, err error) {
	kind, head, err := c.header()
	if err != nil {
		return nil, false, err
	}
	if kind != '*' {
		text, err := c.value(kind, head)
		return []string{text}, false, err
	}
	n, err := c.length(head, "values", valueCost)
	for i := 0; err == nil && i < n; i++ {
		var text string
		if kind, head, err = c.header(); err == nil {
			text, err = c.value(kind, head)
			values = append(values, text)
		}
	}
	return values, true, err
}

// header reads the line with which every value begins.
func (c *respConn) header() (kind byte, head string, err error) {
	line, err := c.in.ReadSlice('\n')
	if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
		return 0, "", err
	}
	text, whole := strings.CutSuffix(string(line), "\r\n")
	if !whole || text == "" {
		return 0, "", errNotRESP
	}
	return text[0], text[1:], c.spend(valueCost + len(line))
}

// value reads what follows a header.
func (c *respConn) value(kind byte, head string) (string, error) {
	switch kind {
	case '+', ':':
		return head, nil
	case '-':
		return "", serverError(head)
	case '$':
		n, err := c.length(head, "bytes", 1)
		if n < 0 || err != nil {
			return "", err
		}
		var b strings.Builder
		if _, err := io.CopyN(&b, c.in, int64(n+len("\r\n"))); err != nil {
			return "", err
		}
		if text, whole := strings.CutSuffix(b.String(), "\r\n"); whole {
			return text, c.spend(n)
		}
	}
	return "", errNotRESP
}

// length reads how much a header announces, -1 for null, and refuses what is more than may still be read.
func (c *respConn) length(head, unit string, cost int) (int, error) {
	n, err := strconv.Atoi(head)
	switch {
	case err != nil || n < -1:
		return 0, errNotRESP
	case n > c.left/cost:
		return 0, fmt.Errorf("a reply announces %d %s; accepted: %d more bytes", n, unit, c.left)
	}
	return n, nil
}

// spend counts what was read.
func (c *respConn) spend(n int) error {
	if c.left -= n; c.left < 0 {
		return fmt.Errorf("its replies are too large; accepted: %d bytes in all", totalSize)
	}
	return nil
}
