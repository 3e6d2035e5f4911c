// Package jk reads the battery management systems and balancers of JK (Jikong) over wire, in three dialects that have nothing in common.
package jk

import (
	"fmt"
	"math"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/battery"
	"sunwire/drivers/link"
	"sunwire/drivers/wire"
)

// TTL is the port that JK calls GPS or RS485, of the models before the PB series.
var TTL = wire.Driver(drivers.Driver{
	Name: "jk_ttl", Title: "JK BMS, TTL or RS485 port", Family: "jk", Aliases: []string{"jkserial"}, Class: drivers.Battery,
	Links: []link.Kind{link.Serial, link.TCP},
	Paces: [3]time.Duration{5 * time.Second, time.Minute, 24 * time.Hour},
	Bauds: []int{115200}, Commands: func() []string { return []string{"all", "getBalancerData"} },
}, ttl)

// A frame is
//
//	4E 57  01 21   00 00 00 00   06       00      01     79 30 01 0C 81 ...  00 00 00 00  68   00 00  4A B1
//	start  length  terminal      command  source  reply  tag and data, ...   record       end         sum
//
// The length counts all but the start; the sum covers all before its own four bytes. Command 6 reads everything. Every value comes behind
// its tag, in an order and number that differ by model: nothing lies at a fixed place. (syssi/esphome-jk-bms, Apache-2.0: frames and tags)
func ttl() *wire.Protocol {
	return &wire.Protocol{
		Name: "jk_ttl", Manufacturer: "JK", Model: "BMS",
		First: 500 * time.Millisecond, Gap: 50 * time.Millisecond, // answers begin within 100 ms; a frame of 300 bytes takes 26 ms at 115200 baud
		Request: func(*wire.Command, int) []byte { return wire.Unhex("4e5700130000000006030000000000006800000129") },
		Length:  ttlLength, Sum: ttlSum,
		Match: func(_ *wire.Command, _ int, f []byte) error {
			if f[10] != 1 || f[len(f)-5] != 0x68 || f[8] != 6 && f[8] != 3 {
				return fmt.Errorf("%w: not a reply to read all", drivers.ErrFrame)
			}
			return nil
		},
		Head: 11, Tail: 9,
		Commands: []wire.Command{{
			Name: "all", Also: []string{"getBalancerData"}, Example: wire.Unhex(ttlExample), Pick: version,
			Layout: ttlLayout(signMagnitude), Others: []*wire.Layout{ttlLayout(around10000), ttlLayout(notKnown)},
		}},
		Setter: ttlSetter(),
		Whole:  battery.VoltageKey, Parts: battery.CellKey, Instead: "try jk_pb",
	}
}

var ttlSum = wire.Sum{Of: func(b []byte) uint32 { return wire.Add(b) & 0xFFFF }, Size: 4}

func ttlLength(b []byte) int {
	switch n := wire.Begins(b, 0x4E, 0x57); {
	case n <= 0:
		return n
	case len(b) < 4:
		return 0
	}
	if n := int(b[2])<<8 | int(b[3]); n > 18 && n < 512 {
		return n + 2
	}
	return -1
}

// version picks the layout by the protocol version, tag C0, which comes last.
func version(payload []byte) int {
	if n := len(payload); n > 2 && payload[n-2] == 0xC0 {
		switch payload[n-1] {
		case 0:
			return 0
		case 1:
			return -1
		}
	}
	return 1
}

// current is one of the ways in which firmwares write it, in 10 mA: by protocol version.
type current struct {
	read  func(raw uint32) (float64, bool)
	write func(v float64) uint32
}

var (
	signMagnitude = current{ // version 1: the top bit is set while charging
		func(raw uint32) (float64, bool) {
			v := float64(raw&0x7FFF) / 100
			if raw&0x8000 == 0 {
				v = -v
			}
			return v, true
		},
		func(v float64) uint32 {
			raw := uint32(math.Round(math.Abs(v) * 100))
			if v > 0 {
				raw |= 0x8000
			}
			return raw
		},
	}
	around10000 = current{ // version 0: less than 10000 while charging
		func(raw uint32) (float64, bool) { return (10000 - float64(raw)) / 100, true },
		func(v float64) uint32 { return uint32(10000 - math.Round(v*100)) },
	}
	notKnown = current{ // whoever does not say how it writes its current has none
		func(uint32) (float64, bool) { return 0, false },
		func(float64) uint32 { return 0 },
	}
)

