package lithium

import (
	"sunwire/drivers"
	"sunwire/drivers/battery"
	"sunwire/drivers/link"
	"sunwire/drivers/wire"
)

// EG4 is the LL series of EG4.
var EG4 = brand("eg4_ll", "EG4 LL series, Bluetooth", link.GATT{Services: []string{"1000"}, Notify: "1002", Write: "1001"}, eg4)

// eg4 is Modbus: 39 registers from 0 on. Of the six bytes of cell temperatures, a 0 may be one that is not there; the board's is certain.
func eg4() *wire.Protocol {
	p := modbus(&wire.Protocol{Manufacturer: "EG4", Model: "LL"}, 1)
	zero := []uint32{0} // some firmwares do not say it
	p.Commands = []wire.Command{{
		Name: "pack", Registers: 39, Example: wire.Unhex(eg4Example),
		Layout: &wire.Layout{Fields: []wire.Field{
			{Entity: battery.Voltage(), Form: wire.U16, Per: 100},
			{Entity: battery.At(1, battery.Current(drivers.Charging, 1000)), Form: wire.S16, Per: 10},
			cells(4, wire.Many{Max: 16, Count: word(72)}),
			celsius(36, battery.Probe("board_temperature", "Board temperature"), wire.S16, 0, 1),
			{At: 42, Entity: positive(battery.At(1, battery.Remaining(6000))), Form: wire.U16, Per: 10, None: zero},
			{At: 46, Entity: battery.StateOfHealth(), Form: wire.U16},
			{Entity: battery.StateOfCharge(0), Form: wire.U16},
			{At: 52, Form: wire.U16, Alarms: []string{}},
			{Form: wire.U16, Alarms: []string{}},
			{Form: wire.U16, Alarms: []string{}},
			{Entity: positive(battery.Cycles()), Form: wire.U32, None: zero},
			{At: 74, Entity: positive(battery.At(1, battery.Design(6000))), Form: wire.U16, Per: 10, None: zero},
			{Any: moving(), Form: wire.U16},
		}},
	}}
	return p
}

// positive is of a number that is never 0.
func positive(e drivers.Entity) drivers.Entity {
	e.Min = 1
	return e
}

const eg4Example = "01034e052cffc20cee0cf10ced0cf1000000000000000000000000000000000000000000000000001100110011000002ee006400300002000000000000000000" +
	"010000000011c80000000000040000000095a4"
