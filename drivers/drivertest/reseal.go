package drivertest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"sunwire/drivers"
)

// reseal spoils what a checksum covers and seals it again: a sick device, or a frame of another form. A changed value is no fault then,
// but a field that does not parse is absent, never 0 or off, and a frame that ends early gives no value that was not in it.
func (s *suite) reseal() {
	if s.d.Reseal == nil {
		return
	}
	plain := s.simulated(model{})
	if plain == nil {
		return
	}
	dev := s.simulated(plain.full())
	if dev == nil {
		return
	}
	for _, q := range dev.queries {
		truth, err := dev.clean(q)
		if err != nil {
			s.fail("%s: the simulator's answer gives %v", q.Name, err)
			continue
		}
		for k, x := range dev.line.exchanges {
			if sealed := s.sealed(x.reply); !bytes.Equal(sealed, x.reply) {
				s.fail("%s: Reseal changes a good reply %q to %q", q.Name, x.reply, sealed)
				continue
			}
			s.sealedDamage(dev, q, k, x.reply, truth)
		}
	}
}

func (s *suite) sealed(reply []byte) []byte { return s.d.Reseal(bytes.Clone(reply)) }

func (s *suite) sealedDamage(dev *device, q query, k int, reply []byte, truth values) {
	try := func(what string, spoilt []byte) values {
		spoilt = s.sealed(spoilt)
		dev.line.listen(func(n int, _, own []byte) []byte {
			if n == k {
				return spoilt
			}
			return own
		})
		got, err := dev.ask(q)
		if err != nil && !reasoned(err) {
			s.fail("%s: %s: an error that the bridge does not know: %v", q.Name, what, err)
		}
		if errors.Is(err, drivers.ErrUnsupported) {
			s.fail("%s: %s: taken for a refusal: %v", q.Name, what, err)
		}
		return got
	}
	for i := range reply {
		what := fmt.Sprintf("resealed after %d of %d bytes", i, len(reply))
		got := try(what, reply[:i])
		for _, key := range s.f.Shorter {
			delete(got, key)
		}
		s.noOther(q, what, got, truth)
		for _, c := range []byte{0xff, 'x'} { // in no protocol a digit
			b := bytes.Clone(reply)
			b[i] = c
			what := fmt.Sprintf("byte %d of %d is %q, resealed", i, len(reply), c)
			s.noFalseZero(q, what, try(what, b), truth)
		}
		try(fmt.Sprintf("byte %d of %d is a blank, resealed", i, len(reply)), slices.Concat(reply[:i], []byte{' '}, reply[i+1:]))
		try(fmt.Sprintf("byte %d of %d lost, resealed", i, len(reply)), slices.Concat(reply[:i], reply[i+1:]))
		try(fmt.Sprintf("byte %d of %d twice, resealed", i, len(reply)), slices.Concat(reply[:i+1], reply[i:]))
	}
}

// noFalseZero: truth has neither a 0 nor an off that counts, so that one in got is invented.
func (s *suite) noFalseZero(q query, what string, got, truth values) {
	for id, v := range got {
		f, number := v.Float()
		on, state := v.Bool()
		if v != truth[id] && !slices.Contains(s.f.Shared, id) && (number && f == 0 || state && !on) {
			s.fail("%s: %s: %s is a false zero", q.Name, what, id)
		}
	}
}
