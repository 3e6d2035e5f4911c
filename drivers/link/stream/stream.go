// Package stream makes a link of anything that bytes can be written to and read from: serial lines, HID reports, sockets. One goroutine
// reads; Close waits for it.
package stream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"os"
	"sync"
	"syscall"
	"time"

	"sunwire/drivers/link"
)

// Bounds that no honest device reaches: a line that babbles is given up, so that it cannot hold up its neighbours.
const (
	longestReply = 8 << 10
	longestTime  = 30 * time.Second
	longestDrain = 3 * time.Second
	longestWrite = time.Second // a request fits into any port's buffer; an adapter that hung up takes no more bytes
)

// Options are what a port needs besides its bytes.
type Options struct {
	Name  string       // how people know the port
	Echo  bool         // the line gives back what is written, as some RS485 adapters do
	Flush func() error // throws away what the kernel has received; nil: none
	Log   *slog.Logger // at debug level every exchange, in the form of a recording
}

// Conn is a Transactor and a Listener over a port.
type Conn struct {
	kind link.Kind
	port io.ReadWriteCloser
	o    Options

	dirty bool         // a reply may still be on its way: wait until the line is quiet before the next request
	owed  []unanswered // requests whose reply may still come, oldest first

	mu    sync.Mutex
	got   []byte
	err   error         // why the reader ended
	ready chan struct{} // holds a token when got or err changed
	lost  chan struct{} // closed when the reader ended
}

// New starts to read from port, which the Conn owns from now on.
func New(kind link.Kind, port io.ReadWriteCloser, o Options) *Conn {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	c := &Conn{kind: kind, port: port, o: o, ready: make(chan struct{}, 1), lost: make(chan struct{})}
	go c.read()
	return c
}

// Kind is the kind of link.
func (c *Conn) Kind() link.Kind { return c.kind }

// Lost is closed when the port is gone, also while nobody asks.
func (c *Conn) Lost() <-chan struct{} { return c.lost }

// Wait sleeps for d, or until ctx ends.
func (c *Conn) Wait(ctx context.Context, d time.Duration) error {
	return link.Sleep(ctx, d)
}

// Close closes the port and waits for the reader to end.
func (c *Conn) Close() error {
	err := c.port.Close()
	<-c.lost
	return err
}

// read is the reader's goroutine. A port that gives nothing and no error has merely timed out.
func (c *Conn) read() {
	defer close(c.lost)
	buf := make([]byte, 4096)
	for {
		n, err := c.port.Read(buf)
		c.mu.Lock()
		if len(c.got) < 2*longestReply { // more than anybody waits for is not kept
			c.got = append(c.got, buf[:n]...)
		}
		c.err = err
		c.mu.Unlock()
		if n > 0 || err != nil {
			select {
			case c.ready <- struct{}{}:
			default:
			}
		}
		if err != nil {
			return
		}
	}
}

// take moves what was received to the end of b.
func (c *Conn) take(b []byte) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b = append(b, c.got...)
	c.got = c.got[:0]
	if c.err != nil {
		return b, c.gone(c.err)
	}
	return b, nil
}

// Discard throws away what was received, where the port itself knows that nothing can follow on it.
func (c *Conn) Discard() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.got = c.got[:0]
}

func (c *Conn) gone(err error) error {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%s: %w: it takes no more bytes: unplug the adapter and plug it in again", c.o.Name, link.ErrLost)
	case errors.Is(err, io.EOF), errors.Is(err, syscall.EIO):
		return fmt.Errorf("%s: %w: it was unplugged or closed", c.o.Name, link.ErrLost)
	}
	return fmt.Errorf("%s: %w: %w", c.o.Name, link.ErrLost, err)
}

// Transact implements link.Transactor.
func (c *Conn) Transact(ctx context.Context, r link.Request) ([]byte, error) {
	if err := c.clean(ctx, r.Gap); err != nil {
		return nil, err
	}
	c.dirty = true // until a whole reply is in, one may still come
	c.o.Log.Debug(">", "port", c.o.Name, "hex", hexadecimal(r.Bytes))
	if err := c.write(r.Bytes); err != nil {
		return nil, c.gone(err)
	}
	asked := time.Now()
	frame, err := c.receive(ctx, r)
	switch {
	case err != nil:
		c.owe(r, asked, err)
		return nil, err
	case c.isBorrowed(r, frame, asked):
		return nil, c.refuse(ctx, asked.Add(r.First))
	}
	c.dirty = false
	return frame, nil
}

// write sends b. A port that can have a deadline does not block for ever.
func (c *Conn) write(b []byte) error {
	if d, ok := c.port.(interface{ SetWriteDeadline(time.Time) error }); ok {
		_ = d.SetWriteDeadline(time.Now().Add(longestWrite)) // where there is none, the write is as good without
	}
	_, err := c.port.Write(b)
	return err
}

