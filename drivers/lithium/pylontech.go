package lithium

import (
	"sunwire/drivers"
	"sunwire/drivers/battery"
	"sunwire/drivers/link"
	"sunwire/drivers/wire"
)

// PylontechRT is Pylontech's RT series, which tells its highest and its lowest cell alone.
var PylontechRT = brand("pylontech_rt", "Pylontech RT series, Bluetooth", link.GATT{
	Services: []string{"00010203-0405-0607-0809-0a0b0c0d1910"}, Notify: "00010203-0405-0607-0809-0a0b0c0d2b10",
	Write: "00010203-0405-0607-0809-0a0b0c0d2b11", Names: []string{"RT[1-4][2468]*"},
}, pylontechRT)

func pylontechRT() *wire.Protocol {
	p := modbus(&wire.Protocol{Manufacturer: "Pylontech", Model: "RT"}, 1)
	extreme := func(key, name string) wire.Field {
		return wire.Field{Entity: drivers.Entity{Key: key, Name: name, Quantity: drivers.CellVoltage, Max: 5}, Form: wire.U16, Per: 1000}
	}
	p.Commands = []wire.Command{{
		Name: "pack", Code: 0x1016, Registers: 13, Example: wire.Unhex("01031a052cffd00cf00cef00960096005b0063003f00000b9003e803e845d8"),
		Layout: &wire.Layout{Fields: []wire.Field{
			{Entity: battery.Voltage(), Form: wire.U16, Per: 100},
			{Entity: battery.At(1, battery.Current(drivers.Charging, 1000)), Form: wire.S16, Per: 10},
			extreme("cell_voltage_max", "Maximum cell voltage"),
			extreme("cell_voltage_min", "Minimum cell voltage"),
			celsius(0, battery.Probe("temperature_1", "Temperature 1"), wire.S16, 0, 10),
			celsius(0, battery.Probe("temperature_2", "Temperature 2"), wire.S16, 0, 10),
			{Entity: battery.StateOfCharge(0), Form: wire.U16},
			{Entity: battery.StateOfHealth(), Form: wire.U16},
			{At: 24, Entity: battery.At(1, battery.Design(6000)), Form: wire.U16, Per: 10},
		}},
	}}
	return p
}
