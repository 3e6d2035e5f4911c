package voltronic

import (
	"slices"

	"sunwire/drivers"
)

// PI30 is spoken by the off-grid inverters of the Axpert, PIP and MKS series and by their rebrands, at 2400 baud.
// Source: the tables and captures of mpp-solar 0.16.56 (MIT). Of QVFW2, QBOOT and QOPM there is no capture.
var PI30 = dialect30.detected()

var dialect30 = &dialect{
	Name: "pi30", Title: "Voltronic PI30 (Axpert, PIP, MKS and rebrands)", Aliases: []string{"axpert", "pip", "mks"},
	declare: pi30,
}

// One table row a field, in wire order. The example of a command shows the width and the decimals of each.
func pi30() Protocol {
	return Protocol{
		Serial: "QID", Model: "QMN", Firmware: "QVFW", Units: pi30Units,
		Estimates: []Estimate{
			{
				Field: *pvEstimate().role(drivers.PVPowerEstimate), From: "QPIGS", Last: "ac_charging",
				Of: [][2]string{{"pv_current", "battery_voltage_scc"}},
			},
			{Field: *pvEstimate(), From: "QPGS", Last: "battery_discharge_current", Of: [][2]string{{"pv_current", "battery_voltage"}}},
		},
		Commands: append([]Command{
			{
				Code: "QPIGS", Pace: drivers.Live, Fields: pi30Status(),
				Example: "229.4 50.0 230.1 50.0 0575 0552 011 378 52.40 007 076 0041 03.9 245.8 52.45 00000 00010110 00 00 00958 010",
			},
			{Code: "QMOD", Pace: drivers.Live, Example: "B", Fields: fields(pi30Mode())},
			{
				Code: "Q1", Pace: drivers.Live, Fields: pi30Charger(),
				Example: "00000 00000 01 01 00 045 041 032 043 00 00 000 0040 0958 0000 50.00 11",
			},
			{
				Code: "QPIRI", Pace: drivers.Slow, Fields: pi30Ratings(),
				Example: "230.0 21.7 230.0 50.0 21.7 5000 5000 48.0 46.0 44.0 56.4 54.0 2 030 060 0 2 1 9 01 0 0 54.0 0 1 000 0",
			},
			{Code: "QFLAG", Pace: drivers.Slow, Example: "EakxyDbjuvz", Fields: fields(flagField("abjkuvxyz", pi30Switches()))},
			{
				Code: "QPIWS", Pace: drivers.Slow, Fields: fields(pi30Warnings()), Warnings: true, Normal: pi30Normal, GridLost: "warning_grid_lost",
				Example: "00000000000000000000000000000000",
			},
			{Code: "QBMS", Pace: drivers.Slow, Example: "0 076 0 0 0 564 540 450 0100 0100", Fields: pi30BMS()},
			{Code: "QPI", Pace: drivers.Once, Example: "PI30", Fields: fields(
				label("protocol", "Protocol", "", looksLike("PI00")).diagnostic().hidden(),
			)},
			{Code: "QGMN", Pace: drivers.Once, Example: "044", Fields: fields(
				label("general_model", "General model number", "", looksLike("000")).diagnostic().hidden(),
			)},
			{Code: "QVFW2", Pace: drivers.Once, Example: "VERFW2:00004.10", Fields: fields(
				label("firmware_version_2", "Second processor's firmware", "VERFW2:", looksLike("00000.00")).diagnostic().hidden(),
			)},
			{Code: "QBOOT", Pace: drivers.Once, Example: "0", Fields: fields(onOff("bootstrap", "Bootstrap present").diagnostic().hidden())},
			{Code: "QOPM", Pace: drivers.Once, Example: "00", Fields: fields(
				choice("present_output_mode", "Present output mode", outputModes...).diagnostic().hidden(),
			)},
			{
				Code: "QDI", Pace: drivers.Once, Fields: pi30Defaults(),
				Example: "230.0 50.0 030 42.0 54.0 56.4 46.0 060 0 0 2 0 0 0 0 0 1 1 0 0 1 0 54.0 0 1",
			},
			{Code: "QMCHGCR", Pace: drivers.Once, Example: "010 020 040 060", Fields: fields(
				options("max_charge_current_options", "Options of maximum charge current", "max_charge_current"),
			)},
			{Code: "QMUCHGCR", Pace: drivers.Once, Example: "002 010 020 030", Fields: fields(
				options("max_grid_charge_current_options", "Options of maximum grid charge current", "max_grid_charge_current"),
			)},
			{Code: "QID", OnDemand: true, Example: "92932004102443", Fields: fields(label("serial_number", "Serial number", "", looksSerial))},
			{Code: "QMN", OnDemand: true, Example: "MKS2-5000", Fields: fields(label("model", "Model", "", looksModel))},
			{Code: "QVFW", OnDemand: true, Example: "VERFW:00072.70", Fields: fields(label("firmware_version", "Firmware", "VERFW:", looksLike("00000.00")))},
			{
				Code: "QPGS", Arg: "0", OnDemand: true, Unit: "unit_", Fields: pi30Parallel(),
				Example: "1 92932004102443 B 00 229.4 50.00 230.1 50.00 0575 0552 011 52.4 007 076 245.8 007 00575 00552 011 10100010 0 1 060 120 030 03 000 000.0 00",
			},
		}, pi30Setters()...),
	}
}

