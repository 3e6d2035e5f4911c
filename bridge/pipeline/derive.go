package pipeline

import (
	"slices"
	"time"

	"sunwire/drivers"
)

// rule is a value computed from others: the entity, the roles it needs, the function. A device's own value of that role wins.
type rule struct {
	entity drivers.Entity
	needs  []drivers.Role
	value  func(in [4]float64) float64 // in the order of needs
}

// rules are tried in order, so that one may need what an earlier one gives.
func rules() []rule {
	return []rule{
		{
			entity: drivers.Entity{
				Key: "battery_current", Name: "Battery current", Quantity: drivers.Current, Role: drivers.BatteryCurrent,
				Positive: drivers.Discharging, Min: -2000, Max: 2000,
			},
			needs: []drivers.Role{drivers.BatteryDischargeCurrent, drivers.BatteryChargeCurrent},
			value: func(in [4]float64) float64 { return in[0] - in[1] },
		},
		{
			entity: drivers.Entity{
				Key: "battery_power", Name: "Battery power", Quantity: drivers.Power, Role: drivers.BatteryPower,
				Positive: drivers.Discharging, Min: -100000, Max: 100000,
			},
			needs: []drivers.Role{drivers.BatteryVoltage, drivers.BatteryCurrent},
			value: func(in [4]float64) float64 { return in[0] * in[1] },
		},
		{ // what neither panels nor battery give must come from the grid; what is lost in between is counted with it
			entity: drivers.Entity{
				Key: "grid_power", Name: "Grid power (estimated)", Quantity: drivers.Power, Role: drivers.GridPower,
				Positive: drivers.Importing, Min: -100000, Max: 100000, Disabled: true,
			},
			needs: []drivers.Role{drivers.LoadPower, drivers.PVPower, drivers.BatteryPower},
			value: func(in [4]float64) float64 { return in[0] - in[1] - in[2] },
		},
		{
			entity: drivers.Entity{Key: "dew_point", Name: "Dew point", Quantity: drivers.Temperature, Min: -100, Max: 100},
			needs:  []drivers.Role{drivers.AirTemperature, drivers.AirHumidity},
			value:  func(in [4]float64) float64 { return dewPoint(in[0], in[1]) },
		},
		{
			entity: drivers.Entity{Key: "absolute_humidity", Name: "Absolute humidity", Quantity: drivers.AbsoluteHumidity, Min: 0, Max: 1000, Disabled: true},
			needs:  []drivers.Role{drivers.AirTemperature, drivers.AirHumidity},
			value:  func(in [4]float64) float64 { return absoluteHumidity(in[0], in[1]) },
		},
		{
			entity: drivers.Entity{Key: "vapour_pressure_deficit", Name: "Vapour-pressure deficit", Quantity: drivers.VapourPressureDeficit, Min: 0, Max: 100, Disabled: true},
			needs:  []drivers.Role{drivers.AirTemperature, drivers.AirHumidity},
			value:  func(in [4]float64) float64 { return deficit(in[0], in[1]) },
		},
	}
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
		if slices.Contains(r.needs, e.Role) {
			needed[e.Key], last = true, i
		}
	}
	if len(needed) != len(r.needs) {
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

// derive computes c from the cells it needs. It is as old as the oldest of them, and absent while one is absent: what was read long
// ago and what was read now do not make a value together.
func (u *Unit) derive(c *Cell) bool {
	var in [4]float64
	var oldest, until time.Time
	for n, role := range c.derived.needs {
		i, ok := u.roles[role]
		if !ok {
			return false
		}
		f, ok := u.Cells[i].Value.Float()
		if !ok {
			return false
		}
		in[n] = f
		if at := u.Cells[i].At; n == 0 || at.Before(oldest) {
			oldest = at
		}
		if t := u.Cells[i].Until; n == 0 || t.Before(until) {
			until = t
		}
	}
	if oldest.Equal(c.At) {
		return false
	}
	v := c.publish(drivers.Num(c.derived.value(in)))
	if !c.Entity.Plausible(v) {
		return false
	}
	return c.set(v, oldest, until)
}
