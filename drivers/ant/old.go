package ant

import (
	"fmt"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/battery"
	"sunwire/drivers/link"
	"sunwire/drivers/wire"
)

// Old is the generation before 2021, with replies of 140 bytes.
var Old = wire.Driver(drivers.Driver{
	Name: "ant_old", Title: "ANT BMS, before 2021: UART, Bluetooth", Family: "ant", Class: drivers.Battery,
	Links:    []link.Kind{link.BLE, link.Serial, link.TCP},
	GATT:     link.GATT{Services: []string{"ffe0"}, Notify: "ffe1", Write: "ffe1", Names: []string{"ANT-BLE[01]*", "ANT-BLE22*"}},
	Paces:    [3]time.Duration{10 * time.Second, time.Minute, 24 * time.Hour},
	Bauds:    []int{19200, 9600},
	Commands: func() []string { return []string{"status"} },
}, old)

// What comes as a reply, whose question begins with twice DB, is
//
//	AA 55 AA FF  01 E8    0D AA ... 00 00   00 00 00 50  29      0A 21 FE 80  ...  15 F4
//	start        voltage  32 cells          current      charge  full              sum of all but start
//
// Numbers are big-endian. (syssi/esphome-ant-bms, aiobmsble, Apache-2.0)
func old() *wire.Protocol {
	return &wire.Protocol{
		Name: "ant_old", Manufacturer: "ANT", Model: "BMS",
		First: time.Second, Gap: 500 * time.Millisecond, // an answer takes 73 ms at 19200 baud
		Request: func(*wire.Command, int) []byte { return []byte{0xDB, 0xDB, 0, 0, 0, 0} },
		Length: func(b []byte) int {
			if n := wire.Begins(b, 0xAA, 0x55, 0xAA, 0xFF); n <= 0 {
				return n
			}
			return 140
		},
		Sum: wire.Sum{Of: wire.Add, Size: 2, From: 4},
		Match: func(_ *wire.Command, _ int, f []byte) error {
			if f[123] > 32 {
				return fmt.Errorf("%w: %d cells", drivers.ErrFrame, f[123])
			}
			return nil
		},
		Tail:     2,
		Commands: []wire.Command{{Name: "status", Layout: oldValues(), Example: wire.Unhex(oldExample)}},
		Whole:    battery.VoltageKey, Parts: battery.CellKey, Instead: "try ant",
	}
}

// oldValues: of six temperatures the first four are of probes that come with the board.
func oldValues() *wire.Layout {
	at := func(place int, f wire.Field) wire.Field { f.At = place; return f }
	row := at(91, probe("temperature_%d", "Temperature %d"))
	row.Many = wire.Many{Max: 4, Count: wire.Fixed(4)}
	return &wire.Layout{Fields: []wire.Field{
		{At: 4, Entity: battery.At(1, battery.Voltage()), Form: wire.U16, Per: 10},
		{At: 6, Entity: battery.Cell(), Form: wire.U16, Per: 1000, Many: wire.Many{Max: 32, Count: wire.CountAt(123)}},
		{At: 70, Entity: battery.At(1, battery.Current(drivers.Discharging, 1000)), Form: wire.S32, Per: 10},
		{At: 74, Entity: battery.StateOfCharge(0)},
		{At: 75, Entity: battery.Full(4294), Form: wire.U32, Per: 1e6, None: []uint32{0}}, // some never say it
		{At: 79, Entity: battery.Remaining(4294), Form: wire.U32, Per: 1e6},
		row, at(103, charging), at(104, discharging), at(105, balancing),
	}}
}

// The examples are a board with 22 cells (aiobmsble, tests, Apache-2.0), the names of a 16ZM (syssi/esphome-ant-bms, tests, Apache-2.0), and an
// old board with 14 cells (aiobmsble, tests, Apache-2.0).
const (
	statusExample = "7ea11100009e050404160000000000000000000088010000000000000000000000001e091b091e091d091d091e0920091e098f088e0890082209eb08" +
		"200920091f091e091f091e091f0921091f091d001d001d001d001e001e00e01315000a0064000101000000b4c40486f197003aede8006a000000a1f2" +
		"c0030000000022090c008e080a009400080900006d006a00af02f3fa4c74e5002866ec00c35d6200ccb39200edc8aa55"
	infoExample = "7ea1126c022031365a4d00000000000000000000000031365a4d554230302d323131303236417208ff0b"
	oldExample  = "aa55aaff01e80daa0d9c0da40d8e0d9c0d900db40d970db50db50da80d910d9e0d8c0000000000000000000000000000000000000000000000000000" +
		"0000000000000000000000000050290a21fe800419589300a9840f00fa083100160015001500150015001501010003e800170000000186090db50e0d" +
		"8c0d9f0e00000070006b02ac00000000400115f4"
)
