package voltronic

import "sunwire/drivers"

// PI30REVO is spoken by the REVO. Some of its replies end in the sum of their bytes and one instead of a checksum of two bytes; either is taken
// where the table says so. Source: the tables and captures of mpp-solar 0.16.56 (MIT). PSET is sent with its sum modulo 256.
var PI30REVO = dialect30REVO.driver()

var dialect30REVO = &dialect{
	Name: "pi30revo", Title: "Voltronic PI30REVO (REVO)", Aliases: []string{"revo"},
	declare: pi30revo,
}

func pi30revo() Protocol {
	return Protocol{
		Commands: []Command{
			{ // what it tells is in QALL too, and there the counters are
				Code: "QPIGS", OnDemand: true, Fields: revoStatus(),
				Example: "221.0 49.9 221.0 49.9 0000 0707 012 401 52.40 012 000 0026 0000 000.0 52.45 00000 00010000 00 00 00000 010",
			},
			{
				Code: "QALL", Pace: drivers.Live, Chk: true, Fields: revoAll(), Warnings: true,
				Example: "230 50.0 230 50.0 0552 011 52.4 076 007 000 245 03.9 0958 001234 001234 B 00 00",
			},
			{
				Code: "QLITH0", Pace: drivers.Slow, Fields: revoBMS(),
				Example: "052.5 000.0 000.0 250 036 000 070.0 007.0 057.0 044.6 0 5",
			},
			{Code: "QMOD", Pace: drivers.Live, Example: "B", Fields: fields(pi30Mode())},
			{Code: "QPIRI", Pace: drivers.Slow, Fields: revoRatings(), Example: "230.0 21.7 230.0 50.0 21.7 5000 4000 48.0 46.0 42.0 56.4 54.0 0 010 010 1 0 0 6 01 0 0 54.0 0 1"},
			{
				Code: "PQSE", Pace: drivers.Slow, Chk: true, Fields: revoSettings(),
				Example: "000100 56.0 54.0 44.0 42.0 030 010 2018 06 01 20 00 00000 52.0",
			},
			command("QPI", pi30().Commands),
			{Code: "PSET", Arg: " *", OnDemand: true, Chk: true},
			{Code: "_PSET", Arg: " *", OnDemand: true, Chk: true},
		},
	}
}

func revoStatus() []Field {
	fs := swap(pi30Status(), watts("output_power", "Output power"))
	fs[12] = *watts("pv_power_2", "PV power, second reading").loose().hidden()
	fs[15] = *wattHours("pv_energy_today", "PV energy today")
	return fs
}

func revoRatings() []Field {
	return each(func(f *Field) *Field {
		if f.Category == drivers.Config { // PQSE has them as they are
			f = f.called("rated_"+f.Key, f.Name+" in QPIRI").rating()
		}
		f.Setting = nil
		return f
	}, pi30Ratings()[:25])
}

func revoAll() []Field {
	return fields(
		volts("grid_voltage", "Grid voltage", 300),
		hertz("grid_frequency", "Grid frequency"),
		volts("output_voltage", "Output voltage", 300),
		hertz("output_frequency", "Output frequency"),
		watts("output_power", "Output power").role(drivers.LoadPower),
		percent("load_percent", "Load", 200),
		volts("battery_voltage", "Battery voltage", 80).role(drivers.BatteryVoltage),
		charge(),
		amps("battery_charge_current", "Battery charge current", 300).role(drivers.BatteryChargeCurrent),
		amps("battery_discharge_current", "Battery discharge current", 500).role(drivers.BatteryDischargeCurrent),
		volts("pv_voltage", "PV voltage", 600),
		amps("pv_current", "PV current", 99),
		watts("pv_power", "PV power").most(9999).role(drivers.PVPower),
		wattHours("pv_energy_today", "PV energy today").most(999.999),
		kiloWattHours("pv_energy", "PV energy").most(999999).role(drivers.PVEnergy),
		pi30Mode(),
		coded("warning_code", "Warning code", "0", "No warning", "1", "Battery low", "2", "Grid voltage too low", "3", "Grid voltage too high", "4", "Overload",
			"5", "Temperature too high", "6", "Fan locked", "7", "Battery voltage too high", "8", "Discharge current too high",
			"21", "PV voltage too low", "22", "PV voltage too high", "23", "PV current too high", "24", "PV temperature too high", "25", "PV overload",
			"26", "PV boost failed", "39", "BMS communication lost").diagnostic().hidden(),
		coded("fault_code", "Fault", "0", "No fault", "1", "Bus voltage too high", "2", "Inverter voltage too high", "3", "Inverter voltage too low",
			"4", "Bus soft start failed", "5", "Overload", "6", "Output short circuit", "7", "Battery voltage too low", "8", "Inverter soft start failed",
			"9", "Bus voltage too low", "10", "Parallel operation failed", "11", "Over-temperature", "12", "Battery voltage too high", "13", "Phase A lost",
			"14", "Phase B lost", "15", "Phase C lost", "16", "Output settings differ", "17", "Grid voltages or frequencies differ",
			"18", "Power fed back into the inverter", "19", "Firmware versions differ", "20", "Current sharing failed", "23", "PV current too high",
			"24", "PV temperature too high").diagnostic(),
	)
}

