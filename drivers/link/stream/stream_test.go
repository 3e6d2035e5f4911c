package stream

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"sunwire/drivers/link"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// port is a port in memory. What is said into it can be read; what is written to it is kept, and answered by device where there is one.
type port struct {
	in     chan said
	gone   chan struct{}
	once   sync.Once
	device func(request string)

	mu       sync.Mutex
	written  []string
	deadline time.Time
	stuck    bool // it takes no bytes
}

// said is what comes out of the port next: bytes, or the error that ends it.
type said struct {
	text []byte
	err  error
}

func newPort() *port { return &port{in: make(chan said, 64), gone: make(chan struct{})} }

func (p *port) say(s string)     { p.in <- said{text: []byte(s)} }
func (p *port) unplug(err error) { p.in <- said{err: err} }

// later says each text after a pause.
func (p *port) later(pause time.Duration, texts ...string) {
	go func() {
		for _, s := range texts {
			time.Sleep(pause)
			p.say(s)
		}
	}()
}

func (p *port) Read(b []byte) (int, error) {
	select {
	case <-p.gone:
		return 0, os.ErrClosed
	case next := <-p.in:
		return copy(b, next.text), next.err
	}
}

func (p *port) SetWriteDeadline(t time.Time) error { p.deadline = t; return nil }

func (p *port) Write(b []byte) (int, error) {
	if p.stuck {
		time.Sleep(time.Until(p.deadline))
		return 0, os.ErrDeadlineExceeded
	}
	p.mu.Lock()
	p.written = append(p.written, string(b))
	p.mu.Unlock()
	if p.device != nil {
		p.device(string(b))
	}
	return len(b), nil
}

func (p *port) asked() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.written, "")
}

func (p *port) Close() error {
	p.once.Do(func() { close(p.gone) })
	return nil
}

// named takes lines that begin with name and skips others whole.
func named(name string) link.Framer {
	return func(b []byte, silent bool) (int, []byte, error) {
		end := bytes.IndexByte(b, '\n') + 1
		switch {
		case end > 0 && bytes.HasPrefix(b, []byte(name)):
			return 0, b[:end], nil
		case end > 0:
			return end, nil, nil
		case silent:
			return 0, nil, link.ErrFrame
		}
		return 0, nil, nil
	}
}

const (
	first = time.Second
	gap   = 100 * time.Millisecond
)

func question(name string) link.Request {
	return link.Request{Bytes: []byte(name + "?\n"), Frame: named(name), First: first, Gap: gap}
}

// inBubble runs f in fake time with a link over a port in memory.
func inBubble(t *testing.T, o Options, f func(t *testing.T, p *port, c *Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := newPort()
		o.Name = "serial:/dev/x"
		c := New(link.Serial, p, o)
		defer c.Close()
		f(t, p, c)
	})
}

func ask(t *testing.T, c *Conn, r link.Request, want string) {
	t.Helper()
	got, err := c.Transact(t.Context(), r)
	if err != nil || string(got) != want {
		t.Errorf("%q: got %q, %v; want %q", r.Bytes, got, err, want)
	}
}

func fails(t *testing.T, c *Conn, r link.Request, want error, after time.Duration) {
	t.Helper()
	start := time.Now()
	got, err := c.Transact(t.Context(), r)
	if !errors.Is(err, want) || got != nil {
		t.Errorf("%q: got %q, %v; want %v", r.Bytes, got, err, want)
	}
	if took := time.Since(start); took != after {
		t.Errorf("%q: %v after %v, want %v", r.Bytes, err, took, after)
	}
	if err != nil && !strings.HasPrefix(err.Error(), "serial:/dev/x: ") {
		t.Errorf("the error does not name the port: %v", err)
	}
}

func TestStaleBytesAreNoReply(t *testing.T) {
	flushed := 0
	inBubble(t, Options{Flush: func() error { flushed++; return nil }}, func(t *testing.T, p *port, c *Conn) {
		p.say("a=old\n")
		synctest.Wait()
		p.device = func(string) { p.say("a=new\n") }
		start := time.Now()
		ask(t, c, question("a"), "a=new\n")
		if time.Since(start) != 0 {
			t.Errorf("a line without a failure waited for %v", time.Since(start))
		}
	})
	if flushed != 1 {
		t.Errorf("the kernel's bytes were thrown away %d times, want once", flushed)
	}
}

func TestAForeignFrameDoesNotEndTheWaitEarly(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, p *port, c *Conn) {
		p.device = func(string) { p.later(first*3/10, "b=1\n", "b=2\n", "a=1\n") }
		ask(t, c, question("a"), "a=1\n")
		p.device = func(string) { p.later(first*3/10, "b=1\nc=1\na=2\n") } // all in one read
		start := time.Now()
		ask(t, c, question("a"), "a=2\n")
		if took := time.Since(start); took != first*3/10 {
			t.Errorf("the reply behind two foreign frames came after %v", took)
		}
		p.device = func(string) { p.later(first*3/10, "b=1\n") }
		fails(t, c, question("a"), link.ErrNoReply, first)
		p.device = func(string) { p.later(first-gap/10, "b=1\n") } // at the last moment: a reply that is on its way has its gap
		fails(t, c, question("a"), link.ErrNoReply, gap+first-gap/10+gap)
	})
}

