package lithium

import (
	"slices"

	"sunwire/drivers"
	"sunwire/drivers/battery"
	"sunwire/drivers/wire"
)

// Vatrer asks for its registers in three pieces. A name is date, voltage and capacity.
var Vatrer = brand("vatrer", "Vatrer, Bluetooth", nordic("[2-9]???[0-3]?512??00??"), vatrer)

// C4S has the same registers with less in them, and answers for all of them at once alone.
var C4S = brand("c4s", "C4S100 (app E-BMS), Bluetooth", nordic("C4S100IE?????"), c4s)

// registers is how both begin.
func registers() []wire.Field {
	return []wire.Field{
		{Entity: battery.Voltage(), Form: wire.U16, Per: 100},
		{Entity: battery.Current(drivers.Charging, 1000), Form: wire.S32, Per: 100},
		{Entity: battery.StateOfCharge(0), Form: wire.U16},
		{Entity: battery.Remaining(655.35), Form: wire.U16, Per: 100},
		{Entity: battery.Design(655.35), Form: wire.U16, Per: 100},
		{Entity: battery.Cycles(), Form: wire.U16},
		{Entity: battery.StateOfHealth(), Form: wire.U16},
	}
}

// probes have room for four at the cells, and then two places of their own, however many there are. (Registers 16 to 18 are the highest and
// the lowest of all and their difference in both captures: no probes.)
func probes(at int) []wire.Field {
	row := celsius(at+2, battery.Temperature(), wire.S16, 0, 1)
	row.Many = wire.Many{Max: 4, Count: word(at)}
	return []wire.Field{row, celsius(at+10, ambient(), wire.S16, 0, 1), celsius(at+12, battery.Mosfet(), wire.S16, 0, 1)}
}

func vatrer() *wire.Protocol {
	p := modbus(&wire.Protocol{Manufacturer: "Vatrer", Model: "BMS"}, 2)
	p.Commands = []wire.Command{
		{Name: "pack", Registers: 20, Example: wire.Unhex(vatrerPack), Layout: &wire.Layout{Fields: registers()}},
		{Name: "cells", Code: 21, Registers: 31, Example: wire.Unhex(vatrerCells), Layout: &wire.Layout{Fields: []wire.Field{
			cells(2, wire.Many{Max: 30, Count: word(0)}),
		}}},
		{Name: "status", Code: 52, Registers: 18, Example: wire.Unhex(vatrerStatus), Layout: &wire.Layout{Fields: append(probes(0), []wire.Field{
			{At: 14, Form: wire.U32, Alarms: []string{}}, // 15 bytes of them, which nobody has named
			{Form: wire.U32, Alarms: []string{}},
			{Form: wire.U32, Alarms: []string{}},
			{Form: wire.U24, Alarms: []string{}},
			{Bits: switches(8, 4, 5)},
			{At: 32, Any: moving(), Form: wire.U32},
		}...)}},
	}
	return p
}

func c4s() *wire.Protocol {
	p := modbus(&wire.Protocol{Manufacturer: "Generic", Model: "C4S100"}, 2)
	p.Commands = []wire.Command{{
		Name: "pack", Registers: 70, Example: wire.Unhex(c4sExample), Layout: &wire.Layout{Fields: slices.Concat(
			registers(), []wire.Field{cells(44, wire.Many{Max: 8, Count: word(42)})}, probes(104),
		)},
	}}
	return p
}

const (
	vatrerPack   = "0203281493fffffe1000280f822710001b00640001000000010ce00cdd0003000f00100014001200020004e4e5"
	vatrerCells  = "02033e00100cdf0cdf0ce00ce00ce00ce00ce00ce00ce00ce00ce00ce00ce00ce00ce00cdd00000000000000000000000000000000000000000000000000000000cb54"
	vatrerStatus = "0203240004001200140013001400140014000000000000000000000000000000340240000000004643"
	c4sExample   = "02038c0535fffffeaa006224012710006b00620001000000000d0b0d01000a00040003001c001b00010000000000040d090d020d010d0b000000000000000000" +
		"000000000000000000000000000000000000000000000000000000000000000000000000000000000000000002001b001c00000000001b001c00000000000000" +
		"000000000000000032000000000000f42f"
)
