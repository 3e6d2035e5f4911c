package voltronic

import (
	"slices"
	"strings"

	"sunwire/drivers"
)

// conclude appends what c's reply says beyond its fields.
func (d *device) conclude(c *Command, decoded []drivers.Decoded, s drivers.Sample) drivers.Sample {
	for i := range d.protocol.Sums {
		sum := &d.protocol.Sums[i]
		if d.last(sum.From) != c.Code {
			continue
		}
		if v := d.total(c, sum, decoded); !v.Absent() {
			s = append(s, drivers.Field{Key: sum.Key, Value: v})
		}
	}
	s = d.protocol.estimated(c, decoded, s)
	whole := c.ends(decoded)
	if c.Warnings {
		warnings, problem := c.summary(decoded)
		if on, _ := problem.Bool(); on || whole {
			s = append(s, drivers.Field{Key: warningsEntity.Key, Value: warnings}, drivers.Field{Key: problemEntity.Key, Value: problem})
		}
	}
	if c.GridLost != "" {
		if lost, ok := valueOf(decoded, c.GridLost).Bool(); ok {
			s = append(s, drivers.Field{Key: gridEntity.Key, Value: drivers.Bool(!lost)})
		}
	}
	return s
}

// ends reports whether decoded goes to the last field of c.
func (c *Command) ends(decoded []drivers.Decoded) bool {
	last := &c.Fields[len(c.Fields)-1]
	e := decoded[len(decoded)-1].Entity
	if !published(e) {
		return true
	}
	for i := range last.Bits {
		if e == &last.Bits[i] {
			return true
		}
	}
	return e == &last.Entity
}

func valueOf(decoded []drivers.Decoded, key string) drivers.Value {
	for i := range decoded {
		if decoded[i].Entity.Key == key {
			return decoded[i].Value
		}
	}
	return drivers.Value{}
}

// last is the last of queries that the device has.
func (d *device) last(queries string) (code string) {
	for q := range strings.FieldsSeq(queries) {
		if !d.refused[q] {
			code = q
		}
	}
	return code
}

// total adds up. Nothing is added that was not read in this round: a query that fails makes its values forgotten.
func (d *device) total(c *Command, s *Sum, decoded []drivers.Decoded) drivers.Value {
	sum, found := 0.0, false
	for key := range strings.FieldsSeq(s.Of) {
		i := slices.IndexFunc(decoded, func(l drivers.Decoded) bool { return l.Entity.Key == key })
		if i >= 0 && decoded[i].Value.Absent() {
			if text, ok := decoded[i].Raw.Text(); ok && missing([]byte(text)) {
				continue // there is no such input
			}
			return drivers.Value{}
		}
		if i < 0 && d.gives(key) == c.Code {
			return drivers.Value{} // a reply that breaks off
		}
		n, ok := d.value("", key).Float()
		switch {
		case ok:
			sum, found = sum+n, true
		case i < 0 && d.refused[d.gives(key)]:
		default:
			return drivers.Value{}
		}
	}
	if !found {
		return drivers.Value{}
	}
	return drivers.Num(sum)
}

// gives is the query whose reply has key.
func (d *device) gives(key string) string {
	for _, q := range d.queries {
		if slices.Contains(q.Keys, key) {
			return q.Name
		}
	}
	return ""
}
