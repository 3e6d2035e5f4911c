package pipeline

import (
	"math"
	"path"
	"slices"
	"time"

	"sunwire/drivers"
)

// rule is a value computed from others: the entity, the roles it needs, the function. A device's own value of that role wins.
type rule struct {
	entity drivers.Entity
	beside string // key that the first of needs must have: the classes of devices call the same thing differently; "": any
	needs  []drivers.Role
	keys   []string                   // what it needs besides, of what has no role
	cells  bool                       // it needs all cell voltages instead
	value  func(in []float64) float64 // in the order of needs, or of the cells
}

// rules are tried in order, so that one may need what an earlier one gives.
func rules() []rule {
	power := drivers.Entity{
		Key: "battery_power", Name: "Battery power", Quantity: drivers.Power, Role: drivers.BatteryPower,
		Positive: drivers.Discharging, Min: -100000, Max: 100000,
	}
	product := func(in []float64) float64 { return in[0] * in[1] }
	ofPack := power
	ofPack.Key, ofPack.Name = "power", "Power"
	voltage := func(key, name string) drivers.Entity {
		return drivers.Entity{Key: key, Name: name, Quantity: drivers.CellVoltage, Max: 5}
	}
	number := func(key, name string) drivers.Entity { // of cells that are alike it is another one each time: a log full of that helps nobody
		return drivers.Entity{Key: key, Name: name, Quantity: drivers.Number, Category: drivers.Diagnostic, Min: 1, Max: 99, Disabled: true}
	}
	return []rule{
		{
			entity: drivers.Entity{
				Key: "battery_current", Name: "Battery current", Quantity: drivers.Current, Role: drivers.BatteryCurrent,
				Positive: drivers.Discharging, Min: -2000, Max: 2000,
			},
			needs: []drivers.Role{drivers.BatteryDischargeCurrent, drivers.BatteryChargeCurrent},
			value: func(in []float64) float64 { return in[0] - in[1] },
		},
		{entity: ofPack, beside: "voltage", needs: []drivers.Role{drivers.BatteryVoltage, drivers.BatteryCurrent}, value: product},
		{entity: power, needs: []drivers.Role{drivers.BatteryVoltage, drivers.BatteryCurrent}, value: product},
		{
			entity: drivers.Entity{Key: "state_of_charge", Name: "State of charge", Quantity: drivers.StateOfCharge, Role: drivers.BatteryCharge, Max: 100},
			keys:   []string{remainingKey, fullKey},
			value:  func(in []float64) float64 { return charge(in[0], in[1]) },
		},
		{entity: voltage("cell_voltage_min", "Minimum cell voltage"), cells: true, value: slices.Min[[]float64]},
		{entity: voltage("cell_voltage_max", "Maximum cell voltage"), cells: true, value: slices.Max[[]float64]},
		{entity: voltage("cell_voltage_delta", "Cell voltage difference"), cells: true, value: func(in []float64) float64 { return slices.Max(in) - slices.Min(in) }},
		{entity: number("lowest_cell", "Lowest cell"), cells: true, value: func(in []float64) float64 { return float64(slices.Index(in, slices.Min(in)) + 1) }},
		{entity: number("highest_cell", "Highest cell"), cells: true, value: func(in []float64) float64 { return float64(slices.Index(in, slices.Max(in)) + 1) }},
		{ // what neither panels nor battery give must come from the grid; what is lost in between is counted with it
			entity: drivers.Entity{
				Key: "grid_power", Name: "Grid power (estimated)", Quantity: drivers.Power, Role: drivers.GridPower,
				Positive: drivers.Importing, Min: -100000, Max: 100000, Disabled: true,
			},
			needs: []drivers.Role{drivers.LoadPower, drivers.PVPower, drivers.BatteryPower},
			value: func(in []float64) float64 { return in[0] - in[1] - in[2] },
		},
		{
			entity: drivers.Entity{Key: "dew_point", Name: "Dew point", Quantity: drivers.Temperature, Min: -100, Max: 100},
			needs:  []drivers.Role{drivers.AirTemperature, drivers.AirHumidity},
			value:  func(in []float64) float64 { return dewPoint(in[0], in[1]) },
		},
		{
			entity: drivers.Entity{Key: "absolute_humidity", Name: "Absolute humidity", Quantity: drivers.AbsoluteHumidity, Min: 0, Max: 1000, Disabled: true},
			needs:  []drivers.Role{drivers.AirTemperature, drivers.AirHumidity},
			value:  func(in []float64) float64 { return absoluteHumidity(in[0], in[1]) },
		},
		{
			entity: drivers.Entity{Key: "vapour_pressure_deficit", Name: "Vapour-pressure deficit", Quantity: drivers.VapourPressureDeficit, Min: 0, Max: 100, Disabled: true},
			needs:  []drivers.Role{drivers.AirTemperature, drivers.AirHumidity},
			value:  func(in []float64) float64 { return deficit(in[0], in[1]) },
		},
	}
}

