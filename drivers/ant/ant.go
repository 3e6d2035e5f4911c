// Package ant reads the battery management systems of ANT over UART, RS485 or Bluetooth: those since 2021, and the ones before, which speak
// quite another language.
package ant

import (
	"fmt"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/battery"
	"sunwire/drivers/link"
	"sunwire/drivers/wire"
)

// Driver is the generation since 2021, with the frames 7E A1 ... AA 55.
var Driver = wire.Driver(drivers.Driver{
	Name: "ant", Title: "ANT BMS, since 2021: UART, RS485, Bluetooth", Family: "ant", Class: drivers.Battery,
	Links:    []link.Kind{link.BLE, link.Serial, link.TCP},
	GATT:     link.GATT{Services: []string{"ffe0"}, Notify: "ffe1", Write: "ffe1", Names: []string{"ANT?BLE24*", "ANT?BLE3*", "ANT?BLE[0-9][0-9][A-Z]*"}},
	Paces:    [3]time.Duration{10 * time.Second, time.Minute, 24 * time.Hour},
	Bauds:    []int{19200},
	Commands: func() []string { return []string{"status", "info"} },
}, protocol)

// A question and its answer are
//
//	7E A1  01    00 00    BE               18 55   AA 55
//	7E A1  11    00 00    9E      values   ED C8   AA 55
//	start  code  address  length           CRC-16  end
//
// The CRC is of all between start and itself. Numbers are little-endian. The answer with the names is longer than it says: six bytes more
// come, and do not matter. (syssi/esphome-ant-bms, aiobmsble, Apache-2.0; batmon-ha, MIT)
func protocol() *wire.Protocol {
	return &wire.Protocol{
		Name: "ant", Manufacturer: "ANT", Model: "BMS",
		First: time.Second, Gap: 500 * time.Millisecond, // an answer of 168 bytes takes 88 ms at 19200 baud
		Request: func(c *wire.Command, _ int) []byte {
			b := []byte{0x7E, 0xA1, byte(c.Code), 0, 0, 0xBE, 0, 0, 0xAA, 0x55}
			if c.Code == info {
				b[3], b[4], b[5] = 0x6C, 0x02, 0x20
			}
			sum.Seal(b)
			return b
		},
		Length: func(b []byte) int {
			switch n := wire.Begins(b, 0x7E, 0xA1); {
			case n <= 0:
				return n
			case len(b) < 6:
				return 0
			}
			return int(b[5]) + 10
		},
		Sum: sum,
		Match: func(c *wire.Command, _ int, f []byte) error {
			if end := f[len(f)-2:]; f[2] != byte(c.Code)|0x10 || c.Code == status && string(end) != "\xaa\x55" {
				return fmt.Errorf("%w: an answer to %d, not to %d", drivers.ErrFrame, f[2]&0xF, c.Code)
			}
			return nil
		},
		Head: 6, Tail: 4,
		Commands: []wire.Command{
			{Name: "status", Code: status, Layout: values(), Example: wire.Unhex(statusExample)},
			{Name: "info", Code: info, OnDemand: true, Example: wire.Unhex(infoExample), Layout: &wire.Layout{Fields: []wire.Field{
				{Entity: battery.Told("model", "Model"), Form: wire.Text, Size: 16, Tells: wire.Model},
				{Entity: battery.Told("firmware", "Firmware"), Form: wire.Text, Size: 16, Tells: wire.Firmware},
			}}},
		},
		Whole: battery.VoltageKey, Parts: battery.CellKey, Instead: "try ant_old",
	}
}

const status, info = 1, 2 // codes

var sum = wire.Sum{Of: wire.Modbus, Size: 2, Little: true, From: 1, Tail: 2}

// values: behind the cells and the probes, everything has its distance from the one before. Protections and warnings are left out: their
// words have no meaning that is published, and bits that are set in good health. The switch of discharge stands before that of charge:
// full packs have "overvoltage" in the second place.
func values() *wire.Layout {
	row, mosfet := probe("temperature_%d", "Temperature %d"), probe("mosfet_temperature", "MOSFET temperature")
	row.Many = wire.Many{Max: 6, Count: wire.CountAt(2)}
	return &wire.Layout{Little: true, Fields: []wire.Field{
		{At: 28, Entity: battery.Cell(), Form: wire.U16, Per: 1000, Many: wire.Many{Max: 32, Count: wire.CountAt(3)}},
		row,
		mosfet,
		probe("balancer_temperature", "Balancer temperature"),
		{Entity: battery.Voltage(), Form: wire.U16, Per: 100},
		{Entity: battery.At(1, battery.Current(drivers.Discharging, 1000)), Form: wire.S16, Per: 10},
		{Entity: battery.StateOfCharge(0), Form: wire.U16},
		{Entity: battery.StateOfHealth(), Form: wire.U16},
		discharging, charging, balancing,
		{Skip: 1, Entity: battery.Full(4294), Form: wire.U32, Per: 1e6},
		{Entity: battery.Remaining(4294), Form: wire.U32, Per: 1e6},
	}}
}

// probe is a temperature in whole degrees. -40 °C is a probe that is not connected.
func probe(key, name string) wire.Field {
	e := battery.At(0, battery.Probe(key, name))
	e.Min = -39
	return wire.Field{Entity: e, Form: wire.S16, None: []uint32{0xFFD8}}
}

// The states of both generations.
var (
	charging = wire.Field{Entity: battery.ChargingAllowed(), On: 1, States: []string{
		"", "", "Cell overvoltage", "Charge overcurrent", "", "Battery overvoltage", "Battery overtemperature", "MOSFET overtemperature",
		"Current fault", "Balance wire off", "Board overtemperature", "", "Charge MOSFET does not open", "Discharge MOSFET fault", "", "",
		"Cell overvoltage, second level", "Battery undertemperature", "Cell voltage difference", "", "Self-test failed",
	}}
	discharging = wire.Field{Entity: battery.DischargingAllowed(), On: 1, States: []string{
		"", "", "Cell undervoltage", "Discharge overcurrent", "Discharge overcurrent, second level", "Battery undervoltage", "Battery overtemperature",
		"MOSFET overtemperature", "Current fault", "Balance wire off", "Board overtemperature", "", "Short circuit", "Discharge MOSFET fault",
		"Discharge MOSFET does not open", "", "Cell undervoltage, second level", "Battery undertemperature", "Cell voltage difference", "Self-test failed",
	}}
	balancing = wire.Field{
		Entity: battery.Balancing(), On: 4, Codes: []uint32{0, 1, 2, 3, 4, 10},
		States: []string{"", "", "", "Balancer overtemperature", "", "Board overtemperature"},
	}
)
