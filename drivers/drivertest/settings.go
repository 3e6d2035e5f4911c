package drivertest

import (
	"bytes"
	"context"
	"errors"

	"sunwire/drivers"
)

// settings: what can be set is written as asked, once, and read back; a lost or damaged acknowledgement is an error; what cannot be set is
// refused before anything is sent. Settings that a device tells of only after it was polled are for the driver's own tests.
func (s *suite) settings() {
	plain := s.simulated(model{})
	if plain == nil {
		return
	}
	for _, q := range plain.queries {
		for _, key := range q.Keys {
			e := q.entities[key]
			if e == nil || e.Setting == nil || e.Platform != drivers.Sensor && e.Platform != drivers.Binary {
				continue
			}
			dev := s.simulated(model{})
			c, writes := dev.Device.(drivers.Controller)
			if !writes {
				s.fail("%s: can be set, and the device is no Controller", key)
				return
			}
			s.written(dev, c, q, e)
			s.unwritten(dev, c, q, e)
		}
	}
}

// ends are values at the ends of what e can be set to.
func ends(e *drivers.Entity) []drivers.Value {
	if e.Platform == drivers.Binary {
		return []drivers.Value{drivers.Bool(true), drivers.Bool(false)}
	}
	return []drivers.Value{drivers.Num(e.Setting.Max), drivers.Num(e.Setting.Min)}
}

func (s *suite) written(dev *device, c drivers.Controller, q query, e *drivers.Entity) {
	for _, v := range ends(e) {
		dev.line.listen(nil)
		if err := c.Set(context.Background(), q.unit, e.Key, v); err != nil {
			s.fail("%s is set to %q: %v", e.Key, v.Format(-1), err)
			return
		}
		sent := dev.line.exchanges
		for i, x := range sent {
			for _, other := range sent[:i] {
				if bytes.Equal(x.request, other.request) {
					s.fail("%s: %q is sent twice", e.Key, x.request)
				}
			}
		}
		got, err := dev.ask(q)
		if err != nil || !same(e, got[q.id(e.Key)], v, 0) {
			s.fail("%s was set to %q, and reads %q, %v", e.Key, v.Format(-1), got[q.id(e.Key)].Format(-1), err)
		}
		s.acknowledged(dev, c, q, e, v, len(sent)-1)
	}
}

// acknowledged: the reply to the last exchange of a write is its acknowledgement, whole and right, or there is none.
func (s *suite) acknowledged(dev *device, c drivers.Controller, q query, e *drivers.Entity, v drivers.Value, last int) {
	ack := dev.line.exchanges[last].reply
	spoilt := func(what string, reply []byte, reason error) {
		dev.line.listen(func(n int, _, right []byte) []byte {
			if n == last {
				return reply
			}
			return right
		})
		if err := c.Set(context.Background(), q.unit, e.Key, v); err == nil || reason != nil && !errors.Is(err, reason) || len(dev.line.exchanges) > last+1 {
			s.fail("%s: %s counts as an acknowledgement, or is not %v: %v, after %d exchanges", e.Key, what, reason, err, len(dev.line.exchanges))
		}
	}
	spoilt("silence", nil, drivers.ErrNoReply)
	for i := range ack {
		for bit := range 8 {
			damaged := bytes.Clone(ack)
			damaged[i] ^= 1 << bit
			spoilt("a damaged reply", damaged, nil)
		}
		spoilt("a part of the reply", ack[:i:i], nil)
	}
	dev.line.listen(nil)
}

// unwritten: nothing is sent for what cannot be.
func (s *suite) unwritten(dev *device, c drivers.Controller, q query, e *drivers.Entity) {
	refused := func(ctx context.Context, unit, key string, v drivers.Value) {
		dev.line.listen(nil)
		if err := c.Set(ctx, unit, key, v); err == nil || len(dev.line.exchanges) > 0 {
			s.fail("%s of unit %q is set to %q: error %v, and %d exchanges", key, unit, v.Format(-1), err, len(dev.line.exchanges))
		}
	}
	ctx := context.Background()
	refused(ctx, q.unit, e.Key, drivers.Value{})
	refused(ctx, q.unit, e.Key, drivers.Text("rubbish"))
	refused(ctx, q.unit, "no_such_key", ends(e)[0])
	refused(ctx, "no_such_unit", e.Key, ends(e)[0])
	if e.Platform == drivers.Sensor {
		refused(ctx, q.unit, e.Key, drivers.Num(e.Setting.Max+1))
		refused(ctx, q.unit, e.Key, drivers.Num(e.Setting.Min-1))
		refused(ctx, q.unit, e.Key, drivers.Bool(true))
	}
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	refused(ctx, q.unit, e.Key, ends(e)[0])
}
