package wire

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/link"
)

// Protocol is one dialect: how it frames, and what it can be asked. Nothing changes it once it is in use.
type Protocol struct {
	Name, Manufacturer, Model string // Model where the device does not tell

	Address, Last uint16        // the address of one that was not given, and the highest; 0: it has none
	Second        uint16        // where those are asked, in turn, that do not answer at Address; 0: there are none
	First, Gap    time.Duration // see link.Request

	// Request is what asks c of the device with that address.
	Request func(c *Command, address int) []byte
	// Length is how long the reply is that b begins with; 0: not to be seen yet; less: no reply begins so.
	Length func(b []byte) int
	Sum    Sum
	Exact  bool // a reply has just what its layout says: by its shape alone it is told from another command's
	Piece  bool // a reply is a series of frames, each with its checksum
	// Match reports whether a whole frame answers c: nil, ErrUnsupported by which the device refuses, or why it does not. address is Any
	// where nobody knows it.
	Match func(c *Command, address int, frame []byte) error
	// Payload is the part of a frame that the layout reads; nil: from Head to Tail bytes before the end.
	Payload    func(c *Command, frame []byte) ([]byte, error)
	Wrap       func(c *Command, frame, payload []byte) []byte // Payload's way back; nil: the payload is a part of frame
	Head, Tail int

	Commands []Command
	Setter   *Setter // nil: nothing can be written
	Greeting string  // a command without which some devices do not answer others on a new connection; "": there is none

	Variant, Why string // of one of Variants: its name, and what of a device's frames told

	// Whole and Parts are keys: in series, all parts are the whole (the cells of a pack). Where they are not, the layout is not the
	// device's, and Instead names what to try.
	Whole, Parts, Instead string
	Asleep                func(c *Command, payload []byte) bool // a reply that says nothing but that
	Claim                 func(frame []byte, address int)       // gives a reply the address of the simulated device; nil: it has none

	parts, counters  map[string]bool // keys of Parts, and of Amount fields
	partMin, partMax float64
}

// Any is the address of a device that nobody told.
const Any = -1

// Command is one question.
type Command struct {
	Name     string
	Also     []string // what mpp-solar and others call it
	Code     uint16
	Pace     drivers.Pace
	Example  []byte // a whole reply of a real device, which the simulator shows by default
	Layout   *Layout
	Others   []*Layout                // of other firmwares, with the same keys
	Pick     func(payload []byte) int // which of Others; -1: Layout
	OnDemand bool                     // not polled; asked by Describe where it tells something
	Per      int                      // values in one frame of a series as long as Number needs; 0: one frame
	Number   string                   // key of what was told before: how many values there are, of a row too
	// Next makes a series of several questions, which are one reply of a Piece protocol: what is asked behind these frames, 0: no more.
	Next      func(frames []byte) (code uint16)
	Function  byte   // of Modbus; 0: the protocol's
	Registers uint16 // how many are read from Code on, where it is registers that are read
}

// compile makes the tables ready; it is done once.
func (p *Protocol) compile() *Protocol {
	p.parts, p.counters = map[string]bool{}, map[string]bool{}
	done := map[*Layout]bool{}
	for i := range p.Commands {
		l := p.Commands[i].Layout
		for _, l := range append([]*Layout{l}, p.Commands[i].Others...) {
			if !done[l] {
				l.compile()
			}
			done[l] = true
		}
		for _, f := range l.Fields {
			if f.Tells == Amount {
				p.counters[f.Key] = true
			}
			if f.Key == p.Parts {
				p.partMin, p.partMax = f.Min, f.Max
				for _, e := range f.each {
					p.parts[e.Key] = true
				}
			}
		}
	}
	return p
}

// identifies reports whether the reply has something that names the device; counts, whether it has something to be counted.
func (c *Command) identifies() bool {
	return slices.ContainsFunc(c.Layout.Fields, func(f Field) bool { return f.Tells > Nothing && f.Tells < Amount })
}

func (c *Command) tellsSerial() bool {
	return slices.ContainsFunc(c.Layout.Fields, func(f Field) bool { return f.Tells == Serial })
}

func (c *Command) counts() bool {
	return slices.ContainsFunc(c.Layout.Fields, func(f Field) bool { return f.Tells == Amount || f.Many.Max > 0 && f.Key != "" || f.Optional })
}

// layout is the one that fits the payload.
func (c *Command) layout(payload []byte) *Layout {
	if c.Pick != nil {
		if n := c.Pick(payload); n >= 0 {
			return c.Others[n]
		}
	}
	return c.Layout
}

func (p *Protocol) find(name string) []*Command {
	var found []*Command
	for i := range p.Commands {
		if c := &p.Commands[i]; c.Name == name || slices.Contains(c.Also, name) {
			found = append(found, c)
		}
	}
	return found
}

// whole is how long the reply to c is that b begins with, of that many pieces; as Length.
func (p *Protocol) whole(b []byte, pieces int) int {
	total := 0
	for range pieces {
		if total >= len(b) {
			return 0
		}
		n := p.Length(b[total:])
		if n <= 0 {
			return n
		}
		total += n
	}
	return total
}

