package seplos

import (
	"fmt"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/battery"
	"sunwire/drivers/link"
	"sunwire/drivers/wire"
)

// V3 is the third generation.
var V3 = wire.Driver(drivers.Driver{
	Name: "seplos_v3", Title: "Seplos BMS, version 3 (RS485; Bluetooth with address: 1)", Family: "seplos", Class: drivers.Battery,
	Links: []link.Kind{link.Serial, link.TCP, link.BLE},
	GATT:  link.GATT{Services: []string{"fff0"}, Notify: "fff1", Write: "fff2", Names: []string{"SP??B*", "XZHX*", "CSY*"}},
	Paces: [3]time.Duration{5 * time.Second, time.Minute, 24 * time.Hour},
	Bauds: []int{19200}, Commands: func() []string { return []string{"pack", "cells", "alarms"} },
}, v3)

// It is Modbus RTU, function 4; the alarms are function 1; PIA, PIB and PIC are what the maker calls the blocks. (syssi/esphome-seplos-bms, aiobmsble, Apache-2.0)
func v3() *wire.Protocol {
	p := wire.RTU(&wire.Protocol{
		Name: "seplos_v3", Manufacturer: "Seplos", Model: "BMS V3",
		Address: 0, Last: 15, // by Bluetooth, 0 is the whole system, which has other blocks: a pack wants its address
		First: time.Second, Gap: 200 * time.Millisecond, // an answer takes 30 ms at 19200 baud, and longer by Bluetooth
		Whole: battery.VoltageKey, Parts: battery.CellKey, Instead: "try seplos_v2",
	}, 4, 0, 0)
	p.Commands = []wire.Command{
		{Name: "pack", Code: 0x1000, Registers: 17, Layout: pia(), Example: p.Sealed(piaExample)},
		{Name: "cells", Code: 0x1100, Registers: 26, Layout: pib(), Example: p.Sealed(pibExample)},
		{Name: "alarms", Code: 0x1200, Function: 1, Registers: 144, Layout: pic(), Example: p.Sealed(picExample)},
	}
	return p
}

// pic is a bit for each alarm, in the order of their addresses. (the maker's protocol V0.1, 2023)
func pic() *wire.Layout {
	cells := func(at int, form wire.Form, what string) wire.Field {
		f := wire.Field{At: at, Form: form}
		for n := range 8 * 2 {
			f.Alarms = append(f.Alarms, fmt.Sprintf("Cell %02d %s", n+1, what))
		}
		return f
	}
	moving := battery.Balancing()
	return &wire.Layout{Little: true, Fields: []wire.Field{
		cells(0, wire.U16, "voltage low"),
		cells(2, wire.U16, "voltage high"),
		cells(4, wire.U8, "temperature low"),
		cells(5, wire.U8, "temperature high"),
		{Any: &moving, Form: wire.U16},
		{At: 9, Alarms: voltageEvents},
		{Alarms: temperatureEvents},
		{Alarms: []string{
			"Ambient temperature high", "Ambient overtemperature protection", "Ambient temperature low", "Ambient undertemperature protection",
			"MOSFET temperature high", "MOSFET overtemperature protection", "", "", // heating is none
		}},
		{Alarms: []string{
			"Charge current high", "Charge overcurrent protection", "Charge overcurrent protection, second level", "Discharge current high",
			"Discharge overcurrent protection", "Discharge overcurrent protection, second level", "Short circuit", "",
		}},
		{Alarms: []string{"Locked by short circuit", "", "Locked by charge overcurrent", "Locked by discharge overcurrent", "", "", "", ""}},
		{Alarms: []string{"", "", "State of charge low", "State of charge protection", "Cell voltage difference", "", "", ""}},
		{Bits: []drivers.Entity{battery.DischargingAllowed(), battery.ChargingAllowed(), {}, battery.Heating()}},
		{Skip: 1, Alarms: []string{
			"Temperature sensor fault", "Front-end chip fault", "Charge MOSFET fault", "Discharge MOSFET fault", "Cell fault", "Balance wire off",
			"Power switch fault", "Aerosol alarm",
		}},
	}}
}

// pia: no pack has the capacity 0, or a health of 0 %.
func pia() *wire.Layout {
	untold := []uint32{0}
	return &wire.Layout{Fields: []wire.Field{
		{Entity: battery.Voltage(), Form: wire.U16, Per: 100},
		{Entity: battery.Current(drivers.Charging, 327.67), Form: wire.S16, Per: 100},
		{Entity: battery.Remaining(655.35), Form: wire.U16, Per: 100},
		{Entity: battery.Full(655.35), Form: wire.U16, Per: 100, None: untold},
		{At: 10, Entity: battery.StateOfCharge(1), Form: wire.U16, Per: 10},
		{Entity: battery.At(1, battery.StateOfHealth()), Form: wire.U16, Per: 10, None: untold},
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
	picExample = "\x01\x01\x12\x00\x00\x00\x00\x00\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x03\x00\x00" // docs/pdus of the same
	pibExample = "\x01\x04\x34\x0c\xee\x0c\xe4\x0c\xda\x0c\xf8\x0c\xe4\x0c\xe4\x0c\xe4\x0c\xe4\x0c\xe4\x0c\xe4\x0c\xe4\x0c\xe4\x0c\xe4\x0c\xe4\x0c\xe4\x0c\xe4" +
		"\x0b\xa6\x0b\xd7\x0b\x74\x0b\x42\x0a\xab\x0a\xab\x0a\xab\x0a\xab\x0b\x96\x0b\x89"
)
