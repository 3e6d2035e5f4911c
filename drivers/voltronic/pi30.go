package voltronic

import (
	"slices"

	"sunwire/drivers"
)

// PI30 is spoken by the off-grid inverters of the Axpert, PIP and MKS series and by their rebrands, at 2400 baud.
// Source: the tables and captures of mpp-solar 0.16.56 (MIT). Of QVFW2, QBOOT and QOPM there is no capture.
var PI30 = compile(pi30).driver()

// One table row a field, in wire order. The example of a command shows the width and the decimals of each.
var pi30 = Protocol{
	Name: "pi30", Title: "Voltronic PI30 (Axpert, PIP, MKS and rebrands)",
	Serial: "QID", Model: "QMN", Firmware: "QVFW",
	Commands: append([]Command{
		{
			Code: "QPIGS", Pace: drivers.Live, Fields: pi30Status,
			Example: "229.4 50.0 230.1 50.0 0575 0552 011 378 52.40 007 076 0041 03.9 245.8 52.45 00000 00010110 00 00 00958 010",
		},
		{Code: "QMOD", Pace: drivers.Live, Example: "B", Fields: []Field{pi30Mode}},
		{
			Code: "Q1", Pace: drivers.Live, Fields: pi30Charger,
			Example: "00000 00000 01 01 00 045 041 032 043 00 00 000 0040 0958 0000 50.00 11",
		},
		{
			Code: "QPIRI", Pace: drivers.Slow, Fields: pi30Ratings,
			Example: "230.0 21.7 230.0 50.0 21.7 5000 5000 48.0 46.0 44.0 56.4 54.0 2 030 060 0 2 1 9 01 0 0 54.0 0 1 000 0",
		},
		{Code: "QFLAG", Pace: drivers.Slow, Example: "EakxyDbjuvz", Fields: []Field{flagField("abjkuvxyz", pi30Switches...)}},
		{
			Code: "QPIWS", Pace: drivers.Slow, Fields: []Field{pi30Warnings}, Warnings: true,
			Example: "00000000000000000000000000000000",
		},
		{Code: "QBMS", Pace: drivers.Slow, Example: "0 076 0 0 0 564 540 450 0100 0100", Fields: pi30BMS},
		{Code: "QPI", Pace: drivers.Once, Example: "PI30", Fields: []Field{
			label("protocol", "Protocol", "", looksLike("PI00")).diagnostic().hidden(),
		}},
		{Code: "QGMN", Pace: drivers.Once, Example: "044", Fields: []Field{
			label("general_model", "General model number", "", looksLike("000")).diagnostic().hidden(),
		}},
		{Code: "QVFW2", Pace: drivers.Once, Example: "VERFW2:00004.10", Fields: []Field{
			label("firmware_version_2", "Second processor's firmware", "VERFW2:", looksLike("00000.00")).diagnostic().hidden(),
		}},
		{Code: "QBOOT", Pace: drivers.Once, Example: "0", Fields: []Field{onOff("bootstrap", "Bootstrap present").diagnostic().hidden()}},
		{Code: "QOPM", Pace: drivers.Once, Example: "00", Fields: []Field{
			choice("present_output_mode", "Present output mode", outputModes...).diagnostic().hidden(),
		}},
		{
			Code: "QDI", Pace: drivers.Once, Fields: pi30Defaults,
			Example: "230.0 50.0 030 42.0 54.0 56.4 46.0 060 0 0 2 0 0 0 0 0 1 1 0 0 1 0 54.0 0 1",
		},
		{Code: "QMCHGCR", Pace: drivers.Once, Example: "010 020 040 060", Fields: []Field{
			options("max_charge_current_options", "Options of maximum charge current", "max_charge_current"),
		}},
		{Code: "QMUCHGCR", Pace: drivers.Once, Example: "002 010 020 030", Fields: []Field{
			options("max_grid_charge_current_options", "Options of maximum grid charge current", "max_grid_charge_current"),
		}},
		{Code: "QID", OnDemand: true, Example: "92932004102443", Fields: []Field{label("serial_number", "Serial number", "", looksSerial)}},
		{Code: "QMN", OnDemand: true, Example: "MKS2-5000", Fields: []Field{label("model", "Model", "", looksModel)}},
		{Code: "QVFW", OnDemand: true, Example: "VERFW:00072.70", Fields: []Field{label("firmware_version", "Firmware", "VERFW:", looksLike("00000.00"))}},
		{
			Code: "QPGS", Arg: "0", OnDemand: true, Unit: "unit_", Fields: pi30Parallel,
			Example: "1 92932004102443 B 00 229.4 50.00 230.1 50.00 0575 0552 011 52.4 007 076 245.8 007 00575 00552 011 10100010 0 1 060 120 030 03 000 000.0 00",
		},
	}, setters("BTA:+00 DAT:00000000000000 F:00 MCHGC:000 MNCHGC:0000 MUCHGC:000 PBATCD:000 PBATMAXDISC:000 PBCV:00.0 PBDV:00.0 PBFT:00.0 PBT:00 "+
		"PCP:00 PCVV:00.0 PD:a PE:a PF PGR:00 POP:00 POPLG:00 POPM:00 PPCP:000 PPVOKC:0 PSAVE PSDV:00.0 PSPB:0")...),
}