// charge is in percent. What a device counts may be a little more than what it thinks fits in; much more is a mistake, and no percentage.
func charge(remaining, full float64) float64 {
	const much = 1.05
	if full <= 0 || remaining > much*full {
		return math.NaN()
	}
	return min(100, 100*remaining/full)
}

// isCell tells keys such as cell_07_voltage.
func isCell(key string) bool {
	ok, err := path.Match("cell_[0-9][0-9]_voltage", key)
	return ok && err == nil
}

// extend is d with the entities that can be derived from its own, each behind the last of those it needs; every query that gives one of
// those also gives the derived one. The rules that found their place are returned by key.
func extend(d drivers.Descriptor) (drivers.Descriptor, map[string]*rule) {
	d.Entities, d.Queries = slices.Clone(d.Entities), slices.Clone(d.Queries)
	d = withOffset(d)
	placed := map[string]*rule{}
	for _, r := range rules() {
		if r.place(&d) {
			placed[r.entity.Key] = &r
		}
	}
	return d, placed
}

func (r *rule) place(d *drivers.Descriptor) bool {
	last, needed := 0, map[string]bool{}
	for i, e := range d.Entities {
		if e.Key == r.entity.Key || r.entity.Role != "" && e.Role == r.entity.Role {
			return false
		}
		if r.takes(&e) {
			needed[e.Key], last = true, i
		}
	}
	if r.cells && len(needed) < 2 || !r.cells && len(needed) != len(r.needs)+len(r.keys) || r.beside != "" && !needed[r.beside] {
		return false
	}
	d.Entities = slices.Insert(d.Entities, last+1, r.entity)
	for i, q := range d.Queries {
		if slices.ContainsFunc(q.Keys, func(k string) bool { return needed[k] }) {
			d.Queries[i].Keys = append(slices.Clone(q.Keys), r.entity.Key)
		}
	}
	return true
}

func (r *rule) takes(e *drivers.Entity) bool {
	return r.cells && isCell(e.Key) || slices.Contains(r.needs, e.Role) || slices.Contains(r.keys, e.Key)
}

// inputs are the places of the cells that r computes from.
func (r *rule) inputs(u *Unit) (at []int) {
	for _, role := range r.needs {
		at = append(at, u.roles[role])
	}
	for _, key := range r.keys {
		at = append(at, u.index[key])
	}
	for i := range u.Cells {
		if r.cells && isCell(u.Cells[i].Entity.Key) {
			at = append(at, i)
		}
	}
	return at
}

// estimate is the role of what stands in for a value of role that the device does not give.
func estimate(role drivers.Role) drivers.Role {
	if role == drivers.PVPower {
		return drivers.PVPowerEstimate
	}
	return ""
}

// derive computes c from the cells it needs. It is as old as the oldest of them, and absent while one is absent: what was read long
// ago and what was read now do not make a value together.
func (u *Unit) derive(c *Cell) bool {
	in := u.scratch[:0]
	var oldest, until time.Time
	for n, i := range c.inputs {
		f, ok := u.Cells[i].Value.Float()
		if stand, has := u.roles[estimate(u.Cells[i].Entity.Role)]; !ok && has {
			i = stand
			f, ok = u.Cells[i].Value.Float()
		}
		if !ok {
			return false
		}
		in = append(in, f)
		if at := u.Cells[i].At; n == 0 || at.Before(oldest) {
			oldest = at
		}
		if t := u.Cells[i].Until; n == 0 || t.Before(until) {
			until = t
		}
	}
	u.scratch = in
	if oldest.Equal(c.At) {
		return false
	}
	v := c.publish(drivers.Num(c.derived.value(in)))
	if !c.Entity.Plausible(v) {
		return false
	}
	return c.set(v, oldest, until)
}
