package cbt

import (
	"slices"
	"strconv"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/battery"
	"sunwire/drivers/link"
	"sunwire/drivers/wire"
)

// VB is for Creabest's VB series.
var VB = wire.Driver(drivers.Driver{
	Name: "cbt_vb", Title: "Creabest VB series", Family: "cbt", Class: drivers.Battery,
	Links: []link.Kind{link.BLE}, GATT: gatt("VB?????????"),
	Paces:    [3]time.Duration{10 * time.Second, time.Minute, 24 * time.Hour},
	Commands: func() []string { return []string{"pack", "capacity"} },
}, vb)

// It is YD/T 1363, asked as version 1.1 and answered as version 2.2. (aiobmsble, Apache-2.0)
//
// + is charging, as aiobmsble has it; no capture has a current.
func vb() *wire.Protocol {
	p := wire.Telecom(&wire.Protocol{
		Name: "cbt_vb", Manufacturer: "Creabest", Model: "VB series",
		Address: 1,
		First:   time.Second, Gap: 300 * time.Millisecond,
		Commands: []wire.Command{
			{Name: "pack", Code: 0x42, Layout: vbPack(), Example: []byte(vbPackExample)},
			{Name: "capacity", Code: 0x81, Pace: drivers.Slow, Layout: vbCapacity(), Example: []byte("~22014600C00407D0FCBF\r")},
		},
		Whole: battery.VoltageKey, Parts: battery.CellKey, Instead: "try cbt",
	}, 0x22, 0x46, func(c *wire.Command, address int) []byte {
		if c.Code == 0x81 {
			return []byte{1, 0, byte(address)}
		}
		return []byte{byte(address)}
	})
	answered := p.Request
	p.Request = func(c *wire.Command, address int) []byte {
		b := answered(c, address)
		copy(b[1:], "11")
		p.Sum.Seal(b)
		return b
	}
	return p
}

func vbPack() *wire.Layout {
	return &wire.Layout{Fields: []wire.Field{
		{Entity: battery.Cell(), Form: wire.U16, Per: 1000, Many: wire.Many{Max: 32}},
		{Entity: battery.Temperature(), Form: wire.S16, Per: 10, Many: wire.Many{Max: 8}},
		{Entity: battery.At(1, battery.Current(drivers.Charging, 1000)), Form: wire.S16, Per: 10},
		{Entity: battery.At(1, battery.Voltage()), Form: wire.U16, Per: 10},
		{Entity: battery.StateOfCharge(0), Form: wire.U16},
		{Skip: 1, Entity: battery.Cycles(), Form: wire.U16},
		{Skip: 6, Form: wire.U16, Alarms: quiet(4, nil)}, // of the three words, these bits are states
		{Form: wire.U16, Alarms: quiet(8, unnamed(8))},
		{Form: wire.U16, Alarms: quiet(12, unnamed(4))},
	}}
}

// unnamed are alarms that nobody has a name for; quiet puts as many states behind them.
func unnamed(n int) (names []string) {
	for i := range n {
		names = append(names, "Unknown alarm "+strconv.Itoa(i))
	}
	return names
}

func quiet(n int, behind []string) []string { return append(behind, slices.Repeat([]string{""}, n)...) }

func vbCapacity() *wire.Layout {
	return &wire.Layout{Fields: []wire.Field{{Entity: battery.At(1, battery.Design(6553.5)), Form: wire.U16, Per: 10}}}
}

// vbPackExample is a pack with 4 cells (aiobmsble, tests, Apache-2.0).
const vbPackExample = "~220146006046040D000CFE0CFE0CFE02003E0049000000850060070000008600000000000000000000EF60\r"
