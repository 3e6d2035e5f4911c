package drivertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"sunwire/drivers"
)

// bus: an I2C bus has no checksums. One bad transfer is noticed, or does no harm; a line that is stuck gives nothing to believe.
func (s *suite) bus() {
	plain := s.simulated(model{})
	if plain == nil || !plain.onBus() {
		return
	}
	m := plain.state(middle, 0)
	dev := s.simulated(m)
	if dev == nil {
		return
	}
	for _, q := range dev.queries {
		for _, fresh := range []bool{true, false} { // the first poll sets the chip up, the second one only reads
			s.oneTransfer(m, q, fresh)
			for _, stuck := range []byte{0x00, 0xff} {
				if stuck != 0 || !s.f.Dark {
					s.stuckLine(m, q, fresh, stuck)
				}
			}
			s.noAcknowledge(m, q, fresh)
			s.forgetful(m, q, fresh)
		}
	}
}

// polled is a device that was just opened, or has been polled already; nil where that failed.
func (s *suite) polled(m model, q query, fresh bool) (dev *device, truth values) {
	dev = s.simulated(m)
	if dev == nil {
		return nil, nil
	}
	reference := s.simulated(m)
	truth, err := reference.clean(q)
	if err == nil && !fresh {
		_, err = dev.clean(q)
	}
	if err != nil {
		s.fail("%s: the simulator's answer gives %v", q.Name, err)
		return nil, nil
	}
	return dev, truth
}

// oneTransfer spoils each byte of each transfer, one at a time.
func (s *suite) oneTransfer(m model, q query, fresh bool) {
	dev, _ := s.polled(m, q, fresh)
	if dev == nil {
		return
	}
	if _, err := dev.clean(q); err != nil {
		s.fail("%s: %v", q.Name, err)
	}
	const widest = 48 // bytes of one transfer that are looked at
	for k, x := range dev.line.exchanges {
		for i := range min(len(x.reply), widest) {
			for _, flip := range []byte{0x01, 0x10, 0x80, 0xff} {
				dev, truth := s.polled(m, q, fresh)
				if dev == nil {
					return
				}
				dev.line.listen(func(n int, _, reply []byte) []byte {
					if n == k && i < len(reply) {
						reply[i] ^= flip
					}
					return reply
				})
				got, err := dev.ask(q)
				what := fmt.Sprintf("transfer %d (%q), byte %d ^ %#02x", k, x.request, i, flip)
				s.nearly(q, what, got, truth)
				if err != nil && len(got) > 0 {
					s.fail("%s: %s: values and an error", q.Name, what)
				}
			}
		}
	}
}

// nearly: the same values, but for the noise that a simulated chip may have.
func (s *suite) nearly(q query, what string, got, truth values) {
	for _, key := range q.Keys {
		id := q.id(key)
		if v, there := got[id]; there && !same(q.entities[key], v, truth[id], 1) {
			s.fail("%s: %s: %s is %q instead of %q", q.Name, what, id, v.Format(-1), truth[id].Format(-1))
		}
	}
}

// stuckLine: everything reads as one and the same byte.
func (s *suite) stuckLine(m model, q query, fresh bool, stuck byte) {
	dev, _ := s.polled(m, q, fresh)
	if dev == nil {
		return
	}
	dev.line.listen(func(_ int, _, reply []byte) []byte { return bytes.Repeat([]byte{stuck}, len(reply)) })
	if got, err := dev.ask(q); err == nil || len(got) > 0 {
		s.fail("%s: all bytes %#02x: %d values, error %v", q.Name, stuck, len(got), err)
	}
	if _, err := dev.Describe(context.Background()); err == nil {
		s.fail("describe: all bytes %#02x: no error", stuck)
	}
	s.recovers(dev, q)
}

// noAcknowledge: the chip is gone.
func (s *suite) noAcknowledge(m model, q query, fresh bool) {
	dev, _ := s.polled(m, q, fresh)
	if dev == nil {
		return
	}
	dev.line.broken = errors.New("remote I/O error")
	if got, err := dev.ask(q); !errors.Is(err, drivers.ErrNoReply) || len(got) > 0 {
		s.fail("%s: without an acknowledge: %d values, and the error %v, which is not %v", q.Name, len(got), err, drivers.ErrNoReply)
	}
	dev.line.broken = nil
	s.recovers(dev, q)
}

// forgetful: a chip that lost its power, and with it all that was written to it, is not believed before it is set up again.
func (s *suite) forgetful(m model, q query, fresh bool) {
	dev, truth := s.polled(m, q, fresh)
	if dev == nil {
		return
	}
	dev.line.sim = s.d.Simulate(m, 0)
	const tries = 2 // one may fail
	for n := range tries {
		got, err := dev.clean(q)
		s.nearly(q, "after a loss of power", got, truth)
		if err == nil && len(got) < len(truth) || err != nil && n+1 == tries {
			s.fail("%s: poll %d after a loss of power: %d values of %d, error %v", q.Name, n+1, len(got), len(truth), err)
		}
	}
}

func (s *suite) recovers(dev *device, q query) {
	if got, err := dev.clean(q); err != nil || len(got) == 0 {
		s.fail("%s: when the fault has gone: %d values, error %v", q.Name, len(got), err)
	}
}
