package voltronic

import (
	"slices"

	"sunwire/drivers"
)

// PI18 is spoken by the InfiniSolar V, the LV2424 and the PIP-GK.
// Source: the tables and captures of mpp-solar 0.16.56 and powermon 1.0.18 (MIT); what only their table of the SV variant has (T, FWS, DI, PGS, PRI,
// ACCT, ACLT) is the same protocol, and refused by those that do not know it. Its documents say that the total is in kWh; the inverters
// count Wh. So that a counter in another unit does no harm, the total is not believed while it is less than the year's.
var PI18 = dialect18.driver()

var dialect18 = &dialect{
	Name: "pi18", Title: "Voltronic PI18 (InfiniSolar V, LV2424, PIP-GK)", Aliases: []string{"infinisolar_v", "lv2424", "pip_gk"},
	declare: pi18,
}

func pi18() Protocol {
	common := pi30().Commands
	return Protocol{
		Wire:   wire{query: "^P", set: "^S", counts: 3, commas: true, blanks: true},
		Serial: "ID", Firmware: "VFW", Clock: "T",
		Units: parallel{
			Identity: "PRI", Status: []string{"PGS", "PRI"}, Present: "unit_present",
			Totals: "fault_code total_output_apparent_power total_output_power total_load_percent total_charge_current",
		},
		Sums: []Sum{{Field: *watts("pv_power", "PV power").most(30000).role(drivers.PVPower), Of: "pv1_power pv2_power", From: "GS"}},
		Commands: slices.Concat([]Command{
			{
				Code: "GS", Pace: drivers.Live, Fields: pi18Status(),
				Example: "2232,499,2232,499,0971,0710,019,008,000,000,000,000,000,044,000,000,0520,0000,1941,0000,0,2,0,1,0,2,1,0",
			},
			{Code: "MOD", Pace: drivers.Live, Example: "05", Fields: fields(
				choice("mode", "Mode", "Power on", "Standby", "Bypass", "Battery", "Fault", "Hybrid"),
			)},
			{
				Code: "PIRI", Pace: drivers.Slow, Fields: pi18Ratings(),
				Example: "2300,243,2300,500,243,5600,5600,480,500,530,480,570,544,2,050,060,0,1,2,9,0,0,1,1,1,00",
			},
			{Code: "FLAG", Pace: drivers.Slow, Fields: pi18Flags(), Example: "0,0,0,0,0,1,0,0,1"},
			{
				Code: "FWS", Pace: drivers.Slow, Fields: pi18Warnings(), Warnings: true, GridLost: "warning_grid_lost",
				Normal: "warning_grid_lost warning_power_limited", Example: "00,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0",
			},
			{Code: "T", Pace: drivers.Slow, Example: "20210521234743", Fields: fields(clock())},
			{Code: "ACCT", Pace: drivers.Slow, Example: "0000,0000", Fields: timeRange("ac_charge", "charging from grid")},
			{Code: "ACLT", Pace: drivers.Slow, Example: "0000,0000", Fields: timeRange("ac_load", "supplying loads from grid")},
			{Code: "MCHGCR", Pace: drivers.Once, Example: "010,020,030,040,050,060,070,080", Fields: command("QMCHGCR", common).Fields},
			{Code: "MUCHGCR", Pace: drivers.Once, Example: "002,010,020,030,040,050,060,070,080", Fields: command("QMUCHGCR", common).Fields},
			{Code: "DI", Pace: drivers.Once, Fields: pi18Defaults(), Example: "2300,500,0,408,540,564,460,540,060,30,0,0,1,0,0,0,1,0,0,1,1,0,1,1"},
			{Code: "PI", Pace: drivers.Once, Example: "18", Fields: fields(label("protocol", "Protocol", "", looksLike("10")).diagnostic().hidden())},
			{Code: "VFW", OnDemand: true, Example: "05220,00000,00000", Fields: fields(
				label("firmware_version", "Firmware", "", looksLike("00000")),
				label("firmware_version_2", "Second processor's firmware", "", looksLike("00000")),
				label("firmware_version_3", "Third processor's firmware", "", looksLike("00000")),
			)},
			{Code: "ID", OnDemand: true, Example: "1496161704100242000000", Fields: fields(serial())},
			{
				Code: "PGS", Arg: "0", OnDemand: true, Unit: unitPrefix, Fields: pi18Parallel(),
				Example: "1,5,00,2387,499,2387,499,0716,0165,01232,00505,012,004,518,000,015,031,036,1137,0000,2088,0000,2,0,1,1,2,1,037",
			},
			{Code: "PRI", Arg: "0", OnDemand: true, Pace: drivers.Slow, Unit: unitPrefix, Fields: pi18Identity(), Example: "0,14,96132206100410000000,2,060,050,0"},
		}, pi18Counters(), setters(`BUCD{battery_recharge_voltage:000},{battery_redischarge_voltage:000} MCHGC{unit},{max_charge_current:000}
		MCHGV{bulk_voltage:000},{float_voltage:000} MUCHGC{unit},{max_grid_charge_current:000} PBT{battery_type:0}
		PCP{unit},{charger_source_priority:0} P{machine_type:D|E}I POP{output_source_priority:0} PSDV{battery_cut_off_voltage:000}
		PSP{solar_priority:0}`)),
	}
}

