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
	Name: "seplos_v3", Title: "Seplos BMS, version 3 (RS485)", Family: "seplos", Class: drivers.Battery,
	Links: []link.Kind{link.Serial, link.TCP},
	Paces: [3]time.Duration{5 * time.Second, time.Minute, 24 * time.Hour},
	Bauds: []int{19200}, Commands: func() []string { return []string{"pack", "cells"} },
}, v3)

// It is Modbus RTU, function 4; PIA and PIB are what the maker calls the two blocks:
//
//	00       04        10 00  00 11  34 D7         question: address, function, first register, number, CRC-16
//	00       04        22     14 A0 FE 0C ...      answer: address, function, bytes, values, CRC-16
//
// A reply does not say which registers it holds: their number tells it. (syssi/esphome-seplos-bms, aiobmsble, Apache-2.0)
func v3() *wire.Protocol {
	return &wire.Protocol{
		Name: "seplos_v3", Manufacturer: "Seplos", Model: "BMS V3",
		Address: 0, Last: 15,
		First: 500 * time.Millisecond, Gap: 50 * time.Millisecond, // an answer takes 30 ms at 19200 baud
		Request: func(c *wire.Command, address int) []byte {
			b := []byte{byte(address), 4, byte(c.Code >> 8), byte(c.Code), 0, registers[c.Name], 0, 0}
			crc.Seal(b)
			return b
		},
		Length: func(b []byte) int {
			switch {
			case len(b) < 3:
				return 0
			case b[1] == 4:
				return 5 + int(b[2])
			case b[1] == 0x84:
				return 5
			}
			return -1
		},
		Sum: crc,
		Match: func(c *wire.Command, address int, f []byte) error {
			switch {
			case address != wire.Any && int(f[0]) != address:
				return fmt.Errorf("%w: the pack with address %d answered", drivers.ErrFrame, f[0])
			case f[1] == 0x84:
				return fmt.Errorf("exception %d: %w", f[2], drivers.ErrUnsupported)
			case f[2] != 2*registers[c.Name]:
				return fmt.Errorf("%w: %d bytes instead of %d", drivers.ErrFrame, f[2], 2*registers[c.Name])
			}
			return nil
		},
		Head: 3, Tail: 2,
		Claim: func(f []byte, address int) { f[0] = byte(address) },
		Commands: []wire.Command{
			{Name: "pack", Code: 0x1000, Layout: pia(), Example: sealed(piaExample)},
			{Name: "cells", Code: 0x1100, Layout: pib(), Example: sealed(pibExample)},
		},
		Whole: battery.VoltageKey, Parts: battery.CellKey, Instead: "try seplos_v2",
	}
}

var (
	crc       = wire.Sum{Of: wire.Modbus, Size: 2, Little: true}
	registers = map[string]byte{"pack": 17, "cells": 26}
)

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
		{Entity: cell, Form: wire.U16, Per: 1000, Many: wire.Many{Max: 16, Count: fitted}},
		temperatures,
		celsius(48, battery.Probe("ambient_temperature", "Ambient temperature")),
		celsius(50, battery.Mosfet()),
	}}
}

// fitted counts the cells up to the last one that says something.
func fitted(b []byte, _ int) (n, taken int) {
	for i := range min(16, len(b)/2) {
		if b[2*i] != 0 || b[2*i+1] != 0 {
			n = i + 1
		}
	}
	return n, 0
}

// The examples are of syssi/esphome-seplos-bms, tests (Apache-2.0); in the first, charge and health were filled in.
const (
	piaExample = "\x01\x04\x22\x14\xa0\xfe\x0c\x3a\x98\x4e\x20\x00\x00\x02\xf3\x03\xe8\x00\x19\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	pibExample = "\x01\x04\x34\x0c\xee\x0c\xe4\x0c\xda\x0c\xf8\x0c\xe4\x0c\xe4\x0c\xe4\x0c\xe4\x0c\xe4\x0c\xe4\x0c\xe4\x0c\xe4\x0c\xe4\x0c\xe4\x0c\xe4\x0c\xe4" +
		"\x0b\xa6\x0b\xd7\x0b\x74\x0b\x42\x0a\xab\x0a\xab\x0a\xab\x0a\xab\x0b\x96\x0b\x89"
)

func sealed(frame string) []byte {
	b := append([]byte(frame), 0, 0)
	crc.Seal(b)
	return b
}
