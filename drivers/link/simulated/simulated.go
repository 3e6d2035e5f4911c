// Package simulated puts a driver's simulator at the end of a link: inside the process, for the demo and tests, or behind a real
// pseudo-terminal or socket, paced and disturbed like the real line.
package simulated

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"time"

	"sunwire/drivers/link"
	"sunwire/drivers/link/stream"
)

// Options are what the simulated cable is like.
type Options struct {
	Baud    int    // 0: no time passes
	Address uint16 // of the chip on a bus; 0: it answers at every address
}

// byteTime is what a byte takes: eight bits, start and stop.
func byteTime(baud int) time.Duration { return 10 * time.Second / time.Duration(baud) }

// New is a link of that kind with s at its end.
func New(kind link.Kind, s link.Simulator, o Options) (link.Conn, error) {
	c := conn{kind: kind, sim: s, o: o}
	switch kind {
	case link.Serial, link.HID, link.TCP, link.UDP, link.BLE:
		return &line{c}, nil
	case link.I2C:
		return &bus{c}, nil
	case link.File:
		return &tree{c, func(path string) []byte { return s.Answer([]byte(path)) }}, nil
	case link.HTTP:
		return &fetcher{c}, nil
	case link.MQTT:
		return &subscriber{c}, nil
	}
	return nil, fmt.Errorf("a %s link cannot be simulated", kind)
}

type conn struct {
	kind link.Kind
	sim  link.Simulator
	o    Options
}

func (c *conn) Kind() link.Kind { return c.kind }
func (c *conn) Close() error    { return nil }

// Wait takes no time where the line takes none.
func (c *conn) Wait(ctx context.Context, d time.Duration) error {
	if c.o.Baud == 0 {
		return ctx.Err()
	}
	return link.Sleep(ctx, d)
}

func (c *conn) pace(ctx context.Context, bytes int) error {
	if c.o.Baud == 0 {
		return ctx.Err()
	}
	return c.Wait(ctx, time.Duration(bytes)*byteTime(c.o.Baud))
}

// line is a Transactor and a Listener.
type line struct{ conn }

// Transact implements link.Transactor.
func (l *line) Transact(ctx context.Context, r link.Request) ([]byte, error) {
	if err := l.pace(ctx, len(r.Bytes)); err != nil {
		return nil, err
	}
	reply := l.sim.Answer(r.Bytes)
	if err := l.pace(ctx, len(reply)); err != nil {
		return nil, err
	}
	for _, silent := range []bool{false, true} {
		rest, frame, err := stream.Next(r.Frame, reply, silent)
		if frame != nil || err != nil {
			return frame, err
		}
		reply = rest
	}
	if len(reply) > 0 {
		return nil, fmt.Errorf("simulated: %w: no whole reply", link.ErrFrame)
	}
	if err := l.Wait(ctx, r.First); err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("simulated: %w within %v", link.ErrNoReply, r.First)
}

// Listen implements link.Listener.
func (l *line) Listen(ctx context.Context, f link.Framer) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		push := l.sim.Push()
		if push == nil {
			<-ctx.Done()
			return
		}
		var b []byte
		for pause, said := range push {
			if link.Sleep(ctx, pause) != nil {
				return
			}
			b = append(b, said...)
			for {
				var frame []byte
				var err error
				b, frame, err = stream.Next(f, b, false)
				if (frame != nil || err != nil) && !yield(frame, err) {
					return
				}
				if frame == nil {
					break
				}
			}
		}
	}
}

// fetcher is a Fetcher: a path in, a body out.
type fetcher struct{ conn }

// Get implements link.Fetcher.
func (f *fetcher) Get(ctx context.Context, path string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	body := f.sim.Answer([]byte(path))
	if body == nil {
		return nil, fmt.Errorf("simulated: %w to %s", link.ErrNoReply, path)
	}
	return body, nil
}

// subscriber is a Subscriber: what is pushed is a topic, a blank, and the payload.
type subscriber struct{ conn }

// Subscribe implements link.Subscriber. Whoever pushes knows the topics: nothing is sorted out.
func (s *subscriber) Subscribe(ctx context.Context, _ ...string) iter.Seq2[link.Message, error] {
	return func(yield func(link.Message, error) bool) {
		if push := s.sim.Push(); push != nil {
			for pause, said := range push {
				topic, payload, _ := bytes.Cut(said, []byte(" "))
				if link.Sleep(ctx, pause) != nil || !yield(link.Message{Topic: string(topic), Payload: payload}, nil) {
					return
				}
			}
		}
		<-ctx.Done()
	}
}

// tree is Files.
type tree struct {
	conn
	Tree
}

// bus is a Bus with one chip on it.
type bus struct{ conn }

// Tx implements link.Bus.
func (b *bus) Tx(addr uint16, w, r []byte) error {
	if b.o.Address != 0 && addr != b.o.Address {
		return fmt.Errorf("simulated bus: nothing acknowledges at 0x%02x", addr)
	}
	out := b.sim.Answer(w)
	if n := copy(r, out); n < len(r) {
		return fmt.Errorf("simulated bus: %d of %d bytes read at 0x%02x", n, len(r), addr)
	}
	return nil
}
