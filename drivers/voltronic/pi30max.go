package voltronic

import (
	"slices"
	"strings"

	"sunwire/drivers"
)

// PI30MAX is spoken by the Axpert MAX, VM III, LV6048MAX and others with two PV inputs and counters of their own.
// Source: the tables and captures of mpp-solar 0.16.56 (MIT). Of QVFW3, VERFW, QBOOT and QOPM there is no capture.
var PI30MAX = dialect30MAX.driver()

var dialect30MAX = &dialect{
	Name: "pi30max", Title: "Voltronic PI30MAX (Axpert MAX, LV6048MAX and others with two PV inputs)", Aliases: []string{"axpert_max", "lv6048max"},
	declare: pi30max,
}

func pi30max() Protocol {
	return Protocol{
		Serial: "QID", Model: "QMN", Firmware: "QVFW", Clock: "QT", Units: pi30Units,
		Sums: []Sum{{Field: *watts("pv_power", "PV power").most(30000).role(drivers.PVPower), Of: "pv1_power pv2_power", From: "QPIGS QPIGS2"}},
		Estimates: []Estimate{{
			Field: *pvEstimate(), From: "QPGS", Last: "pv2_current",
			Of: [][2]string{{"pv1_current", "pv1_voltage"}, {"pv2_current", "pv2_voltage"}},
		}},
		Commands: slices.Concat(replaced(without("QVFW2", pi30().Commands),
			Command{
				Code: "QPIGS", Pace: drivers.Live, Fields: maxStatus(),
				Example: "227.2 50.0 230.3 50.0 0829 0751 010 447 54.50 020 083 0054 02.7 323.6 00.00 00000 00010110 00 00 00879 010 0 00 00000",
			},
			Command{
				Code: "QPIRI", Pace: drivers.Slow, Fields: maxRatings(),
				Example: "230.0 21.7 230.0 50.0 21.7 5000 5000 48.0 46.0 44.0 56.4 54.0 2 030 060 0 2 1 9 01 0 0 54.0 0 1 000 0 070",
			},
			Command{Code: "QFLAG", Pace: drivers.Slow, Example: "EakxyDbdjuvz", Fields: fields(flagField("abdjkuvxyz", maxSwitches()))},
			Command{
				Code: "QPIWS", Pace: drivers.Slow, Fields: fields(maxWarnings()), Warnings: true, Normal: pi30Normal, GridLost: "warning_grid_lost",
				Example: "00000000000000000000000000000000",
			},
			Command{
				Code: "QDI", Pace: drivers.Once, Fields: maxDefaults(),
				Example: "230.0 50.0 0030 44.0 54.0 56.4 46.0 060 0 0 2 0 0 0 0 0 1 1 1 0 1 0 54.0 0 1 224 070",
			},
			Command{
				Code: "QPGS", Arg: "0", OnDemand: true, Unit: unitPrefix, Fields: maxParallel(),
				Example: "0 92932105105315 B 00 000.0 00.00 230.0 50.00 0989 0907 012 53.2 009 090 349.8 009 00989 00907 011 10100110 0 1 100 120 030 02 000 275.3 02",
			},
		), maxQueries(), setters(`PLEDB{led_brightness:0} PLEDC{led_color:0000000000} PLEDE{led:0} PLEDM{led_effect:0} PLEDS{led_speed:0}
		PLEDT{led_colors:0}`)),
	}
}

// What PI30 calls the PV input is the first of two here.
var firstPV = strings.NewReplacer("pv_current", "pv1_current", "pv_voltage", "pv1_voltage", "pv_power", "pv1_power")

func ofPV1(f *Field) *Field {
	if key := firstPV.Replace(f.Key); key != f.Key {
		return f.called(key, strings.Replace(f.Name, "PV", "PV1", 1))
	}
	return f
}

func maxStatus() []Field {
	return slices.Concat(each(ofPV1, pi30Status()), fields(
		onOff("feeding_to_grid", "Feeding PV power to grid").diagnostic().hidden(),
		coded("country", "Country", "0", "India", "1", "Germany", "2", "South America").diagnostic().hidden(),
		watts("feed_power", "Power fed to grid").hidden(),
	))
}

var maxOutputModes = []string{
	"Single", "Parallel", "Phase 1 of 3", "Phase 2 of 3", "Phase 3 of 3", "Phase 1 of 2", "Phase 2 of 2 at 120°",
	"Phase 2 of 2 at 180°", "Unknown phase",
}

func maxRatings() []Field {
	return append(swap(pi30Ratings(),
		choice("battery_type", "Battery type", "AGM", "Flooded", "User-defined", "Pylontech", "Shinheung", "WECO", "Soltaro", "LIb protocol",
			"Other lithium").setting().set(drivers.CLIOnly),
		choice("output_mode", "Output mode", maxOutputModes...).setting().set(drivers.CLIOnly),
	), *amps("max_discharge_current", "Maximum discharge current", 300).setting().within(drivers.Full, 30, 150, 1))
}

func maxSwitches() []Field {
	return slices.Insert(pi30Switches(), 2, *onOff("feed_to_grid", "Feed PV power to grid").setting().set(drivers.Full))
}

