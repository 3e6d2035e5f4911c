package vedirect

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"sunwire/drivers"
)

// row is a label, and what its value means.
type row struct {
	label string
	drivers.Entity
	per   float64  // steps of the published unit; 0: the value is no number
	codes []int    // of each option
	bits  []string // of a word of reasons
}

// numbers of the same label mean another thing where a charger says them.
const chargerCurrent = "I of a charger"

// rows is the one table. It is made when it is first needed.
var rows = sync.OnceValue(func() map[string]*row {
	out := map[string]*row{}
	for i, all := 0, table(); i < len(all); i++ {
		out[all[i].label] = &all[i]
	}
	return out
})

var table = sync.OnceValue(func() []row {
	v, a := drivers.Voltage.At(3), drivers.Current.At(3)
	return []row{
		{label: "V", Entity: number("battery_voltage", "Battery voltage", v, drivers.BatteryVoltage, 0, 100), per: 1000},
		{label: "V2", Entity: number("battery_2_voltage", "Battery 2 voltage", v, "", 0, 100), per: 1000},
		{label: "VS", Entity: number("starter_battery_voltage", "Starter battery voltage", v, "", -10, 100), per: 1000},
		{label: "VM", Entity: number("midpoint_voltage", "Midpoint voltage", v, "", 0, 100), per: 1000},
		{label: "DM", Entity: number("midpoint_deviation", "Midpoint deviation", drivers.Percent.At(1), "", -100, 100), per: 10},
		{label: "VPV", Entity: number("pv_voltage", "PV voltage", v, "", 0, 500), per: 1000},
		{label: "PPV", Entity: number("pv_power", "PV power", drivers.Power, drivers.PVPower, 0, 20000), per: 1},
		{label: "I", Entity: signed("battery_current", "Battery current", a, drivers.BatteryCurrent, 5000), per: 1000},
		{label: chargerCurrent, Entity: number("charge_current", "Charge current", a, "", -10, 500), per: 1000},
		{label: "IL", Entity: number("load_current", "Load current", a, "", 0, 500), per: 1000},
		{label: "LOAD", Entity: binary("load_output", "Load output", "")},
		{label: "P", Entity: signed("battery_power", "Battery power", drivers.Power, drivers.BatteryPower, 100000), per: 1},
		{label: "T", Entity: number("battery_temperature", "Battery temperature", drivers.Temperature.At(0), "", -40, 120), per: 1},
		{label: "CE", Entity: number("consumed_capacity", "Consumed capacity", drivers.Charge.At(3), "", -10000, 10000), per: 1000},
		{label: "SOC", Entity: number("state_of_charge", "State of charge", drivers.StateOfCharge.At(1), drivers.BatteryCharge, 0, 100), per: 10},
		{label: "TTG", Entity: number("time_to_go", "Time to go", drivers.Minutes, "", 0, 100000), per: 1},
		{label: "Alarm", Entity: binary("problem", "Problem", drivers.Problem.DeviceClass)},
		{label: "AR", Entity: label("warnings", "Warnings"), bits: reasons},
		{label: "Relay", Entity: binary("relay", "Relay", "")},
		{label: "WARN", Entity: label("inverter_warnings", "Inverter warnings"), bits: reasons},
		{label: "OR", Entity: label("off_reason", "Off reason"), bits: []string{
			"No input power", "Switched off at the switch", "Switched off by the mode", "Remote input", "Protection", "Pay as you go", "BMS",
			"Engine shutdown detection", "Analysing the input voltage",
		}},
		coded("CS", "mode", "Mode", states),
		coded("MPPT", "mppt_state", "MPPT state", "0 Off|1 Limited|2 Tracking"),
		coded("ERR", "error", "Error", "0 No error|2 Battery voltage too high|3 Remote temperature sensor fault|4 Remote temperature sensor fault 2|"+
			"5 Remote temperature sensor lost|17 Charger too hot|18 Charger overcurrent|19 Charger current reversed|20 Bulk time exceeded|"+
			"21 Current sensor fault|26 Terminals too hot|28 Power stage fault|33 PV voltage too high|34 PV current too high|38 Input shutdown|"+
			"39 Input shutdown by current|65 Communication lost|67 BMS connection lost|116 Calibration lost|117 Wrong firmware|119 Settings lost"),
		{label: "AC_OUT_V", Entity: number("output_voltage", "Output voltage", drivers.Voltage.At(2), "", 0, 300), per: 100},
		{label: "AC_OUT_I", Entity: number("output_current", "Output current", drivers.Current, "", 0, 1000), per: 10},
		{label: "AC_OUT_S", Entity: number("output_apparent_power", "Output apparent power", drivers.ApparentPower, "", 0, 100000), per: 1},
		{label: "H1", Entity: history("deepest_discharge", "Deepest discharge", drivers.Charge, -10000, 0), per: 1000},
		{label: "H2", Entity: history("last_discharge", "Last discharge", drivers.Charge, -10000, 0), per: 1000},
		{label: "H3", Entity: history("average_discharge", "Average discharge", drivers.Charge, -10000, 0), per: 1000},
		{label: "H4", Entity: history("charge_cycles", "Charge cycles", drivers.Count, 0, 100000), per: 1},
		{label: "H5", Entity: history("full_discharges", "Full discharges", drivers.Count, 0, 100000), per: 1},
		{label: "H6", Entity: history("drawn_charge", "Drawn charge", drivers.Charge, -1e7, 0), per: 1000},
		{label: "H7", Entity: history("battery_voltage_min", "Minimum battery voltage", v, 0, 100), per: 1000},
		{label: "H8", Entity: history("battery_voltage_max", "Maximum battery voltage", v, 0, 100), per: 1000},
		{label: "H9", Entity: history("time_since_full", "Time since full", drivers.Duration, 0, 1e9), per: 1},
		{label: "H17", Entity: number("battery_discharge_energy", "Battery discharge energy", drivers.Energy.At(2), drivers.BatteryDischargeEnergy, 0, 1e6), per: 100},
		{label: "H18", Entity: number("battery_charge_energy", "Battery charge energy", drivers.Energy.At(2), drivers.BatteryChargeEnergy, 0, 1e6), per: 100},
		{label: "H19", Entity: number("pv_energy", "PV energy", drivers.Energy.At(2), drivers.PVEnergy, 0, 1e6), per: 100},
		{label: "H20", Entity: number("pv_energy_today", "PV energy today", drivers.Energy.At(2), "", 0, 1000), per: 100},
		{label: "H21", Entity: number("pv_power_max_today", "Maximum PV power today", drivers.Power, "", 0, 20000), per: 1},
		{label: "PID", Entity: label("field_product_id", "Product id")},
		{label: "FW", Entity: label("field_firmware", "Firmware")},
		{label: "FWE", Entity: label("field_firmware_24", "Firmware, 24 bits")},
		{label: "SER#", Entity: label("field_serial_number", "Serial number")},
		{label: "BMV", Entity: label("field_monitor", "Monitor")},
	}
})

