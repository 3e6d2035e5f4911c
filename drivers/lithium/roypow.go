package lithium

import (
	"fmt"
	"math"

	"sunwire/drivers"
	"sunwire/drivers/battery"
	"sunwire/drivers/link"
	"sunwire/drivers/wire"
)

// RoyPow gives its names a blank in front.
var RoyPow = brand("roypow", "RoyPow, Bluetooth", link.GATT{
	Services: []string{"ffe0"}, Notify: "ffe1", Write: "ffe1", Names: []string{" [BS]12*", " [BS]24*", " UT*"},
}, royPow)

// A question and its answer are
//
//	EA D1 01  04      FF 03                 F8       F5
//	EA D1 01  1A      FF 03  32 00 ...      EF       F5
//	start     length  code   values         exclusive or from the length on, end
//
// Numbers are big-endian. (aiobmsble, Apache-2.0)
func royPow() *wire.Protocol {
	sum := wire.Sum{Of: wire.Xor, Size: 1, From: 3, Tail: 1}
	temperatures := celsius(13, battery.Temperature(), wire.U8, 40, 1)
	temperatures.Many = wire.Many{Max: 8}
	return &wire.Protocol{
		Manufacturer: "RoyPow", Model: "BMS",
		Request: func(c *wire.Command, _ int) []byte {
			b := []byte{0xEA, 0xD1, 1, 4, 0xFF, byte(c.Code), 0, 0xF5}
			sum.Seal(b)
			return b
		},
		Length: func(b []byte) int {
			if n := wire.Begins(b, 0xEA, 0xD1, 1); n <= 0 || len(b) < 4 {
				return min(n, 0)
			}
			return int(b[3]) + 4
		},
		Sum: sum,
		Match: func(c *wire.Command, _ int, f []byte) error {
			if len(f) < 9 || f[5] != byte(c.Code) || f[len(f)-1] != 0xF5 {
				return fmt.Errorf("%w: not an answer to %d", drivers.ErrFrame, c.Code)
			}
			return nil
		},
		Tail: 2,
		Commands: []wire.Command{
			{Name: "cells", Code: 2, Example: wire.Unhex("ead1010fff020404040d2f0d2a0d290d2cf6f5"), Layout: &wire.Layout{Fields: []wire.Field{
				cells(9, wire.Many{Max: 16, Count: wire.Rest(2)}),
			}}},
			{Name: "status", Code: 3, Example: wire.Unhex("ead1011aff0332002300000000043b3b3b3c00100000000c07000000eff5"), Layout: &wire.Layout{Fields: []wire.Field{
				{
					At: 6, Entity: battery.Current(drivers.Charging, 655.35), Form: wire.U24, // the lowest bit of the first byte is set while it discharges
					Read: func(raw uint32) (float64, bool) {
						v := float64(raw&0xFFFF) / 100
						if raw&0x10000 != 0 {
							v = -v
						}
						return v, true
					},
					Write: func(v float64) uint32 {
						raw := uint32(math.Round(math.Abs(v) * 100))
						if v < 0 {
							raw |= 0x10000
						}
						return raw | 0x320000
					},
				},
				{At: 9, Form: wire.U24, Alarms: []string{}}, // nobody has named them
				temperatures,
				{At: 24, Bits: []drivers.Entity{{}, battery.DischargingAllowed(), battery.ChargingAllowed(), wire.Never, wire.Never, wire.Never, wire.Never, wire.Never}},
			}}},
			{Name: "pack", Code: 4, Example: wire.Unhex(royPowPack), Layout: &wire.Layout{Fields: []wire.Field{
				{At: 7, Entity: battery.StateOfCharge(0)},
				{At: 9, Entity: battery.Cycles(), Form: wire.U16},
				{At: 24, Entity: battery.Remaining(6000), Form: wire.U32, Read: mAh, Write: func(v float64) uint32 {
					raw := uint32(math.Round(v * 1000))
					return raw&0xFFFF0000 | raw>>8&0xFF | raw&0xFF<<8
				}},
				{At: 47, Entity: battery.Voltage(), Form: wire.U16, Per: 100},
			}}},
		},
	}
}

// mAh reads a number whose lower word has its bytes the other way round.
func mAh(raw uint32) (float64, bool) {
	return float64(raw&0xFFFF0000|raw>>8&0xFF|raw&0xFF<<8) / 1000, true
}

const royPowPack = "ead10139ff040160020002030001049a28050001069e24070001087f7d09ffff0a04d40b00164a700c25031700514505440d2e0d290d144e0000006ff5"
