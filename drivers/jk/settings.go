package jk

import (
	"sunwire/drivers"
	"sunwire/drivers/battery"
	"sunwire/drivers/wire"
)

// limit is a number that somebody set, by its place in the settings frame: from least to most, and between the present values of two others.
// One that is rare only the PB series has for sure; it is off in Home Assistant by default.
type limit struct {
	at             int
	kind           kind
	rare           bool
	key, name      string
	least, most    float64
	minKey, maxKey string
}

type kind uint8

const (
	volts kind = iota
	amperes
	seconds
	degrees
)

// limits are in the order of the frame; from least to most they are what JK's own program takes.
var limits = [...]limit{
	{6, volts, true, "smart_sleep_voltage", "Smart sleep voltage", 1.2, 4.4, "", ""},
	{10, volts, false, "cell_undervoltage_protection", "Cell undervoltage protection", 1.2, 4.4, "power_off_voltage", "cell_undervoltage_recovery"},
	{14, volts, false, "cell_undervoltage_recovery", "Cell undervoltage recovery", 1.2, 4.4, "cell_undervoltage_protection", "cell_overvoltage_recovery"},
	{18, volts, false, "cell_overvoltage_protection", "Cell overvoltage protection", 1.2, 4.4, "cell_overvoltage_recovery", ""},
	{22, volts, false, "cell_overvoltage_recovery", "Cell overvoltage recovery", 1.2, 4.4, "cell_undervoltage_recovery", "cell_overvoltage_protection"},
	{26, volts, false, "balance_trigger_voltage", "Balance trigger voltage", 0.003, 1, "", ""},
	{30, volts, true, "full_voltage", "Cell voltage when full", 1.2, 4.4, "empty_voltage", "cell_overvoltage_protection"},
	{34, volts, true, "empty_voltage", "Cell voltage when empty", 1.2, 4.4, "", "full_voltage"},
	{38, volts, true, "requested_charge_voltage", "Requested cell charge voltage", 1.2, 4.4, "", "cell_overvoltage_protection"},
	{42, volts, true, "requested_float_voltage", "Requested cell float voltage", 1.2, 4.4, "", "requested_charge_voltage"},
	{46, volts, false, "power_off_voltage", "Power-off voltage", 1.2, 4.4, "", "cell_undervoltage_protection"},
	{50, amperes, false, "max_charge_current", "Maximum charge current", 1, 600, "", ""},
	{54, seconds, true, "charge_overcurrent_delay", "Charge overcurrent delay", 2, 600, "", ""},
	{58, seconds, true, "charge_overcurrent_recovery", "Charge overcurrent recovery", 2, 600, "", ""},
	{62, amperes, false, "max_discharge_current", "Maximum discharge current", 1, 1200, "", ""},
	{66, seconds, true, "discharge_overcurrent_delay", "Discharge overcurrent delay", 2, 600, "", ""},
	{70, seconds, true, "discharge_overcurrent_recovery", "Discharge overcurrent recovery", 2, 600, "", ""},
	{74, seconds, true, "short_circuit_recovery", "Short circuit recovery", 2, 600, "", ""},
	{78, amperes, false, "max_balance_current", "Maximum balance current", 0.3, 15, "", ""},
	{82, degrees, true, "charge_overtemperature_protection", "Charge overtemperature protection", 30, 80, "charge_overtemperature_recovery", ""},
	{86, degrees, true, "charge_overtemperature_recovery", "Charge overtemperature recovery", 30, 80, "", "charge_overtemperature_protection"},
	{90, degrees, true, "discharge_overtemperature_protection", "Discharge overtemperature protection", 30, 80, "discharge_overtemperature_recovery", ""},
	{94, degrees, true, "discharge_overtemperature_recovery", "Discharge overtemperature recovery", 30, 80, "", "discharge_overtemperature_protection"},
	{98, degrees, true, "charge_undertemperature_protection", "Charge undertemperature protection", -45, 20, "", "charge_undertemperature_recovery"},
	{102, degrees, true, "charge_undertemperature_recovery", "Charge undertemperature recovery", -45, 20, "charge_undertemperature_protection", ""},
	{106, degrees, true, "mosfet_overtemperature_protection", "MOSFET overtemperature protection", 50, 110, "mosfet_overtemperature_recovery", ""},
	{110, degrees, true, "mosfet_overtemperature_recovery", "MOSFET overtemperature recovery", 50, 110, "", "mosfet_overtemperature_protection"},
	{138, volts, false, "balance_start_voltage", "Balance start voltage", 1.2, 4.25, "", ""},
}

// settingsLayout is what the owner has set; it stands in the same places whatever the room for cells. register tells where what stands there is
// written, 0: nowhere.
func settingsLayout(rare bool, register func(at int) uint16) *wire.Layout {
	l := &wire.Layout{Little: true}
	add := func(at int, f wire.Field) {
		f.At, f.Register = at, register(at)
		if f.Register == 0 {
			f.Setting = nil
		}
		l.Fields = append(l.Fields, f)
	}
	for i := range limits {
		if s := &limits[i]; rare || !s.rare {
			add(s.at, s.field())
		}
	}
	for i, e := range []drivers.Entity{battery.ChargeSwitch(), battery.DischargeSwitch(), battery.BalancerEnabled()} {
		add(118+4*i, wire.Field{Form: wire.U32, Entity: e})
	}
	add(114, wire.Field{Form: wire.U32, Entity: cellCount(32)})
	add(130, wire.Field{Form: wire.U32, Per: 1000, Entity: battery.At(0, battery.Design(6000))})
	return l
}

func (s *limit) field() wire.Field {
	f := wire.Field{Form: wire.U32, Per: 1000, Entity: drivers.Entity{
		Key: s.key, Name: s.name, Quantity: drivers.CellVoltage, Category: drivers.Config, Disabled: s.rare, Min: min(0, s.least), Max: 2 * s.most,
		Setting: &drivers.Setting{Risk: drivers.Full, Min: s.least, Max: s.most, MinKey: s.minKey, MaxKey: s.maxKey},
	}}
	switch s.kind {
	case amperes:
		f.Quantity = drivers.Current
	case seconds:
		f.Quantity, f.Per = drivers.Duration, 1
	case degrees:
		f.Quantity, f.Form, f.Per = drivers.Temperature, wire.S32, 10
	case volts:
	}
	return f
}

// pbRegister is where PB takes what stands at that place.
func pbRegister(at int) uint16 { return uint16(0x1000 + at - 6) } //nolint:gosec // a frame has 300 bytes

// bleRegister is the command by which the switches are set over Bluetooth.
func bleRegister(at int) uint16 {
	switch at {
	case 118:
		return 0x1D
	case 122:
		return 0x1E
	case 126:
		return 0x1F
	}
	return 0
}