// pi18Counters are all in Wh here.
func pi18Counters() []Command {
	return replaced(caretCounters()[:4], Command{
		Code: "ET", Pace: drivers.Slow, Example: "00006591", Fields: fields(
			wattHours("pv_energy", "PV energy").role(drivers.PVEnergy).atLeast("pv_energy_this_year"),
		),
	})
}

func tenthHertz(key, name string) *Field { return hertz(key, name).tenths() }

func pi18Status() []Field {
	return slices.Concat(pi18AC(), fields(
		voltAmps("output_apparent_power", "Output apparent power"),
		watts("output_power", "Output power").role(drivers.LoadPower),
		percent("load_percent", "Load", 200),
		tenthVolts("battery_voltage", "Battery voltage", 80).role(drivers.BatteryVoltage),
		tenthVolts("battery_voltage_scc", "Battery voltage at solar charger", 80).hidden(),
		tenthVolts("battery_voltage_scc2", "Battery voltage at solar charger 2", 80).hidden(),
		amps("battery_discharge_current", "Battery discharge current", 500).role(drivers.BatteryDischargeCurrent),
		amps("battery_charge_current", "Battery charge current", 300).role(drivers.BatteryChargeCurrent),
		charge(),
		celsius("heatsink_temperature", "Heat sink temperature"),
		celsius("scc_temperature", "Solar charger temperature").hidden(),
		celsius("scc2_temperature", "Solar charger 2 temperature").hidden(),
	), pi18PV(), fields(onOff("configuration_changed", "Configuration changed").diagnostic().hidden()), pi18States(), fields(nil)) // number in a parallel system
}

func pi18AC() []Field {
	return fields(
		tenthVolts("grid_voltage", "Grid voltage", 300),
		tenthHertz("grid_frequency", "Grid frequency"),
		tenthVolts("output_voltage", "Output voltage", 300),
		tenthHertz("output_frequency", "Output frequency"),
	)
}

func pi18PV() []Field {
	return fields(
		watts("pv1_power", "PV1 power"),
		watts("pv2_power", "PV2 power"),
		tenthVolts("pv1_voltage", "PV1 voltage", 600),
		tenthVolts("pv2_voltage", "PV2 voltage", 600),
	)
}

func pi18States() []Field {
	return fields(
		choice("pv1_state", "PV1 state", "Abnormal", "Not charging", "Charging").diagnostic().hidden(),
		choice("pv2_state", "PV2 state", "Abnormal", "Not charging", "Charging").diagnostic().hidden(),
		onOff("load_on", "Load supplied").diagnostic().hidden(),
		direction("battery_direction", "Battery power direction", "Charging", "Discharging"),
		direction("conversion_direction", "Conversion direction", "AC to DC", "DC to AC"),
		direction("grid_direction", "Grid power direction", "Import", "Export"),
	)
}

var (
	pi18Charger = choice("charger_source_priority", "Charger source priority", "Solar first", "Solar and utility", "Solar only").setting().shown().
			set(drivers.Safe)
	pi18Mode = choice("output_mode", "Output mode", "Single", "Parallel", "Phase 1 of 3", "Phase 2 of 3", "Phase 3 of 3").setting()
)

// PIRI: what the inverter is rated for, and how it is set.
func pi18Ratings() []Field {
	return slices.Concat(each((*Field).rating, fields(
		tenthVolts("rated_grid_voltage", "Rated grid voltage", 300),
		tenthAmps("rated_grid_current", "Rated grid current", 150),
		tenthVolts("rated_output_voltage", "Rated output voltage", 300),
		tenthHertz("rated_output_frequency", "Rated output frequency"),
		tenthAmps("rated_output_current", "Rated output current", 150),
		voltAmps("rated_output_apparent_power", "Rated output apparent power"),
		watts("rated_output_power", "Rated output power"),
		tenthVolts("rated_battery_voltage", "Rated battery voltage", 80),
	)), fields(
		tenthVolts("battery_recharge_voltage", "Battery recharge voltage", 80).setting().among(drivers.Full, "44 45 46 47 48 49 50 51").cells().
			between("battery_cut_off_voltage", "float_voltage"),
		tenthVolts("battery_redischarge_voltage", "Battery redischarge voltage", 80).setting(). // 0: when full
													among(drivers.Full, "0 48 49 50 51 52 53 54 55 56 57 58").cells(),
		tenthVolts("battery_cut_off_voltage", "Battery cut-off voltage", 80).setting().within(drivers.Full, 40, 48, 0.1).cells().
			between("", "battery_recharge_voltage"),
		tenthVolts("bulk_voltage", "Bulk charge voltage", 80).setting().within(drivers.Full, 48, 58.4, 0.1).cells().between("float_voltage", ""),
		tenthVolts("float_voltage", "Float charge voltage", 80).setting().within(drivers.Full, 48, 58.4, 0.1).cells().
			between("battery_recharge_voltage", bulkKey),
		choice("battery_type", "Battery type", "AGM", "Flooded", "User-defined", "Pylontech", "Reserved", "WECO", "Soltaro", "Other lithium",
			"LIB", "LIC").setting().set(drivers.CLIOnly),
		amps("max_grid_charge_current", "Maximum grid charge current", 300).setting().shown().set(drivers.Safe),
		amps("max_charge_current", "Maximum charge current", 300).setting().shown().set(drivers.Safe),
		choice("input_voltage_range", "Input voltage range", "Appliance", "UPS").setting(),
		choice("output_source_priority", "Output source priority", "Solar, utility, battery", "Solar, battery, utility (SBU)").setting().shown().
			set(drivers.Safe),
		pi18Charger,
		plain("max_parallel_units", "Maximum parallel units", 9).rating(),
		choice("machine_type", "Machine type", "Off grid", "Grid tie").rating().set(drivers.Full),
		choice("topology", "Topology", "Transformerless", "Transformer").rating(),
		pi18Mode,
		choice("solar_priority", "Solar priority", "Battery, load, grid", "Load, battery, grid").setting().set(drivers.Full),
		plain("mppt_count", "MPP trackers", 9).rating(),
	))
}

