package wire

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/link"
)

// cellsOfTwo is a made-up pack that tells two cells at a time: a code, two words in mV, a sum.
func cellsOfTwo() *Protocol {
	const size = 6
	p := &Protocol{
		Name: "made_up", Sum: Sum{Of: Add, Size: 1}, Piece: true,
		First: time.Second, Gap: time.Second,
		Request: func(c *Command, _ int) []byte { return []byte{byte(c.Code)} },
		Length:  func([]byte) int { return size },
		Match: func(c *Command, _ int, f []byte) error {
			for n, code := 0, c.Code; n < len(f); n += size {
				if f[n] != byte(code) {
					return drivers.ErrFrame
				}
				if c.Next != nil {
					code = c.Next(f[:n+size])
				}
			}
			return nil
		},
		Payload: func(_ *Command, f []byte) (out []byte, _ error) {
			for ; len(f) > 0; f = f[size:] {
				out = append(out, f[1:5]...)
			}
			return out, nil
		},
	}
	p.Commands = []Command{{
		Name: "cells", Code: 1, Layout: &Layout{Fields: []Field{
			{Entity: drivers.Entity{Key: "cell_%02d_voltage", Name: "Cell %02d", Max: 5}, Form: U16, Per: 1000, Many: Many{Max: 6, Count: Fitted(6)}},
		}},
		Next: func(f []byte) uint16 {
			if f[len(f)-2] == 0 && f[len(f)-3] == 0 || len(f) == 3*size {
				return 0
			}
			return uint16(f[len(f)-size]) + 1
		},
	}}
	return p.compile()
}

// script answers the questions it knows.
type script map[string]string

func (script) Kind() link.Kind                                 { return link.Serial }
func (script) Close() error                                    { return nil }
func (script) Wait(ctx context.Context, _ time.Duration) error { return ctx.Err() }
func (s script) Transact(_ context.Context, r link.Request) ([]byte, error) {
	reply, ok := s[string(r.Bytes)]
	if !ok {
		return nil, link.ErrNoReply
	}
	_, frame, err := r.Frame([]byte(reply), true)
	if frame == nil && err == nil {
		err = link.ErrNoReply
	}
	return bytes.Clone(frame), err
}

func TestASeriesIsAskedUntilItsEndAndNoFurther(t *testing.T) {
	p := cellsOfTwo()
	one, two, half := p.Reseal([]byte("\x01\x0c\xe4\x0c\xe5?")), p.Reseal([]byte("\x02\x0c\xe6\x0c\xe7?")), p.Reseal([]byte("\x02\x0c\xe6\x00\x00?"))
	three := p.Reseal([]byte("\x03\x0c\xe8\x00\x00?"))
	for name, c := range map[string]struct {
		replies script
		cells   int
		err     error
	}{
		"three cells, and no third answer":     {script{"\x01": string(one), "\x02": string(half)}, 3, nil},
		"five cells":                           {script{"\x01": string(one), "\x02": string(two), "\x03": string(three)}, 5, nil},
		"the second is silent":                 {script{"\x01": string(one)}, 0, drivers.ErrNoReply},
		"the first again in place of a second": {script{"\x01": string(one), "\x02": string(one)}, 0, drivers.ErrNoReply},
	} {
		d, err := p.Open(c.replies, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		desc, err := d.Describe(t.Context())
		if !errors.Is(err, c.err) || len(desc.Entities) != c.cells {
			t.Errorf("%s: %d cells, error %v", name, len(desc.Entities), err)
		}
	}
	if got, err := p.Decode("cells", append(bytes.Clone(two), three...)); err == nil {
		t.Errorf("a series that begins with its second frame gives %d cells", len(got))
	}
}

func TestADeadCellAmongOthersKeepsItsPlace(t *testing.T) {
	for row, want := range map[string]int{
		"\x0c\xe4\x00\x00\x0c\xe5\x00\x00": 3, "\x00\x00\x00\x00\x00\x00\x00\x00": 0, "\x00\x01\x00\x01\x00\x01\x00\x01": 3, "\x0c\xe4\x0c": 1,
	} {
		if n, taken := Fitted(3)([]byte("?"+row), 1); n != want || taken != 0 {
			t.Errorf("% x has %d cells, want %d", row, n, want)
		}
	}
}

func TestAnExceptionOfModbusIsARefusalOrAFailure(t *testing.T) {
	p := RTU(&Protocol{Last: 3}, 3, 0x80, 0x50)
	c := &Command{Name: "all", Code: 0x0102, Registers: 1}
	if got := p.Request(c, 2); !bytes.Equal(got[:6], []byte{0x82, 3, 1, 2, 0, 1}) || !p.Sum.Right(got) {
		t.Errorf("asked % x", got)
	}
	for frame, want := range map[string]error{
		"\x52\x03\x02\x00\x07": nil, "\x51\x03\x02\x00\x07": drivers.ErrFrame, "\x52\x03\x04\x00\x07\x00\x00": drivers.ErrFrame,
		"\x52\x83\x02": drivers.ErrUnsupported, "\x52\x83\x06": drivers.ErrFrame,
	} {
		f := p.Sealed(frame)
		if n := p.Length(f); n != len(f) {
			t.Errorf("% x has %d bytes, not %d", f, n, len(f))
		}
		if err := p.Match(c, 2, f); !errors.Is(err, want) {
			t.Errorf("% x: %v, want %v", f, err, want)
		}
	}
	if n := p.Length([]byte{0x54, 3, 2}); n != -1 {
		t.Errorf("what no address has may become %d bytes", n)
	}
}
