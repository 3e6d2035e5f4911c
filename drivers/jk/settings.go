package jk

import (
	"sunwire/drivers"
	"sunwire/drivers/battery"
	"sunwire/drivers/wire"
)

// pbSettings are in the order of the frame. What nobody looks at every day is off in Home Assistant by default.
func pbSettings() *wire.Layout {
	volts := func(at int, key, name string) wire.Field {
		return pbSetting(at, key, name, drivers.CellVoltage, 1000, 1.2, 4.4)
	}
	seconds := func(at int, key, name string) wire.Field {
		return rare(pbSetting(at, key, name, drivers.Duration, 1, 2, 600))
	}
	degrees := func(at int, key, name string, least, most float64) wire.Field {
		f := rare(pbSetting(at, key, name, drivers.Temperature, 10, least, most))
		f.Form = wire.S32
		return f
	}
	design := battery.Full(6000)
	design.Key, design.Name = "design_capacity", "Design capacity"
	cells := battery.Counted("cell_count", "Cells")
	cells.Disabled = true
	return &wire.Layout{Little: true, Fields: []wire.Field{
		rare(volts(6, "smart_sleep_voltage", "Smart sleep voltage")),
		between(volts(10, "cell_undervoltage_protection", "Cell undervoltage protection"), "power_off_voltage", "cell_undervoltage_recovery"),
		between(volts(14, "cell_undervoltage_recovery", "Cell undervoltage recovery"), "cell_undervoltage_protection", "cell_overvoltage_recovery"),
		between(volts(18, "cell_overvoltage_protection", "Cell overvoltage protection"), "cell_overvoltage_recovery", ""),
		between(volts(22, "cell_overvoltage_recovery", "Cell overvoltage recovery"), "cell_undervoltage_recovery", "cell_overvoltage_protection"),
		pbSetting(26, "balance_trigger_voltage", "Balance trigger voltage", drivers.CellVoltage, 1000, 0.003, 1),
		between(volts(30, "full_voltage", "Cell voltage when full"), "empty_voltage", "cell_overvoltage_protection"),
		between(volts(34, "empty_voltage", "Cell voltage when empty"), "", "full_voltage"),
		between(volts(38, "requested_charge_voltage", "Requested cell charge voltage"), "", "cell_overvoltage_protection"),
		between(volts(42, "requested_float_voltage", "Requested cell float voltage"), "", "requested_charge_voltage"),
		between(volts(46, "power_off_voltage", "Power off voltage"), "", "cell_undervoltage_protection"),
		pbSetting(50, "max_charge_current", "Maximum charge current", drivers.Current, 1000, 1, 600),
		seconds(54, "charge_overcurrent_delay", "Charge overcurrent delay"),
		seconds(58, "charge_overcurrent_recovery", "Charge overcurrent recovery"),
		pbSetting(62, "max_discharge_current", "Maximum discharge current", drivers.Current, 1000, 1, 1200),
		seconds(66, "discharge_overcurrent_delay", "Discharge overcurrent delay"),
		seconds(70, "discharge_overcurrent_recovery", "Discharge overcurrent recovery"),
		seconds(74, "short_circuit_recovery", "Short circuit recovery"),
		pbSetting(78, "max_balance_current", "Maximum balance current", drivers.Current, 1000, 0.3, 15),
		between(degrees(82, "charge_overtemperature_protection", "Charge overtemperature protection", 30, 80), "charge_overtemperature_recovery", ""),
		between(degrees(86, "charge_overtemperature_recovery", "Charge overtemperature recovery", 30, 80), "", "charge_overtemperature_protection"),
		between(degrees(90, "discharge_overtemperature_protection", "Discharge overtemperature protection", 30, 80), "discharge_overtemperature_recovery", ""),
		between(degrees(94, "discharge_overtemperature_recovery", "Discharge overtemperature recovery", 30, 80), "", "discharge_overtemperature_protection"),
		between(degrees(98, "charge_undertemperature_protection", "Charge undertemperature protection", -45, 20), "", "charge_undertemperature_recovery"),
		between(degrees(102, "charge_undertemperature_recovery", "Charge undertemperature recovery", -45, 20), "charge_undertemperature_protection", ""),
		between(degrees(106, "mosfet_overtemperature_protection", "MOSFET overtemperature protection", 50, 110), "mosfet_overtemperature_recovery", ""),
		between(degrees(110, "mosfet_overtemperature_recovery", "MOSFET overtemperature recovery", 50, 110), "", "mosfet_overtemperature_protection"),
		{At: 114, Entity: cells, Form: wire.U32},
		pbSwitch(118, battery.ChargeSwitch()),
		pbSwitch(122, battery.DischargeSwitch()),
		pbSwitch(126, battery.BalanceSwitch()),
		{At: 130, Entity: design, Form: wire.U32, Per: 1000},
		pbSetting(138, "balance_start_voltage", "Balance start voltage", drivers.CellVoltage, 1000, 1.2, 4.25),
	}}
}

// pbRegister is where the setting is written that stands there in the frame.
func pbRegister(at int) uint16 { return uint16(0x1000 + at - 6) } //nolint:gosec // a frame has 300 bytes

// pbSetting is a number from least to most. One that is off is 0.
func pbSetting(at int, key, name string, q drivers.Quantity, per, least, most float64) wire.Field {
	return wire.Field{At: at, Register: pbRegister(at), Form: wire.U32, Per: per, Entity: drivers.Entity{
		Key: key, Name: name, Quantity: q, Category: drivers.Config, Min: min(0, least), Max: 2 * most,
		Setting: &drivers.Setting{Risk: drivers.Full, Min: least, Max: most},
	}}
}

func pbSwitch(at int, e drivers.Entity) wire.Field {
	return wire.Field{At: at, Register: pbRegister(at), Form: wire.U32, Entity: e}
}

// between holds a setting between the present values of two others.
func between(f wire.Field, minKey, maxKey string) wire.Field {
	f.Setting.MinKey, f.Setting.MaxKey = minKey, maxKey
	return f
}

func rare(f wire.Field) wire.Field { f.Disabled = true; return f }
