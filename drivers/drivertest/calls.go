package drivertest

import (
	"context"
	"errors"

	"sunwire/drivers"
)

// calls: what the bridge relies on when nothing comes, when the device refuses and when it is to stop.
func (s *suite) calls() {
	plain := s.simulated(model{})
	if plain == nil {
		return
	}
	dev := s.simulated(plain.state(middle, 0))
	if dev == nil {
		return
	}
	for _, q := range dev.queries {
		if _, err := dev.clean(q); err != nil {
			s.fail("%s: the simulator's answer gives %v", q.Name, err)
		}
		s.cancelled(dev, q)
		if !dev.onBus() {
			s.answered(dev, q, "silence", nil, drivers.ErrNoReply)
		}
		if s.f.Refusal != nil {
			s.answered(dev, q, "a refusal", s.f.Refusal, drivers.ErrUnsupported)
		}
	}
	unknown := query{Query: drivers.Query{Name: "no such query"}}
	if _, err := dev.clean(unknown); err == nil {
		s.fail("a query that it does not have gives no error")
	}
	for _, command := range append(s.commands(), "", "no such command") {
		for _, reply := range [][]byte{nil, {}, {0}, []byte("rubbish"), s.f.Refusal} {
			s.rubbish(command, reply)
		}
	}
}

// answered: with reply in place of everything, q fails for that reason and gives nothing.
func (s *suite) answered(dev *device, q query, what string, reply []byte, reason error) {
	dev.line.listen(func(int, []byte, []byte) []byte { return reply })
	if got, err := dev.ask(q); !errors.Is(err, reason) || len(got) > 0 {
		s.fail("%s: %s gives %d values and the error %v, which is not %v", q.Name, what, len(got), err, reason)
	}
}

// cancelled: neither before nor in the middle of an exchange is a driver deaf.
func (s *suite) cancelled(dev *device, q query) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	dev.line.listen(nil)
	if got, err := dev.poll(ctx, q); !errors.Is(err, context.Canceled) || len(got) > 0 || len(dev.line.exchanges) > 0 {
		s.fail("%s: cancelled before, it asks %d times, gives %d values and the error %v", q.Name, len(dev.line.exchanges), len(got), err)
	}
	ctx, cancel = context.WithCancel(context.Background())
	defer cancel()
	dev.line.listen(func(_ int, _, reply []byte) []byte { cancel(); return reply })
	if got, err := dev.poll(ctx, q); !errors.Is(err, context.Canceled) || len(got) > 0 || len(dev.line.exchanges) > 1 {
		s.fail("%s: cancelled in the middle, it asks %d times, gives %d values and the error %v", q.Name, len(dev.line.exchanges), len(got), err)
	}
}

// rubbish is not decoded to anything but a refusal, and nothing panics.
func (s *suite) rubbish(command string, reply []byte) {
	fields, err := s.d.Decode(command, reply)
	if err != nil {
		return
	}
	for _, f := range fields {
		if f.Entity != nil && f.Entity.Key != "reply" && !f.Value.Absent() {
			s.fail("decode %q: %q gives %s = %q", command, reply, f.Entity.Key, f.Value.Format(-1))
		}
	}
}
