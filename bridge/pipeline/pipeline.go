// Package pipeline turns what a driver read into what is published: sign, the user's factors, plausibility, derived values, freshness.
// It does no I/O and asks no clock: everything is a function of its state, a sample and a time.
package pipeline

import (
	"slices"
	"time"

	"sunwire/drivers"
)

// Factor is what the configuration changes about one value: published = read*Scale + Offset, believed within Min and Max.
type Factor struct {
	Scale, Offset float64
	Min, Max      *float64
}

// Cell is the last value of one entity.
type Cell struct {
	Entity  drivers.Entity
	Value   drivers.Value
	At      time.Time // when it was read; zero: never
	Until   time.Time // it counts till then, however old it is; zero: by its age alone
	Keep    bool      // a total, or asked once: it does not grow old
	MaxAge  time.Duration
	Factor  Factor
	scaled  bool
	derived *rule
	window  *window // what it was since the last publication, where that is asked for
	inputs  []int   // of derived: places of cells
}

// Fresh reports whether the cell's value still counts at now.
func (c *Cell) Fresh(now time.Time) bool {
	return !c.Value.Absent() && (c.Keep || now.Sub(c.At) <= c.MaxAge || now.Before(c.Until))
}

// Known is the cell's value at now, absent once it is too old.
func (c *Cell) Known(now time.Time) drivers.Value {
	if c.Fresh(now) {
		return c.Value
	}
	return drivers.Value{}
}

// Unit is the state of one device, or of one unit that a device reports: its cells in the order of the descriptor.
type Unit struct {
	Descriptor drivers.Descriptor // completed with what can be derived
	Cells      []Cell
	index      map[string]int
	roles      map[drivers.Role]int
	scratch    []float64
}

// NewUnit prepares the cells of d and of what can be derived from it. paces are the intervals of live, slow and once; a value is too old after
// three of its own, one minute at least.
func NewUnit(d drivers.Descriptor, paces [3]time.Duration, factors map[string]Factor) *Unit {
	d, placed := extend(d)
	return newUnit(d, placed, paces, factors)
}

// NewSampledUnit is NewUnit for a device that is read more often than it is published: each live measurement has a mean, a minimum, a
// maximum and a deviation besides, which Publish brings up to date.
func NewSampledUnit(d drivers.Descriptor, paces [3]time.Duration, factors map[string]Factor) *Unit {
	d, placed := extend(d)
	u := newUnit(sampled(d), placed, paces, factors)
	u.watch()
	return u
}

func newUnit(d drivers.Descriptor, placed map[string]*rule, paces [3]time.Duration, factors map[string]Factor) *Unit {
	u := &Unit{Descriptor: d, Cells: make([]Cell, len(d.Entities)), index: make(map[string]int, len(d.Entities)), roles: map[drivers.Role]int{}}
	pace := PaceOf(d)
	for i, e := range d.Entities {
		f, has := factors[e.Key]
		p, known := pace[e.Key]
		if !known {
			p = drivers.Live
		}
		u.Cells[i] = Cell{
			Entity: e, MaxAge: max(3*paces[p], time.Minute), Factor: f, scaled: has, derived: placed[e.Key],
			Keep: p == drivers.Once || total(e.Quantity),
		}
		if has && f.Min != nil {
			u.Cells[i].Entity.Min = *f.Min
		}
		if has && f.Max != nil {
			u.Cells[i].Entity.Max = *f.Max
		}
		u.index[e.Key] = i
		if e.Role != "" {
			u.roles[e.Role] = i
		}
	}
	for i := range u.Cells {
		if c := &u.Cells[i]; c.derived != nil {
			c.inputs = c.derived.inputs(u)
		}
	}
	return u
}

// PaceOf tells, by key, the quickest pace at which d's queries give it.
func PaceOf(d drivers.Descriptor) map[string]drivers.Pace {
	pace := make(map[string]drivers.Pace, len(d.Entities))
	for _, q := range d.Queries {
		for _, k := range q.Keys {
			if p, ok := pace[k]; !ok || q.Pace < p {
				pace[k] = q.Pace
			}
		}
	}
	return pace
}

