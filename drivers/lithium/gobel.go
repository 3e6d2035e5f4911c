package lithium

import (
	"sunwire/drivers"
	"sunwire/drivers/battery"
	"sunwire/drivers/link"
	"sunwire/drivers/wire"
)

// Gobel is Gobel Power.
var Gobel = brand("gobel", "Gobel Power, Bluetooth", link.GATT{
	Services: []string{"00002760-08c2-11e1-9073-0e8ac72e1001"}, Notify: "00002760-08c2-11e1-9073-0e8ac72e0002",
	Write: "00002760-08c2-11e1-9073-0e8ac72e0001", Names: []string{"BMS-[0-9A-F]*"},
}, gobel)

func gobel() *wire.Protocol {
	p := modbus(&wire.Protocol{Manufacturer: "Gobel Power", Model: "BMS"}, 1)
	temperatures, mosfet := celsius(94, battery.Temperature(), wire.S16, 0, 10), celsius(114, battery.Mosfet(), wire.S16, 0, 10)
	temperatures.Many = wire.Many{Max: 8, Count: word(92)}
	temperatures.None, mosfet.None = []uint32{0xFFFF}, []uint32{0xFFFF}
	p.Commands = []wire.Command{{
		Name: "pack", Registers: 59, Example: wire.Unhex(gobelExample), Layout: &wire.Layout{Fields: []wire.Field{
			{Entity: battery.Current(drivers.Charging, 327.67), Form: wire.S16, Per: 100},
			{Entity: battery.Voltage(), Form: wire.U16, Per: 100},
			{Entity: battery.StateOfCharge(0), Form: wire.U16},
			{Entity: battery.StateOfHealth(), Form: wire.U16},
			{Entity: battery.Remaining(655.35), Form: wire.U16, Per: 100},
			{Entity: battery.Design(655.35), Form: wire.U16, Per: 100},
			{Skip: 2, Entity: battery.Cycles(), Form: wire.U16},
			{Form: wire.U16, Alarms: []string{}}, // nobody has named them
			{Form: wire.U16, Alarms: []string{}},
			{Form: wire.U16, Alarms: []string{}},
			{At: 28, Bits: []drivers.Entity{
				wire.Never, wire.Never, wire.Never, wire.Never, wire.Never, wire.Never, battery.ChargingAllowed(), battery.DischargingAllowed(),
			}},
			cells(32, wire.Many{Max: 30, Count: word(30)}),
			temperatures,
			mosfet,
		}},
	}}
	return p
}

const gobelExample = "01037600000533006100647b117eed7aa800010000000000000c0000000000c00000040cff0d020d020d01000000000000000000000000000000000000000000" +
	"00000000000000000000000000000000000000000000000000000000000000000100d100000000000000000000000000000000000000d3ffff01d6"
