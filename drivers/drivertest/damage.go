package drivertest

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"slices"

	"sunwire/drivers"
	"sunwire/drivers/link"
)

// damage: whatever happens to a reply on its way, it gives the values that were sent, or none. The device's own checksum is left alone.
func (s *suite) damage() {
	plain := s.simulated(model{})
	if plain == nil || plain.onBus() || plain.onFiles() {
		return
	}
	dev := s.simulated(plain.full())
	if dev == nil || dev.fetches() {
		return
	}
	others := map[string][]exchange{} // what each query exchanges when all is well
	truth := map[string]values{}
	for _, q := range dev.queries {
		got, err := dev.clean(q)
		if err != nil {
			s.fail("%s: the simulator's answer gives %v", q.Name, err)
			return
		}
		truth[q.id(q.Name)], others[q.id(q.Name)] = got, dev.line.exchanges
	}
	for _, q := range dev.queries {
		mine := others[q.id(q.Name)]
		for k, x := range mine {
			for what, arriving := range s.mangled(x) {
				s.harmless(dev, q, k, what, arriving, truth[q.id(q.Name)], x)
			}
			for _, other := range dev.queries {
				for what, arriving := range s.borrowed(q, other, x, others[other.id(other.Name)]) {
					s.harmless(dev, q, k, what, arriving, truth[q.id(q.Name)], x)
				}
			}
		}
		s.arrival(dev, q, truth[q.id(q.Name)])
	}
}

func (dev *device) onBus() bool   { return slices.Contains(dev.s.d.Links, link.I2C) }
func (dev *device) onFiles() bool { return slices.Contains(dev.s.d.Links, link.File) }

// clean polls with nothing spoilt.
func (dev *device) clean(q query) (values, error) {
	dev.line.listen(nil)
	return dev.ask(q)
}

// harmless: with arriving in place of the k-th reply of q, no value is another than in truth, and the next poll is right again.
func (s *suite) harmless(dev *device, q query, k int, what string, arriving []byte, truth values, x exchange) {
	dev.line.listen(func(n int, _, reply []byte) []byte {
		if n == k {
			return arriving
		}
		return reply
	})
	got, err := dev.ask(q)
	s.noOther(q, what, got, truth)
	if err != nil && !reasoned(err) {
		s.fail("%s: %s: an error that the bridge does not know: %v", q.Name, what, err)
	}
	if errors.Is(err, drivers.ErrUnsupported) && !bytes.Equal(arriving, x.request) { // some refuse by an echo
		s.fail("%s: %s: taken for a refusal: %v", q.Name, what, err)
	}
	if got, err := dev.clean(q); err != nil || len(got) != len(truth) {
		s.fail("%s: %s: the next poll gives %d values instead of %d, error %v", q.Name, what, len(got), len(truth), err)
	} else {
		s.noOther(q, what+", then a clean poll", got, truth)
	}
	s.decode(q, what, arriving, truth)
}

func (s *suite) noOther(q query, what string, got, truth values) {
	for id, v := range got {
		if v != truth[id] {
			s.fail("%s: %s: %s is %q instead of %q", q.Name, what, id, v.Format(-1), truth[id].Format(-1))
		}
	}
}

func (s *suite) commands() []string {
	if s.d.Commands == nil {
		return nil
	}
	return s.d.Commands()
}

// decode holds Decode to the same: what it makes of a reply is what Poll makes of it, or nothing.
func (s *suite) decode(q query, what string, reply []byte, truth values) {
	if !slices.Contains(s.commands(), q.Name) {
		return
	}
	fields, err := s.d.Decode(q.Name, reply)
	if err != nil {
		return
	}
	for _, f := range fields {
		if f.Entity == nil {
			s.fail("decode %s: %s: a field without an entity", q.Name, what)
			continue
		}
		id := (&query{unit: f.Unit}).id(f.Entity.Key)
		if want, known := truth[id]; known && !f.Value.Absent() && f.Value != want {
			s.fail("decode %s: %s: %s is %q instead of %q", q.Name, what, id, f.Value.Format(-1), want.Format(-1))
		}
	}
}

