// Package ecoworthy reads the batteries of Eco-Worthy and DCHouse with the Bluetooth module BW02 or BW0B.
package ecoworthy

import (
	"fmt"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/battery"
	"sunwire/drivers/link"
	"sunwire/drivers/wire"
)

// Driver asks the module, which asks the battery.
var Driver = wire.Driver(drivers.Driver{
	Name: "ecoworthy", Title: "Eco-Worthy, DCHouse", Family: "ecoworthy", Class: drivers.Battery,
	Links:    []link.Kind{link.BLE},
	GATT:     link.GATT{Services: []string{"fff0"}, Notify: "fff1", Write: "fff2", Names: []string{"ECO-WORTHY*", "DCHOUSE*"}},
	Paces:    [3]time.Duration{10 * time.Second, time.Minute, 24 * time.Hour},
	Commands: func() []string { return []string{"pack", "cells"} },
}, protocol)

// What comes are answers of Modbus with something before them, of which the older module (above) says more than the newer one:
//
//	                   A1    00 00 00 65 00 00 00 00 00 18 01  03        44     00 18 00 48 ...  21 86
//	E2 E7 79 00 00 00  A1    00 00 08                          03        44     00 08 00 62 ...  D3 F6
//	its own address    type  -                                 function  bytes  data             CRC-16 of all
//
// A1 are the values of the pack, A2 those of the cells. Both come again and again once they were asked for, and in any order. Numbers are
// big-endian; the newer module counts the current in 0.1 A. (aiobmsble, Apache-2.0)
//
// + is charging: the fixtures of -1.14 A and -6 A have a remaining time.
func protocol() *wire.Protocol {
	crc := wire.Sum{Of: wire.Modbus, Size: 2, Little: true}
	return &wire.Protocol{
		Name: "ecoworthy", Manufacturer: "Eco-Worthy", Model: "Battery",
		First: 5 * time.Second, Gap: 2 * time.Second, // what was not asked for comes first, perhaps
		Request: func(c *wire.Command, _ int) []byte {
			b := []byte{0xFF, 8, 2, 0, 0x0B, 1, 0, 0x64, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0}
			if c.Code == cells {
				b[7] = 0x14
			}
			crc.Seal(b)
			return b
		},
		Length: func(b []byte) int {
			if len(b) < 14 {
				return 0
			}
			if _, data := open(b); data > 0 {
				return data + int(b[data-1]) + 2
			}
			return -1
		},
		Sum: crc,
		Match: func(c *wire.Command, _ int, f []byte) error {
			if kind, _ := open(f); kind != byte(c.Code) {
				return fmt.Errorf("%w: a frame of the type %#02x", drivers.ErrFrame, kind)
			}
			return nil
		},
		Payload: func(_ *wire.Command, f []byte) ([]byte, error) {
			_, data := open(f)
			return f[data-12 : len(f)-2], nil // where the newer one's begins
		},
		Commands: []wire.Command{
			{Name: "pack", Code: pack, Layout: packOf(100), Others: []*wire.Layout{packOf(10)}, Pick: newer, Example: []byte(packExample)},
			{Name: "cells", Code: cells, Layout: cellsOf(), Example: []byte(cellsExample)},
		},
		Whole: battery.VoltageKey, Parts: battery.CellKey, Instead: "read it again",
	}
}

// The types of frames.
const (
	pack  = 0xA1
	cells = 0xA2
)

func isType(b byte) bool { return b == pack || b == cells }

// open finds the type of a frame that begins with b, and where its data do; 0: none begins so.
func open(b []byte) (kind byte, data int) {
	switch {
	case isType(b[0]) && b[12] == 3:
		return b[0], 14
	case isType(b[6]) && b[10] == 3:
		return b[6], 12
	}
	return 0, 0
}

// newer picks the second layout for the newer module. In frames of the older one there is a 0 in this place.
func newer(payload []byte) int {
	if isType(payload[6]) {
		return 0
	}
	return -1
}

func packOf(per float64) *wire.Layout {
	return &wire.Layout{Fields: []wire.Field{
		{At: 14, Entity: battery.StateOfCharge(0), Form: wire.U16},
		{Entity: battery.StateOfHealth(), Form: wire.U16},
		{Entity: battery.Voltage(), Form: wire.U16, Per: 100},
		{Entity: battery.Current(drivers.Charging, 32767/per), Form: wire.S16, Per: per},
		{At: 24, Entity: battery.Design(655.35), Form: wire.U16, Per: 100},
		{At: 49, Form: wire.U16, Alarms: []string{}},
	}}
}

func cellsOf() *wire.Layout {
	cell := wire.Many{Max: 32, Count: wire.CountAt(13)}
	probe := wire.Many{Max: 8, Count: wire.CountAt(79)}
	return &wire.Layout{Fields: []wire.Field{
		{At: 14, Entity: battery.Cell(), Form: wire.U16, Per: 1000, None: []uint32{0xFFFF}, Many: cell},
		{At: 80, Entity: battery.Temperature(), Form: wire.S16, Per: 10, Many: probe},
	}}
}

// The examples are of the older module (aiobmsble, tests, Apache-2.0).
const (
	packExample = "\xa1\x00\x00\x00\x65\x00\x00\x00\x00\x00\x18\x01\x03\x44\x00\x18\x00\x48\x00\x64\x05\x31\xff\x8e\x00\x00\x27\x10\x00\x01\x00\x01\x00\x00" +
		"\x00\x00\x00\x00\x00\x00\x00\x01\x00\x02\x00\x00\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
		"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x21\x86"
	cellsExample = "\xa2\x00\x00\x00\x65\x00\x00\x00\x00\x00\x18\x01\x03\x56\x00\x04\x0c\xfb\x0c\xfd\x0c\xfb\x0c\xfa\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" +
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" +
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x03\x00\xcd\x00\xc0\x00\xbe\xfc\x18\xfc\x18\xfc\x18\xfc\x18\xfc\x18\xfc\x18\x97\x6a"
)