func pi18Flags() []Field {
	return append(pick("buzzer overload_bypass display_return overload_restart over_temperature_restart backlight source_interrupt_alarm "+
		"record_fault_code", pi30Switches()), Field{})
}

// DI: the settings as they left the factory. The buzzer is on where the device says 0.
func pi18Defaults() []Field {
	return each((*Field).factory, pick("output_voltage output_frequency input_voltage_range battery_cut_off_voltage float_voltage bulk_voltage "+
		"battery_recharge_voltage battery_redischarge_voltage max_charge_current max_grid_charge_current battery_type output_source_priority "+
		"charger_source_priority solar_priority machine_type output_mode buzzer overload_restart over_temperature_restart backlight "+
		"source_interrupt_alarm record_fault_code overload_bypass display_return", pi18AC(), pi18Ratings(), fields(offOn("buzzer", "Buzzer")), pi30Switches()))
}

func pi18Fault() *Field {
	return coded("fault_code", "Fault", "0", "No fault").diagnostic()
}

func pi18Warnings() []Field {
	return append(fields(pi18Fault()), warnings(
		"grid_lost", "Grid lost", "output_short_circuit", "Output short circuit", "over_temperature", "Temperature too high", "fan_locked", "Fan locked",
		"battery_voltage_high", "Battery voltage too high", "battery_low", "Battery low", "battery_cut_off", "Battery below cut-off voltage",
		"overload", "Overload", "eeprom", "EEPROM fault", "power_limited", "Power limited", "pv1_voltage_high", "PV1 voltage too high",
		"pv2_voltage_high", "PV2 voltage too high", "mppt1_overload", "Solar charger overloaded", "mppt2_overload", "Solar charger 2 overloaded",
		"battery_too_low_to_charge", "Battery too low to charge", "battery_too_low_to_charge_2", "Battery too low to charge, charger 2",
	)...)
}

func timeRange(key, of string) []Field {
	at := func(key, name string) *Field { return label(key, name, "", looksLike("0000")).setting() }
	return fields(at(key+"_start_time", "Start of "+of), at(key+"_end_time", "End of "+of))
}

// PGSn: one unit of a parallel system, n from 0, and the sums of all.
func pi18Parallel() []Field {
	return slices.Concat(fields(
		onOff("unit_present", "Unit present").diagnostic().hidden(),
		choice("mode", "Mode", "Power on", "Standby", "Bypass", "Battery", "Fault", "Hybrid"),
		pi18Fault(),
	), pi18AC(), fields(
		voltAmps("output_apparent_power", "Output apparent power"),
		watts("output_power", "Output power").role(drivers.LoadPower),
		voltAmps("total_output_apparent_power", "Total output apparent power").most(99999),
		watts("total_output_power", "Total output power").most(99999),
		percent("load_percent", "Load", 200),
		percent("total_load_percent", "Total load", 200),
		tenthVolts("battery_voltage", "Battery voltage", 80).role(drivers.BatteryVoltage),
		amps("battery_discharge_current", "Battery discharge current", 500).role(drivers.BatteryDischargeCurrent),
		amps("battery_charge_current", "Battery charge current", 300).role(drivers.BatteryChargeCurrent),
		amps("total_charge_current", "Total charge current", 900),
		charge(),
	), pi18PV(), pi18States(), fields(celsius("heatsink_temperature", "Heat sink temperature")))
}

// PRIn: who the units are, and how they are set.
func pi18Identity() []Field {
	return fields(
		onOff("unit_present", "Unit present").diagnostic().hidden(),
		nil, // how much of the serial number counts
		label("serial_number", "Serial number", "", looksSerial).diagnostic().hidden(),
		pi18Charger,
		amps("max_charge_current", "Maximum charge current", 300).setting().shown().set(drivers.Safe),
		amps("max_grid_charge_current", "Maximum grid charge current", 300).setting().shown().set(drivers.Safe),
		pi18Mode,
	)
}