// below counts up to 100 °C, and from there on downwards: 101 is -1 °C.
func below(e drivers.Entity) wire.Field {
	e.Min, e.Max = -40, 100
	return wire.Field{
		Entity: e, Form: wire.U16,
		Read: func(raw uint32) (float64, bool) {
			if raw > 100 {
				return 100 - float64(raw), raw <= 140
			}
			return float64(raw), true
		},
		Write: func(v float64) uint32 {
			if v < 0 {
				v = 100 - v
			}
			return uint32(math.Round(v))
		},
	}
}

func ttlLayout(c current) *wire.Layout {
	fields := []wire.Field{
		{
			Tag: 0x79, Entity: battery.Cell(), Form: wire.U16, Per: 1000,
			Many: wire.Many{
				Max: 24, Lead: 1, Number: func(item []byte) int { return int(item[0]) - 1 },
				Count: func(b []byte, at int) (int, int) {
					if at >= len(b) || b[at]%3 != 0 {
						return -1, 1
					}
					return int(b[at]) / 3, 1
				},
			},
		},
		tagged(0x80, below(battery.At(0, battery.Mosfet()))),
		tagged(0x81, below(battery.At(0, battery.Probe("temperature_1", "Temperature 1")))),
		tagged(0x82, below(battery.At(0, battery.Probe("temperature_2", "Temperature 2")))),
		{Tag: 0x83, Entity: battery.Voltage(), Form: wire.U16, Per: 100},
		{Tag: 0x84, Entity: battery.Current(drivers.Charging, 327.67), Form: wire.U16, Read: c.read, Write: c.write},
		{Tag: 0x85, Entity: battery.StateOfCharge(0)},
		{Tag: 0x87, Entity: battery.Cycles(), Form: wire.U16},
		{Tag: 0x8B, Form: wire.U16, Alarms: []string{
			"Low capacity", "MOSFET overtemperature", "Charge overvoltage", "Discharge undervoltage", "Battery overtemperature",
			"Charge overcurrent", "Discharge overcurrent", "Cell voltage difference", "Box overtemperature", "Battery undertemperature",
			"Cell overvoltage", "Cell undervoltage", "309 A protection", "309 B protection",
		}},
		{Tag: 0x8C, Form: wire.U16, Bits: []drivers.Entity{battery.ChargingAllowed(), battery.DischargingAllowed(), battery.Balancing(), {}}},
		{Tag: 0xAA, Entity: battery.At(0, battery.Full(6000)), Form: wire.U32},
		{Tag: 0xAB, Entity: battery.ChargeSwitch(), Register: 0xAB},
		{Tag: 0xAC, Entity: battery.DischargeSwitch(), Register: 0xAC},
		{Tag: 0xB7, Entity: battery.Told("firmware", "Firmware"), Form: wire.Text, Size: 15, Tells: wire.Firmware},
	}
	for form, tags := range map[wire.Form][]byte{
		wire.U8:  {0x86, 0x9D, 0xA9, 0xAE, 0xAF, 0xB1, 0xB3, 0xB8, 0xC0},
		wire.U16: {0x8A, 0x8E, 0x8F, 0xAD, 0xB0},
		wire.U32: {0x89, 0xB6, 0xB9},
	} {
		for _, tag := range tags {
			fields = append(fields, wire.Field{Tag: tag, Form: form})
		}
	}
	for tag := byte(0x90); tag <= 0xA8; tag++ { // limits, delays and temperatures that are set
		if tag != 0x9D {
			fields = append(fields, wire.Field{Tag: tag, Form: wire.U16})
		}
	}
	for tag, size := range map[byte]int{0xB2: 10, 0xB4: 8, 0xB5: 4, 0xBA: 24} { // password, names, date
		fields = append(fields, wire.Field{Tag: tag, Form: wire.Text, Size: size})
	}
	return &wire.Layout{Tagged: true, Fields: fields}
}

func tagged(tag byte, f wire.Field) wire.Field { f.Tag = tag; return f }

// ttlExample is a JK-BD6A17S6P, firmware 7.1.0H (syssi/esphome-jk-bms, docs/pdus, Apache-2.0).
const ttlExample = "4e570121000000000600017930010c81020c81030c82040c81050c83060c81070c71080c81090c7c0a0c830b0c820c0c830d0c830e0c830f0c83100c82" +
	"800012810010820010831401840045850f860287001189000005008a00108b00008c00038e16d08f1090900e42910dde920005930a5a940abe95000596012c97003c" +
	"98012c99001e9a001e9b0d7a9c000a9d019e005a9f0046a00064a10064a20014a30046a40046a50000a60005a7ffeca8fff6a910aa00000051ab01ac01ad02d5ae01" +
	"af01b0000ab114b231323334353600000000b300b4496e707574205573b532313036b600016400b748372e585f5f53372e312e30485f5fb800b900000000ba425433" +
	"303732303230313230303030323030353231303031c001000000006800004ab1"
