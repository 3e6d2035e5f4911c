// Package jbd reads the battery management systems of JBD, sold as Xiaoxiang, Overkill Solar and many others, over UART, RS485 or
// Bluetooth.
package jbd

import (
	"fmt"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/battery"
	"sunwire/drivers/link"
	"sunwire/drivers/wire"
)

// Driver is the protocol with the frames DD ... 77. mpp-solar calls it jk232.
var Driver = wire.Driver(drivers.Driver{
	Name: "jbd", Title: "JBD, Xiaoxiang, Overkill Solar", Family: "jbd", Aliases: []string{"jk232"}, Class: drivers.Battery,
	Links: []link.Kind{link.Serial, link.TCP, link.BLE},
	GATT: link.GATT{Services: []string{"ff00"}, Notify: "ff01", Write: "ff02", Names: []string{
		"JBD-*", "xiaoxiang*", "12???BL*", "24???BL*", "N-?????BL*", "@KsM:*", "LSG-*", "OGR-*", "SBL-*", "SJ-???-*", "SX1*", "SX60*", "TITAN-*", "TZ-H*",
	}},
	Paces: [3]time.Duration{5 * time.Second, time.Minute, 24 * time.Hour},
	Bauds: []int{9600}, Commands: func() []string { return []string{"basic", "cells", "hardware", "getBalancerData"} },
}, protocol)

// A question and its answer are
//
//	DD     A5    03       00                                     FF FD     77
//	DD     03    00       1D      06 18 00 00 01 F2 ...          F8 84     77
//	start  code  status   length  voltage, current, remaining    checksum  end
//
// The checksum makes the sum of status, length, data and itself 0; 77 may stand among the data too. A status other than 0 is a refusal.
// Numbers are big-endian. (syssi/esphome-jbd-bms, Apache-2.0; aiobmsble, Apache-2.0)
func protocol() *wire.Protocol {
	return &wire.Protocol{
		Name: "jbd", Manufacturer: "JBD", Model: "BMS",
		First: 500 * time.Millisecond, Gap: 100 * time.Millisecond, // an answer of 40 bytes takes 42 ms at 9600 baud
		Request: func(c *wire.Command, _ int) []byte {
			b := []byte{0xDD, 0xA5, byte(c.Code), 0, 0, 0, 0x77}
			sum.Seal(b)
			return b
		},
		Length: length, Sum: sum,
		Match: func(c *wire.Command, _ int, f []byte) error {
			switch {
			case f[1] != byte(c.Code) || f[len(f)-1] != 0x77 || f[2] != 0 && f[2] != 0x80:
				return fmt.Errorf("%w: an answer to %#02x, not to %#02x", drivers.ErrFrame, f[1], c.Code)
			case f[2] == 0x80:
				return fmt.Errorf("status %#02x: %w", f[2], drivers.ErrUnsupported)
			}
			return nil
		},
		Head: 4, Tail: 3,
		Commands: []wire.Command{
			{
				Name: "basic", Also: []string{"getBalancerData"}, Code: 3, Pick: coarse,
				Layout: basic(100), Others: []*wire.Layout{basic(10)}, Example: []byte(basicExample),
			},
			{Name: "cells", Code: 4, Example: []byte(cellsExample), Layout: &wire.Layout{Fields: []wire.Field{
				{Entity: battery.Cell(), Form: wire.U16, Per: 1000, Many: wire.Many{Max: 32, Count: wire.Rest(2)}},
			}}},
			{Name: "hardware", Code: 5, OnDemand: true, Example: []byte(hardwareExample), Layout: &wire.Layout{Fields: []wire.Field{
				{Entity: battery.Told("model", "Model"), Form: wire.Text, Tells: wire.Model},
			}}},
		},
		Setter: setter(),
		Whole:  battery.VoltageKey, Parts: battery.CellKey, Instead: "read it again, and check the wires",
	}
}

func length(b []byte) int {
	switch n := wire.Begins(b, 0xDD); {
	case n <= 0:
		return n
	case len(b) < 4:
		return 0
	}
	return int(b[3]) + 7
}

var sum = wire.Sum{Of: wire.Negated, Size: 2, From: 2, Tail: 1}

// coarse: large packs count in 100 mA and 100 mAh, and say so by the top bit of the byte behind the temperatures.
func coarse(payload []byte) int {
	if len(payload) > 22 {
		if at := 23 + 2*int(payload[22]); at < len(payload) && payload[at]&0x80 != 0 {
			return 0
		}
	}
	return -1
}

// basic is with per steps to an ampere and an ampere hour.
func basic(per float64) *wire.Layout {
	balancing := battery.Balancing()
	return &wire.Layout{Fields: []wire.Field{
		{Entity: battery.Voltage(), Form: wire.U16, Per: 100},
		{Entity: battery.Current(drivers.Charging, 32767/per), Form: wire.S16, Per: per},
		{Entity: battery.Remaining(65535 / per), Form: wire.U16, Per: per},
		{Entity: battery.Design(65535 / per), Form: wire.U16, Per: per},
		{Entity: battery.Cycles(), Form: wire.U16},
		{At: 12, Any: &balancing, Form: wire.U32}, // a bit for each cell
		{Form: wire.U16, Alarms: []string{
			"Cell overvoltage", "Cell undervoltage", "Battery overvoltage", "Battery undervoltage", "Charge overtemperature",
			"Charge undertemperature", "Discharge overtemperature", "Discharge undertemperature", "Charge overcurrent", "Discharge overcurrent",
			"Short circuit", "Front-end chip fault", "MOSFET locked by software", "Charge timeout", "Discharge timeout",
		}},
		{At: 19, Entity: battery.StateOfCharge(0)},
		{Bits: []drivers.Entity{battery.Switched(battery.ChargingAllowed()), battery.Switched(battery.DischargingAllowed()), {}, {}}, Register: mosfets},
		{At: 22, Entity: battery.Temperature(), Form: wire.U16, Zero: 2731, Per: 10, Many: wire.Many{Max: 8}},
		{Skip: 3, Entity: battery.Full(65535 / per), Form: wire.U16, Per: per, Optional: true},
	}}
}

// The examples are a JBD-SP04S034 with 4 cells (syssi/esphome-jbd-bms, tests, Apache-2.0); frames put around the data.
const (
	basicExample    = "\xdd\x03\x00\x1d\x06\x18\x00\x00\x01\xf2\x01\xf4\x00\x00\x2c\x7c\x00\x00\x00\x00\x00\x00\x80\x64\x03\x04\x03\x0b\x8b\x0b\x8a\x0b\x84\xfa\x8d\x77"
	cellsExample    = "\xdd\x04\x00\x08\x0f\x45\x0f\x3d\x0f\x37\x0f\x3d\xfe\xc6\x77"
	hardwareExample = "\xdd\x05\x00\x19JBD-SP04S034-L4S-200A-B-U\xfa\x08\x77"
)
