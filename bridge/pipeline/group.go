package pipeline

import (
	"math"
	"slices"
	"strings"
	"time"

	"sunwire/drivers"
)

// Member is one battery of a group as it is at the moment.
type Member struct {
	Name  string // what people call it
	Known bool   // it has been described: which values it has is settled
	There bool   // it answers; what it said before it fell silent adds to nothing
	Cells []Cell // those that Counts
}

// need is how many of the members a value of the group takes.
type need uint8

const (
	some  need = iota // whoever has it now
	every             // all have such a value; whoever has it now
	all               // all have it now: without one of them the sum would be wrong
)

// share is what one member gives to one value of the group.
type share struct {
	member *Member
	cell   *Cell
	number float64
}

// blend is a value of the group: the entity, what of the members it is made of, and how.
type blend struct {
	entity drivers.Entity
	of     func(*drivers.Entity) bool
	need   need
	value  func([]share) drivers.Value
}

// Keys of the vocabulary that have no role.
const (
	remainingKey   = "remaining_capacity"
	fullKey        = "full_capacity"
	designKey      = "design_capacity" // of those that do not tell what has become of it
	cellMinKey     = "cell_voltage_min"
	cellMaxKey     = "cell_voltage_max"
	lowestCellKey  = "lowest_cell"
	highestCellKey = "highest_cell"
)

// bank is what batteries in parallel are together, in the order of publication. What has a role is found by it, for an inverter calls it
// differently; the rest has one key everywhere. Energy is not among it: counters that began at different times, and stand still while one
// of them is away, are no counter together.
func bank() []blend {
	entity := func(key, name string, q drivers.Quantity) drivers.Entity {
		return drivers.Entity{Key: key, Name: name, Quantity: q}
	}
	role := func(r drivers.Role, e drivers.Entity) drivers.Entity {
		e.Role = r
		return e
	}
	detail := func(p drivers.Platform, e drivers.Entity) drivers.Entity {
		e.Platform, e.Category = p, drivers.Diagnostic
		return e
	}
	which := func(p drivers.Platform, e drivers.Entity) drivers.Entity { // off, for the reason that it is for a device's own lowest_cell
		e = detail(p, e)
		e.Disabled = true
		return e
	}
	has := func(r drivers.Role) func(*drivers.Entity) bool {
		return func(e *drivers.Entity) bool { return e.Role == r }
	}
	called := func(keys ...string) func(*drivers.Entity) bool {
		return func(e *drivers.Entity) bool { return slices.Contains(keys, e.Key) }
	}
	text, count := drivers.None, drivers.Number
	return []blend{
		{role(drivers.BatteryVoltage, entity("voltage", "Voltage", drivers.Voltage.At(2))), has(drivers.BatteryVoltage), all, mean},
		{role(drivers.BatteryCurrent, entity("current", "Current", drivers.Current.At(2))), has(drivers.BatteryCurrent), all, sum},
		{role(drivers.BatteryPower, entity("power", "Power", drivers.Power)), has(drivers.BatteryPower), all, sum},
		{role(drivers.BatteryCharge, entity("state_of_charge", "State of charge", drivers.StateOfCharge.At(1))), has(drivers.BatteryCharge), every, weighted},
		{entity(remainingKey, "Remaining capacity", drivers.Charge.At(2)), called(remainingKey), all, sum},
		{detail(drivers.Sensor, entity(fullKey, "Full capacity", drivers.Charge.At(2))), called(fullKey), all, sum},
		{entity(cellMinKey, "Minimum cell voltage", drivers.CellVoltage), called(cellMinKey), some, extreme(least)},
		{entity(cellMaxKey, "Maximum cell voltage", drivers.CellVoltage), called(cellMaxKey), some, extreme(greatest)},
		{entity("cell_voltage_delta", "Cell voltage difference", drivers.CellVoltage), called(cellMinKey, cellMaxKey), some, spread},
		{which(drivers.Sensor, entity(lowestCellKey, "Lowest cell", count)), called(cellMinKey), some, beside(lowestCellKey, least)},
		{which(drivers.Label, entity("lowest_cell_pack", "Lowest cell's pack", text)), called(cellMinKey), some, whose(least)},
		{which(drivers.Sensor, entity(highestCellKey, "Highest cell", count)), called(cellMaxKey), some, beside(highestCellKey, greatest)},
		{which(drivers.Label, entity("highest_cell_pack", "Highest cell's pack", text)), called(cellMaxKey), some, whose(greatest)},
		{entity("temperature_min", "Minimum temperature", drivers.Temperature), isProbe, some, extreme(least)},
		{entity("temperature_max", "Maximum temperature", drivers.Temperature), isProbe, some, extreme(greatest)},
		{which(drivers.Label, entity("coldest_pack", "Coldest pack", text)), isProbe, some, whose(least)},
		{which(drivers.Label, entity("hottest_pack", "Hottest pack", text)), isProbe, some, whose(greatest)},
	}
}

// isProbe tells temperature_1 and its like: of the cells, not of the electronics.
func isProbe(e *drivers.Entity) bool {
	n, ok := strings.CutPrefix(e.Key, "temperature_")
	return ok && n != "" && strings.Trim(n, "0123456789") == ""
}

// Group makes one battery of several.
type Group struct {
	blends []blend
	shares []share // of one value at a time
}

// NewGroup is a group of batteries in parallel.
func NewGroup() *Group { return &Group{blends: bank()} }

// Counts reports whether the group asks its members for e.
func (g *Group) Counts(e *drivers.Entity) bool {
	return slices.Contains([]string{lowestCellKey, highestCellKey, designKey}, e.Key) || slices.ContainsFunc(g.blends, func(b blend) bool { return b.of(e) })
}

