package drivertest

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"sunwire/drivers"
	"sunwire/drivers/link"
)

// streamer is dev where it speaks by itself, else nil.
func (dev *device) streamer() drivers.Streamer {
	s, _ := dev.Device.(drivers.Streamer)
	return s
}

// said is everything that dev declares, as one query that nobody asks: its values have the same form.
func (dev *device) said() query {
	q := query{entities: map[string]*drivers.Entity{}}
	for i := range dev.desc.Entities {
		e := &dev.desc.Entities[i]
		q.Keys, q.entities[e.Key] = append(q.Keys, e.Key), e
	}
	return q
}

// heard is what a stream gave until it fell silent, the newest of each key; each reading is shown to see, which may be nil.
func (dev *device) heard(see func(values)) values {
	got, q := values{}, dev.said()
	for r, err := range dev.streamer().Stream(context.Background()) {
		if err != nil {
			if !reasoned(err) {
				dev.s.fail("an error that the bridge does not know: %v", err)
			}
			if errors.Is(err, link.ErrLost) {
				break
			}
			continue
		}
		one := values{}
		for _, f := range r.Sample {
			dev.form(q, r.Unit, f)
			one[(&query{unit: r.Unit}).id(f.Key)] = f.Value
		}
		if see != nil {
			see(one)
		}
		maps.Copy(got, one)
	}
	return got
}

// stream holds what is said unasked to the laws of round trip and damage.
func (s *suite) stream() {
	plain := s.simulated(model{})
	if plain == nil || plain.streamer() == nil {
		return
	}
	plain.queries = []query{plain.said()}
	most := 2
	for _, e := range plain.said().entities {
		most = max(most, len(e.Options))
	}
	for n := range most {
		s.saidBack(plain.state([]float64{middle, 0, 1}[n%3], n))
	}
	s.spoiltStream(plain.full())
	s.deaf(plain.full())
}

func (s *suite) saidBack(m model) {
	dev := s.simulated(m)
	if dev == nil {
		return
	}
	got := dev.heard(nil)
	for _, e := range dev.desc.Entities {
		if want, ok := m.values[e.Key]; ok && !same(&e, got[e.Key], want, 0.5) {
			s.fail("%s: simulated %q, heard %q", e.Key, want.Format(e.Quantity.Decimals), got[e.Key].Format(-1))
		}
	}
}

// spoiltStream: with one thing that was said damaged, no other value is heard, and what comes later is right again.
func (s *suite) spoiltStream(m model) {
	dev := s.simulated(m)
	if dev == nil {
		return
	}
	dev.line.listen(nil)
	truth := dev.heard(nil)
	q := dev.said()
	var whole []byte
	for _, b := range dev.line.sim.Push() {
		whole = b
		break
	}
	const third = 2 // push that is spoilt: the device has heard good ones before it
	for what, arriving := range s.mangled(exchange{reply: whole}) {
		dev.line.listen(func(n int, _, said []byte) []byte {
			if n == third {
				return arriving
			}
			return said
		})
		got := dev.heard(func(one values) { s.noOther(q, what, one, truth) })
		if len(got) != len(truth) {
			s.fail("%s: %d values are heard instead of %d", what, len(got), len(truth))
		}
	}
	for _, dev.line.chunk = range []int{1, 2, 3, 8} {
		dev.line.listen(nil)
		dev.heard(func(one values) { s.noOther(q, fmt.Sprintf("%d bytes at a time", dev.line.chunk), one, truth) })
	}
}

// deaf: a stream ends with its context.
func (s *suite) deaf(m model) {
	dev := s.simulated(m)
	if dev == nil {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	n := 0
	for range dev.streamer().Stream(ctx) {
		stop()
		if n++; n > 3 {
			s.fail("it goes on although its context is cancelled")
			break
		}
	}
	stop()
}