// clean throws away what is on the line. After a failure it first waits until the line has been quiet for gap, so that a late reply
// does not count for the next request.
func (c *Conn) clean(ctx context.Context, gap time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if c.dirty {
		end := time.NewTimer(longestDrain)
		defer end.Stop()
		for quiet := false; !quiet; {
			t := time.NewTimer(gap)
			select {
			case <-ctx.Done():
				t.Stop()
				return ctx.Err()
			case <-c.ready:
			case <-t.C:
				quiet = true
			case <-end.C: // it never stops talking; the framer will have to find its way
				quiet = true
			case <-c.lost:
				quiet = true
			}
			t.Stop()
		}
	}
	if c.o.Flush != nil {
		_ = c.o.Flush() // what it leaves is thrown away here
	}
	old, err := c.take(nil)
	if len(old) > 0 {
		c.o.Log.Debug("# thrown away", "port", c.o.Name, "hex", hexadecimal(old))
	}
	return err
}

// receive waits for the reply.
func (c *Conn) receive(ctx context.Context, r link.Request) ([]byte, error) {
	var echo []byte // still to come
	if c.o.Echo {
		echo = r.Bytes
	}
	start := time.Now()
	var b []byte
	total := time.NewTimer(longestTime)
	defer total.Stop()
	wait := time.NewTimer(r.First)
	defer wait.Stop()
	for {
		silent := false
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-c.ready:
		case <-wait.C:
			silent = true
		case <-total.C:
			return nil, fmt.Errorf("%s: %w: the line does not stop talking", c.o.Name, link.ErrFrame)
		}
		before := len(b)
		var gone error
		b, gone = c.take(b)
		grew := len(b) > before
		var frame []byte
		var err error
		if b, echo = withoutEcho(b, echo); len(echo) == 0 {
			b, frame, err = Next(r.Frame, b, silent)
		}
		switch {
		case frame != nil:
			c.o.Log.Debug("<", "port", c.o.Name, "hex", hexadecimal(frame))
			return bytes.Clone(frame), nil
		case err != nil:
			return nil, fmt.Errorf("%s: %w", c.o.Name, err)
		case gone != nil:
			return nil, gone
		case silent && len(b) == 0:
			return nil, fmt.Errorf("%s: %w within %v", c.o.Name, link.ErrNoReply, r.First)
		case silent, len(b) > longestReply:
			return nil, fmt.Errorf("%s: %w: %d bytes and no whole reply among them", c.o.Name, link.ErrFrame, len(b))
		case grew && len(b) == 0: // what came was not for us: the reply may still begin
			wait.Reset(max(r.Gap, r.First-time.Since(start)))
		case grew:
			wait.Reset(r.Gap)
		}
	}
}

// withoutEcho takes off the echo that b begins with. The rest of a half one is still to come; what differs is none.
func withoutEcho(b, echo []byte) (rest, due []byte) {
	n := min(len(b), len(echo))
	switch {
	case !bytes.Equal(b[:n], echo[:n]):
		return b, nil
	case n < len(echo):
		return b, echo
	}
	return b[n:], nil
}

// Next asks f for the first frame in b, again as long as it skips something. rest is what comes after it, or may still become one.
func Next(f link.Framer, b []byte, silent bool) (rest, frame []byte, err error) {
	for len(b) > 0 {
		skip, frame, err := f(b, silent)
		b = b[min(skip+len(frame), len(b)):]
		if frame != nil || err != nil || skip == 0 {
			return b, frame, err
		}
	}
	return b, nil, nil
}

// Listen implements link.Listener.
func (c *Conn) Listen(ctx context.Context, f link.Framer) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		var b []byte
		for {
			var gone error
			b, gone = c.take(b)
			for {
				var frame []byte
				var err error
				before := len(b)
				b, frame, err = Next(f, b, false)
				switch {
				case err != nil:
					if len(b) == before { // the framer is at its wits' end
						b = b[:0]
					}
					err = fmt.Errorf("%s: %w", c.o.Name, err)
				case frame != nil:
					frame = bytes.Clone(frame)
				}
				if frame == nil && err == nil {
					break
				}
				if !yield(frame, err) {
					return
				}
			}
			if gone != nil {
				yield(nil, gone)
				return
			}
			if len(b) > longestReply {
				b = b[:0]
			}
			select {
			case <-ctx.Done():
				return
			case <-c.ready:
			}
		}
	}
}

// hexadecimal is printed only where somebody looks.
type hexadecimal []byte

// LogValue is the bytes as a recording has them.
func (h hexadecimal) LogValue() slog.Value { return slog.StringValue(fmt.Sprintf("% x", []byte(h))) }
