package jk

import (
	"sunwire/drivers"
	"sunwire/drivers/battery"
	"sunwire/drivers/wire"
)

// JK04 is the layout of balancers of hardware 3, in the same frames as JK02: numbers are floats, and there is neither current nor charge
// (syssi/esphome-jk-bms, Apache-2.0; mpp-solar, MIT).
const jk04Cells, jk04Mask = 24, 214

func jk04Status() *wire.Layout {
	switching, moving := drivers.Entity{}, battery.Balancing()
	return &wire.Layout{Little: true, Fields: []wire.Field{
		{At: 6, Entity: cell(), Form: wire.F32, Many: wire.Many{Max: jk04Cells, Count: masked(jk04Mask)}},
		{At: 220, Entity: switching, Any: &moving}, // 1 charges a cell, 2 discharges one
		{At: 222, Entity: balanceCurrent(), Form: wire.F32},
	}}
}

func jk04Settings() *wire.Layout {
	return &wire.Layout{Little: true, Fields: []wire.Field{
		{At: 34, Entity: cellCount(jk04Cells), Form: wire.U32},
		{At: 38, Entity: cellLimit("power_off_voltage", "Power-off voltage"), Form: wire.F32},
		{At: 98, Entity: cellLimit("balance_start_voltage", "Balance start voltage"), Form: wire.F32},
		{At: 106, Entity: cellLimit("balance_trigger_voltage", "Balance trigger voltage"), Form: wire.F32},
		{At: 110, Entity: amps("max_balance_current", "Maximum balance current", 20), Form: wire.F32},
		{At: 114, Entity: balancerEnabled(), Form: wire.U32},
	}}
}

// balancerEnabled is what can only be read here.
func balancerEnabled() drivers.Entity {
	e := battery.BalancerEnabled()
	e.Category, e.Setting = drivers.Diagnostic, nil
	return e
}
