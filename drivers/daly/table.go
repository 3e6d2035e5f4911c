package daly

import (
	"sunwire/drivers"
	"sunwire/drivers/battery"
	"sunwire/drivers/wire"
)

func status() *wire.Layout {
	return &wire.Layout{Fields: []wire.Field{
		{Entity: battery.Counted("cell_count", "Cells"), Tells: wire.Amount},
		{Entity: battery.Counted("sensor_count", "Temperature sensors"), Tells: wire.Amount},
		{At: 5, Entity: battery.Cycles(), Form: wire.U16},
	}}
}

func soc() *wire.Layout {
	return &wire.Layout{Fields: []wire.Field{
		{Entity: battery.At(1, battery.Voltage()), Form: wire.U16, Per: 10},
		{At: 4, Entity: battery.At(1, battery.Current(drivers.Discharging, 1000)), Form: wire.U16, Zero: 30000, Per: 10},
		{At: 6, Entity: battery.StateOfCharge(1), Form: wire.U16, Per: 10},
	}}
}

func cells() *wire.Layout {
	return &wire.Layout{Fields: []wire.Field{
		{Entity: battery.Cell(), Form: wire.U16, Per: 1000, Many: wire.Many{Max: 48, Count: wire.Rest(2)}},
	}}
}

// extremes are what the bridge computes of the cells anyway; a person may ask for them.
func extremes() *wire.Layout {
	cell := func(key, name string) wire.Field {
		return wire.Field{Entity: drivers.Entity{Key: key, Name: name, Quantity: drivers.CellVoltage, Max: 5}, Form: wire.U16, Per: 1000}
	}
	return &wire.Layout{Fields: []wire.Field{
		cell("cell_voltage_max", "Maximum cell voltage"),
		{Entity: battery.Counted("highest_cell", "Highest cell")},
		cell("cell_voltage_min", "Minimum cell voltage"),
		{Entity: battery.Counted("lowest_cell", "Lowest cell")},
	}}
}

func temperatures() *wire.Layout {
	return &wire.Layout{Fields: []wire.Field{
		probe(battery.Temperature(), wire.U8, wire.Many{Max: 16, Count: wire.Rest(1)}),
	}}
}

// probe is a temperature above -40 °C, or a row of them. The coldest is 0 on the wire, which is a probe that is not there or torn off; so is FF.
func probe(e drivers.Entity, form wire.Form, many wire.Many) wire.Field {
	e.Min++
	return wire.Field{Entity: battery.At(0, e), Form: form, Zero: 40, None: []uint32{0, 0xFF, 0xFFFF}, Many: many}
}

func mosfets() *wire.Layout {
	return &wire.Layout{Fields: []wire.Field{
		{At: 1, Entity: battery.Switched(battery.ChargingAllowed()), Register: 0xDA},
		{At: 2, Entity: battery.Switched(battery.DischargingAllowed()), Register: 0xD9},
		{At: 4, Entity: battery.Remaining(6000), Form: wire.U32, Per: 1000},
	}}
}

func balancing() *wire.Layout {
	moving := battery.Balancing()
	return &wire.Layout{Fields: []wire.Field{{Any: &moving, Form: wire.Text, Size: 6}}} // a bit for each of 48 cells
}

func alarms() *wire.Layout {
	return &wire.Layout{Fields: []wire.Field{
		{Alarms: voltages()},
		{Alarms: heat()},
		{Alarms: currents()},
		{Alarms: differences()},
		{Alarms: switches()},
		{Alarms: parts()},
		{Alarms: []string{"Current sensor fault", "Voltage sensor fault", "Short circuit", "Charge forbidden by low voltage"}},
	}}
}

// These are a byte each, from bit 0.

func voltages() []string {
	return levels("Cell voltage high", "Cell voltage low", "Battery voltage high", "Battery voltage low")
}

func heat() []string {
	return levels("Charge temperature high", "Charge temperature low", "Discharge temperature high", "Discharge temperature low")
}

func currents() []string {
	return levels("Charge overcurrent", "Discharge overcurrent", "State of charge high", "State of charge low")
}

func differences() []string { return levels("Cell voltage difference", "Temperature difference") }

func switches() []string {
	return []string{
		"Charge MOSFET overtemperature", "Discharge MOSFET overtemperature", "Charge MOSFET temperature sensor fault",
		"Discharge MOSFET temperature sensor fault", "Charge MOSFET sticks", "Discharge MOSFET sticks", "Charge MOSFET open", "Discharge MOSFET open",
	}
}

func parts() []string {
	return []string{
		"Front-end chip fault", "Voltage wire off", "Cell temperature sensor fault", "Memory fault", "Clock fault", "Precharge failed",
		"Communication fault", "Internal communication fault",
	}
}

// levels: of each alarm the first level warns, the second one switches off.
func levels(names ...string) (out []string) {
	for _, name := range names {
		out = append(out, name, name+", switched off")
	}
	return out
}

// sealed appends the checksum to what stands in this package.
func sealed(frame string) []byte {
	b := append([]byte(frame), 0)
	sum.Seal(b)
	return b
}

// sixteen is a series of a real board with 16 cells (mpp-solar 0.16.56, MIT), without the frames that only fill up.
func sixteen() (b []byte) {
	for n, words := range []string{
		"\x0c\xfd\x0c\xfe\x0c\xfe\x40", "\x0c\xfe\x0c\xfe\x0c\xfe\x40", "\x0c\xfe\x0c\xfe\x0c\xfe\x40",
		"\x0c\xfe\x0c\xfc\x0c\xfe\x40", "\x0c\xfe\x0c\xff\x0c\xfe\x40", "\x0c\xfc\x00\x00\x00\x00\x40",
	} {
		b = append(b, sealed("\xa5\x01\x95\x08"+string(rune(n+1))+words)...)
	}
	return b
}
