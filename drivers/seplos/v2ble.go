package seplos

import (
	"encoding/binary"
	"fmt"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/battery"
	"sunwire/drivers/link"
	"sunwire/drivers/wire"
)

// V2BLE is the second generation by Bluetooth: the same values in other frames.
var V2BLE = wire.Driver(drivers.Driver{
	Name: "seplos_v2_ble", Title: "Seplos BMS, version 2 (Bluetooth)", Family: "seplos", Class: drivers.Battery,
	Links: []link.Kind{link.BLE},
	GATT:  link.GATT{Services: []string{"ff00"}, Notify: "ff01", Write: "ff02", Names: []string{"BP0?", "BP1?", "BP2?"}},
	Paces: [3]time.Duration{10 * time.Second, time.Minute, 24 * time.Hour}, Commands: func() []string { return []string{"pack"} },
}, v2BLE)

// A question and its answer are
//
//	7E     10       00       46     61       00 01   00      F7 C1   0D
//	7E     14       00       61     00       00 6A   values  D8 C3   0D
//	start  version  address  class  command  length          CRC-16/XMODEM of all between
//	                         command  return code
//
// Numbers are big-endian. (aiobmsble, syssi/esphome-seplos-bms, Apache-2.0)
func v2BLE() *wire.Protocol {
	sum := wire.Sum{Of: wire.XModem, Size: 2, From: 1, Tail: 1}
	return &wire.Protocol{
		Name: "seplos_v2_ble", Manufacturer: "Seplos", Model: "BMS V2",
		First: 2 * time.Second, Gap: 500 * time.Millisecond,
		Request: func(c *wire.Command, _ int) []byte {
			b := []byte{0x7E, 0x10, 0, 0x46, byte(c.Code), 0, 1, 0, 0, 0, 0x0D}
			sum.Seal(b)
			return b
		},
		Length: func(b []byte) int {
			if n := wire.Begins(b, 0x7E, 0x14); n <= 0 || len(b) < 7 {
				return min(n, 0)
			}
			return int(binary.BigEndian.Uint16(b[5:])) + 10
		},
		Sum: sum,
		Match: func(c *wire.Command, _ int, f []byte) error {
			if f[3] != byte(c.Code) || f[4] != 0 || f[len(f)-1] != 0x0D {
				return fmt.Errorf("%w: an answer to %#02x with the return code %d", drivers.ErrFrame, f[3], f[4])
			}
			return nil
		},
		Head: 7, Tail: 3,
		Commands: []wire.Command{{Name: "pack", Code: 0x61, Example: wire.Unhex(v2BLEExample), Layout: v2BLEValues()}},
		Whole:    battery.VoltageKey, Parts: battery.CellKey, Instead: "try seplos_v3",
	}
}

// v2BLEValues: behind the values that the wired one has, a byte for each cell and probe, and how many there are is said above.
func v2BLEValues() *wire.Layout {
	limits := wire.Limits(0, "Current", "Battery voltage")
	limits[0].Many.Count = wire.CountAt(2)
	limits[1].Many.Count = func(b []byte, _ int) (int, int) {
		if len(b) < 3 {
			return -1, 0
		}
		return wire.CountAt(3+2*int(b[2]))(b, 0)
	}
	fields := append(v2Values(), limits...)
	fields = append(fields, wire.Field{Skip: 1, Bits: []drivers.Entity{battery.DischargingAllowed(), battery.ChargingAllowed(), {}, battery.Heating()}})
	fields = append(fields, v2Events()...)
	return &wire.Layout{Fields: append(fields, wire.Field{Skip: 1, Alarms: deviceEvents})}
}

// v2BLEExample is of 16 cells and 304 Ah (aiobmsble, tests, Apache-2.0).
const v2BLEExample = "7e14006100006a0000100d440d470d4c0d470d450d460d460d580d580d590d480d440d480d430d480d47060b930b920b900b950bd00ba0049c1543749d0676c0" +
	"03d676c000d603e81546000000000000000000000000000000000000000000000000020308000000000000000000020000d8c30d"