// mangled is everything that may happen to a reply under way.
func (s *suite) mangled(x exchange) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		r := x.reply
		for i := range r {
			for bit := range 8 {
				b := bytes.Clone(r)
				b[i] ^= 1 << bit
				if !yield(fmt.Sprintf("byte %d of %d, bit %d flipped", i, len(r), bit), b) {
					return
				}
			}
			for what, b := range map[string][]byte{
				"cut off":       r[:i],
				"lost":          slices.Concat(r[:i], r[i+1:]),
				"twice":         slices.Concat(r[:i+1], r[i:]),
				"0x00":          slices.Concat(r[:i], []byte{0}, r[i+1:]),
				"0xff":          slices.Concat(r[:i], []byte{0xff}, r[i+1:]),
				"a new line":    slices.Concat(r[:i], []byte{'\n'}, r[i+1:]),
				"behind a NUL":  slices.Concat(r[:i], []byte{0}, r[i:]),
				"start missing": r[i:],
			} {
				if i == 0 && what == "start missing" {
					continue
				}
				if !yield(fmt.Sprintf("byte %d of %d %s", i, len(r), what), b) {
					return
				}
			}
		}
		for what, b := range s.around(x) {
			if !yield(what, b) {
				return
			}
		}
	}
}

// around is what may come with a reply, or in its place.
func (s *suite) around(x exchange) iter.Seq2[string, []byte] {
	r, no := x.reply, s.f.Refusal
	cases := []struct {
		what string
		b    []byte
	}{
		{"twice in a row", slices.Concat(r, r)},
		{"NULs before", slices.Concat(make([]byte, 7), r)},
		{"NULs after, as in a report of 8 bytes", slices.Concat(r, make([]byte, 7))},
		{"new lines before", slices.Concat([]byte("\n\n\r\n"), r)},
		{"new lines after", slices.Concat(r, []byte("\r\n\n"))},
		{"rubbish before", slices.Concat([]byte("\xfe\x00(\x81~"), r)},
		{"rubbish after", slices.Concat(r, []byte("\xfe\x00(\x81~"))},
		{"an echo before", slices.Concat(x.request, r)},
		{"an echo alone", x.request},
		{"half an echo", x.request[:len(x.request)/2]},
		{"the end of another frame before", slices.Concat(r[len(r)/2:], r)},
		{"the beginning of a frame before", slices.Concat(r[:len(r)/2], r)},
		{"a refusal once", no},
		{"a refusal before", slices.Concat(no, r)},
		{"a refusal after", slices.Concat(r, no)},
		{"silence", nil},
	}
	return func(yield func(string, []byte) bool) {
		for _, c := range cases {
			if !yield(c.what, c.b) {
				return
			}
		}
	}
}

// borrowed is another query's reply: late, so that it stands before the right one, or alone.
func (s *suite) borrowed(q, other query, x exchange, theirs []exchange) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		if other.id(other.Name) == q.id(q.Name) || s.alike(q.Name, other.Name) {
			return
		}
		for _, o := range theirs {
			if bytes.Equal(o.reply, x.reply) || bytes.Equal(o.request, x.request) {
				continue
			}
			what := "the reply to " + other.Name
			if !yield(what, o.reply) || !yield(what+" before its own", slices.Concat(o.reply, x.reply)) || !yield(what+" after its own", slices.Concat(x.reply, o.reply)) {
				return
			}
		}
	}
}

func (s *suite) alike(a, b string) bool {
	return slices.ContainsFunc(s.f.Alike, func(group []string) bool { return slices.Contains(group, a) && slices.Contains(group, b) })
}

// arrival: it does not matter in what portions a reply comes.
func (s *suite) arrival(dev *device, q query, truth values) {
	defer func() { dev.line.chunk = 0 }()
	for _, dev.line.chunk = range []int{1, 2, 3, 8} {
		got, err := dev.clean(q)
		if err != nil || len(got) != len(truth) {
			s.fail("%s: %d bytes at a time: %d values instead of %d, error %v", q.Name, dev.line.chunk, len(got), len(truth), err)
		}
		s.noOther(q, fmt.Sprintf("%d bytes at a time", dev.line.chunk), got, truth)
	}
}
