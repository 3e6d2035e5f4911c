package lithium

import (
	"fmt"

	"sunwire/drivers"
	"sunwire/drivers/battery"
	"sunwire/drivers/link"
	"sunwire/drivers/wire"
)

// Humsienk wants to be greeted before it is asked.
var Humsienk = brand("humsienk", "Humsienk, Bluetooth", link.GATT{
	Services: []string{"0001"}, Notify: "0003", Write: "0002", Names: []string{"HS*", "ECO????", "DCH????"},
	Hailed: "0002", Hail: "\xaa\x00\x00\x00\x00",
}, humsienk)

// A question and its answer are
//
//	AA     21    00                    21 00
//	AA     21    1A      4A 33 ...     91 08
//	start  code  length  values        sum16 of code, length, values
//
// Numbers are little-endian. (aiobmsble and its docs/humsienk_bms.md, Apache-2.0)
func humsienk() *wire.Protocol {
	sum := wire.Sum{Of: wire.Add, Size: 2, Little: true, From: 1}
	temperatures := celsius(0, battery.Temperature(), wire.S8, 0, 1)
	temperatures.Many = wire.Many{Max: 4, Count: wire.Fixed(4)}
	return &wire.Protocol{
		Manufacturer: "Humsienk", Model: "BMC",
		Request: func(c *wire.Command, _ int) []byte {
			b := []byte{0xAA, byte(c.Code), 0, 0, 0}
			sum.Seal(b)
			return b
		},
		Length: func(b []byte) int {
			if n := wire.Begins(b, 0xAA); n <= 0 || len(b) < 3 {
				return min(n, 0)
			}
			return int(b[2]) + 5
		},
		Sum: sum,
		Match: func(c *wire.Command, _ int, f []byte) error {
			if f[1] != byte(c.Code) || f[2] == 0 { // an echo
				return fmt.Errorf("%w: an answer to %#02x, not to %#02x", drivers.ErrFrame, f[1], c.Code)
			}
			return nil
		},
		Head: 3, Tail: 2,
		Commands: []wire.Command{
			{Name: "pack", Code: 0x21, Example: wire.Unhex("aa211a4a33000082fbffff2a64e4f70000f04902000300231a1a1a2c1a9108"), Layout: &wire.Layout{Little: true, Fields: []wire.Field{
				{Entity: battery.Voltage(), Form: wire.U32, Per: 1000},
				{Entity: battery.Current(drivers.Charging, 1000), Form: wire.S32, Per: 1000},
				{Entity: battery.StateOfCharge(0)},
				{Entity: battery.StateOfHealth()},
				{Entity: battery.Remaining(6000), Form: wire.U32, Per: 1000},
				{Entity: battery.Design(6000), Form: wire.U32, Per: 1000},
				{Entity: battery.Cycles(), Form: wire.U16},
				temperatures,
				celsius(0, battery.Mosfet(), wire.S8, 0, 1),
				celsius(0, ambient(), wire.S8, 0, 1),
			}}},
			{Name: "cells", Code: 0x22, Example: wire.Unhex(humsienkCells), Layout: &wire.Layout{Little: true, Fields: []wire.Field{
				cells(0, wire.Many{Max: 24, Count: wire.Fitted(24)}),
			}}},
			{Name: "status", Code: 0x20, Example: wire.Unhex("aa200f0000000080008000000000000000002f01"), Layout: humsienkStatus()},
		},
	}
}

func humsienkStatus() *wire.Layout {
	wires := []string{}
	for n := range 24 {
		wires = append(wires, fmt.Sprintf("Cell %02d disconnected", n+1))
	}
	on := func(e drivers.Entity) []drivers.Entity { // the highest bit of a byte whose others are alarms
		bits := make([]drivers.Entity, 8)
		bits[7] = e
		return bits
	}
	return &wire.Layout{Little: true, Fields: []wire.Field{
		{At: 4, Form: wire.U32, Alarms: []string{
			"Charge overcurrent protection", "Charge overtemperature protection", "Charge undertemperature protection", "Cell overvoltage protection",
			"Battery overvoltage protection", "Front-end chip fault", "Charging stopped", "",
			"Charge current high", "Charge temperature high", "Charge temperature low", "Cell voltage high",
			"Battery voltage high", "Cell voltage difference", "Cell voltage difference too large", "",
			"Discharge overcurrent protection", "Discharge overtemperature protection", "Discharge undertemperature protection",
			"Cell undervoltage protection", "Short circuit", "Battery undervoltage protection", "Discharging stopped", "",
			"Discharge current high", "Discharge temperature high", "Discharge temperature low", "Cell voltage low",
			"Battery voltage low", "MOSFET temperature high", "MOSFET overtemperature protection", "", // the precharge switch
		}},
		{At: 4, Bits: on(battery.ChargingAllowed())},
		{Bits: on(battery.Heating())},
		{Bits: on(battery.DischargingAllowed())},
		{Skip: 1, Any: moving(), Form: wire.U24},
		{Form: wire.U24, Alarms: wires},
	}}
}

const humsienkCells = "aa2230d10cdb0cd40cd00c00000000000000000000000000000000000000000000000000000000000000000000000000000000d203"