var pi30Units = parallel{
	Identity: "QPGS", Status: []string{"QPGS"}, Present: "unit_present",
	Totals: "fault_code total_charge_current total_output_apparent_power total_output_power total_load_percent",
}

// What a setter takes stands with the field that it is read back from. MNCHGC is for currents that MCHGC has no room for: mpp-solar calls it
// that of the grid, but inverters read it back as the total.
func pi30Setters() []Command {
	return setters(`BTA{battery_voltage_calibration:+o0} DAT{clock:00000000000000} F{rated_output_frequency:00}
	MCHGC{unit}{max_charge_current:00} MNCHGC{unit}{max_charge_current:000} MUCHGC{unit}{max_grid_charge_current:00}
	PBATCD{battery_control:000} PBATMAXDISC{max_discharge_current:000} PBCV{battery_recharge_voltage:00.0}
	PBDV{battery_redischarge_voltage:00.0} PBFT{float_voltage:00.0} PBT{battery_type:00|01|02} PCP{charger_source_priority:00}
	PCVV{bulk_voltage:00.0} PD-QFLAG PE+QFLAG PF!factory_reset PGR{input_voltage_range:00} POP{output_source_priority:00}
	POPLG{operation_logic:00} POPM{unit}{output_mode:0} PPCP{unit}{charger_source_priority:00} PPVOKC{pv_ok_condition:0}
	PSAVE!save_settings PSDV{battery_cut_off_voltage:00.0} PSPB{pv_power_balance:0}`)
}

func pi30Status() []Field {
	return fields(
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
		charge(),
		celsius("heatsink_temperature", "Heat sink temperature"),
		amps("pv_current", "PV current", 99).loose(), // 0014 before, 02.7 after the firmware with decimals
		volts("pv_voltage", "PV voltage", 600),
		volts("battery_voltage_scc", "Battery voltage at solar charger", 80).hidden(),
		amps("battery_discharge_current", "Battery discharge current", 500).role(drivers.BatteryDischargeCurrent),
		bitField(
			"sbu_priority_added", "SBU priority version", "configuration_changed", "Configuration changed",
			"scc_firmware_updated", "Solar charger firmware updated", "load_on", "Load supplied",
			"battery_voltage_steady", "Battery voltage held steady while charging", "charging", "Charging",
			"scc_charging", "Charging from PV", "ac_charging", "Charging from grid",
		),
		nil, // battery voltage offset for the fan
		nil, // EEPROM version
		watts("pv_power", "PV power").role(drivers.PVPower),
		bitField("float_charging", "Float charging", "switched_on", "Switched on", "", ""),
	)
}

