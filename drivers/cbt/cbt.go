// Package cbt reads the batteries of CBT Power, Creabest and others with the same Bluetooth module.
package cbt

import (
	"fmt"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/battery"
	"sunwire/drivers/link"
	"sunwire/drivers/wire"
)

// Driver speaks the protocol with the frames AA 55 ... 0D 0A.
var Driver = wire.Driver(drivers.Driver{
	Name: "cbt", Title: "CBT Power, Creabest", Family: "cbt", Class: drivers.Battery,
	Links: []link.Kind{link.BLE}, GATT: gatt("???[CR]??????"),
	Paces:    [3]time.Duration{10 * time.Second, time.Minute, 24 * time.Hour},
	Commands: func() []string { return []string{"pack", "charge", "cells", "alarms", "temperature", "capacity"} },
}, protocol)

// gatt is where both protocols are spoken. Such a device advertises none of these services.
func gatt(names ...string) link.GATT {
	return link.GATT{Services: []string{"ffe5", "ffe0"}, Notify: "ffe4", Write: "ffe9", Names: names}
}

// A question and its answer are
//
//	AA 55  0B       00                                   0B        0A 0D
//	AA 55  0B       08      58 34 00 00 5C 12 00 00      0D        0D 0A
//	start  command  length  voltage, current             sum of command, length and data
//
// Cells come five at a time; a place without a cell says 0. Numbers are little-endian. (aiobmsble, Apache-2.0)
//
// + is charging: a fixture of -3.14 A has a remaining time.
func protocol() *wire.Protocol {
	sum := wire.Sum{Of: wire.Add, Size: 1, From: 2, Tail: 2}
	return &wire.Protocol{
		Name: "cbt", Manufacturer: "CBT Power", Model: "Battery",
		First: time.Second, Gap: 300 * time.Millisecond,
		Request: func(c *wire.Command, _ int) []byte {
			b := []byte{0xAA, 0x55, byte(c.Code), 0, 0, 0x0A, 0x0D}
			sum.Seal(b)
			return b
		},
		Length: func(b []byte) int {
			switch n := wire.Begins(b, 0xAA, 0x55); {
			case n <= 0:
				return n
			case len(b) < 4:
				return 0
			}
			return around + int(b[3])
		},
		Sum: sum, Piece: true,
		Match: match,
		Payload: func(_ *wire.Command, f []byte) (data []byte, _ error) {
			for ; len(f) > 0; f = f[around+int(f[3]):] {
				data = append(data, f[4:4+int(f[3])]...)
			}
			return data, nil
		},
		Wrap: func(_ *wire.Command, f, data []byte) []byte {
			for rest := f; len(rest) > 0; rest = rest[around+int(rest[3]):] {
				data = data[copy(rest[4:4+int(rest[3])], data):]
			}
			return f
		},
		Commands: []wire.Command{
			{Name: "pack", Code: 0x0B, Layout: pack(), Example: []byte("\xaa\x55\x0b\x08\x34\x4e\x00\x00\xbc\xf3\xff\xff\x42\x0d\x0a")},
			{Name: "charge", Code: 0x0A, Layout: charge(), Example: []byte("\xaa\x55\x0a\x06\x64\x13\x0d\x00\x00\x00\x94\x0d\x0a")},
			{Name: "cells", Code: firstCells, Next: next, Layout: cells(), Example: []byte(cellsExample)},
			{Name: "alarms", Code: 0x21, Layout: alarms(), Example: []byte("\xaa\x55\x21\x04\x00\x00\x00\x00\x25\x0d\x0a")},
			{Name: "temperature", Code: 0x09, Pace: drivers.Slow, Layout: temperature(), Example: []byte(temperatureExample)},
			{Name: "capacity", Code: 0x15, Pace: drivers.Slow, Layout: capacity(), Example: []byte("\xaa\x55\x15\x04\x28\x00\x03\x00\x44\x0d\x0a")},
		},
		Whole: battery.VoltageKey, Parts: battery.CellKey, Instead: "try cbt_vb",
	}
}

const (
	around     = 7 // bytes of a frame that are not data
	firstCells = 0x05
	lastCells  = 0x08
	atOnce     = 5 // cells of one frame
)

// next: a frame of cells that is full has another behind it.
func next(frames []byte) uint16 {
	const size = around + 2*atOnce
	last := frames[max(0, len(frames)-size):]
	if code := uint16(last[2]); len(last) == size && code < lastCells && (last[12] != 0 || last[13] != 0) {
		return code + 1
	}
	return 0
}

func match(c *wire.Command, _ int, f []byte) error {
	code := c.Code
	for at := 0; at < len(f); {
		end := at + around + int(f[at+3])
		switch {
		case uint16(f[at+2]) != code || f[end-2] != 0x0D || f[end-1] != 0x0A:
			return fmt.Errorf("%w: an answer to %#02x, not to %#02x", drivers.ErrFrame, f[at+2], code)
		case c.Next != nil && f[at+3] != 2*atOnce:
			return fmt.Errorf("%w: %d bytes of cells", drivers.ErrFrame, f[at+3])
		}
		code = 0 // which nothing has
		if c.Next != nil {
			code = c.Next(f[:end])
		}
		at = end
	}
	return nil
}

func pack() *wire.Layout {
	return &wire.Layout{Little: true, Fields: []wire.Field{
		{Entity: battery.At(3, battery.Voltage()), Form: wire.U32, Per: 1000},
		{Entity: battery.At(3, battery.Current(drivers.Charging, 1000)), Form: wire.S32, Per: 1000},
	}}
}

func charge() *wire.Layout {
	return &wire.Layout{Fields: []wire.Field{{Entity: battery.StateOfCharge(0)}}}
}

func cells() *wire.Layout {
	cell := battery.Cell()
	cell.Min = 0.5
	return &wire.Layout{Little: true, Fields: []wire.Field{
		{Entity: cell, Form: wire.U16, Per: 1000, Many: wire.Many{Max: 20, Count: wire.Fitted(20)}},
	}}
}

func alarms() *wire.Layout {
	return &wire.Layout{Little: true, Fields: []wire.Field{{Form: wire.U32, Alarms: []string{}}}}
}

func temperature() *wire.Layout {
	return &wire.Layout{Little: true, Fields: []wire.Field{{Entity: battery.At(0, battery.Probe("temperature_1", "Temperature 1")), Form: wire.S16}}}
}

func capacity() *wire.Layout {
	return &wire.Layout{Little: true, Fields: []wire.Field{{Entity: battery.At(0, battery.Design(6000)), Form: wire.U16}, {Entity: battery.Cycles(), Form: wire.U16}}}
}

// The examples are aiobmsble's (tests, Apache-2.0), made a pack of 6 cells with the voltage of these, so that two frames are needed.
const (
	temperatureExample = "\xaa\x55\x09\x0c\x15\x00\x15\x00\x00\x00\x00\x00\x00\x00\x00\x00\x3f\x0d\x0a"
	cellsExample       = "\xaa\x55\x05\x0a\x0b\x0d\x0a\x0d\x09\x0d\x08\x0d\x07\x0d\x7d\x0d\x0a" +
		"\xaa\x55\x06\x0a\x06\x0d\x00\x00\x00\x00\x00\x00\x00\x00\x23\x0d\x0a"
)