// QLITH0: what a lithium battery tells the inverter. Its temperature is in tenths of a degree.
func revoBMS() []Field {
	return each((*Field).hidden, fields(
		volts("bms_voltage", "BMS battery voltage", 80),
		amps("bms_charge_current", "BMS charge current", 500),
		amps("bms_discharge_current", "BMS discharge current", 500),
		celsius("bms_temperature", "BMS battery temperature").shift(1).least(0).most(99.9),
		percent("bms_state_of_charge", "BMS state of charge", 100),
		percent("bms_wear", "BMS battery wear", 100),
		amps("bms_max_charge_current", "BMS maximum charge current", 500).diagnostic(),
		amps("bms_max_discharge_current", "BMS maximum discharge current", 500).diagnostic(),
		volts("bms_max_charge_voltage", "BMS maximum charge voltage", 80).diagnostic(),
		volts("bms_cut_off_voltage", "BMS cut-off voltage", 80).diagnostic(),
		coded("bms_fault", "BMS fault", bmsAlarms...).diagnostic(),
		coded("bms_warning", "BMS warning", bmsAlarms...).diagnostic(),
	))
}

var bmsAlarms = []string{
	"0", "None", "1", "Battery voltage too high", "2", "Battery low", "3", "Battery too hot", "4", "Battery too cold",
	"5", "Battery current too high", "6", "Output short circuit",
}

// PQSE: how the inverter is set, and its clock. PSET would write all of it at once, from what a person types.
func revoSettings() []Field {
	return each((*Field).setting, fields(
		digitField(each((*Field).setting, fields(
			choice("language", "Language", "English", "Chinese"),
			choice("output_source_priority", "Output source priority", "Utility first", "Solar first", "Battery first", "PV and utility",
				"PV and utility with external sensor").shown(),
			choice("input_voltage_range", "Input voltage range", "Wide", "Narrow"),
			choice("set_output_voltage", "Output voltage setting", "220 V", "230 V", "240 V"),
			choice("set_output_frequency", "Output frequency setting", "50 Hz", "60 Hz"),
			choice("battery_type", "Battery type", "Lead acid", "Lithium", "None", "User-defined"),
		))),
		volts("bulk_voltage", "Bulk charge voltage", 80),
		volts("float_voltage", "Float charge voltage", 80),
		volts("battery_low_voltage", "Battery low alarm voltage", 80),
		volts("battery_cut_off_voltage", "Battery cut-off voltage", 80),
		amps("max_charge_current", "Maximum charge current", 300).shown(),
		amps("max_grid_charge_current", "Maximum grid charge current", 300).shown(),
		nil, nil, nil, nil, nil, // year to minute
		digitField(each((*Field).setting, fields(
			offOn("buzzer", "Buzzer"),
			onOff("grid_connected", "Grid connection"),
			onOff("single_phase_parallel", "Single-phase parallel operation"),
			onOff("three_phase_parallel", "Three-phase parallel operation"),
			plain("three_phase_id", "Number among three phases", 9),
		))),
		volts("battery_full_recovery_voltage", "Battery full recovery voltage", 80).loose().free(),
	))
}