func pi30Mode() *Field {
	return coded("mode", "Mode", "P", "Power on", "S", "Standby", "L", "Line", "B", "Battery", "F", "Fault", "H", "Power saving",
		"Y", "Bypass", "D", "Shutdown")
}

func pi30Charger() []Field {
	return fields(
		seconds("absorption_time_left", "Absorption time left").hidden(),
		seconds("float_time_left", "Float time left").hidden(),
		onOff("scc_connected", "Solar charger connected").is(drivers.Connectivity).diagnostic().hidden(),
		onOff("scc_allowed", "Solar charger allowed").diagnostic().hidden(),
		plain("average_charge_current", "Average charge current", 99).diagnostic().hidden(),
		celsius("scc_temperature", "Solar charger temperature").hidden(),
		celsius("internal_temperature", "Internal temperature").hidden(),
		celsius("battery_temperature", "Battery temperature").hidden(),
		celsius("transformer_temperature", "Transformer temperature").hidden(),
		nil,
		onOff("fan_locked", "Fan locked").is(drivers.Problem).diagnostic().hidden(),
		nil,
		percent("fan_speed", "Fan speed", 100).diagnostic().hidden(),
		watts("scc_charge_power", "Solar charger power").most(9999).hidden(),
		plain("parallel_warning", "Parallel warning", 9999).diagnostic().hidden(),
		hertz("sync_frequency", "Synchronization frequency").diagnostic().hidden(),
		coded("charge_stage", "Charge stage", "10", "Not charging", "11", "Bulk", "12", "Absorption", "13", "Float"),
	)
}

// QPIRI: what the inverter is rated for, and how it is set.
func pi30Ratings() []Field {
	return fields(
		volts("rated_grid_voltage", "Rated grid voltage", 300).rating(),
		amps("rated_grid_current", "Rated grid current", 150).rating(),
		volts("rated_output_voltage", "Rated output voltage", 300).rating(),
		hertz("rated_output_frequency", "Rated output frequency").rating().among(drivers.CLIOnly, "50 60"),
		amps("rated_output_current", "Rated output current", 150).rating(),
		voltAmps("rated_output_apparent_power", "Rated output apparent power").rating(),
		watts("rated_output_power", "Rated output power").rating(),
		volts("rated_battery_voltage", "Rated battery voltage", 80).rating(),
		volts("battery_recharge_voltage", "Battery recharge voltage", 80).setting().among(drivers.Full, "44 45 46 47 48 49 50 51").cells().
			between("battery_cut_off_voltage", "float_voltage"),
		volts("battery_cut_off_voltage", "Battery cut-off voltage", 80).setting().within(drivers.Full, 40, 48, 0.1).cells().
			between("", "battery_recharge_voltage"),
		volts("bulk_voltage", "Bulk charge voltage", 80).setting().within(drivers.Full, 48, 58.4, 0.1).cells().between("float_voltage", ""),
		volts("float_voltage", "Float charge voltage", 80).setting().within(drivers.Full, 48, 58.4, 0.1).cells().
			between("battery_recharge_voltage", "bulk_voltage"),
		choice("battery_type", "Battery type", "AGM", "Flooded", "User-defined", "Pylontech", "Shinheung", "WECO", "Soltaro", "Reserved",
			"LIb protocol", "Other lithium").setting().set(drivers.CLIOnly),
		amps("max_grid_charge_current", "Maximum grid charge current", 300).setting().shown().set(drivers.Safe),
		amps("max_charge_current", "Maximum charge current", 300).setting().shown().set(drivers.Safe),
		choice("input_voltage_range", "Input voltage range", "Appliance", "UPS").setting().set(drivers.Full),
		choice("output_source_priority", "Output source priority", "Utility first", "Solar first", "Solar, battery, utility (SBU)").setting().shown().set(drivers.Safe),
		chargerPriority().setting().shown().set(drivers.Safe),
		plain("max_parallel_units", "Maximum parallel units", 9).rating().blank(),
		coded("machine_type", "Machine type", "0", "Grid tie", "1", "Off grid", "10", "Hybrid").rating(),
		choice("topology", "Topology", "Transformerless", "Transformer").rating(),
		choice("output_mode", "Output mode", outputModes...).setting().set(drivers.CLIOnly),
		volts("battery_redischarge_voltage", "Battery redischarge voltage", 80).setting(). // 0: when full
													among(drivers.Full, "0 48 49 50 51 52 53 54 55 56 57 58").cells(),
		choice("pv_ok_condition", "PV counts as present", "When one unit has PV", "When all units have PV").setting().set(drivers.Full),
		choice("pv_power_balance", "PV power limit", "Charge current", "Charge power and load").setting().set(drivers.Full),
		minutes("constant_voltage_time", "Maximum constant voltage charging time").setting(),
		choice("operation_logic", "Operation logic", "Automatic", "Online", "ECO").setting().set(drivers.Full),
	)
}

