// Package renogy reads the smart lithium batteries of Renogy by Bluetooth, and those with an RS485 port over that.
package renogy

import (
	"strconv"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/battery"
	"sunwire/drivers/link"
	"sunwire/drivers/wire"
)

// Driver and Pro read the same registers, of which one counts otherwise: nothing but its name tells a Pro battery, and a current ten times
// too high is worse than none. (aiobmsble, Apache-2.0; Renogy's Modbus protocol V1.7 as Grmume/renogy-smart-battery reads it)
//
// + is charging: the battery that prints -36.18 A is said to be discharging with 36 A.
var (
	Driver = wire.Driver(drivers.Driver{
		Name: "renogy", Title: "Renogy smart lithium battery", Family: "renogy", Class: drivers.Battery,
		Links: []link.Kind{link.BLE, link.Serial, link.TCP}, GATT: gatt("BT-TH-*"),
		Paces: [3]time.Duration{10 * time.Second, time.Minute, 24 * time.Hour},
		Bauds: []int{9600}, Commands: commands,
	}, func() *wire.Protocol { return protocol("renogy", pack()) })
	Pro = wire.Driver(drivers.Driver{
		Name: "renogy_pro", Title: "Renogy Pro battery", Family: "renogy", Class: drivers.Battery,
		Links: []link.Kind{link.BLE}, GATT: gatt("RNGRBP*", "RNGC*"),
		Paces:    [3]time.Duration{10 * time.Second, time.Minute, 24 * time.Hour},
		Commands: commands,
	}, func() *wire.Protocol { return protocol("renogy_pro", proPack()) })
)

func commands() []string { return []string{"pack", "cells", "alarms", "info"} }

func gatt(names ...string) link.GATT {
	return link.GATT{Services: []string{"ffd0", "fff0"}, Notify: "fff1", Write: "ffd1", Names: names}
}

// protocol is Modbus RTU, function 3. Batteries leave the factory with the address 247; the maker's app makes 48 of it, which is also that
// over Bluetooth.
func protocol(name string, pack *wire.Layout) *wire.Protocol {
	p := wire.RTU(&wire.Protocol{
		Name: name, Manufacturer: "Renogy", Model: "Smart lithium battery",
		Address: 48, Second: 247, Last: 247,
		First: time.Second, Gap: 200 * time.Millisecond, // an answer takes 76 ms at 9600 baud
		Whole: battery.VoltageKey, Parts: battery.CellKey, Instead: "read it again",
	}, 3, 0, 0)
	p.Commands = []wire.Command{
		{Name: "pack", Code: 5042, Registers: 7, Layout: pack, Example: p.Sealed(packExample)},
		{Name: "cells", Code: 5000, Registers: 34, Layout: cells(), Example: p.Sealed(cellsExample)},
		{Name: "alarms", Code: 5100, Registers: 8, Layout: alarms(), Example: p.Sealed(alarmsExample)},
		{Name: "info", Code: 5104, Registers: 28, OnDemand: true, Layout: info(), Example: p.Sealed(infoExample)},
	}
	return p
}

func pack() *wire.Layout {
	return &wire.Layout{Fields: append(charge(battery.Current(drivers.Charging, 327.67), 100), wire.Field{Entity: battery.Cycles(), Form: wire.U16})}
}

// proPack has no cycles: some of these batteries have the bytes the wrong way round.
func proPack() *wire.Layout {
	return &wire.Layout{Fields: charge(battery.At(1, battery.Current(drivers.Charging, 1000)), 10)}
}

// charge has what is left and what fits in, and no percentage: the bridge makes it of these.
func charge(current drivers.Entity, per float64) []wire.Field {
	return []wire.Field{
		{Entity: current, Form: wire.S16, Per: per},
		{Entity: battery.At(1, battery.Voltage()), Form: wire.U16, Per: 10},
		{Entity: battery.At(3, battery.Remaining(6000)), Form: wire.U32, Per: 1000},
		{Entity: battery.At(3, battery.Full(6000)), Form: wire.U32, Per: 1000},
	}
}

func cells() *wire.Layout {
	return &wire.Layout{Fields: []wire.Field{
		{At: 2, Entity: battery.At(1, battery.Cell()), Form: wire.U16, Per: 10, Many: wire.Many{Max: 16, Count: wire.CountAt(1)}},
		{At: 36, Entity: battery.Temperature(), Form: wire.S16, Per: 10, Many: wire.Many{Max: 16, Count: wire.CountAt(35)}},
	}}
}

func alarms() *wire.Layout {
	heating := drivers.Entity{Key: "heating", Name: "Heating", Platform: drivers.Binary, Quantity: drivers.Running, Category: drivers.Diagnostic}
	return &wire.Layout{Fields: []wire.Field{
		{Form: wire.U32, Alarms: ofCells("voltage")},
		{Form: wire.U32, Alarms: ofCells("temperature")},
		{Form: wire.U32, Alarms: []string{}}, // temperatures elsewhere, and currents; which bit is which is not certain
		{Form: wire.U16, Alarms: []string{
			"Short circuit", "", "", "", "Charge overcurrent 2", "Discharge overcurrent 2", "Battery overvoltage", "Cell undervoltage",
			"Cell overvoltage", "Charge overcurrent", "Discharge overcurrent", "Discharge undertemperature", "Discharge overtemperature",
			"Charge undertemperature", "Charge overtemperature", "Battery undervoltage",
		}},
		{At: 12, Form: wire.U16, Bits: []drivers.Entity{1: battery.ChargingAllowed(), 2: battery.DischargingAllowed(), 15: {}}},
		{Form: wire.U16, Bits: []drivers.Entity{13: heating, 15: {}}},
	}}
}

// ofCells: each has two bits, from bit 0.
func ofCells(what string) (out []string) {
	for n := range 16 {
		name := "Cell " + strconv.Itoa(n+1) + " " + what
		out = append(out, name+" low", name+" high")
	}
	return out
}

func info() *wire.Layout {
	return &wire.Layout{Fields: []wire.Field{
		{At: 12, Entity: battery.Told("serial", "Serial"), Form: wire.Text, Size: 16, Tells: wire.Serial},
		{At: 36, Entity: battery.Told("model", "Model"), Form: wire.Text, Size: 16, Tells: wire.Model},
		{Entity: battery.Told("firmware", "Firmware"), Form: wire.Text, Size: 4, Tells: wire.Firmware},
	}}
}

// The first three examples are aiobmsble's (tests, Apache-2.0), without their checksums; the fourth is of another battery, whose registers
// Grmume/renogy-smart-battery prints.
const (
	packExample  = "\x30\x03\x0e\xff\xaa\x00\x88\x00\x01\x7b\xb0\x00\x01\x86\xa0\x00\x0f"
	cellsExample = "\x30\x03\x44\x00\x04\x00\x23\x00\x21\x00\x21\x00\x21\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
		"\x00\x02\x00\xaa\x00\xaa\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	alarmsExample = "\x30\x03\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0e\x00\x00"
	infoExample   = "\x30\x03\x38\x00\x00\x00\x00\x00\x0e\x02\x00\x00\x00\x00\xc022RBH4A051020000" + "01" + "0001" + "19" +
		"RBT50LFP48S\x00\x00\x00\x00\x00V104"
)
