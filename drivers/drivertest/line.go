package drivertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/link"
	"sunwire/drivers/link/simulated"
)

// line is a cable to a simulator. It keeps what was asked and answered, and can spoil it. Nothing takes time on it.
type line struct {
	sim       link.Simulator
	fail      func(format string, args ...any)
	chunk     int                                              // bytes that arrive at once; 0: all
	spoil     func(exchange int, request, reply []byte) []byte // what arrives instead; nil: the reply itself
	broken    error                                            // what a transfer on a bus gives instead
	exchanges []exchange
	arrived   []byte // last
	cancelled int    // calls with a context that is done
}

type exchange struct{ request, reply []byte }

const patience = 100 // calls under a cancelled context before the driver counts as deaf

// conn is the line as a link of the first kind that the suite can play.
func (l *line) conn(kinds []link.Kind) link.Conn {
	for _, k := range kinds {
		switch k {
		case link.Serial, link.HID, link.TCP, link.UDP, link.BLE:
			return &transactor{conn{l, k}}
		case link.I2C:
			return &bus{conn{l, k}}
		case link.File:
			return &tree{conn{l, k}, func(path string) []byte { return l.answer([]byte(path)) }}
		case link.HTTP:
			return &fetcher{conn{l, k}}
		case link.MQTT:
		}
	}
	return nil
}

// listen forgets what was asked so far, and from now on what arrives goes through spoil.
func (l *line) listen(spoil func(exchange int, request, reply []byte) []byte) {
	l.exchanges, l.spoil, l.cancelled = nil, spoil, 0
}

func (l *line) answer(request []byte) []byte {
	reply := bytes.Clone(l.sim.Answer(request))
	l.exchanges = append(l.exchanges, exchange{bytes.Clone(request), reply})
	l.arrived = reply
	if l.spoil != nil {
		l.arrived = l.spoil(len(l.exchanges)-1, request, bytes.Clone(reply))
	}
	return l.arrived
}

func (l *line) done(ctx context.Context) error {
	err := ctx.Err()
	if err != nil {
		if l.cancelled++; l.cancelled > patience {
			panic("the driver goes on although its context is cancelled")
		}
	}
	return err
}

type conn struct {
	*line
	kind link.Kind
}

func (c conn) Kind() link.Kind                                 { return c.kind }
func (c conn) Close() error                                    { return nil }
func (c conn) Wait(ctx context.Context, _ time.Duration) error { return c.done(ctx) }

type transactor struct{ conn }

// Transact is what a link does once the line is drained.
func (c *transactor) Transact(ctx context.Context, r link.Request) ([]byte, error) {
	if err := c.done(ctx); err != nil {
		return nil, err
	}
	if r.First <= 0 || r.Gap <= 0 || r.Frame == nil {
		c.fail("a request without its First, Gap or Frame: %q", r.Bytes)
	}
	reply := c.answer(r.Bytes)
	if err := c.done(ctx); err != nil {
		return nil, err
	}
	return c.receive(reply, r.Frame)
}

func (c *transactor) receive(arriving []byte, f link.Framer) ([]byte, error) {
	if len(arriving) == 0 {
		return nil, fmt.Errorf("nothing came: %w", drivers.ErrNoReply)
	}
	chunk := c.chunk
	if chunk == 0 {
		chunk = len(arriving)
	}
	var got []byte
	for part := range slices.Chunk(arriving, chunk) {
		got = append(got, part...)
		frame, err := c.frame(&got, f, false)
		if frame != nil || err != nil {
			return frame, err
		}
	}
	frame, err := c.frame(&got, f, true)
	switch {
	case frame != nil || err != nil:
		return frame, err
	case len(got) > 0:
		c.fail("the framer wants more after silence, with %q in hand", got)
	}
	return nil, fmt.Errorf("only rubbish came: %w", drivers.ErrNoReply)
}

// frame asks f until it neither skips nor finds anything.
func (c *transactor) frame(got *[]byte, f link.Framer, silent bool) ([]byte, error) {
	for {
		skip, frame, err := f(*got, silent)
		if err != nil && !errors.Is(err, drivers.ErrFrame) {
			c.fail("the framer's error does not wrap ErrFrame: %v", err)
		}
		if frame != nil || err != nil {
			return bytes.Clone(frame), err
		}
		if skip == 0 {
			return nil, nil
		}
		*got = (*got)[skip:]
		if len(*got) == 0 {
			return nil, nil
		}
	}
}

type tree struct {
	conn
	simulated.Tree
}

// Listen hears what the simulator says unasked, as often as the suite has patience for, with spoil on the way.
func (c *transactor) Listen(ctx context.Context, f link.Framer) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		push := c.sim.Push()
		if push == nil {
			return
		}
		var got []byte
		n := 0
		for _, said := range push {
			if c.spoil != nil {
				said = c.spoil(n, nil, bytes.Clone(said))
			}
			chunk := max(1, len(said))
			if c.chunk > 0 {
				chunk = c.chunk
			}
			for part := range slices.Chunk(said, chunk) {
				got = append(got, part...)
				for len(got) > 0 {
					skip, frame, err := f(got, false)
					if err != nil && !errors.Is(err, drivers.ErrFrame) {
						c.fail("the framer's error does not wrap ErrFrame: %v", err)
					}
					frame = bytes.Clone(frame)
					got = got[min(skip+len(frame), len(got)):]
					if (frame != nil || err != nil) && !yield(frame, err) {
						return
					}
					if frame == nil && err == nil && skip == 0 {
						break
					}
				}
			}
			if n++; n >= pushes || c.done(ctx) != nil {
				return
			}
		}
	}
}

const pushes = 8 // that a listener hears before the line falls silent

type bus struct{ conn }

func (c *bus) Tx(_ uint16, w, r []byte) error {
	if c.broken != nil {
		return c.broken
	}
	copy(r, c.answer(w))
	return nil
}