func chargerPriority() *Field {
	return choice("charger_source_priority", "Charger source priority", "Utility first", "Solar first", "Solar and utility", "Solar only")
}

var outputModes = []string{"Single", "Parallel", "Phase 1 of 3", "Phase 2 of 3", "Phase 3 of 3", "Phase 1 of 2", "Phase 2 of 2", "Unknown phase"}

// QFLAG has a letter for each; the order here is that of the letters.
func pi30Switches() []Field {
	return fields(
		onOff("buzzer", "Buzzer").setting().set(drivers.Safe),
		onOff("overload_bypass", "Overload bypass").setting().set(drivers.Full),
		onOff("power_saving", "Power saving").setting().set(drivers.Safe),
		onOff("display_return", "Return to first page").setting().set(drivers.Full),
		onOff("overload_restart", "Restart after overload").setting().set(drivers.Full),
		onOff("over_temperature_restart", "Restart after over-temperature").setting().set(drivers.Full),
		onOff("backlight", "Display backlight").setting().set(drivers.Safe),
		onOff("source_interrupt_alarm", "Alarm on source interruption").setting().set(drivers.Full),
		onOff("record_fault_code", "Record fault codes").setting().set(drivers.Full),
	)
}

// QDI: the settings as they left the factory. Of the switches, the buzzer alone is on where the device says 0.
func pi30Defaults() []Field {
	return each((*Field).factory, pick(defaultKeys, pi30Status(), pi30Ratings(), fields(offOn("buzzer", "Buzzer")), pi30Switches()))
}

const defaultKeys = "output_voltage output_frequency max_grid_charge_current battery_cut_off_voltage float_voltage bulk_voltage " +
	"battery_recharge_voltage max_charge_current input_voltage_range output_source_priority charger_source_priority battery_type buzzer " +
	"power_saving overload_restart over_temperature_restart backlight source_interrupt_alarm record_fault_code overload_bypass " +
	"display_return output_mode battery_redischarge_voltage pv_ok_condition pv_power_balance"