var pi30Status = []Field{
	volts("grid_voltage", "Grid voltage", 300),
	hertz("grid_frequency", "Grid frequency"),
	volts("output_voltage", "Output voltage", 300),
	hertz("output_frequency", "Output frequency"),
	voltAmps("output_apparent_power", "Output apparent power"),
	watts("output_power", "Output power").role(drivers.LoadPower),
	percent("load_percent", "Load", 200),
	volts("bus_voltage", "Bus voltage", 600),
	volts("battery_voltage", "Battery voltage", 80).role(drivers.BatteryVoltage),
	amps("battery_charge_current", "Battery charge current", 300).role(drivers.BatteryChargeCurrent),
	percent("state_of_charge", "State of charge", 100).is(drivers.StateOfCharge).role(drivers.BatteryCharge),
	celsius("heatsink_temperature", "Heat sink temperature"),
	amps("pv_current", "PV current", 99).loose(), // 0014 before, 02.7 after the firmware with decimals
	volts("pv_voltage", "PV voltage", 600),
	volts("battery_voltage_scc", "Battery voltage at solar charger", 80).hidden(),
	amps("battery_discharge_current", "Battery discharge current", 500).role(drivers.BatteryDischargeCurrent),
	bitField(
		bit("sbu_priority_added", "SBU priority version"), bit("configuration_changed", "Configuration changed"),
		bit("scc_firmware_updated", "Solar charger firmware updated"), bit("load_on", "Load supplied"),
		bit("battery_voltage_steady", "Battery voltage held steady while charging"), bit("charging", "Charging"),
		bit("scc_charging", "Charging from PV"), bit("ac_charging", "Charging from grid"),
	),
	{}, // battery voltage offset for the fan
	{}, // EEPROM version
	watts("pv_power", "PV power").role(drivers.PVPower),
	bitField(bit("float_charging", "Float charging"), bit("switched_on", "Switched on"), bit("", "")),
}

var pi30Mode = coded("mode", "Mode", "P", "Power on", "S", "Standby", "L", "Line", "B", "Battery", "F", "Fault", "H", "Power saving",
	"Y", "Bypass", "D", "Shutdown")

var pi30Charger = []Field{
	seconds("absorption_time_left", "Absorption time left").hidden(),
	seconds("float_time_left", "Float time left").hidden(),
	onOff("scc_connected", "Solar charger connected").is(drivers.Connectivity).diagnostic().hidden(),
	onOff("scc_allowed", "Solar charger allowed").diagnostic().hidden(),
	plain("average_charge_current", "Average charge current", 99).diagnostic().hidden(),
	celsius("scc_temperature", "Solar charger temperature").hidden(),
	celsius("internal_temperature", "Internal temperature").hidden(),
	celsius("battery_temperature", "Battery temperature").hidden(),
	celsius("transformer_temperature", "Transformer temperature").hidden(),
	{},
	onOff("fan_locked", "Fan locked").is(drivers.Problem).diagnostic().hidden(),
	{},
	percent("fan_speed", "Fan speed", 100).diagnostic().hidden(),
	watts("scc_charge_power", "Solar charger power").most(9999).hidden(),
	plain("parallel_warning", "Parallel warning", 9999).diagnostic().hidden(),
	hertz("sync_frequency", "Synchronization frequency").diagnostic().hidden(),
	coded("charge_stage", "Charge stage", "10", "Not charging", "11", "Bulk", "12", "Absorption", "13", "Float"),
}