// states are what a charger or inverter does.
const states = "0 Off|1 Low power|2 Fault|3 Bulk|4 Absorption|5 Float|6 Storage|7 Equalize|9 Inverting|11 Power supply|245 Starting|" +
	"246 Repeated absorption|247 Automatic equalize|248 BatterySafe|252 External control"

// reasons are the bits of AR and WARN.
var reasons = []string{
	"Low voltage", "High voltage", "Low state of charge", "Low starter voltage", "High starter voltage", "Low temperature", "High temperature",
	"Midpoint voltage", "Overload", "DC ripple", "Low AC output voltage", "High AC output voltage", "Short circuit", "BMS lockout",
}

func number(key, name string, q drivers.Quantity, role drivers.Role, low, high float64) drivers.Entity {
	return drivers.Entity{Key: key, Name: name, Quantity: q, Role: role, Min: low, Max: high}
}

// signed is + while charging.
func signed(key, name string, q drivers.Quantity, role drivers.Role, most float64) drivers.Entity {
	return drivers.Entity{Key: key, Name: name, Quantity: q, Role: role, Positive: drivers.Charging, Min: -most, Max: most}
}

func history(key, name string, q drivers.Quantity, low, high float64) drivers.Entity {
	return drivers.Entity{Key: key, Name: name, Quantity: q, Category: drivers.Diagnostic, Min: low, Max: high}
}