// QPIWS, from the first bit on. Some firmware sends 36 and more, and says in the first that the sun is gone (as PI30MAX).
func pi30Warnings() *Field {
	return warningField(
		"pv_lost", "PV lost", "inverter_fault", "Inverter fault", "bus_voltage_high", "Bus voltage too high", "bus_voltage_low", "Bus voltage too low",
		"bus_soft_start", "Bus soft start failed", "grid_lost", "Grid lost", "output_short_circuit", "Output short circuit",
		"inverter_voltage_low", "Inverter voltage too low", "inverter_voltage_high", "Inverter voltage too high",
		"over_temperature", "Temperature too high", "fan_locked", "Fan locked", "battery_voltage_high", "Battery voltage too high",
		"battery_low", "Battery low", "", "", "battery_cut_off", "Battery below cut-off voltage", "", "",
		"overload", "Overload", "eeprom", "EEPROM fault", "inverter_over_current", "Inverter current too high",
		"inverter_soft_start", "Inverter soft start failed", "self_test", "Self-test failed", "output_dc_voltage", "DC voltage on the output",
		"battery_open", "Battery not connected", "current_sensor", "Current sensor failed", "battery_short_circuit", "Battery short circuit",
		"power_limited", "Power limited", "pv_voltage_high", "PV voltage too high", "mppt_overload_fault", "Solar charger stopped by overload",
		"mppt_overload", "Solar charger overloaded", "battery_too_low_to_charge", "Battery too low to charge", "", "", "", "",
	)
}

// pi30Normal is how things may be without anything being wrong: at night, and in a house without grid.
const pi30Normal = "warning_pv_lost warning_grid_lost warning_power_limited"

// QBMS: what a lithium battery tells the inverter. Voltages are in tenths of a volt.
func pi30BMS() []Field {
	return each((*Field).hidden, fields(
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
	))
}

// QPGSn: one unit of a parallel system, n from 0, and the sums of all.
func pi30Parallel() []Field {
	ratings := pi30Ratings()
	return slices.Concat(fields(
		onOff("unit_present", "Unit present").diagnostic().hidden(),
		label("serial_number", "Serial number", "", looksSerial).diagnostic().hidden(),
		pi30Mode(),
		pi30Fault().diagnostic(),
	), pick("grid_voltage grid_frequency output_voltage output_frequency output_apparent_power output_power load_percent battery_voltage "+
		"battery_charge_current state_of_charge pv_voltage", pi30Status()), fields(
		amps("total_charge_current", "Total charge current", 900),
		voltAmps("total_output_apparent_power", "Total output apparent power").most(99999),
		watts("total_output_power", "Total output power").most(99999),
		percent("total_load_percent", "Total load", 200),
		bitField("scc_ok", "Solar charger working", "ac_charging", "Charging from grid", "scc_charging", "Charging from PV",
			"battery_over_voltage", "Battery voltage too high", "battery_under_voltage", "Battery voltage too low", "grid_lost", "Grid lost",
			"load_on", "Load supplied", "configuration_changed", "Configuration changed"),
	), pick("output_mode charger_source_priority max_charge_current", ratings), fields(
		amps("max_charge_current_limit", "Limit of maximum charge current", 500).rating(),
	), pick("max_grid_charge_current", ratings), fields(
		amps("pv_current", "PV current", 200),
		amps("battery_discharge_current", "Battery discharge current", 500).role(drivers.BatteryDischargeCurrent),
		nil,
		nil,
	))
}

func pi30Fault() *Field {
	return coded("fault_code", "Fault", "0", "No fault", "1", "Fan locked", "2", "Over-temperature", "3", "Battery voltage too high", "4", "Battery voltage too low",
		"5", "Output short circuit or over-temperature", "6", "Output voltage too high", "7", "Overload", "8", "Bus voltage too high",
		"9", "Bus soft start failed", "11", "Main relay failed", "51", "Inverter current too high", "52", "Bus soft start failed (52)",
		"53", "Inverter soft start failed", "54", "Self-test failed", "55", "DC voltage on the output", "56", "Battery not connected",
		"57", "Current sensor failed", "58", "Output voltage too low", "60", "Power fed back into the inverter", "71", "Firmware versions differ",
		"72", "Output circuit failed", "80", "CAN communication failed", "81", "Host line lost", "82", "Synchronization lost",
		"83", "Battery voltages differ", "84", "Grid voltages or frequencies differ", "85", "Input currents unbalanced", "86", "Output settings differ")
}