func maxDefaults() []Field {
	return each((*Field).factory, pick(defaultKeys+" constant_voltage_time max_discharge_current", fields(
		choice("battery_type", "Battery type", "AGM", "Flooded", "User-defined", "Reserved", "Pylontech", "WECO", "Soltaro", "LIb protocol", "Other lithium"),
	), pi30Status(), maxRatings(), fields(offOn("buzzer", "Buzzer")), pi30Switches()))
}

// QPIWS: the last bits are there in some firmware only.
func maxWarnings() *Field {
	f := pi30Warnings()
	f.Bits = slices.Concat(f.Bits[:15], []drivers.Entity{warningOf("battery_derating", "Battery derating")}, f.Bits[16:31], warningField(
		"battery_weak", "Battery weak", "battery_weak_1", "Battery weak, code 1", "battery_weak_2", "Battery weak, code 2", "", "",
		"equalization", "Battery equalization").Bits)
	return f
}

func maxParallel() []Field {
	return slices.Concat(swap(each(ofPV1, pi30Parallel()[:27]), maxFault().diagnostic(), choice("output_mode", "Output mode", maxOutputModes...).setting()),
		fields(volts("pv2_voltage", "PV2 voltage", 600), amps("pv2_current", "PV2 current", 200)))
}

func maxFault() *Field {
	return coded("fault_code", "Fault", "0", "No fault", "1", "Fan locked", "2", "Over-temperature", "3", "Battery voltage too high",
		"4", "Battery voltage too low", "5", "Output short circuit or over-temperature", "6", "Output voltage too high", "7", "Overload",
		"8", "Bus voltage too high", "9", "Bus soft start failed", "10", "PV current too high", "11", "PV voltage too high", "12", "DC current too high",
		"13", "Battery discharge current too high", "51", "Inverter current too high", "52", "Bus voltage too low", "53", "Inverter soft start failed",
		"54", "Self-test failed", "55", "DC voltage on the output", "56", "Battery not connected", "57", "Current sensor failed",
		"58", "Output voltage too low", "60", "Power fed back into the inverter", "71", "Firmware versions differ", "72", "Current sharing failed",
		"80", "CAN communication failed", "81", "Host line lost", "82", "Synchronization lost", "83", "Battery voltages differ",
		"84", "Grid voltages or frequencies differ", "85", "Output currents unbalanced", "86", "Output settings differ")
}

// The counters are of 8 digits, in Wh; those of a year, a month and a day are asked for with the device's own date.
func maxQueries() []Command {
	return slices.Concat([]Command{
		{Code: "QPIGS2", Pace: drivers.Live, Example: "03.1 327.3 01026", Fields: fields(
			amps("pv2_current", "PV2 current", 99), volts("pv2_voltage", "PV2 voltage", 600), watts("pv2_power", "PV2 power"),
		)},
		{Code: "QT", Pace: drivers.Slow, Example: "20210726122606", Fields: fields(clock())},
		{Code: "QSID", Pace: drivers.Once, Example: "1492932105105335005535", Fields: fields(longSerial())},
		{Code: "QVFW3", Pace: drivers.Once, Example: "VERFW:00001.00", Fields: fields(
			label("firmware_version_3", "Remote panel's firmware", "VERFW:", looksLike("00000.00")).diagnostic().hidden(),
		)},
		{Code: "VERFW", Pace: drivers.Once, Example: "VERFW:00001.00", Fields: fields(
			label("bluetooth_version", "Bluetooth firmware", "VERFW:", looksLike("00000.00")).diagnostic().hidden(),
		)},
		{Code: "QLED", Pace: drivers.Slow, Example: "1 1 2 5 3 148000211255255255000255255", Fields: each((*Field).setting, fields(
			onOff("led", "LED").set(drivers.Safe),
			choice("led_speed", "LED speed", "Low", "Medium", "Fast").set(drivers.Safe),
			coded("led_effect", "LED effect", "0", "Breathing", "2", "Solid", "3", "Scrolling").set(drivers.Safe),
			plain("led_brightness", "LED brightness", 9).within(drivers.Safe, 1, 9, 1),
			plain("led_colors", "LED colours", 9).within(drivers.Safe, 1, 3, 1),
			label("led_rgb", "LED colour values", "", looksLike("000000000*")),
		))},
		{Code: "QBEQI", Pace: drivers.Slow, Example: "1 030 030 080 021 55.40 224 030 0 0234", Fields: each((*Field).setting, fields(
			onOff("equalization", "Equalization"),
			minutes("equalization_time", "Equalization time"),
			measure("equalization_period", "Equalization period", &drivers.Number, 0, 999), // days
			amps("equalization_max_current", "Maximum equalization current", 300),
			nil,
			volts("equalization_voltage", "Equalization voltage", 80),
			nil,
			minutes("equalization_timeout", "Equalization time-out"),
			onOff("equalization_active", "Equalization active"),
			measure("equalization_elapsed", "Equalization elapsed time", &drivers.Number, 0, 9999), // hours
		))},
		{Code: "QOPPT", Pace: drivers.Once, Example: hourly, Fields: slots(named("output_source_priority", maxRatings()))},
		{Code: "QCHPT", Pace: drivers.Once, Example: hourly, Fields: slots(named("charger_source_priority", maxRatings()))},
	}, counters("pv_energy", "PV energy", "QE"), counters("load_energy", "Load energy", "QL"))
}

const hourly = "2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 0 2 1"
