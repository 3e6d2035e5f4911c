package lithium

import (
	"fmt"

	"sunwire/drivers"
	"sunwire/drivers/battery"
	"sunwire/drivers/link"
	"sunwire/drivers/wire"
)

// Saihang puts two bytes before Modbus.
var Saihang = brand("saihang", "Saihang, Bluetooth", link.GATT{
	Services: []string{"fffa"}, Notify: "fffc", Write: "fffb", Names: []string{"SH[0-9]*"},
}, saihang)

// A question and its answer are
//
//	A5A5   00       03        00 00 00 48    44 2D
//	A5A5   00       03        90 00 00 ...   9A 5A
//	start  address  function  as in Modbus   CRC-16 of what stands behind the start
//
// A place without a cell or probe says FFFF. (aiobmsble, Apache-2.0)
func saihang() *wire.Protocol {
	sum := wire.Sum{Of: wire.Modbus, Size: 2, Little: true, From: 2}
	temperatures := celsius(82, battery.Temperature(), wire.U16, 2730, 10)
	temperatures.None = []uint32{0xFFFF}
	temperatures.Many = wire.Many{Max: 10, Count: word(80)}
	row := cells(40, wire.Many{Max: 20, Count: word(38)})
	row.None = []uint32{0xFFFF}
	return &wire.Protocol{
		Manufacturer: "Saihang", Model: "BMS",
		Request: func(c *wire.Command, _ int) []byte {
			b := []byte{0xA5, 0xA5, 0, 3, 0, 0, 0, byte(c.Registers), 0, 0}
			sum.Seal(b)
			return b
		},
		Length: func(b []byte) int {
			if n := wire.Begins(b, 0xA5, 0xA5, 0, 3); n <= 0 || len(b) < 5 {
				return min(n, 0)
			}
			return int(b[4]) + 7
		},
		Sum: sum,
		Match: func(c *wire.Command, _ int, f []byte) error {
			if int(f[4]) != 2*int(c.Registers) {
				return fmt.Errorf("%w: %d bytes instead of %d", drivers.ErrFrame, f[4], 2*c.Registers)
			}
			return nil
		},
		Head: 5, Tail: 2,
		Commands: []wire.Command{{
			Name: "pack", Registers: 72, Example: wire.Unhex(saihangExample),
			Layout: &wire.Layout{Fields: []wire.Field{
				{Entity: battery.Current(drivers.Charging, 1000), Form: wire.S32, Per: 100},
				{Entity: battery.Voltage(), Form: wire.U32, Per: 100},
				{Entity: battery.StateOfCharge(0), Form: wire.U16},
				{Entity: battery.StateOfHealth(), Form: wire.U16},
				{Entity: battery.Remaining(6000), Form: wire.U32, Per: 100},
				{Skip: 4, Entity: battery.Design(6000), Form: wire.U32, Per: 100},
				{Entity: battery.Cycles(), Form: wire.U16},
				{Form: wire.U16, States: []string{""}, Codes: []uint32{0xFFFF}}, // a bit that is off is an alarm, which nobody has named
				{At: 32, Bits: []drivers.Entity{
					wire.Never, battery.ChargingAllowed(), battery.DischargingAllowed(), wire.Never, wire.Never, wire.Never, wire.Never, wire.Never,
				}},
				{At: 36, Any: moving(), Form: wire.U16},
				row,
				temperatures,
				celsius(102, battery.Mosfet(), wire.U16, 2730, 10),
				celsius(104, ambient(), wire.U16, 2730, 10),
			}},
		}},
	}
}

const saihangExample = "a5a50003900000000000000aa800600064000025a600002710000027100002ffff0001000006000000000000080da90d6a0d280d3d0d2c0d6b0d4d0d38ffffff" +
	"ffffffffffffffffffffffffffffffffffffffffff00020b430b46ffffffffffffffffffffffffffffffff0b560ba4ffffffffffffffffffffffffffff00006d" +
	"600000721000006810000a0dac0e420d02000a00009a5a"
