package broker

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

const (
	backlog   = 64 << 10               // bytes that wait to be sent before publishers are held back
	patience  = 10 * time.Second       // a broker that takes nothing for so long is given up
	lastWords = 500 * time.Millisecond // to send what is left when the connection is closed
)

// errClosing is what reads and writes give once we close: no news, for whoever closed has given the reason.
var errClosing = errors.New("closing the connection")

// conn puts a buffer and one writing goroutine between paho and the network. paho writes in the caller's goroutine, without a deadline: a
// broker that stops reading would hold every publisher, and the ping that is to find it out. Here a write never blocks, publishers wait in
// room, and what piles up while the network is busy leaves in one piece.
type conn struct {
	net.Conn
	packet sync.Mutex // held by paho, through sync.Locker, for the parts of one packet
	reader *bufio.Reader
	failed func(error)
	wake   chan struct{}
	done   chan struct{} // closed when nothing more will be sent

	mu      sync.Mutex
	buf     []byte
	drained chan struct{} // closed when buf is taken away; nil if nobody waits for that
	closing bool
	err     error
	first   []byte // what the broker said first: four bytes at most
}

// newConn owns raw and, until Close, a goroutine. failed is told why sending failed, before anything else notices.
func newConn(raw net.Conn, failed func(error)) *conn {
	c := &conn{Conn: raw, reader: bufio.NewReader(raw), failed: failed, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go c.send()
	return c
}

// Lock begins a packet.
func (c *conn) Lock() { c.packet.Lock() }

// Unlock ends it: now it may leave.
func (c *conn) Unlock() {
	c.packet.Unlock()
	c.signal()
}

func (c *conn) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Write adds to the packet begun by Lock.
func (c *conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.err != nil:
		return 0, c.err
	case c.closing:
		return 0, errClosing
	}
	c.buf = append(c.buf, p...)
	return len(p), nil
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.reader.Read(p)
	c.mu.Lock()
	if missing := 4 - len(c.first); missing > 0 {
		c.first = append(c.first, p[:min(n, missing)]...)
	}
	switch {
	case err == nil:
	case c.closing:
		err = errClosing
	case c.err != nil && !remoteAlert(err):
		err = c.err
	}
	c.mu.Unlock()
	return n, err
}

// firstBytes is what the broker said first, which tells what sort of server it is.
func (c *conn) firstBytes() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.first
}

// failure is why not everything could be sent.
func (c *conn) failure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// room waits until a message more may be written, no longer than limit.
func (c *conn) room(ctx context.Context, limit time.Duration) error {
	var late <-chan time.Time
	for {
		c.mu.Lock()
		switch {
		case c.err != nil || c.closing:
			c.mu.Unlock()
			return ErrDown
		case len(c.buf) < backlog:
			c.mu.Unlock()
			return nil
		}
		if c.drained == nil {
			c.drained = make(chan struct{})
		}
		drained := c.drained
		c.mu.Unlock()
		if late == nil {
			late = time.After(limit)
		}
		select {
		case <-drained:
		case <-late:
			return fmt.Errorf("the broker takes no data: gave up after %v", limit)
		case <-ctx.Done():
			return fmt.Errorf("the broker takes no data: %w", ctx.Err())
		}
	}
}

func (c *conn) send() {
	defer close(c.done)
	var out []byte
	for {
		c.mu.Lock()
		out, c.buf = c.buf, out[:0]
		if c.drained != nil {
			close(c.drained)
			c.drained = nil
		}
		closing := c.closing
		if !closing { // within the lock: the deadline that Close sets must stand
			_ = c.SetWriteDeadline(time.Now().Add(patience))
		}
		c.mu.Unlock()
		switch {
		case len(out) > 0:
			if _, err := c.Conn.Write(out); err != nil {
				c.fail(err)
				return
			}
		case closing:
			return
		default:
			<-c.wake
		}
	}
}

// fail ends sending. Why the broker closed the connection is for the reader to find, which may be about to read a DISCONNECT or a TLS
// alert; it has a second for that.
func (c *conn) fail(err error) {
	c.mu.Lock()
	tell := !c.closing && !closedByPeer(err)
	switch {
	case !errors.Is(err, os.ErrDeadlineExceeded):
		c.err = lossReason(err)
	case c.closing:
		c.err = errors.New("the broker did not take the last messages")
	default:
		c.err = fmt.Errorf("the broker took no data for %v", patience)
	}
	if c.drained != nil {
		close(c.drained)
		c.drained = nil
	}
	c.mu.Unlock()
	if !tell {
		_ = c.SetReadDeadline(time.Now().Add(time.Second))
		return
	}
	c.failed(c.failure())
	c.cut()
}

// cut closes the socket below TLS, whose own Close would wait 5 s to say goodbye to a broker that takes nothing.
func (c *conn) cut() {
	if t, ok := c.Conn.(*tls.Conn); ok {
		_ = t.NetConn().Close()
		return
	}
	_ = c.Conn.Close()
}

// Close sends what is left, for half a second at most, and closes. It may be called more than once.
func (c *conn) Close() error {
	c.mu.Lock()
	if !c.closing {
		c.closing = true
		_ = c.SetWriteDeadline(time.Now().Add(lastWords))
	}
	c.mu.Unlock()
	c.signal()
	<-c.done
	if c.failure() != nil {
		c.cut()
		return nil
	}
	return c.Conn.Close()
}
