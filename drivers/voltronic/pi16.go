package voltronic

import "sunwire/drivers"

// PI16 is spoken by the InfiniSolar and Sunny of the first years. Requests have no checksum; those of the energy counters have the sum of
// their bytes in decimal. It has no command that tells the device's date, so that those are asked by a person only.
// Source: the tables and captures of mpp-solar 0.16.56 (MIT). Its QEH, QEM and QEY could not be asked there at all.
var PI16 = dialect16.driver()

var dialect16 = &dialect{
	Name: "pi16", Title: "Voltronic PI16 (InfiniSolar, Sunny)", Aliases: []string{"infinisolar", "sunny"},
	declare: pi16,
}

func pi16() Protocol {
	common := pi30().Commands
	return Protocol{
		Wire:   wire{bare: true, blanks: true},
		Serial: "QID", Firmware: "QVFW",
		Sums: []Sum{{Field: *watts("pv_power", "PV power").most(45000).role(drivers.PVPower), Of: "pv1_power pv2_power pv3_power", From: "QPIGS"}},
		Commands: []Command{
			{
				Code: "QPIGS", Pace: drivers.Live, Fields: pi16Status(),
				Example: "224.6 000000 49.9 0006.8 232.4 01594 49.9 006.8 029 415.0 415.0 057.9 ---.- 100 00000 00000 ----- 000.0 000.0 ---.- 035.0 D---110001",
			},
			{Code: "QMOD", Pace: drivers.Live, Example: "G", Fields: fields(coded("mode", "Mode", "B", "Battery", "C", "Charging", "D", "Shutdown", "F", "Fault",
				"G", "Grid", "L", "Line", "P", "Power on", "S", "Standby", "Y", "Bypass"))},
			{Code: "QPIBI", Pace: drivers.Slow, Example: "0 6 1234 12 043", Fields: fields(
				nil,
				plain("battery_count", "Batteries", 99).rating(),
				measure("battery_capacity_ah", "Battery capacity", &drivers.Charge, 0, 9999).rating(),
				nil,
				minutes("battery_time_left", "Battery time left").hidden(),
			)},
			{Code: "QPIRI", Pace: drivers.Once, Example: "230.0 50.0 013.0 230.0 013.0 18.0 048.0 1 10 0", Fields: pi16Ratings()},
			{Code: "QPI", Pace: drivers.Once, Example: "PI16", Fields: command("QPI", common).Fields},
			{Code: "QGMN", Pace: drivers.Once, Example: "000", Fields: command("QGMN", common).Fields},
			{Code: "QVFW2", Pace: drivers.Once, Example: "VERFW2:00000.30", Fields: each(bare, command("QVFW2", common).Fields)},
			command("QID", common),
			{Code: "QVFW", OnDemand: true, Example: "VERFW:00000.27", Fields: each(bare, command("QVFW", common).Fields)},
			{Code: "QEH", Arg: "0000000000", OnDemand: true, Sum: true, Example: "012345", Fields: fields(wattHours("pv_energy_this_hour", "PV energy this hour"))},
			{Code: "QED", Arg: "00000000", OnDemand: true, Sum: true, Example: "012345", Fields: fields(wattHours("pv_energy_today", "PV energy today"))},
			{Code: "QEM", Arg: "000000", OnDemand: true, Sum: true, Example: "0012345", Fields: fields(wattHours("pv_energy_this_month", "PV energy this month"))},
			{Code: "QEY", Arg: "0000", OnDemand: true, Sum: true, Example: "00012345", Fields: fields(wattHours("pv_energy_this_year", "PV energy this year"))},
		},
	}
}

// bare is a text that means what stands behind its prefix.
func bare(f *Field) *Field { f.Bare = true; return f }

func pi16Status() []Field {
	return fields(
		volts("grid_voltage", "Grid voltage", 300),
		watts("feed_power", "Power fed to grid").most(99999).hidden(),
		hertz("grid_frequency", "Grid frequency"),
		amps("feed_current", "Current fed to grid", 150).hidden(),
		volts("output_voltage", "Output voltage", 300),
		watts("output_power", "Output power").role(drivers.LoadPower),
		hertz("output_frequency", "Output frequency"),
		amps("output_current", "Output current", 150),
		percent("load_percent", "Load", 200),
		volts("bus_voltage", "Bus voltage", 600),
		volts("secondary_bus_voltage", "Secondary bus voltage", 600).hidden(),
		volts("battery_voltage", "Battery voltage", 99.9).role(drivers.BatteryVoltage),
		volts("negative_battery_voltage", "Negative battery voltage", 99.9).hidden(),
		charge(),
		watts("pv1_power", "PV1 power"),
		watts("pv2_power", "PV2 power"),
		watts("pv3_power", "PV3 power"),
		volts("pv1_voltage", "PV1 voltage", 900),
		volts("pv2_voltage", "PV2 voltage", 900),
		volts("pv3_voltage", "PV3 voltage", 900),
		celsius("heatsink_temperature", "Heat sink temperature"),
		nil, // a letter and the states of nine relays
	)
}

func pi16Ratings() []Field {
	return each((*Field).rating, fields(
		volts("rated_grid_voltage", "Rated grid voltage", 300),
		hertz("rated_grid_frequency", "Rated grid frequency"),
		amps("rated_grid_current", "Rated grid current", 150),
		volts("rated_output_voltage", "Rated output voltage", 300),
		amps("rated_output_current", "Rated output current", 150),
		amps("rated_pv_current", "Rated PV current", 99),
		volts("rated_battery_voltage", "Rated battery voltage", 99.9),
		plain("mppt_count", "MPP trackers", 9),
		coded("machine_type", "Machine type", "0", "Grid tie", "1", "Off grid", "10", "Hybrid"),
		choice("topology", "Topology", "Transformerless", "Transformer"),
	))
}
