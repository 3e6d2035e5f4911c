package drivertest

import (
	"math"

	"sunwire/drivers"
)

// model is a made-up state of a device, by key with the unit before it. It notes what the simulator looks at.
type model struct {
	values values
	asked  map[string]bool
}

// Value is what the simulator shows.
func (m model) Value(unit, key string) (drivers.Value, bool) {
	id := (&query{unit: unit}).id(key)
	if m.asked != nil {
		m.asked[id] = true
	}
	v, ok := m.values[id]
	return v, ok
}

const middle = 0.4837 // of a range: about half, and no round number, so that every digit counts

// state makes a model of everything that dev declares. at places numbers between Min and Max (0 to 1); n chooses the option of each
// enumeration, and on or off.
func (dev *device) state(at float64, n int) model {
	m := model{values{}, map[string]bool{}}
	for _, q := range dev.queries {
		for _, key := range q.Keys {
			if e := q.entities[key]; e != nil {
				if v := example(e, at, n); !v.Absent() {
					m.values[q.id(key)] = v
				}
			}
		}
	}
	return m
}

func example(e *drivers.Entity, at float64, n int) drivers.Value {
	switch e.Platform {
	case drivers.Sensor:
		unit := math.Pow10(e.Quantity.Decimals)
		return drivers.Num(math.Round((e.Min+at*(e.Max-e.Min))*unit) / unit)
	case drivers.Enum:
		if len(e.Options) > 0 {
			return drivers.Text(e.Options[n%len(e.Options)])
		}
	case drivers.Binary:
		return drivers.Bool(n%2 == 0)
	default:
	}
	return drivers.Value{}
}

// full is the model for spoiling: nothing in it is 0, empty or off, so that whatever becomes so is a false zero.
func (dev *device) full() model { return dev.state(1, 0) }