func binary(key, name, class string) drivers.Entity {
	return drivers.Entity{Key: key, Name: name, Platform: drivers.Binary, Quantity: drivers.Quantity{DeviceClass: class}}
}

func label(key, name string) drivers.Entity {
	return drivers.Entity{Key: key, Name: name, Platform: drivers.Label, Category: drivers.Diagnostic}
}

// coded is an enumeration of "number text" between bars.
func coded(lab, key, name, options string) row {
	r := row{label: lab, Entity: drivers.Entity{Key: key, Name: name, Platform: drivers.Enum}}
	for o := range strings.SplitSeq(options, "|") {
		code, text, _ := strings.Cut(o, " ")
		n, _ := strconv.Atoi(code)
		r.codes, r.Options = append(r.codes, n), append(r.Options, text)
	}
	return r
}

func published(e *drivers.Entity) bool { return !strings.HasPrefix(e.Key, "field_") }

// read decodes a whole block. Labels that nobody knows are passed over.
func read(block []byte) []drivers.Decoded {
	charger, told := false, false
	for l := range lines(block) {
		charger, told = charger || l == "PPV", told || l == "Alarm"
	}
	out := make([]drivers.Decoded, 0, 24)
	for l, value := range lines(block) {
		if l == "ERR" && !told { // a charger says what is wrong, but not that something is
			_, raw := rows()[l].value(value)
			if n, ok := raw.Float(); ok {
				out = append(out, drivers.Decoded{Entity: &rows()["Alarm"].Entity, Value: drivers.Bool(n != 0), Raw: raw})
			}
		}
		if l == "I" && charger {
			l = chargerCurrent
		}
		if r := rows()[l]; r != nil {
			v, raw := r.value(value)
			out = append(out, drivers.Decoded{Entity: &r.Entity, Value: v, Raw: raw})
		}
	}
	return out
}

// value is what is published of s, and what the device says; "---" and what has not its form is absent.
func (r *row) value(s string) (v, raw drivers.Value) {
	raw = drivers.Text(s)
	if r.Platform == drivers.Binary {
		if s == "ON" || s == "OFF" {
			v = drivers.Bool(s == "ON")
		}
		return v, raw
	}
	if r.per == 0 && r.codes == nil && r.bits == nil {
		return raw, raw
	}
	n, err := strconv.ParseInt(s, 0, 64)
	if err != nil || s[0] == '+' || strings.Contains(s, "_") {
		return v, raw
	}
	raw = drivers.Num(float64(n))
	switch {
	case r.bits != nil:
		return drivers.Text(inWords(r.bits, n)), raw
	case r.codes != nil:
		if i := slices.Index(r.codes, int(n)); i >= 0 {
			return drivers.Text(r.Options[i]), raw
		}
		return drivers.Text(fmt.Sprintf("unknown (%d)", n)), raw
	case r.label == "TTG" && n < 0: // endless, while nothing is drawn
		return v, raw
	}
	return drivers.Num(float64(n) / r.per), raw
}

func inWords(names []string, bits int64) string {
	var set []string
	for n := range 32 {
		if bits>>n&1 == 0 {
			continue
		}
		name := "Unknown " + strconv.Itoa(n)
		if n < len(names) {
			name = names[n]
		}
		set = append(set, name)
	}
	if set == nil {
		return "None"
	}
	if text := strings.Join(set, ", "); len(text) <= 255 {
		return text
	}
	return strconv.Itoa(len(set)) + " at once"
}

// introduce takes over what a line says of the device itself.
func introduce(desc *drivers.Descriptor, label, value string) {
	switch label {
	case "PID":
		if desc.Model == "" {
			desc.Model = "VE.Direct " + value
		}
	case "BMV":
		if strings.ContainsAny(value, " S") { // SmartShunt; older ones only give a number, which is not always theirs
			desc.Model = value
		}
	case "SER#":
		desc.Serial = value
	case "FW", "FWE":
		desc.Firmware = value
	}
}

// inOrder puts the entities into the order of the table, whichever block came first.
func inOrder(desc drivers.Descriptor) drivers.Descriptor {
	place := func(e drivers.Entity) int {
		return slices.IndexFunc(table(), func(r row) bool { return r.Key == e.Key })
	}
	slices.SortFunc(desc.Entities, func(a, b drivers.Entity) int { return place(a) - place(b) })
	return desc
}
