package tdt

import (
	"math"

	"sunwire/drivers"
	"sunwire/drivers/battery"
	"sunwire/drivers/wire"
)

// pack is with per steps to an ampere and an ampere hour.
func pack(per float64) *wire.Layout {
	decimals := 0
	if per == 10 {
		decimals = 1
	}
	celsius := func(e drivers.Entity) wire.Field {
		return wire.Field{Entity: e, Form: wire.U16, Zero: 2730, Per: 10}
	}
	ambient, row := celsius(battery.Probe("ambient_temperature", "Ambient temperature")), celsius(battery.Temperature())
	ambient.Skip = 1 // how many there are
	row.Many = wire.Many{Max: 8, Count: func(b []byte, _ int) (int, int) { return int(b[1+2*int(b[0])]) - 2, 0 }}
	limit := min(0x3FFF/per, 1000)
	return &wire.Layout{Fields: []wire.Field{
		{Entity: battery.Cell(), Form: wire.U16, Per: 1000, Many: wire.Many{Max: 32}},
		ambient,
		celsius(battery.Mosfet()),
		row,
		{
			Entity: battery.At(decimals, battery.Current(drivers.Charging, limit)), Form: wire.U16,
			Read: func(raw uint32) (float64, bool) {
				v := float64(raw&0x3FFF) / per
				if raw&0x8000 != 0 {
					v = -v
				}
				return v, true
			},
			Write: func(v float64) uint32 {
				raw := uint32(math.Round(math.Abs(v) * per))
				if v < 0 {
					raw |= 0x8000
				}
				if per > 1 {
					raw |= 0x4000
				}
				return raw
			},
		},
		{Entity: battery.Voltage(), Form: wire.U16, Per: 100},
		{Entity: battery.At(decimals, battery.Remaining(65535/per)), Form: wire.U16, Per: per},
		{Skip: 2, Entity: battery.Cycles(), Form: wire.U16},
		{Entity: battery.At(decimals, battery.Full(65535/per)), Form: wire.U16, Per: per},
		{Entity: battery.StateOfCharge(0), Form: wire.U16},
		{Entity: battery.StateOfHealth(), Form: wire.U16, Optional: true},
	}}
}

// status: a byte for each cell and probe, four more, then a word of alarms that nobody has named, and the switches.
func status() *wire.Layout {
	states := func(most int) wire.Field { return wire.Field{Form: wire.U8, Many: wire.Many{Max: most}} }
	return &wire.Layout{Fields: []wire.Field{
		states(32),
		states(10),
		{Skip: 4, Form: wire.U16, Alarms: []string{}},
		{Bits: []drivers.Entity{{}, battery.DischargingAllowed(), battery.ChargingAllowed(), {}}},
	}}
}

// The examples are 16 cells of 100 Ah (aiobmsble, tests, Apache-2.0).
const (
	packExample = "7e000103008c003c100ce30ce60cde0cde0cdd0cde0cdd0cdc0cdc0cda0cde0cde0cde0cdd0cdf0cde060b5e0b6f0b5e0b5e0b5e0b66" +
		"c039149603df043b000803e8005b2b9c0d"
	statusExample = "7e000103008d00271000000000000000000000000000000000060000000000000000000200000e01000018000000000b7b0d"
	infoExample   = "7e0001030092003c363033325f3130303136533030305f4c5f3431000000000000000000000000000000000000000000363033323630313632303237303030" +
		"3101000050010d"
)