// QPIRI: what the inverter is rated for, and how it is set.
var pi30Ratings = []Field{
	volts("rated_grid_voltage", "Rated grid voltage", 300).rating(),
	amps("rated_grid_current", "Rated grid current", 150).rating(),
	volts("rated_output_voltage", "Rated output voltage", 300).rating(),
	hertz("rated_output_frequency", "Rated output frequency").rating(),
	amps("rated_output_current", "Rated output current", 150).rating(),
	voltAmps("rated_output_apparent_power", "Rated output apparent power").rating(),
	watts("rated_output_power", "Rated output power").rating(),
	volts("rated_battery_voltage", "Rated battery voltage", 80).rating(),
	volts("battery_recharge_voltage", "Battery recharge voltage", 80).setting(),
	volts("battery_cut_off_voltage", "Battery cut-off voltage", 80).setting(),
	volts("bulk_voltage", "Bulk charge voltage", 80).setting(),
	volts("float_voltage", "Float charge voltage", 80).setting(),
	choice("battery_type", "Battery type", "AGM", "Flooded", "User-defined", "Pylontech", "Shinheung", "WECO", "Soltaro", "Reserved",
		"LIb protocol", "Other lithium").setting(),
	amps("max_grid_charge_current", "Maximum grid charge current", 300).setting().shown(),
	amps("max_charge_current", "Maximum charge current", 300).setting().shown(),
	choice("input_voltage_range", "Input voltage range", "Appliance", "UPS").setting(),
	choice("output_source_priority", "Output source priority", "Utility first", "Solar first", "Solar, battery, utility (SBU)").setting().shown(),
	choice("charger_source_priority", "Charger source priority", "Utility first", "Solar first", "Solar and utility", "Solar only").setting().shown(),
	plain("max_parallel_units", "Maximum parallel units", 9).rating().blank(),
	coded("machine_type", "Machine type", "0", "Grid tie", "1", "Off grid", "10", "Hybrid").rating(),
	choice("topology", "Topology", "Transformerless", "Transformer").rating(),
	choice("output_mode", "Output mode", outputModes...).setting(),
	volts("battery_redischarge_voltage", "Battery redischarge voltage", 80).setting(), // 0: when full
	choice("pv_ok_condition", "PV counts as present", "When one unit has PV", "When all units have PV").setting(),
	choice("pv_power_balance", "PV power limit", "Charge current", "Charge power and load").setting(),
	measure("constant_voltage_time", "Maximum constant voltage charging time", drivers.Minutes, 0, 999).setting(),
	choice("operation_logic", "Operation logic", "Automatic", "Online", "ECO").setting(),
}

var outputModes = []string{"Single", "Parallel", "Phase 1 of 3", "Phase 2 of 3", "Phase 3 of 3", "Phase 1 of 2", "Phase 2 of 2", "Unknown phase"}

// QFLAG has a letter for each; the order here is that of the letters.
var pi30Switches = []Field{
	onOff("buzzer", "Buzzer").setting(),
	onOff("overload_bypass", "Overload bypass").setting(),
	onOff("power_saving", "Power saving").setting(),
	onOff("display_return", "Return to first page").setting(),
	onOff("overload_restart", "Restart after overload").setting(),
	onOff("over_temperature_restart", "Restart after over-temperature").setting(),
	onOff("backlight", "Display backlight").setting(),
	onOff("source_interrupt_alarm", "Alarm on source interruption").setting(),
	onOff("record_fault_code", "Record fault codes").setting(),
}

// QDI: the settings as they left the factory. Of the switches, the buzzer alone is on where the device says 0.
var pi30Defaults = each(Field.factory, pick("output_voltage output_frequency max_grid_charge_current battery_cut_off_voltage float_voltage "+
	"bulk_voltage battery_recharge_voltage max_charge_current input_voltage_range output_source_priority charger_source_priority battery_type "+
	"buzzer power_saving overload_restart over_temperature_restart backlight source_interrupt_alarm record_fault_code overload_bypass "+
	"display_return output_mode battery_redischarge_voltage pv_ok_condition pv_power_balance",
	pi30Status, pi30Ratings, []Field{offOn("buzzer", "Buzzer")}, pi30Switches)...)

