// Package seplos reads rack batteries of Seplos over RS485 and Bluetooth: the second generation, which speaks like Pylontech over a cable, and
// the third, which speaks Modbus.
package seplos

import (
	"fmt"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/battery"
	"sunwire/drivers/link"
	"sunwire/drivers/wire"
)

// V2 is the second generation (1101, 10C, 10E).
var V2 = wire.Driver(drivers.Driver{
	Name: "seplos_v2", Title: "Seplos BMS, version 2 (RS485)", Family: "seplos", Class: drivers.Battery,
	Links: []link.Kind{link.Serial, link.TCP},
	Paces: [3]time.Duration{5 * time.Second, time.Minute, 24 * time.Hour},
	Bauds: []int{19200, 9600}, Commands: func() []string { return []string{"telemetry", "alarms"} },
}, v2)

// The frames are those of wire.Telecom. What a telemetry reply holds, two digits a byte, big-endian:
//
//	00  01    10     0CD7 ...  06       0BA6 ...      FD5C     14A0     344E       0A      4268      0313    4650    0046    03E8    149F  ...
//	-   pack  cells  mV        sensors  0.1 K + 2731  10 mA    10 mV    10 mAh     fields  10 mAh    0.1 %   10 mAh          0.1 %   10 mV
//	                                                  current  voltage  remaining          full      charge  design  cycles  health  port
//
// (syssi/esphome-seplos-bms, Apache-2.0)
func v2() *wire.Protocol {
	return wire.Telecom(&wire.Protocol{
		Name: "seplos_v2", Manufacturer: "Seplos", Model: "BMS V2",
		Address: 0, Last: 15,
		First: 800 * time.Millisecond, Gap: 100 * time.Millisecond, // an answer takes 180 ms at 9600 baud
		Commands: []wire.Command{{
			Name: "telemetry", Code: 0x42, Example: []byte(telemetryExample),
			Layout: &wire.Layout{Fields: append(v2Values(), wire.Field{Form: wire.Text})}, // reserved
		}, {
			Name: "alarms", Code: 0x44, Layout: v2Alarms(), Example: []byte(alarmsExample),
		}},
		Whole: battery.VoltageKey, Parts: battery.CellKey, Instead: "try seplos_v3, pylontech or pace",
	}, 0x20, 0x46, func(*wire.Command, int) []byte { return []byte{1} })
}

// telemetryExample is of 16 cells and 180 Ah (syssi/esphome-seplos-bms, tests, Apache-2.0), as the wire has it.
const telemetryExample = "~2000460010960001100CD70CE90CF40CD60CEF0CE50CE10CDC0CE90CF00CE80CEF0CEA0CDA0CDE0CD8060BA60BA00B970BA60BA50BA2FD5C14A0344" +
	"E0A426803134650004603E8149F0000000000000000DC6C\r"

func v2Values() []wire.Field {
	port := drivers.Entity{Key: "port_voltage", Name: "Port voltage", Quantity: drivers.Voltage.At(2), Category: drivers.Diagnostic, Max: 240}
	return []wire.Field{
		{Skip: 2, Entity: battery.Cell(), Form: wire.U16, Per: 1000, Many: wire.Many{Max: 16}},
		{Entity: battery.Temperature(), Form: wire.U16, Zero: 2731, Per: 10, Many: wire.Many{Max: 8}},
		{Entity: battery.Current(drivers.Charging, 327.67), Form: wire.S16, Per: 100},
		{Entity: battery.Voltage(), Form: wire.U16, Per: 100},
		{Entity: battery.Remaining(655.35), Form: wire.U16, Per: 100},
		{Skip: 1, Entity: battery.Full(655.35), Form: wire.U16, Per: 100},
		{Entity: battery.StateOfCharge(1), Form: wire.U16, Per: 10},
		{Entity: battery.Design(655.35), Form: wire.U16, Per: 100},
		{Entity: battery.Cycles(), Form: wire.U16},
		{Entity: battery.At(1, battery.StateOfHealth()), Form: wire.U16, Per: 10},
		{Entity: port, Form: wire.U16, Per: 100},
	}
}

// v2Alarms: a byte for each cell, probe, current and voltage, then the number 20 and so many bytes, of which the last six are reserved.
// (nkinnan/esphome-pace-bms)
func v2Alarms() *wire.Layout {
	moving := battery.Balancing()
	first, second := []string{}, []string{}
	for n := range 8 {
		first, second = append(first, fmt.Sprintf("Cell %02d disconnected", n+1)), append(second, fmt.Sprintf("Cell %02d disconnected", n+9))
	}
	fields := append(wire.Limits(2, "Current", "Battery voltage"), v2Events()...)
	return &wire.Layout{Fields: append(fields, []wire.Field{
		{Bits: []drivers.Entity{battery.DischargingAllowed(), battery.ChargingAllowed(), {}, battery.Heating()}},
		{Any: &moving, Form: wire.U16},
		{Skip: 1, Alarms: first},
		{Alarms: second},
		{Skip: 1, Alarms: deviceEvents},
		{Form: wire.Text, Size: 6},
	}...)}
}

// v2Events are the first six words of alarms, behind a number.
func v2Events() []wire.Field {
	return []wire.Field{
		{Skip: 1, Alarms: []string{
			"Voltage sensor fault", "Temperature sensor fault", "Current sensor fault", "Power switch fault", "Cell voltage difference",
			"Charge switch fault", "Discharge switch fault", "Current limiter fault",
		}},
		{Alarms: voltageEvents},
		{Alarms: temperatureEvents},
		{Alarms: []string{
			"Ambient temperature high", "Ambient overtemperature protection", "Ambient temperature low", "Ambient undertemperature protection",
			"MOSFET temperature high", "MOSFET overtemperature protection", "", "Secondary trip protection", // heating is none
		}},
		{Alarms: []string{
			"Charge current high", "Charge overcurrent protection", "Discharge current high", "Discharge overcurrent protection",
			"Transient overcurrent protection", "Short circuit", "Locked by transient overcurrent", "Locked by short circuit",
		}},
		{Alarms: []string{
			"Charge voltage protection", "", "State of charge low", "State of charge protection", "Charging forbidden by low cell voltage",
			"Terminals reversed", "Output connection fault", "",
		}},
	}
}

// Both generations have these.
var (
	voltageEvents = []string{
		"Cell voltage high", "Cell overvoltage protection", "Cell voltage low", "Cell undervoltage protection",
		"Battery voltage high", "Battery overvoltage protection", "Battery voltage low", "Battery undervoltage protection",
	}
	deviceEvents = []string{
		"Memory fault", "Clock fault", "Voltage not calibrated", "Current not calibrated", "Zero current not calibrated", "", "", "",
	}
	temperatureEvents = []string{
		"Charge temperature high", "Charge overtemperature protection", "Charge temperature low", "Charge undertemperature protection",
		"Discharge temperature high", "Discharge overtemperature protection", "Discharge temperature low", "Discharge undertemperature protection",
	}
)

// alarmsExample is of a system of 12 packs with 16 cells (openbms-proto, tests).
const alarmsExample = "~20014600806200011000000000000000000000000000000000060000000000000000140000000000000300000200000000000000000002EB2F\r"
