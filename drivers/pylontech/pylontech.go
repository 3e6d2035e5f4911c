// Package pylontech reads stacks of Pylontech US and UP batteries, and others that speak like them, over RS485 or RS232.
package pylontech

import (
	"fmt"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/battery"
	"sunwire/drivers/link"
	"sunwire/drivers/wire"
)

// Driver is the low-voltage protocol, version 3.3. Every battery of the stack is a unit.
var Driver = stacked(wire.Driver(drivers.Driver{
	Name: "pylontech", Title: "Pylontech US and UP series, RS485", Family: "pylontech", Class: drivers.Battery,
	Links: []link.Kind{link.Serial, link.TCP},
	Paces: [3]time.Duration{5 * time.Second, time.Minute, 24 * time.Hour},
	Bauds: []int{115200, 9600}, Commands: func() []string { return []string{"analog", "alarms", "limits", "modules"} },
}, protocol))

// The frames are those of wire.Telecom; the first battery has the address 2, the next 3, and so on. What an analog reply holds, two digits a
// byte, big-endian:
//
//	11  02       0F     0CE7 ...  05       0B91 ...      FFE6     C189     82DC       02      C350   001F
//	-   battery  cells  mV        sensors  0.1 K + 2731  100 mA   mV       mAh        fields  mAh    cycles
//	                                                     current  voltage  remaining          full
//
// With 4 fields, remaining and full capacity stand behind the cycles once more, in three bytes; the two before are FFFF then. Asked for
// all (FF), the second byte says how many batteries follow. The first temperature is the board's. (python-pylontech, MIT)
func protocol() *wire.Protocol {
	return wire.Telecom(&wire.Protocol{
		Name: "pylontech", Manufacturer: "Pylontech", Model: "Battery",
		Address: first, Last: first + most - 1,
		First: 1000 * time.Millisecond, Gap: 100 * time.Millisecond, // a stack of 15 answers with 1,700 characters
		Commands: []wire.Command{
			{
				Name: "analog", Code: 0x42, Layout: analog(false), Others: []*wire.Layout{analog(true)}, Pick: wide, Example: []byte(
					"~20024600D05E1002080D020D020D020D030D000D010D010D03050B7D0B690B690B690B73FFFA680EFFFF04FFFF00000174E401B198E906\r"),
			},
			{
				Name: "alarms", Code: 0x44, Pace: drivers.Slow, Layout: alarms(), Example: []byte(
					"~20024600B03210020800000000000000000500000000000000000006000000F425\r"),
			},
			{Name: "limits", Code: 0x92, Layout: limits(), Example: []byte("~20024600B014026EF05AA0022BFDD5C0F915\r")},
			{
				Name: "modules", Code: all, OnDemand: true, Example: []byte(
					"~20024600D05E1001080D020D020D020D030D000D010D010D03050B7D0B690B690B690B73FFFA680EFFFF04FFFF00000174E401B198E907\r"),
				Layout: &wire.Layout{Fields: []wire.Field{
					{Skip: 1, Entity: battery.Counted("module_count", "Modules"), Tells: wire.Amount}, {Form: wire.Text},
				}},
			},
		},
		Whole: battery.VoltageKey, Parts: battery.CellKey, Instead: "try pace or seplos_v2",
	}, 0x20, 0x46, func(c *wire.Command, address int) []byte {
		if c.Code == all {
			return []byte{0xFF}
		}
		return []byte{byte(address)}
	})
}

const (
	first = 2     // address
	most  = 15    // batteries in a stack
	all   = 0x142 // command 42 for the whole stack; only its low byte is sent
)

// wide picks the layout with four fields.
func wide(payload []byte) int {
	if len(payload) > 2 {
		at := 3 + 2*int(payload[2])
		if at < len(payload) {
			at += 1 + 2*int(payload[at]) + 6
		}
		if at < len(payload) && payload[at] == 4 {
			return 0
		}
	}
	return -1
}

func analog(four bool) *wire.Layout {
	cell := battery.Cell()
	cell.Max = 4.3 // 15 of them are what the voltage's word can say
	fields := []wire.Field{
		{Skip: 2, Entity: cell, Form: wire.U16, Per: 1000, Many: wire.Many{Max: 16}},
		{Entity: battery.Temperature(), Form: wire.U16, Zero: 2731, Per: 10, Many: wire.Many{Max: 8}},
		{Entity: battery.At(1, battery.Current(drivers.Charging, 1000)), Form: wire.S16, Per: 10},
		{Entity: battery.Voltage(), Form: wire.U16, Per: 1000},
	}
	if !four {
		return &wire.Layout{Fields: append(fields,
			wire.Field{Entity: battery.Remaining(65.534), Form: wire.U16, Per: 1000, None: []uint32{0xFFFF}},
			wire.Field{Skip: 1, Entity: battery.Full(65.534), Form: wire.U16, Per: 1000, None: []uint32{0xFFFF}},
			wire.Field{Entity: battery.Cycles(), Form: wire.U16},
		)}
	}
	return &wire.Layout{Fields: append(fields,
		wire.Field{Skip: 5, Entity: battery.Cycles(), Form: wire.U16},
		wire.Field{Entity: battery.Remaining(6000), Form: wire.U24, Per: 1000},
		wire.Field{Entity: battery.Full(6000), Form: wire.U24, Per: 1000},
	)}
}

func limits() *wire.Layout {
	number := func(key, name string, q drivers.Quantity, low, high float64) drivers.Entity {
		return drivers.Entity{Key: key, Name: name, Quantity: q, Category: drivers.Diagnostic, Min: low, Max: high}
	}
	wish := func(key, name string) drivers.Entity {
		return drivers.Entity{Key: key, Name: name, Platform: drivers.Binary, Category: drivers.Diagnostic}
	}
	return &wire.Layout{Fields: []wire.Field{
		{Skip: 1, Entity: number("charge_voltage_limit", "Charge voltage limit", drivers.Voltage.At(2), 0, 65), Form: wire.U16, Per: 1000},
		{Entity: number("discharge_voltage_limit", "Discharge voltage limit", drivers.Voltage.At(2), 0, 65), Form: wire.U16, Per: 1000},
		{Entity: number("charge_current_limit", "Charge current limit", drivers.Current, -1000, 1000), Form: wire.S16, Per: 10},
		{Entity: number("discharge_current_limit", "Discharge current limit", drivers.Current, -1000, 1000), Form: wire.S16, Per: 10},
		{Bits: []drivers.Entity{
			{},
			{},
			{},
			wish("full_charge_requested", "Full charge requested"), wish("charge_now_2", "Charge immediately 2"),
			wish("charge_now_1", "Charge immediately 1"), battery.DischargingAllowed(), battery.ChargingAllowed(),
		}},
	}}
}

// alarms: a byte each for cells, probes, currents and voltage, then five words of eight. (the protocol's version 3.3, nkinnan/esphome-pace-bms)
func alarms() *wire.Layout {
	first, second := []string{}, []string{}
	for n := range 8 {
		first, second = append(first, fmt.Sprintf("Cell %02d fault", n+1)), append(second, fmt.Sprintf("Cell %02d fault", n+9))
	}
	return &wire.Layout{Fields: append(wire.Limits(2, "Charge current", "Battery voltage", "Discharge current"), []wire.Field{
		{Alarms: []string{
			"Battery overvoltage", "Cell undervoltage", "Charge overcurrent", "", "Discharge overcurrent", "Discharge temperature protection",
			"Charge temperature protection", "Battery undervoltage",
		}},
		{Skip: 2, Alarms: first}, // of switches and states, no alarms
		{Alarms: second},
	}...)}
}