// Entities are what a group of those members can tell.
func (g *Group) Entities(members []Member) (es []drivers.Entity) {
	for i := range g.blends {
		b, have, known := &g.blends[i], 0, 0
		for m := range members {
			if members[m].Known {
				known++
				if slices.ContainsFunc(members[m].Cells, func(c Cell) bool { return b.of(&c.Entity) }) {
					have++
				}
			}
		}
		if have > 0 && (b.need == some || have == known) {
			es = append(es, b.entity)
		}
	}
	return es
}

// Combine computes the values of u, which has been made of Entities, from those of the members. Each is as old as the oldest one in it.
func (g *Group) Combine(u *Unit, members []Member, now time.Time) {
	for i := range u.Cells {
		c := &u.Cells[i]
		b := g.blend(c.Entity.Key)
		if b == nil {
			continue
		}
		complete := true
		g.shares = g.shares[:0]
		for m := range members {
			before := len(g.shares)
			g.shares = members[m].give(g.shares, b, now)
			complete = complete && len(g.shares) > before
		}
		c.Value = drivers.Value{}
		if len(g.shares) > 0 && (complete || b.need != all) {
			c.Value = b.value(g.shares)
			c.date(g.shares)
		}
	}
}

// Lacks is the name of the first value without which there is no sum, and which m does not tell at now; "" where there is none.
func (g *Group) Lacks(u *Unit, m *Member, now time.Time) string {
	for i := range u.Cells {
		b := g.blend(u.Cells[i].Entity.Key)
		if b != nil && b.need == all && len(m.give(nil, b, now)) == 0 {
			return b.entity.Name
		}
	}
	return ""
}

func (g *Group) blend(key string) *blend {
	for i := range g.blends {
		if g.blends[i].entity.Key == key {
			return &g.blends[i]
		}
	}
	return nil
}

// give appends what m has for b at now.
func (m *Member) give(to []share, b *blend, now time.Time) []share {
	for i := range m.Cells {
		c := &m.Cells[i]
		if f, known := c.Known(now).Float(); known && m.There && b.of(&c.Entity) {
			to = append(to, share{m, c, f})
		}
	}
	return to
}

// get is the number that m has for key; told: it has such a value, known or not.
func (m *Member) get(key string) (v drivers.Value, told bool) {
	for i := range m.Cells {
		if m.Cells[i].Entity.Key == key {
			return m.Cells[i].Value, true
		}
	}
	return drivers.Value{}, false
}

// date makes c as old as the oldest of its shares, and lets it count as long as all of them do.
func (c *Cell) date(shares []share) {
	c.Keep, c.MaxAge, c.At, c.Until = true, 0, shares[0].cell.At, time.Time{}
	for _, s := range shares {
		if s.cell.At.Before(c.At) {
			c.At = s.cell.At
		}
		if s.cell.Keep {
			continue
		}
		until := s.cell.At.Add(s.cell.MaxAge)
		if s.cell.Until.After(until) {
			until = s.cell.Until
		}
		if c.Keep || until.Before(c.Until) {
			c.Keep, c.Until = false, until
		}
	}
}

func sum(in []share) drivers.Value {
	total := 0.0
	for _, s := range in {
		total += s.number
	}
	return drivers.Num(total)
}

func mean(in []share) drivers.Value {
	total, _ := sum(in).Float()
	return drivers.Num(total / float64(len(in)))
}

// weighted is the mean by full capacity, or by what it was when new. Where none of them tells either they count alike; where only some do,
// nobody knows how much the others weigh.
func weighted(in []share) drivers.Value {
	if len(in) == 1 {
		return drivers.Num(in[0].number)
	}
	total, weight, telling := 0.0, 0.0, 0
	for _, s := range in {
		v, told := s.member.get(fullKey)
		if !told {
			v, told = s.member.get(designKey)
		}
		if told {
			telling++
		}
		if Ah, ok := v.Float(); ok && Ah > 0 {
			total, weight = total+s.number*Ah, weight+Ah
			continue
		}
		if told {
			return drivers.Value{}
		}
	}
	switch telling {
	case 0:
		return mean(in)
	case len(in):
		return drivers.Num(total / weight)
	}
	return drivers.Value{}
}

func least(in []share) *share {
	best := &in[0]
	for i := range in {
		if in[i].number < best.number {
			best = &in[i]
		}
	}
	return best
}

func greatest(in []share) *share {
	best := &in[0]
	for i := range in {
		if in[i].number > best.number {
			best = &in[i]
		}
	}
	return best
}

// spread is from the least of the minima to the greatest of the maxima; who tells only one of them tells no difference.
func spread(in []share) drivers.Value {
	low, high := math.NaN(), math.NaN()
	for _, s := range in {
		if s.cell.Entity.Key == cellMinKey && !(s.number >= low) {
			low = s.number
		}
		if s.cell.Entity.Key == cellMaxKey && !(s.number <= high) {
			high = s.number
		}
	}
	return drivers.Num(high - low)
}

func extreme(pick func([]share) *share) func([]share) drivers.Value {
	return func(in []share) drivers.Value { return drivers.Num(pick(in).number) }
}

func whose(pick func([]share) *share) func([]share) drivers.Value {
	return func(in []share) drivers.Value { return drivers.Text(pick(in).member.Name) }
}

// beside is another value of the member that was picked.
func beside(key string, pick func([]share) *share) func([]share) drivers.Value {
	return func(in []share) drivers.Value {
		v, _ := pick(in).member.get(key)
		return v
	}
}
