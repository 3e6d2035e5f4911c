package wire

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/link"
)

// Setter is how a protocol writes its settings: the fields whose entity has a Setting, each at its Register.
type Setter struct {
	Unlock  func(address int) []byte // is said before and not answered; nil: nothing is
	Request func(w Write) []byte
	Length  func(b []byte) int // of an answer, as Protocol's
	Sum     Sum
	// Answer reports what a whole frame says of w: nil, it is taken; ErrRefused, it is not; ErrFrame, it answers something else.
	Answer func(w Write, frame []byte) error
	// Raw is what is written for v where that hangs on more than v; it may ask the device. Obey is the way back.
	Raw  func(ctx context.Context, d *Device, key string, v drivers.Value) (uint32, error)
	Obey func(raw uint32, tell func(key string, v drivers.Value))

	Parse func(request []byte) Write       // what a request of the right length asks for; the simulator compares it with Request's
	Reply func(w Write, taken bool) []byte // what the device answers; nil: silence
}

// Write is one write on its way: a setting as it lies on the wire.
type Write struct {
	Address  int
	Register uint16
	Raw      uint32
}

// unlocking is how long the device may take to note that it is unlocked.
const unlocking = 150 * time.Millisecond

// Controller is a Device with settings.
type Controller struct{ *Device }

// Set writes one setting, once. What the device does not acknowledge is an error, ErrRefused where it says so: whether the setting is taken
// then, only reading it tells.
func (d *Controller) Set(ctx context.Context, unit, key string, v drivers.Value) error {
	w, err := d.writing(ctx, unit, key, v)
	if err != nil {
		return fmt.Errorf("%s: %w", d.Name, err)
	}
	if d.shy {
		if _, err := d.exchange(ctx, d.find(d.Greeting)[0]); err != nil {
			return err
		}
		if err := d.link.Wait(ctx, d.Gap); err != nil { // what it says behind the greeting is no acknowledgement
			return err
		}
	}
	if d.Setter.Unlock != nil {
		r := link.Request{Bytes: d.Setter.Unlock(d.address), Frame: d.Setter.framer(nobody), First: unlocking, Gap: d.Gap}
		if _, err := d.link.Transact(ctx, r); err != nil && !errors.Is(err, drivers.ErrNoReply) {
			return fmt.Errorf("%s: unlock before %s is written: %w", d.Name, key, err)
		}
	}
	answer := func(frame []byte) error { return d.Setter.Answer(w, frame) }
	frame, err := d.link.Transact(ctx, link.Request{Bytes: d.Setter.Request(w), Frame: d.Setter.framer(answer), First: d.First, Gap: d.Gap})
	if err == nil {
		err = answer(frame)
	}
	if err != nil {
		return fmt.Errorf("%s: write %s: %w", d.Name, key, err)
	}
	return nil
}

// nobody is answered by no frame.
func nobody([]byte) error { return drivers.ErrFrame }

// framer finds a whole frame of which answer says that it is taken or refused.
func (s *Setter) framer(answer func(frame []byte) error) link.Framer {
	p := &Protocol{Length: s.Length, Sum: s.Sum, Match: func(_ *Command, _ int, frame []byte) error {
		if err := answer(frame); !errors.Is(err, drivers.ErrRefused) {
			return err
		}
		return nil
	}}
	return p.framer(nil, Any, 1)
}

func (d *Controller) writing(ctx context.Context, unit, key string, v drivers.Value) (w Write, err error) {
	l, f, e := d.setting(func(_ *Field, e *drivers.Entity) bool { return e.Key == key })
	if f == nil || unit != "" || !d.declared[key] {
		return w, fmt.Errorf("%s is no setting", key)
	}
	if err := within(e, v); err != nil {
		return w, err
	}
	w = Write{Address: d.address, Register: f.Register}
	if d.Setter.Raw != nil {
		w.Raw, err = d.Setter.Raw(ctx, d.Device, key, v)
		return w, err
	}
	b := make([]byte, f.size(0))
	l.put(f, b, v)
	if back, _ := l.value(f, b); !alike(back, v) {
		return w, fmt.Errorf("%s cannot be %s, only %s", key, v.Format(-1), back.Format(-1))
	}
	w.Raw = l.unsigned(b)
	return w, nil
}

// setting is the first setting that fits, with its layout; nil: there is none.
func (p *Protocol) setting(fits func(*Field, *drivers.Entity) bool) (*Layout, *Field, *drivers.Entity) {
	for i := range p.Commands {
		l := p.Commands[i].Layout
		for n := range l.Fields {
			f := &l.Fields[n]
			if f.Setting != nil && fits(f, &f.Entity) {
				return l, f, &f.Entity
			}
			for k := range f.Bits {
				if f.Bits[k].Setting != nil && fits(f, &f.Bits[k]) {
					return l, f, &f.Bits[k]
				}
			}
		}
	}
	return nil, nil, nil
}

// within says why e cannot be v; nil where it can.
func within(e *drivers.Entity, v drivers.Value) error {
	n, isNumber := v.Float()
	_, isBool := v.Bool()
	switch {
	case e.Platform == drivers.Binary && !isBool:
		return fmt.Errorf("%s is on or off, not %q", e.Key, v.Format(-1))
	case e.Platform == drivers.Sensor && (!isNumber || n < e.Setting.Min || n > e.Setting.Max):
		return fmt.Errorf("%s cannot be %q; it can be %g to %g", e.Key, v.Format(-1), e.Setting.Min, e.Setting.Max)
	}
	return nil
}

func alike(a, b drivers.Value) bool {
	x, isX := a.Float()
	y, isY := b.Float()
	return isX && isY && math.Abs(x-y) < 1e-6 || a == b
}

// obey does what a write asks of the simulated device.
func (s *simulator) obey(request []byte) []byte {
	w := s.Setter.Parse(request)
	if w.Address != s.address || string(s.Setter.Request(w)) != string(request) {
		return nil // damaged, for another, or no write: Unlock has no answer either
	}
	tell := func(key string, v drivers.Value) { s.told[key] = v }
	l, f, _ := s.setting(func(f *Field, _ *drivers.Entity) bool { return f.Register == w.Register })
	switch {
	case f == nil:
		return s.Setter.Reply(w, false)
	case s.Setter.Obey != nil:
		s.Setter.Obey(w.Raw, tell)
		return s.Setter.Reply(w, true)
	}
	b := make([]byte, f.size(0))
	l.store(b, w.Raw)
	v, _ := l.value(f, b)
	taken := !v.Absent() && within(&f.Entity, v) == nil
	if taken {
		tell(f.Key, v)
	}
	return s.Setter.Reply(w, taken)
}
