// Package pace reads rack batteries with a battery management system of Pace (PACEIC) over RS232 or RS485.
package pace

import (
	"time"

	"sunwire/drivers"
	"sunwire/drivers/battery"
	"sunwire/drivers/link"
	"sunwire/drivers/wire"
)

// Driver speaks version 25 of the protocol. Batteries that speak version 20 answer pylontech.
var Driver = wire.Driver(drivers.Driver{
	Name: "pace", Title: "Pace BMS, RS232 or RS485 (version 25)", Family: "pace", Class: drivers.Battery,
	Links: []link.Kind{link.Serial, link.TCP},
	Paces: [3]time.Duration{5 * time.Second, time.Minute, 24 * time.Hour},
	Bauds: []int{9600}, Commands: func() []string { return []string{"analog", "status", "hardware"} },
}, protocol)

// The frames are those of wire.Telecom. What an analog reply holds, two digits a byte, big-endian:
//
//	00  01    10     0CC7 ...  06       0B9B ...      FF1F     CCCD     12D3       03      286A       008C    2710
//	-   pack  cells  mV        sensors  0.1 K + 2731  10 mA    mV       10 mAh     fields  10 mAh     cycles  10 mAh
//	                                                  current  voltage  remaining          full               design
//
// (frames of nkinnan/esphome-pace-bms; layout of syssi/esphome-pace-bms and aiobmsble, Apache-2.0)
func protocol() *wire.Protocol {
	cell := battery.Cell()
	cell.Max = 4 // lithium iron phosphate; 16 of them are what the voltage's word can say
	return wire.Telecom(&wire.Protocol{
		Name: "pace", Manufacturer: "Pace", Model: "BMS",
		Address: 1, Last: 15,
		First: 800 * time.Millisecond, Gap: 100 * time.Millisecond, // an answer takes 150 ms at 9600 baud
		Commands: []wire.Command{
			{
				Name: "analog", Code: 0x42, Example: []byte("~25014600F07A0001100CC70CC80CC70CC70CC70CC50CC60CC70CC70CC60CC70CC60CC60CC70CC60CC7060B9B0B990B990B990BB30BBCFF1FCCCD12D303286A008C2710E1E4\r"),
				Layout: &wire.Layout{Fields: []wire.Field{
					{Skip: 2, Entity: cell, Form: wire.U16, Per: 1000, Many: wire.Many{Max: 16}},
					{Entity: battery.Temperature(), Form: wire.U16, Zero: 2731, Per: 10, Many: wire.Many{Max: 8}},
					{Entity: battery.Current(drivers.Charging, 327.67), Form: wire.S16, Per: 100},
					{Entity: battery.Voltage(), Form: wire.U16, Per: 1000},
					{Entity: battery.Remaining(655.35), Form: wire.U16, Per: 100},
					{Skip: 1, Entity: battery.Full(655.35), Form: wire.U16, Per: 100},
					{Entity: battery.Cycles(), Form: wire.U16},
					{Entity: battery.Design(655.35), Form: wire.U16, Per: 100},
				}},
			},
			{
				Name: "status", Code: 0x44, Layout: status(),
				Example: []byte("~25014600004C000110000000000000000000000000000000000600000000000000000000000E000000000000EF3A\r"),
			},
			{
				Name: "hardware", Code: 0xC1, OnDemand: true, Example: []byte("~25014600602850313653313030412D313831322D312E30302000F58E\r"),
				Layout: &wire.Layout{Fields: []wire.Field{{Entity: battery.Told("model", "Model"), Form: wire.Text, Size: 20, Tells: wire.Model}}},
			},
		},
		Whole: battery.VoltageKey, Parts: battery.CellKey, Instead: "try pylontech or seplos_v2",
	}, 0x25, 0x46, func(c *wire.Command, address int) []byte {
		if c.Code != 0xC1 {
			return []byte{byte(address)}
		}
		return nil
	})
}

// status: protections switch off, warnings do not. That a pack is full is no alarm, though it stands among the protections. (bits as in
// nkinnan/esphome-pace-bms)
func status() *wire.Layout {
	moving := battery.Balancing()
	return &wire.Layout{Fields: append(wire.Limits(2, "Charge current", "Battery voltage", "Discharge current"), []wire.Field{
		{Alarms: []string{
			"Cell overvoltage protection", "Cell undervoltage protection", "Battery overvoltage protection", "Battery undervoltage protection",
			"Charge overcurrent protection", "Discharge overcurrent protection", "Short circuit", "Charger overvoltage protection",
		}},
		{Alarms: []string{
			"Charge overtemperature protection", "Discharge overtemperature protection", "Charge undertemperature protection",
			"Discharge undertemperature protection", "MOSFET overtemperature protection", "Ambient overtemperature protection",
			"Ambient undertemperature protection", "",
		}},
		{Bits: []drivers.Entity{{}, battery.ChargingAllowed(), battery.DischargingAllowed(), {}, {}, {}, {}, {}}},
		{Skip: -1, Alarms: []string{4: "Terminals reversed", 7: ""}},
		{Skip: 1, Alarms: []string{"Charge MOSFET fault", "Discharge MOSFET fault", "Temperature sensor fault", "", "Cell fault", "Measurement fault"}},
		{Any: &moving, Form: wire.U16},
		{Alarms: []string{
			"Cell voltage high", "Cell voltage low", "Battery voltage high", "Battery voltage low", "Charge current high", "Discharge current high",
		}},
		{Alarms: []string{
			"Charge temperature high", "Discharge temperature high", "Charge temperature low", "Discharge temperature low",
			"Ambient temperature high", "Ambient temperature low", "MOSFET temperature high", "State of charge low",
		}},
	}...)}
}
