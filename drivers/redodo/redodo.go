// Package redodo reads the batteries of Redodo, LiTime, Power Queen and others with the same board in them, by Bluetooth.
package redodo

import (
	"fmt"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/battery"
	"sunwire/drivers/link"
	"sunwire/drivers/wire"
)

// Driver reads all there is with one question.
var Driver = wire.Driver(drivers.Driver{
	Name: "redodo", Title: "Redodo, LiTime, Power Queen", Family: "redodo", Aliases: []string{"litime"}, Class: drivers.Battery,
	Links: []link.Kind{link.BLE},
	GATT: link.GATT{Services: []string{"ffe0"}, Notify: "ffe1", Write: "ffe2", Names: []string{
		"P-12*", "P-24*", "PQ-12*", "PQ-24*", "R-12*", "R-24*", "RO-12*", "RO-24*", "T-12*", "T-24*", "L-12*", "L-24*", "L-51*",
		"LT-12???BG-A0[7-9]*", "LT-24???B-A00[3-9]*", "LT-24???B-A0[1-9]*", "LT-24???B-A[1-9]*", "LT-51*", "S-*", "SS-*",
	}},
	Paces:    [3]time.Duration{10 * time.Second, time.Minute, 24 * time.Hour},
	Commands: func() []string { return []string{"status"} },
}, protocol)

// A question and its answer are
//
//	00 00  04      01  13       55 AA                           17
//	00 00  65      01  93       55 AA  00 46 66 00 00 ...       A2
//	start  length  -   command  -      voltages, current, ...   sum of all before
//
// The length counts the bytes between itself and the sum; an answer has the top bit of the command set. Numbers are little-endian.
// (aiobmsble, Apache-2.0; batmon-ha, MIT. The protections: what bt-sensors-plugin-sk calls them.)
//
// + is charging: a fixture of -1.435 A has a remaining time, and batmon-ha turns the sign.
func protocol() *wire.Protocol {
	sum := wire.Sum{Of: wire.Add, Size: 1}
	return &wire.Protocol{
		Name: "redodo", Manufacturer: "Redodo", Model: "LiFePO4 battery",
		First: time.Second, Gap: 300 * time.Millisecond,
		Request: func(c *wire.Command, _ int) []byte {
			b := []byte{0, 0, 4, 1, byte(c.Code), 0x55, 0xAA, 0}
			sum.Seal(b)
			return b
		},
		Length: func(b []byte) int {
			switch n := wire.Begins(b, 0, 0); {
			case n <= 0:
				return n
			case len(b) < 3:
				return 0
			}
			return int(b[2]) + 4
		},
		Sum: sum,
		Match: func(c *wire.Command, _ int, f []byte) error {
			if len(f) < 8 || f[3] != 1 || f[4] != byte(c.Code)|0x80 || f[5] != 0x55 || f[6] != 0xAA {
				return fmt.Errorf("%w: not the answer to %#02x", drivers.ErrFrame, c.Code)
			}
			return nil
		},
		Tail:     1,
		Commands: []wire.Command{{Name: "status", Code: 0x13, Layout: status(), Example: []byte(example)}},
		Whole:    battery.VoltageKey, Parts: battery.CellKey, Instead: "read it again",
	}
}

// status has its places counted from the start of the frame. Three more temperatures follow the first two; which of them are fitted cannot
// be told from 0 °C.
func status() *wire.Layout {
	cell := battery.Cell()
	cell.Min = 0.5 // a place without a cell says 0
	balancing := battery.Balancing()
	heating := drivers.Entity{Key: "heating", Name: "Heating", Platform: drivers.Binary, Quantity: drivers.Running, Category: drivers.Diagnostic}
	return &wire.Layout{Little: true, Fields: []wire.Field{
		{At: 12, Entity: battery.At(3, battery.Voltage()), Form: wire.U32, Per: 1000},
		{Entity: cell, Form: wire.U16, Per: 1000, Many: wire.Many{Max: 16, Count: wire.Fitted(16)}},
		{At: 48, Entity: battery.At(3, battery.Current(drivers.Charging, 1000)), Form: wire.S32, Per: 1000},
		{Entity: battery.At(0, battery.Probe("temperature_1", "Temperature 1")), Form: wire.S16},
		{Entity: battery.At(0, battery.Mosfet()), Form: wire.S16},
		{At: 62, Entity: battery.Remaining(655.35), Form: wire.U16, Per: 100},
		{Entity: battery.Full(6000), Form: wire.U32, Per: 100},
		{At: 68, Any: &heating, Form: wire.U32},
		{At: 76, Form: wire.U32, Alarms: []string{
			"Unknown alarm 0", "Unknown alarm 1", "Overcharge", "Unknown alarm 3", "Unknown alarm 4", "Overdischarge", "Charge overcurrent",
			"Discharge overcurrent", "Overtemperature", "Overtemperature 2", "Undertemperature", "Undertemperature 2", "Unknown alarm 12",
			"Unknown alarm 13", "Short circuit",
		}},
		{Form: wire.U32, Alarms: []string{}}, // failures
		{Any: &balancing, Form: wire.U32},    // a bit for each cell
		{At: 90, Entity: battery.StateOfCharge(0), Form: wire.U16},
		{Entity: battery.StateOfHealth(), Form: wire.U32},
		{Entity: battery.Cycles(), Form: wire.U32},
	}}
}

// example is a battery with 8 cells (aiobmsble, tests, Apache-2.0).
const example = "\x00\x00\x65\x01\x93\x55\xaa\x00\x46\x66\x00\x00\xbc\x67\x00\x00\xf5\x0c\xf7\x0c\xfc\x0c\xfb\x0c\xf8\x0c\xf2\x0c\xfa\x0c\xf5\x0c" +
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x65\xfa\xff\xff\x17\x00\x16\x00\xfe\xff\x00\x00\x00\x00\xe9\x1a\x04\x29" +
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x41\x00\x64\x00\x00\x00\x03\x00\x00\x00" +
	"\x5f\x01\x00\x00\xa2"
