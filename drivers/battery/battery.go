// Package battery has the values that batteries share, declared once: keys, names and roles of the vocabulary's class battery. A driver
// puts them into its table and says how they lie on the wire.
package battery

import "sunwire/drivers"

// Keys by which a pack is checked against its cells.
const (
	VoltageKey = "voltage"
	CellKey    = "cell_%02d_voltage"
)

// What a cell and a pack can mean: every chemistry there is, up to 48 cells in series.
const (
	maxCell    = 5   // V
	minPack    = 1   // V; the board itself lives on more
	maxPack    = 240 // V
	maxCharge  = 6000
	coldest    = -40 // °C
	hottest    = 120
	maxCurrent = 1000
)

// Voltage is the pack's.
func Voltage() drivers.Entity {
	return drivers.Entity{Key: VoltageKey, Name: "Voltage", Quantity: drivers.Voltage.At(2), Role: drivers.BatteryVoltage, Min: minPack, Max: maxPack}
}

// Current is the pack's; positive is what + means on the wire, and limit the most that the wire can say, A.
func Current(positive drivers.Direction, limit float64) drivers.Entity {
	limit = min(limit, maxCurrent)
	return drivers.Entity{
		Key: "current", Name: "Current", Quantity: drivers.Current.At(2), Role: drivers.BatteryCurrent, Positive: positive, Min: -limit, Max: limit,
	}
}

// StateOfCharge is in percent, with that many decimals.
func StateOfCharge(decimals int) drivers.Entity {
	return drivers.Entity{Key: "state_of_charge", Name: "State of charge", Quantity: drivers.StateOfCharge.At(decimals), Role: drivers.BatteryCharge, Max: 100}
}

// StateOfHealth is in percent. Boards that do not know it say 0.
func StateOfHealth() drivers.Entity {
	return drivers.Entity{Key: "state_of_health", Name: "State of health", Quantity: drivers.Percent, Category: drivers.Diagnostic, Min: 1, Max: 100}
}

// Remaining is what can still be taken out, up to limit Ah.
func Remaining(limit float64) drivers.Entity {
	return drivers.Entity{Key: "remaining_capacity", Name: "Remaining capacity", Quantity: drivers.Charge.At(2), Max: min(limit, maxCharge)}
}

// Full is what fits in, up to limit Ah. Boards that nobody told it say 0.
func Full(limit float64) drivers.Entity {
	return drivers.Entity{Key: "full_capacity", Name: "Full capacity", Quantity: drivers.Charge.At(2), Category: drivers.Diagnostic, Min: 1, Max: min(limit, maxCharge)}
}

// Design is what fitted in when it was new, up to limit Ah.
func Design(limit float64) drivers.Entity {
	e := Full(limit)
	e.Key, e.Name = "design_capacity", "Design capacity"
	return e
}

// Cycles counts full charges.
func Cycles() drivers.Entity {
	return drivers.Entity{Key: "cycles", Name: "Cycles", Quantity: drivers.Count, Category: drivers.Diagnostic, Max: 65535}
}

// Cell is the row of cell voltages: details, which would push the state of charge out of sight.
func Cell() drivers.Entity {
	return drivers.Entity{Key: CellKey, Name: "Cell %02d voltage", Quantity: drivers.CellVoltage, Category: drivers.Diagnostic, Max: maxCell}
}

// Temperature is the row of probes.
func Temperature() drivers.Entity { return celsius("temperature_%d", "Temperature %d") }

// Probe is one temperature of its own.
func Probe(key, name string) drivers.Entity { return celsius(key, name) }

// Mosfet is the temperature of the switches.
func Mosfet() drivers.Entity { return celsius("mosfet_temperature", "MOSFET temperature") }

func celsius(key, name string) drivers.Entity {
	return drivers.Entity{Key: key, Name: name, Quantity: drivers.Temperature, Min: coldest, Max: hottest}
}

// ChargingAllowed tells whether the charge switch is closed.
func ChargingAllowed() drivers.Entity {
	return drivers.Entity{Key: "charging_allowed", Name: "Charging allowed", Platform: drivers.Binary}
}

// DischargingAllowed tells whether the discharge switch is closed.
func DischargingAllowed() drivers.Entity {
	return drivers.Entity{Key: "discharging_allowed", Name: "Discharging allowed", Platform: drivers.Binary}
}

// Balancing tells whether charge is moved between cells now.
func Balancing() drivers.Entity {
	return drivers.Entity{Key: "balancing", Name: "Balancing", Platform: drivers.Binary, Quantity: drivers.Running, Category: drivers.Diagnostic}
}

// ChargeSwitch, DischargeSwitch and BalancerEnabled are what somebody chose, where the device tells that from what its protection leaves of it.
func ChargeSwitch() drivers.Entity { return chosen("charge_switch", "Charge switch") }

// DischargeSwitch: see ChargeSwitch.
func DischargeSwitch() drivers.Entity { return chosen("discharge_switch", "Discharge switch") }

// BalancerEnabled: see ChargeSwitch.
func BalancerEnabled() drivers.Entity { return chosen("balancer_enabled", "Balancer enabled") }

func chosen(key, name string) drivers.Entity {
	return Switched(drivers.Entity{Key: key, Name: name, Platform: drivers.Binary, Category: drivers.Config})
}

// Switched is e as a switch that can be set: it takes no protection away, so that it is safe.
func Switched(e drivers.Entity) drivers.Entity {
	e.Setting = &drivers.Setting{Risk: drivers.Safe}
	return e
}

// Heating tells whether the battery warms itself now.
func Heating() drivers.Entity {
	return drivers.Entity{Key: "heating", Name: "Heating", Platform: drivers.Binary, Quantity: drivers.Running, Category: drivers.Diagnostic}
}

// Told is a text that the device says of itself; it is decoded and not published.
func Told(key, name string) drivers.Entity {
	return drivers.Entity{Key: key, Name: name, Platform: drivers.Label, Category: drivers.Diagnostic}
}

// Counted is a number of things that the device has; it is decoded and not published.
func Counted(key, name string) drivers.Entity {
	return drivers.Entity{Key: key, Name: name, Quantity: drivers.Number, Category: drivers.Diagnostic, Max: 255}
}

// At is e with the wire's own number of decimals.
func At(decimals int, e drivers.Entity) drivers.Entity {
	e.Quantity = e.Quantity.At(decimals)
	return e
}
