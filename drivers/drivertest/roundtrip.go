package drivertest

import "slices"

// roundTrip reads what the simulator was told to show: every number at its ends and in the middle, every option, on and off.
func (s *suite) roundTrip() {
	plain := s.simulated(model{})
	if plain == nil {
		return
	}
	most := 2
	for _, q := range plain.queries {
		for _, e := range q.entities {
			most = max(most, len(e.Options))
		}
	}
	for _, at := range []float64{0, middle, 1} {
		s.readBack(plain.state(at, 0))
	}
	for n := range most {
		s.readBack(plain.state(middle, n))
	}
}

func (s *suite) readBack(m model) {
	dev := s.simulated(m)
	if dev == nil {
		return
	}
	for _, q := range dev.queries {
		clear(m.asked)
		got, err := dev.ask(q)
		if err != nil {
			s.fail("%s: the simulator's answer gives %v", q.Name, err)
			continue
		}
		for _, key := range q.Keys {
			want, ok := m.values[q.id(key)]
			switch {
			case !ok || slices.Contains(s.f.Derived, key):
			case !m.asked[q.id(key)]:
				s.fail("%s: the simulator does not show %s: it is not the same table, or the key is derived", q.Name, key)
			case !same(q.entities[key], got[q.id(key)], want, 0.5):
				e := q.entities[key]
				s.fail("%s: %s: simulated %q, read %q", q.Name, key, want.Format(e.Quantity.Decimals), got[q.id(key)].Format(-1))
			}
		}
	}
}