// QPIWS, from the first bit on. Some firmware sends 36 and more, and says in the first that the sun is gone (as PI30MAX).
var pi30Warnings = warningField(
	"~pv_lost", "PV lost", "inverter_fault", "Inverter fault", "bus_voltage_high", "Bus voltage too high", "bus_voltage_low", "Bus voltage too low",
	"bus_soft_start", "Bus soft start failed", "~grid_lost", "Grid lost", "output_short_circuit", "Output short circuit",
	"inverter_voltage_low", "Inverter voltage too low", "inverter_voltage_high", "Inverter voltage too high",
	"over_temperature", "Temperature too high", "fan_locked", "Fan locked", "battery_voltage_high", "Battery voltage too high",
	"battery_low", "Battery low", "", "", "battery_cut_off", "Battery below cut-off voltage", "", "",
	"overload", "Overload", "eeprom", "EEPROM fault", "inverter_over_current", "Inverter current too high",
	"inverter_soft_start", "Inverter soft start failed", "self_test", "Self-test failed", "output_dc_voltage", "DC voltage on the output",
	"battery_open", "Battery not connected", "current_sensor", "Current sensor failed", "battery_short_circuit", "Battery short circuit",
	"~power_limited", "Power limited", "pv_voltage_high", "PV voltage too high", "mppt_overload_fault", "Solar charger stopped by overload",
	"mppt_overload", "Solar charger overloaded", "battery_too_low_to_charge", "Battery too low to charge", "", "", "", "",
)

// QBMS: what a lithium battery tells the inverter. Voltages are in tenths of a volt.
var pi30BMS = each(Field.hidden,
	offOn("bms_connected", "BMS connected").is(drivers.Connectivity).diagnostic(),
	percent("bms_state_of_charge", "BMS state of charge", 100),
	onOff("bms_force_charge", "BMS asks for charging").diagnostic(),
	offOn("bms_discharging_allowed", "BMS allows discharging").diagnostic(),
	offOn("bms_charging_allowed", "BMS allows charging").diagnostic(),
	volts("bms_bulk_voltage", "BMS bulk charge voltage", 80).shift(1).diagnostic(),
	volts("bms_float_voltage", "BMS float charge voltage", 80).shift(1).diagnostic(),
	volts("bms_cut_off_voltage", "BMS cut-off voltage", 80).shift(1).diagnostic(),
	amps("bms_max_charge_current", "BMS maximum charge current", 500).loose().diagnostic(),
	amps("bms_max_discharge_current", "BMS maximum discharge current", 500).loose().diagnostic(),
)

// QPGSn: one unit of a parallel system, n from 0, and the sums of all.
var pi30Parallel = slices.Concat([]Field{
	onOff("unit_present", "Unit present").diagnostic().hidden(),
	label("serial_number", "Serial number", "", looksSerial).diagnostic().hidden(),
	pi30Mode,
	coded("fault", "Fault", "0", "No fault", "1", "Fan locked", "2", "Over-temperature", "3", "Battery voltage too high", "4", "Battery voltage too low",
		"5", "Output short circuit or over-temperature", "6", "Output voltage too high", "7", "Overload", "8", "Bus voltage too high",
		"9", "Bus soft start failed", "11", "Main relay failed", "51", "Inverter current too high", "52", "Bus soft start failed (52)",
		"53", "Inverter soft start failed", "54", "Self-test failed", "55", "DC voltage on the output", "56", "Battery not connected",
		"57", "Current sensor failed", "58", "Output voltage too low", "60", "Power fed back into the inverter", "71", "Firmware versions differ",
		"72", "Output circuit failed", "80", "CAN communication failed", "81", "Host line lost", "82", "Synchronization lost",
		"83", "Battery voltages differ", "84", "Grid voltages or frequencies differ", "85", "Input currents unbalanced", "86", "Output settings differ"),
}, pick("grid_voltage grid_frequency output_voltage output_frequency output_apparent_power output_power load_percent battery_voltage "+
	"battery_charge_current state_of_charge pv_voltage", pi30Status), []Field{
	amps("total_charge_current", "Total charge current", 900),
	voltAmps("total_output_apparent_power", "Total output apparent power").most(99999),
	watts("total_output_power", "Total output power").most(99999),
	percent("total_load_percent", "Total load", 200),
	bitField(bit("scc_ok", "Solar charger working"), bit("ac_charging", "Charging from grid"), bit("scc_charging", "Charging from PV"),
		bit("battery_over_voltage", "Battery voltage too high"), bit("battery_under_voltage", "Battery voltage too low"), bit("grid_lost", "Grid lost"),
		bit("load_on", "Load supplied"), bit("configuration_changed", "Configuration changed")),
}, pick("output_mode charger_source_priority max_charge_current", pi30Ratings), []Field{
	amps("max_charge_current_limit", "Limit of maximum charge current", 500).rating(),
}, pick("max_grid_charge_current", pi30Ratings), []Field{
	amps("pv_current", "PV current", 200),
	amps("battery_discharge_current", "Battery discharge current", 500).role(drivers.BatteryDischargeCurrent),
	{},
	{},
})
