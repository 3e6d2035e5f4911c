// Package tdt reads the battery management systems of TDT, which are in the batteries of many brands, over Bluetooth or UART.
package tdt

import (
	"encoding/binary"
	"fmt"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/battery"
	"sunwire/drivers/link"
	"sunwire/drivers/wire"
)

// Driver asks with one head, then the other: which one a board listens to is not written on it. Its Bluetooth module wants a password
// first, which is the same on all of them unless somebody changed it.
var Driver = wire.Driver(drivers.Driver{
	Name: "tdt", Title: "TDT BMS: Bluetooth, UART", Family: "tdt", Class: drivers.Battery,
	Links: []link.Kind{link.BLE, link.Serial, link.TCP},
	GATT: link.GATT{
		Services: []string{"fff0"}, Notify: "fff1", Write: "fff2", Names: []string{"WTDH*", "WT???AZ*"}, Hailed: "fffa", Hail: "HiLink",
	},
	Paces:    [3]time.Duration{10 * time.Second, time.Minute, 24 * time.Hour},
	Bauds:    []int{9600},
	Commands: func() []string { return []string{"pack", "status", "info"} },
}, protocol)

// A question and its answer are
//
//	7E    00       01 03    00      8C    00 00           99 42   0D
//	7E    00       01 03    00      8C    00 3C   values  2B 9C   0D
//	head  version  address  return  code  length          CRC-16  end
//
// The CRC is Modbus's with its bytes the other way round. Numbers are big-endian. (aiobmsble, Apache-2.0)
func protocol() *wire.Protocol {
	return &wire.Protocol{
		Name: "tdt", Manufacturer: "TDT", Model: "BMS",
		Address: 0x7E, Second: 0x1E, // heads
		First: time.Second, Gap: 500 * time.Millisecond,
		Request: func(c *wire.Command, head int) []byte {
			b := []byte{byte(head), 0, 1, 3, 0, byte(c.Code), 0, 0, 0, 0, end}
			sum.Seal(b)
			return b
		},
		Length: func(b []byte) int {
			switch n := wire.Begins(b, 0x7E); {
			case n <= 0:
				return n
			case len(b) > 1 && b[1] != 0 && b[1] != 4:
				return -1
			case len(b) < 8:
				return 0
			}
			return int(binary.BigEndian.Uint16(b[6:])) + 11
		},
		Sum: sum,
		Match: func(c *wire.Command, _ int, f []byte) error {
			switch {
			case f[5] != byte(c.Code) || f[len(f)-1] != end || len(f) == 11 && f[4] == 0: // an echo
				return fmt.Errorf("%w: an answer to %#02x, not to %#02x", drivers.ErrFrame, f[5], c.Code)
			case f[4] == 4: // a command that it does not have
				return fmt.Errorf("return code 4: %w", drivers.ErrUnsupported)
			case f[4] != 0:
				return fmt.Errorf("%w: return code %d", drivers.ErrFrame, f[4])
			}
			return nil
		},
		Head: 8, Tail: 3,
		Commands: []wire.Command{
			{Name: "pack", Code: 0x8C, Layout: pack(10), Others: []*wire.Layout{pack(1)}, Pick: whole, Example: wire.Unhex(packExample)},
			{Name: "status", Code: 0x8D, Layout: status(), Example: wire.Unhex(statusExample)},
			{Name: "info", Code: 0x92, OnDemand: true, Example: wire.Unhex(infoExample), Layout: &wire.Layout{Fields: []wire.Field{
				{Entity: battery.Told("firmware", "Firmware"), Form: wire.Text, Size: 20, Tells: wire.Firmware},
				{Skip: 20, Entity: battery.Told("serial_number", "Serial number"), Form: wire.Text, Size: 20}, // many do not answer, others say 0001
			}}},
		},
		Whole: battery.VoltageKey, Parts: battery.CellKey, Instead: "read it again, and check the wires",
	}
}

const end = 0x0D

var sum = wire.Sum{Of: wire.Modbus, Size: 2, Tail: 1}

// whole picks the layout of boards that count in whole amperes: those in tenths say so by the second bit of the current.
func whole(payload []byte) int {
	if at := current(payload); at+1 < len(payload) && payload[at]&0x40 == 0 {
		return 0
	}
	return -1
}

// current is where it stands, behind the cells and the probes.
func current(payload []byte) int {
	if len(payload) == 0 {
		return 0
	}
	at := 1 + 2*int(payload[0])
	if at >= len(payload) {
		return len(payload)
	}
	return at + 1 + 2*int(payload[at])
}
