package jk

import (
	"math/bits"

	"sunwire/drivers"
	"sunwire/drivers/battery"
	"sunwire/drivers/wire"
)

// JK02 is what JK's newer models say over Bluetooth, and the PB series over RS485 too: frames of 300 bytes,
//
//	55 AA EB 90  02    05       1D 0D 1D 0D ...    B5
//	start        type  counter  values             sum of 299 bytes
//
// of type 1 (settings), 2 (what is now) and 3 (who it is). Numbers are little-endian. Where they stand is from syssi/esphome-jk-bms and
// aiobmsble (Apache-2.0). The third to fifth temperature are left out: sources differ in which is which. The power in the frame has no sign
// and is computed instead.
const jk02Frame = 300 // bytes

var types = map[string]byte{"settings": 1, "status": 2, "info": 3}

// u32 is the number that stands at a place of a frame that is long enough.
func u32(f []byte, at int) uint32 {
	return uint32(f[at]) | uint32(f[at+1])<<8 | uint32(f[at+2])<<16 | uint32(f[at+3])<<24
}

// masked counts a row of cells by the mask at a place: a bit for each place that is fitted.
func masked(place int) func([]byte, int) (int, int) {
	return func(b []byte, _ int) (int, int) {
		if len(b) < place+4 {
			return -1, 0
		}
		return bits.Len32(u32(b, place)), 0
	}
}

// statusLayout is what is now, with room for 24 or 32 cells: all that comes behind them stands 32 bytes later with 32.
func statusLayout(cells int) *wire.Layout {
	mask, mosfet, shift, alarms := 54, 134, 0, wire.Field{At: 136, Form: wire.U16, Alarms: jk02Alarms[:16]}
	if cells == 32 {
		mask, mosfet, shift, alarms = 70, 144, 32, wire.Field{At: 166, Form: wire.U32, Alarms: jk02Alarms}
	}
	switching, moving := drivers.Entity{}, battery.Balancing()
	l := &wire.Layout{Little: true, Fields: []wire.Field{
		{At: 6, Entity: cell(), Form: wire.U16, Per: 1000, Many: wire.Many{Max: cells, Count: masked(mask)}},
		{At: mosfet, Entity: battery.Mosfet(), Form: wire.S16, Per: 10},
		{At: 118 + shift, Entity: battery.Voltage(), Form: wire.U32, Per: 1000},
		{At: 126 + shift, Entity: battery.Current(drivers.Charging, 1000), Form: wire.S32, Per: 1000},
		{At: 130 + shift, Entity: battery.Probe("temperature_1", "Temperature 1"), Form: wire.S16, Per: 10},
		{At: 132 + shift, Entity: battery.Probe("temperature_2", "Temperature 2"), Form: wire.S16, Per: 10},
		alarms,
		{At: 138 + shift, Entity: balanceCurrent(), Form: wire.S16, Per: 1000},
		{At: 140 + shift, Entity: switching, Any: &moving}, // 1 charges a cell, 2 discharges one
		{At: 141 + shift, Entity: battery.StateOfCharge(0)},
		{At: 142 + shift, Entity: battery.Remaining(6000), Form: wire.U32, Per: 1000},
		{At: 146 + shift, Entity: battery.Full(6000), Form: wire.U32, Per: 1000},
		{At: 150 + shift, Entity: battery.Cycles(), Form: wire.U32},
		{At: 158 + shift, Entity: battery.StateOfHealth(), None: []uint32{0}}, // some do not know it
		{At: 166 + shift, Entity: battery.ChargingAllowed()},
		{At: 167 + shift, Entity: battery.DischargingAllowed()},
	}}
	if cells == 32 { // older boards say 1 here that are 28 °C warm
		l.Fields = append(l.Fields, wire.Field{At: 215, Entity: battery.Heating()})
	}
	return l
}

// cell is one of a row in which some may not be fitted, or whose wire is off: those say 0.
func cell() drivers.Entity {
	e := battery.Cell()
	e.Min = 0.5
	return e
}

// jk02Alarms are by bit; a frame for 24 cells has the first 16.
var jk02Alarms = []string{
	"Wire resistance too high", "MOSFET overtemperature", "Wrong number of cells", "Current sensor fault", "Cell overvoltage",
	"Battery overvoltage", "Charge overcurrent", "Charge short circuit", "Charge overtemperature", "Charge undertemperature",
	"Coprocessor communication fault", "Cell undervoltage", "Battery undervoltage", "Discharge overcurrent", "Discharge short circuit",
	"Discharge overtemperature", "Charge MOSFET fault", "Discharge MOSFET fault", "GPS disconnected", "Password to be changed",
	"Discharge does not turn on", "Battery overtemperature", "Temperature sensor fault", "Parallel module fault",
	"Short circuit release failed", "Discharge overcurrent 2", "Discharge overcurrent 3", "Discharge undertemperature",
}

// balanceCurrent is what the balancer moves; + charges a cell.
func balanceCurrent() drivers.Entity {
	return drivers.Entity{
		Key: "balance_current", Name: "Balance current", Quantity: drivers.Current.At(3), Category: drivers.Diagnostic, Min: -10, Max: 10,
	}
}

// infoLayout is who the device is, in every dialect. The passcodes that stand here too are nobody's business.
func infoLayout() *wire.Layout {
	return &wire.Layout{Little: true, Fields: []wire.Field{
		{At: 6, Entity: battery.Told("model", "Model"), Form: wire.Text, Size: 16, Tells: wire.Model},
		{At: 22, Entity: battery.Told("hardware", "Hardware"), Form: wire.Text, Size: 8},
		{At: 30, Entity: battery.Told("firmware", "Firmware"), Form: wire.Text, Size: 8, Tells: wire.Firmware},
		// older firmware has 10 or 11 characters and a passcode behind them; newer has up to 16, of which packs of a lot share the first 11
		{At: 86, Entity: battery.Told("serial_number", "Serial number"), Form: wire.Text, Size: 16, Tells: wire.Serial},
	}}
}

// cellCount is how many cells the owner says there are.
func cellCount(most float64) drivers.Entity {
	e := battery.Counted("cell_count", "Cells")
	e.Min, e.Max = 2, most
	return e
}

func cellLimit(key, name string) drivers.Entity {
	return drivers.Entity{Key: key, Name: name, Quantity: drivers.CellVoltage, Category: drivers.Diagnostic, Max: 5}
}

func amps(key, name string, most float64) drivers.Entity {
	return drivers.Entity{Key: key, Name: name, Quantity: drivers.Current, Category: drivers.Diagnostic, Max: most}
}
