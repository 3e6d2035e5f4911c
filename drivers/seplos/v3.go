package seplos

import (
	"time"

	"sunwire/drivers"
	"sunwire/drivers/battery"
	"sunwire/drivers/link"
	"sunwire/drivers/wire"
)

// V3 is the third generation.
var V3 = wire.Driver(drivers.Driver{
	Name: "seplos_v3", Title: "Seplos BMS, version 3 (RS485)", Family: "seplos", Class: drivers.Battery,
	Links: []link.Kind{link.Serial, link.TCP},
	Paces: [3]time.Duration{5 * time.Second, time.Minute, 24 * time.Hour},
	Bauds: []int{19200}, Commands: func() []string { return []string{"pack", "cells"} },
}, v3)

// It is Modbus RTU, function 4; PIA and PIB are what the maker calls the two blocks. (syssi/esphome-seplos-bms, aiobmsble, Apache-2.0)
func v3() *wire.Protocol {
	p := wire.RTU(&wire.Protocol{
		Name: "seplos_v3", Manufacturer: "Seplos", Model: "BMS V3",
		Address: 0, Last: 15,
		First: 500 * time.Millisecond, Gap: 50 * time.Millisecond, // an answer takes 30 ms at 19200 baud
		Whole: battery.VoltageKey, Parts: battery.CellKey, Instead: "try seplos_v2",
	}, 4, 0, 0)
	p.Commands = []wire.Command{
		{Name: "pack", Code: 0x1000, Registers: 17, Layout: pia(), Example: p.Sealed(piaExample)},
		{Name: "cells", Code: 0x1100, Registers: 26, Layout: pib(), Example: p.Sealed(pibExample)},
	}
	return p
}

func pia() *wire.Layout {
	return &wire.Layout{Fields: []wire.Field{
		{Entity: battery.Voltage(), Form: wire.U16, Per: 100},
		{Entity: battery.Current(drivers.Charging, 327.67), Form: wire.S16, Per: 100},
		{Entity: battery.Remaining(655.35), Form: wire.U16, Per: 100},
		{Entity: battery.Full(655.35), Form: wire.U16, Per: 100},
		{At: 10, Entity: battery.StateOfCharge(1), Form: wire.U16, Per: 10},
		{Entity: battery.At(1, battery.StateOfHealth()), Form: wire.U16, Per: 10},
		{Entity: battery.Cycles(), Form: wire.U16},
	}}
}

func pib() *wire.Layout {
	cell := battery.Cell()
	cell.Min = 0.5 // a place without a cell says 0
	celsius := func(at int, e drivers.Entity) wire.Field {
		return wire.Field{At: at, Entity: e, Form: wire.U16, Zero: 2731, Per: 10}
	}
	temperatures := celsius(32, battery.Temperature())
	temperatures.Many = wire.Many{Max: 4, Count: wire.Fixed(4)}
	return &wire.Layout{Fields: []wire.Field{
		{Entity: cell, Form: wire.U16, Per: 1000, Many: wire.Many{Max: 16, Count: wire.Fitted(16)}},
		temperatures,
		celsius(48, battery.Probe("ambient_temperature", "Ambient temperature")),
		celsius(50, battery.Mosfet()),
	}}
}

// The examples are of syssi/esphome-seplos-bms, tests (Apache-2.0); in the first, charge and health were filled in.
const (
	piaExample = "\x01\x04\x22\x14\xa0\xfe\x0c\x3a\x98\x4e\x20\x00\x00\x02\xf3\x03\xe8\x00\x19\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	pibExample = "\x01\x04\x34\x0c\xee\x0c\xe4\x0c\xda\x0c\xf8\x0c\xe4\x0c\xe4\x0c\xe4\x0c\xe4\x0c\xe4\x0c\xe4\x0c\xe4\x0c\xe4\x0c\xe4\x0c\xe4\x0c\xe4\x0c\xe4" +
		"\x0b\xa6\x0b\xd7\x0b\x74\x0b\x42\x0a\xab\x0a\xab\x0a\xab\x0a\xab\x0b\x96\x0b\x89"
)