func TestAnEchoIsTakenOff(t *testing.T) {
	for _, said := range [][]string{{"a?\na=1\n"}, {"a", "?", "\n", "a=", "1\n"}, {"a?\n", "a=1\n"}, {"a=1\n"}} {
		inBubble(t, Options{Echo: true}, func(t *testing.T, p *port, c *Conn) {
			p.device = func(string) { p.later(gap/2, said...) }
			ask(t, c, question("a"), "a=1\n")
		})
	}
	inBubble(t, Options{Echo: true}, func(t *testing.T, p *port, c *Conn) {
		p.device = func(request string) { p.say(request) }
		fails(t, c, question("a"), link.ErrNoReply, first) // an echo is no sign of life
		p.device = func(request string) { p.say(request[:1]) }
		fails(t, c, question("a"), link.ErrFrame, gap+gap)
	})
}

func TestTimeOuts(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, p *port, c *Conn) {
		p.device = func(string) { p.later(first-1, "a=1\n") }
		ask(t, c, question("a"), "a=1\n")
		p.device = nil
		fails(t, c, question("a"), link.ErrNoReply, first)
		p.device = func(string) { p.later(gap-1, "a", "=", "1", "\n") }
		ask(t, c, question("a"), "a=1\n")
		p.device = func(string) { p.say("a=") }
		fails(t, c, question("a"), link.ErrFrame, gap)
	})
}

func TestALineThatDoesNotStopTalkingIsGivenUp(t *testing.T) {
	babble := func(t *testing.T, p *port, text string) {
		t.Helper()
		end := make(chan struct{})
		var speaker sync.WaitGroup
		speaker.Go(func() {
			for {
				select {
				case <-end:
					return
				case p.in <- said{text: []byte(text)}:
				}
				time.Sleep(gap / 2)
			}
		})
		t.Cleanup(func() { close(end); speaker.Wait() })
	}
	inBubble(t, Options{}, func(t *testing.T, p *port, c *Conn) {
		babble(t, p, "b=1\n") // whole frames, all of them somebody else's
		fails(t, c, question("a"), link.ErrFrame, longestTime)
		fails(t, c, question("a"), link.ErrFrame, longestDrain+longestTime)
	})
	inBubble(t, Options{}, func(t *testing.T, p *port, c *Conn) {
		text := strings.Repeat("x", 1000)
		babble(t, p, text)
		start := time.Now()
		if _, err := c.Transact(t.Context(), question("a")); !errors.Is(err, link.ErrFrame) || time.Since(start) > (longestReply/1000+2)*gap/2 {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
	inBubble(t, Options{}, func(t *testing.T, p *port, c *Conn) {
		for range 50 { // nobody asks
			p.say(strings.Repeat("x", 4000))
			synctest.Wait()
		}
		if n := len(c.got); n > 2*longestReply+4096 {
			t.Errorf("%d bytes are kept that nobody asked for", n)
		}
	})
}

func TestLossIsNoticed(t *testing.T) {
	for _, cause := range []error{io.EOF, syscall.EIO, errors.New("device not configured")} {
		t.Run(cause.Error(), func(t *testing.T) {
			inBubble(t, Options{}, func(t *testing.T, p *port, c *Conn) { // while a reply is awaited
				p.device = func(string) { p.unplug(cause) }
				fails(t, c, question("a"), link.ErrLost, 0)
				fails(t, c, question("a"), link.ErrLost, 0)
			})
			inBubble(t, Options{}, func(t *testing.T, p *port, c *Conn) { // while nobody asks
				select {
				case <-c.Lost():
					t.Error("lost from the start")
				default:
				}
				p.unplug(cause)
				<-c.Lost()
				fails(t, c, question("a"), link.ErrLost, 0)
			})
			inBubble(t, Options{}, func(t *testing.T, p *port, c *Conn) { // with the last byte of the reply
				p.device = func(string) { p.say("a=1\n"); p.unplug(cause) }
				ask(t, c, question("a"), "a=1\n")
				fails(t, c, question("a"), link.ErrLost, 0)
			})
		})
	}
	inBubble(t, Options{}, func(t *testing.T, p *port, c *Conn) { // the adapter hung up
		p.stuck = true
		fails(t, c, question("a"), link.ErrLost, longestWrite)
	})
	inBubble(t, Options{}, func(t *testing.T, _ *port, c *Conn) {
		if err := errors.Join(c.Close(), c.Close()); err != nil {
			t.Error(err)
		}
		fails(t, c, question("a"), link.ErrLost, 0)
	})
}

func TestACancelledContextReturnsAtOnceAndLeavesTheLineDirty(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, p *port, c *Conn) {
		ctx, cancel := context.WithTimeout(t.Context(), first/2)
		defer cancel()
		start := time.Now()
		for range 3 { // waiting for a reply; with a context that has ended
			if _, err := c.Transact(ctx, question("a")); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != first/2 {
				t.Errorf("%v after %v", err, time.Since(start))
			}
		}
		if p.asked() != "a?\n" {
			t.Errorf("written with an ended context: %q", p.asked())
		}
		p.later(gap/2, "b=late\n")
		ctx, cancel = context.WithTimeout(t.Context(), gap/4)
		defer cancel()
		if _, err := c.Transact(ctx, question("b")); !errors.Is(err, context.DeadlineExceeded) { // waiting for a quiet line
			t.Error(err)
		}
		p.device = func(string) { p.say("b=new\n") }
		ask(t, c, question("b"), "b=new\n")
	})
}

func TestWaitEndsWithItsContext(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, _ *port, c *Conn) {
		start := time.Now()
		if err := c.Wait(t.Context(), first); err != nil || time.Since(start) != first {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		ctx, cancel := context.WithTimeout(t.Context(), gap)
		defer cancel()
		if err := c.Wait(ctx, first); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != first+gap {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}
