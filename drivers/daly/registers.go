package daly

import (
	"slices"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/battery"
	"sunwire/drivers/link"
	"sunwire/drivers/wire"
)

// D2 and P81 read registers, as Modbus does. They hold the same in another order; P81 is that of the packs for houses (ESS), of which several
// share a wire. (syssi/esphome-daly-bms, aiobmsble, Apache-2.0; patagonaa/esphome-daly-hkms-bms for the addresses)
//
// The current counts from 30000, + = charging: so say both sources, and captures with -2.5 A and -8.9 A in the state "discharging".
var (
	D2 = wire.Driver(drivers.Driver{
		Name: "daly_d2", Title: "Daly BMS, newer boards (D2)", Family: "daly", Class: drivers.Battery,
		Links: []link.Kind{link.Serial, link.TCP, link.BLE}, GATT: gatt(),
		Paces: [3]time.Duration{5 * time.Second, time.Minute, 24 * time.Hour},
		Bauds: []int{9600}, Commands: func() []string { return []string{"status", "board", "settings", "version"} },
	}, d2)
	P81 = wire.Driver(drivers.Driver{
		Name: "daly_p81", Title: "Daly BMS, packs for houses (P81)", Family: "daly", Class: drivers.Battery,
		Links: []link.Kind{link.Serial, link.TCP, link.BLE}, GATT: gatt(),
		Paces: [3]time.Duration{5 * time.Second, time.Minute, 24 * time.Hour},
		Bauds: []int{9600}, Commands: func() []string { return []string{"cells", "status", "version"} },
	}, p81)
)

func d2() *wire.Protocol {
	p := wire.RTU(&wire.Protocol{
		Name: "daly_d2", Manufacturer: "Daly", Model: "BMS",
		First: 500 * time.Millisecond, Gap: 150 * time.Millisecond, // an answer takes 134 ms at 9600 baud
		Whole: battery.VoltageKey, Parts: battery.CellKey, Instead: "try daly_p81 or daly",
	}, 3, 0xD2, 0xD2)
	p.Commands = []wire.Command{
		{Name: "status", Code: 0, Registers: 62, Layout: d2Status(), Example: p.Sealed(d2StatusExample)},
		{Name: "status", Code: 0, Registers: 80, OnDemand: true, Layout: d2Whole()},                                         // both in one, as some apps ask; older boards cannot
		{Name: "board", Code: 0x3E, Registers: 9, Pace: drivers.Slow, Layout: d2Board(), Example: p.Sealed(d2BoardExample)}, // not all have it
		{Name: "settings", Code: 0x80, Registers: 41, Pace: drivers.Once, Layout: capacity(), Example: p.Sealed(d2SettingsExample)},
		{Name: "version", Code: 0xA9, Registers: 32, OnDemand: true, Layout: version(32), Example: p.Sealed(d2VersionExample)},
	}
	return p
}

func p81() *wire.Protocol {
	p := wire.RTU(&wire.Protocol{
		Name: "daly_p81", Manufacturer: "Daly", Model: "BMS",
		Address: 1, Last: 15,
		First: 500 * time.Millisecond, Gap: 150 * time.Millisecond,
		Whole: battery.VoltageKey, Parts: battery.CellKey, Instead: "try daly_d2 or daly",
	}, 3, 0x80, 0x50)
	p.Commands = []wire.Command{
		{Name: "cells", Code: 0, Registers: 64, Layout: &wire.Layout{Fields: pack(48, 60)}, Example: p.Sealed(p81CellsExample)},
		{Name: "status", Code: 0x41, Registers: 62, Layout: p81Status(), Example: p.Sealed(p81StatusExample)},
		{Name: "version", Code: 0x178, Registers: 74, OnDemand: true, Layout: version(28), Example: p.Sealed(p81VersionExample)},
	}
	return p
}

// pack is how both begin: a place for each cell there can be, eight temperatures, and what all cells are together. How many of each are
// fitted stands in the register counts, and the one behind it.
func pack(places, counts int) []wire.Field {
	cells := wire.Many{Max: places, Count: wire.CountAt(2*counts + 1)}
	probes := wire.Many{Max: 8, Count: wire.CountAt(2*counts + 3)}
	return []wire.Field{
		{Entity: battery.Cell(), Form: wire.U16, Per: 1000, Many: cells},
		at(2*places, probe(battery.Temperature(), wire.U16, probes)),
		{At: 2*places + 16, Entity: battery.At(1, battery.Voltage()), Form: wire.U16, Per: 10},
		{Entity: battery.At(1, battery.Current(drivers.Charging, 1000)), Form: wire.U16, Zero: 30000, Per: 10},
		{Entity: battery.StateOfCharge(1), Form: wire.U16, Per: 10},
	}
}

// d2Status goes on where pack ends; a register is two bytes.
func d2Status() *wire.Layout {
	return &wire.Layout{Fields: append(pack(32, 49), []wire.Field{
		{At: 2 * 48, Entity: battery.At(1, battery.Remaining(6553.5)), Form: wire.U16, Per: 10},
		{At: 2 * 51, Entity: battery.Cycles(), Form: wire.U16},
		{Entity: battery.Balancing(), Form: wire.U16},
		{Entity: battery.ChargingAllowed(), Form: wire.U16},
		{Entity: battery.DischargingAllowed(), Form: wire.U16},
		{At: 2 * 58, Form: wire.U16, Alarms: slices.Concat(voltages(), heat())},
		{Form: wire.U16, Alarms: slices.Concat(currents(), differences())},
		{Form: wire.U16, Alarms: slices.Concat(switches(), parts())},
		{Form: wire.U16, Alarms: []string{}},
	}...)}
}

func d2Whole() *wire.Layout {
	l := d2Status()
	l.Fields = append(l.Fields, fitted(132))
	return l
}

// d2Board has the temperature of the switches, where the board measures it: else it is 0 or FFFF.
func d2Board() *wire.Layout {
	return &wire.Layout{Fields: []wire.Field{fitted(8)}}
}

// p81Status ends with alarms, too. What their bits mean is not known, and one of them is set in packs that are well.
func p81Status() *wire.Layout {
	board := battery.Probe("board_temperature", "Board temperature")
	return &wire.Layout{Fields: []wire.Field{
		{At: 20, Entity: battery.At(1, battery.Remaining(6553.5)), Form: wire.U16, Per: 10},
		{Entity: battery.Cycles(), Form: wire.U16},
		{Entity: battery.Balancing(), Form: wire.U16},
		{At: 34, Entity: battery.ChargingAllowed(), Form: wire.U16},
		{Entity: battery.DischargingAllowed(), Form: wire.U16},
		fitted(50),
		probe(board, wire.U16, wire.Many{}),
	}}
}

func fitted(place int) wire.Field { return at(place, probe(battery.Mosfet(), wire.U16, wire.Many{})) }

func at(place int, f wire.Field) wire.Field { f.At = place; return f }

func capacity() *wire.Layout {
	return &wire.Layout{Fields: []wire.Field{{Entity: battery.At(1, battery.Design(6553.5)), Form: wire.U16, Per: 10}}}
}

// version has the software in so many bytes, and then the hardware.
func version(size int) *wire.Layout {
	return &wire.Layout{Fields: []wire.Field{
		{Entity: battery.Told("firmware", "Firmware"), Form: wire.Text, Size: size, Tells: wire.Firmware},
		{Entity: battery.Told("hardware", "Hardware"), Form: wire.Text, Size: 14},
	}}
}