// right reports whether every piece of frame has its checksum.
func (p *Protocol) right(frame []byte) bool {
	for len(frame) > 0 {
		n := p.Length(frame)
		if n <= 0 || n > len(frame) || !p.Sum.Right(frame[:n]) {
			return false
		}
		frame = frame[n:]
	}
	return true
}

const shown = 64 // bytes of what is no reply, in an error

// framer finds the answer to c among rubbish, echoes and other devices' frames.
func (p *Protocol) framer(c *Command, address, pieces int) link.Framer {
	return func(b []byte, silent bool) (skip int, frame []byte, err error) {
		waiting, foreign := -1, false
		for i := 0; i < len(b); i++ {
			n := p.whole(b[i:], pieces)
			if n < 0 {
				continue
			}
			if n == 0 || i+n > len(b) || !p.right(b[i:i+n]) {
				if waiting < 0 { // it may still become one; a damaged one stays, so that silence tells of it
					waiting = i
				}
				continue
			}
			if err := p.answers(c, address, b[i:i+n]); err == nil || errors.Is(err, drivers.ErrUnsupported) {
				return i, b[i : i+n], nil
			}
			if waiting < 0 && pieces == 1 {
				foreign = true
				i += n - 1
			}
		}
		if silent && len(b) > 0 && (!foreign || waiting >= 0) {
			return 0, nil, fmt.Errorf("%w: no whole reply in %d bytes [% x]", link.ErrFrame, len(b), b[:min(len(b), shown)])
		}
		if waiting < 0 {
			waiting = len(b)
		}
		return waiting, nil, nil
	}
}

// answers reports whether a whole frame answers c, as Match.
func (p *Protocol) answers(c *Command, address int, frame []byte) error {
	if err := p.Match(c, address, frame); err != nil || !p.Exact {
		return err
	}
	payload, err := p.Payload(c, frame)
	if err != nil {
		return err
	}
	end, err := c.layout(payload).walk(payload, func(*Field, *drivers.Entity, []byte) {})
	if err == nil && end != len(payload) {
		err = fmt.Errorf("%w: %d bytes too many for %s", drivers.ErrFrame, len(payload)-end, c.Name)
	}
	return err
}

// open checks a whole reply to c and gives its payload.
func (p *Protocol) open(c *Command, address int, frame []byte) ([]byte, error) {
	if len(frame) == 0 || !p.right(frame) || !p.Piece && p.Length(frame) != len(frame) {
		return nil, fmt.Errorf("%w: no reply with a right checksum in %d bytes [% x]", drivers.ErrFrame, len(frame), frame[:min(len(frame), shown)])
	}
	if err := p.answers(c, address, frame); err != nil {
		return nil, err
	}
	if p.Payload != nil {
		return p.Payload(c, frame)
	}
	if len(frame) < p.Head+p.Tail {
		return nil, fmt.Errorf("%w: %d bytes are too few", drivers.ErrFrame, len(frame))
	}
	return frame[p.Head : len(frame)-p.Tail], nil
}

func (p *Protocol) decode(c *Command, address int, frame []byte) ([]drivers.Decoded, *Layout, error) {
	payload, err := p.open(c, address, frame)
	if err != nil {
		return nil, nil, fmt.Errorf("%s %s: %w", p.Name, c.Name, err)
	}
	if p.Asleep != nil && p.Asleep(c, payload) {
		return nil, nil, fmt.Errorf("%s %s: the device sleeps: charge or discharge it to wake it: %w", p.Name, c.Name, drivers.ErrNoReply)
	}
	layout := c.layout(payload)
	decoded, _, err := layout.Decode(nil, "", payload)
	if err != nil {
		return nil, nil, fmt.Errorf("%s %s: %w", p.Name, c.Name, err)
	}
	return decoded, layout, nil
}

func (p *Protocol) names() (all []string) {
	for i := range p.Commands {
		all = append(all, p.Commands[i].Name)
	}
	return all
}

// Decode reads a whole reply to the command of that name.
func (p *Protocol) Decode(name string, frame []byte) (decoded []drivers.Decoded, err error) {
	err = fmt.Errorf("%s has no command %q; it has %s", p.Name, name, strings.Join(p.names(), ", "))
	for _, c := range p.find(name) {
		if decoded, _, err = p.decode(c, Any, frame); err == nil {
			return decoded, nil
		}
	}
	return nil, err
}

// Reseal renews the checksums of a reply that was changed.
func (p *Protocol) Reseal(frame []byte) []byte {
	frame = bytes.Clone(frame)
	for rest := frame; ; {
		n := len(rest)
		if l := p.Length(rest); p.Piece && l > 0 {
			n = min(l, n)
		}
		p.Sum.Seal(rest[:n])
		if rest = rest[n:]; len(rest) == 0 {
			return frame
		}
	}
}

// Begins compares the beginning of b with start: 1 it is there, 0 it may still become so, -1 it is not.
func Begins(b []byte, start ...byte) int {
	for i, x := range start {
		if i >= len(b) {
			return 0
		}
		if b[i] != x {
			return -1
		}
	}
	return 1
}
