package voltronic

import "sunwire/drivers"

// Estimate is what a device does not measure, worked out from the currents and voltages in one of its replies, an input each. The form of
// the reply decides: a longer one has the measured value, or currents of another voltage.
type Estimate struct {
	Field
	From string      // the query
	Last string      // the key of the last value in the replies that are meant
	Of   [][2]string // keys of a current and of the voltage that it flows at
}

// The PV current of inverters whose QPIGS ends before the PV power is what their solar charger gives to the battery, and so belongs to its
// voltage. A capture shows it that has both: 14 A at 57.45 V, or 804 W, where the inverter measured 856 W with 103.8 V at its PV input. The
// QPGS of those has 27 fields. That of a newer one has 29, and means the current of the input: 2 A at 349.8 V and 2 A at 275.3 V, while the
// loads took 907 W and the battery 479 W.
func pvEstimate() *Field {
	return watts("pv_power_estimate", "PV power, estimated").most(30000).hidden()
}

// estimated appends what can be worked out from c's reply.
func (p *Protocol) estimated(c *Command, decoded []drivers.Decoded, s drivers.Sample) drivers.Sample {
	for i := range p.Estimates {
		e := &p.Estimates[i]
		if e.From != c.Code || decoded[len(decoded)-1].Entity.Key != e.Last {
			continue
		}
		if v := e.power(decoded); !v.Absent() {
			s = append(s, drivers.Field{Key: e.Key, Value: v})
		}
	}
	return s
}

func (e *Estimate) power(decoded []drivers.Decoded) drivers.Value {
	sum := 0.0
	for _, input := range e.Of {
		current, one := believed(decoded, input[0])
		voltage, other := believed(decoded, input[1])
		if !one || !other || current > 0 && voltage == 0 {
			return drivers.Value{}
		}
		sum += current * voltage
	}
	return drivers.Num(sum)
}

func believed(decoded []drivers.Decoded, key string) (float64, bool) {
	for i := range decoded {
		if e, v := decoded[i].Entity, decoded[i].Value; e.Key == key && e.Plausible(v) {
			return v.Float()
		}
	}
	return 0, false
}