func total(q drivers.Quantity) bool {
	return q.StateClass == "total" || q.StateClass == "total_increasing"
}

// Apply takes in one sample read at that time.
func (u *Unit) Apply(s drivers.Sample, at time.Time) (changed bool, implausible []string) {
	return u.ApplyUntil(s, at, time.Time{})
}

// ApplyUntil takes in one sample read at that time, which counts until then at least. It reports whether anything changed, and the keys
// whose values were not believed; what is not believed is as if it had not been read.
func (u *Unit) ApplyUntil(s drivers.Sample, at, until time.Time) (changed bool, implausible []string) {
	for _, f := range s {
		i, ok := u.index[f.Key]
		if !ok || f.Value.Absent() {
			continue
		}
		c := &u.Cells[i]
		v := c.publish(f.Value)
		if f.Key == clockKey {
			if off := u.Get(offsetKey); off != nil {
				var ahead drivers.Value
				v, ahead = tick(&c.Entity, v, at)
				changed = off.set(ahead, at, time.Time{}) || changed
			}
		}
		if !c.Entity.Plausible(v) {
			implausible = append(implausible, f.Key)
			continue
		}
		changed = c.set(v, at, until) || changed
	}
	for i := range u.Cells {
		if c := &u.Cells[i]; c.derived != nil {
			changed = u.derive(c) || changed
		}
	}
	return changed, implausible
}

func (c *Cell) set(v drivers.Value, at, until time.Time) bool {
	old, was := c.Value, c.Fresh(at)
	c.Value, c.At, c.Until = v, at, until
	if f, ok := v.Float(); ok && c.window != nil {
		c.window.add(f)
	}
	return !was || old != v
}

// publish turns the wire's sign and applies the user's factors.
func (c *Cell) publish(v drivers.Value) drivers.Value {
	v = Sign(&c.Entity, v)
	f, ok := v.Float()
	if !ok || !c.scaled {
		return v
	}
	if c.Factor.Scale != 0 {
		f *= c.Factor.Scale
	}
	return drivers.Num(f + c.Factor.Offset)
}

// Sign turns v, read from the wire, so that + is discharging and importing.
func Sign(e *drivers.Entity, v drivers.Value) drivers.Value {
	if f, ok := v.Float(); ok && (e.Positive == drivers.Charging || e.Positive == drivers.Exporting) {
		return drivers.Num(-f)
	}
	return v
}

// Get is the cell of key, or nil.
func (u *Unit) Get(key string) *Cell {
	if i, ok := u.index[key]; ok {
		return &u.Cells[i]
	}
	return nil
}

// Adopt takes over the values of an earlier unit: a device that was described anew forgets nothing.
func (u *Unit) Adopt(old *Unit) {
	if old == nil {
		return
	}
	for i := range u.Cells {
		if c := old.Get(u.Cells[i].Entity.Key); c != nil {
			u.Cells[i].Value, u.Cells[i].At, u.Cells[i].Until = c.Value, c.At, c.Until
		}
	}
}

// Restrict is d with only what the answered queries can give, derived values included. A descriptor without queries is left as it is.
func Restrict(d drivers.Descriptor, answered func(query string) bool) drivers.Descriptor {
	if len(d.Queries) == 0 {
		return d
	}
	can := map[string]bool{}
	for _, q := range d.Queries {
		if answered(q.Name) {
			for _, k := range q.Keys {
				can[k] = true
			}
		}
	}
	var es []drivers.Entity
	for _, e := range d.Entities {
		if can[e.Key] || e.Platform == drivers.Button { // a button has no value that could be asked for
			es = append(es, e)
		}
	}
	d.Entities = es
	d.Units = slices.Clone(d.Units)
	for i := range d.Units {
		d.Units[i] = Restrict(d.Units[i], answered)
	}
	return d
}
