package voltronic

import (
	"slices"

	"sunwire/drivers"
)

// threePhases are the fields of a quantity in each phase: key_l1 ... Those that a device does not have are empty.
func threePhases(phase func(key, name string, most float64) *Field, key, name string, most float64) (fs []Field) {
	for _, n := range []string{"1", "2", "3"} {
		fs = append(fs, *phase(key+"_l"+n, name+" L"+n, most))
	}
	return fs
}

func tenthVolts(key, name string, most float64) *Field { return volts(key, name, most).tenths() }
func tenthAmps(key, name string, most float64) *Field  { return amps(key, name, most).tenths() }
func phaseWatts(key, name string, most float64) *Field {
	return watts(key, name).most(most).least(-most)
}
func outputWatts(key, name string, most float64) *Field { return watts(key, name).most(most) }
func phaseVA(key, name string, most float64) *Field     { return voltAmps(key, name).most(most) }

func pi17Status() []Field {
	return slices.Concat(fields(
		tenthVolts("pv1_voltage", "PV1 voltage", 999),
		tenthVolts("pv2_voltage", "PV2 voltage", 999),
		amps("pv1_current", "PV1 current", 99).hundredths(),
		amps("pv2_current", "PV2 current", 99).hundredths(),
		tenthVolts("battery_voltage", "Battery voltage", 99.9).role(drivers.BatteryVoltage),
		charge(),
		reserved().tenths(), // battery current: of its sign nothing is known
	),
		threePhases(tenthVolts, "grid_voltage", "Grid voltage", 400), fields(hertz("grid_frequency", "Grid frequency").hundredths()),
		threePhases(tenthAmps, "grid_current", "Grid current", 150),
		threePhases(tenthVolts, "output_voltage", "Output voltage", 400), fields(hertz("output_frequency", "Output frequency").hundredths()),
		threePhases(tenthAmps, "output_current", "Output current", 150), fields(
			celsius("internal_temperature", "Internal temperature"),
			celsius("heatsink_temperature", "Heat sink temperature"),
			celsius("battery_temperature", "Battery temperature").hidden(),
			onOff("configuration_changed", "Configuration changed").diagnostic().hidden(),
		))
}

// PS: what flows. The grid's power is negative while it is fed.
func pi17Powers() []Field {
	return slices.Concat(fields(
		watts("pv1_power", "PV1 power").most(20000), watts("pv2_power", "PV2 power").most(20000), nil, // battery power
	),
		each(gridPower, threePhases(phaseWatts, "grid_power", "Grid power", 15000)),
		fields(gridPower(phaseWatts("grid_power", "Grid power", 30000)).role(drivers.GridPower)),
		threePhases(outputWatts, "output_power", "Output power", 15000),
		fields(watts("output_power", "Output power").most(30000).role(drivers.LoadPower)),
		threePhases(phaseVA, "output_apparent_power", "Output apparent power", 15000), fields(
			voltAmps("output_apparent_power", "Output apparent power").most(30000),
			percent("load_percent", "Load", 200),
			onOff("load_on", "Load supplied").set(drivers.Full),
			onOff("pv1_working", "PV1 working").diagnostic().hidden(),
			onOff("pv2_working", "PV2 working").diagnostic().hidden(),
			direction("battery_direction", "Battery power direction", "Charging", "Discharging"),
			direction("conversion_direction", "Conversion direction", "AC to DC", "DC to AC"),
			direction("grid_direction", "Grid power direction", "Import", "Export"),
		))
}

func gridPower(f *Field) *Field { return f.positive(drivers.Importing) }

func direction(key, name, one, two string) *Field {
	return choice(key, name, "Idle", one, two).diagnostic().hidden()
}

func pi17Battery() []Field {
	return each((*Field).setting, fields(
		tenthAmps("max_charge_current", "Maximum charge current", 300).within(drivers.Safe, 0, 200, 0.1),
		tenthVolts("bulk_voltage", "Bulk charge voltage", 80).within(drivers.Full, 40, 59.9, 0.1).between("float_voltage", ""),
		tenthVolts("float_voltage", "Float charge voltage", 80).within(drivers.Full, 40, 59.9, 0.1).between("float_restart_voltage", bulkKey),
		tenthAmps("float_stop_current", "Charge current that ends floating", 300).within(drivers.Full, 0, 200, 0.1),
		minutes("float_stop_time", "Time after which floating ends").within(drivers.Full, 0, 900, 1),
		tenthVolts("float_restart_voltage", "Voltage at which charging starts again", 80).within(drivers.Full, 40, 59.9, 0.1).
			between("", "float_voltage"),
		tenthVolts("battery_cut_off_voltage", "Battery cut-off voltage", 80).within(drivers.Full, 40, 59.9, 0.1).
			between("", "battery_recovery_voltage"),
		tenthVolts("battery_recovery_voltage", "Battery recovery voltage", 80).within(drivers.Full, 40, 59.9, 0.1).
			between("battery_cut_off_voltage", ""),
		tenthVolts("battery_weak_voltage", "Battery weak voltage in hybrid mode", 80).within(drivers.Full, 40, 59.9, 0.1).
			between("", "battery_weak_release_voltage"),
		tenthVolts("battery_weak_release_voltage", "Battery weak recovery voltage in hybrid mode", 80).within(drivers.Full, 40, 59.9, 0.1).
			between("battery_weak_voltage", ""),
		choice("battery_type", "Battery type", "Ordinary", "Li-Fe").set(drivers.CLIOnly),
		nil, nil,
		onOff("ac_charge_keeps_voltage", "Grid keeps battery voltage").set(drivers.Full),
		tenthVolts("ac_charge_keep_voltage", "Voltage that the grid keeps", 80).within(drivers.Full, 40, 60, 0.1),
		measure("battery_temperature_compensation", "Battery temperature compensation", &drivers.Number, -99, 99).tenths(), // mV
		tenthAmps("max_grid_charge_current", "Maximum grid charge current", 300).within(drivers.Safe, 0, 200, 0.1),
		amps("max_discharge_current", "Maximum discharge current", 300).within(drivers.Full, 0, 250, 1),
		percent("battery_cut_off_charge", "Battery cut-off state of charge", 100),
		percent("battery_recovery_charge", "Battery recovery state of charge", 100),
		percent("battery_weak_charge", "Battery weak state of charge", 100),
		percent("battery_weak_release_charge", "Battery weak recovery state of charge", 100),
		percent("second_output_under_charge", "Second output's cut-off state of charge", 100).free(),
		percent("second_output_release_charge", "Second output's recovery state of charge", 100),
		onOff("bms_in_parallel", "BMS in parallel system"),
		tenthAmps("max_generator_charge_current", "Maximum generator charge current", 300),
	))
}

func pi17Distribution() []Field {
	return slices.Concat(fields(
		choice("solar_priority", "Solar priority", "Battery, load, grid", "Load, battery, grid", "Load, grid, battery").setting().set(drivers.Full),
	), each(func(f *Field) *Field { return f.setting().set(drivers.Full) }, fields(
		onOff("solar_charging", "Charging from PV"),
		onOff("grid_charging", "Charging from grid"),
		onOff("feed_to_grid", "Feed PV power to grid"),
		onOff("discharge_with_pv", "Battery supplies loads while there is sun"),
		onOff("discharge_without_pv", "Battery supplies loads without sun"),
		onOff("discharge_to_grid_with_pv", "Battery feeds grid while there is sun"),
		onOff("discharge_to_grid_without_pv", "Battery feeds grid without sun"),
	)), fields(nil))
}

// FLAG: some firmware has the first five or six only. The first three are on where the buzzer is mute.
func pi17Flags() []Field {
	return slices.Concat(fields(
		offOn("buzzer", "Buzzer").setting().set(drivers.Safe),
		offOn("buzzer_in_standby", "Buzzer in standby").setting().set(drivers.Safe),
		offOn("buzzer_on_discharge", "Buzzer while discharging").setting().set(drivers.Safe),
		onOff("generator_input", "Generator as input").setting().set(drivers.Full),
		onOff("wide_input_range", "Wide input range").setting().set(drivers.Full),
		onOff("neutral_ground_relay", "Neutral to ground relay").setting().set(drivers.Full),
	), each((*Field).setting, fields(
		onOff("voltage_derating", "Derating by grid voltage"),
		onOff("frequency_derating", "Derating by grid frequency"),
		onOff("bms_connection", "BMS connection"),
		onOff("low_frequency_derating", "Derating at low frequency"),
		onOff("low_voltage_ride_through", "Low voltage ride-through"),
		onOff("high_voltage_ride_through", "High voltage ride-through"),
		onOff("vde_charge_limit", "Charge limit of VDE 4105"),
		onOff("pv_in_parallel", "PV inputs in parallel"),
		onOff("ground_fault_check_off", "Ground fault check off"),
		onOff("generator_charging", "Charging from generator"),
	)))
}

func pi17Internal() []Field {
	return each((*Field).hidden, slices.Concat(
		threePhases(tenthAmps, "internal_input_current", "Internal input current", 150),
		threePhases(tenthAmps, "internal_output_current", "Internal output current", 150), fields(
			tenthVolts("bus_voltage", "Bus voltage", 999),
			tenthVolts("negative_bus_voltage", "Negative bus voltage", 999),
			tenthVolts("average_bus_voltage", "Average bus voltage", 999),
			tenthVolts("average_negative_bus_voltage", "Average negative bus voltage", 999),
			tenthAmps("neutral_current", "Neutral current", 99),
		)))
}

func pi17BMS() []Field {
	return fields(
		label("bms_name", "BMS name", "BMS", looksLike("0000")).rating(),
		percent("bms_state_of_charge", "BMS state of charge", 100).hidden(),
		reserved(), reserved(),
		tenthVolts("bms_max_charge_voltage", "BMS maximum charge voltage", 80).rating(),
		tenthVolts("bms_max_charge_voltage_2", "BMS maximum charge voltage, second", 80).rating(),
		reserved(), reserved(), reserved(),
		tenthVolts("bms_cut_off_voltage", "BMS cut-off voltage", 80).rating(),
		reserved(),
	)
}

func pi17Model() []Field {
	return each((*Field).rating, fields(
		choice("machine", "Machine", "InfiniSolar 10 kW, three phases", "InfiniSolar 15 kW, three phases", "InfiniSolar 15 kW, three phases, custom",
			"InfiniSolar WP 12 or 15 kW", "InfiniSolar WP 30 kW, three phases", "InfiniSolar WP LV 6 kW, two phases", "InfiniSolar WP TWIN"),
		voltAmps("rated_output_apparent_power", "Rated output apparent power").most(999999),
		measure("rated_power_factor", "Rated power factor", &drivers.PowerFactor, 0, 1).shift(2),
		plain("input_phases", "Input phases", 9),
		plain("output_phases", "Output phases", 9),
		tenthVolts("rated_output_voltage", "Rated output voltage", 500),
		tenthVolts("rated_grid_voltage", "Rated grid voltage", 500),
		plain("battery_count", "Batteries", 99),
		tenthVolts("rated_battery_voltage_each", "Rated voltage of each battery", 99.9),
	))
}

func pi17Ratings() []Field {
	return each((*Field).rating, fields(
		tenthVolts("rated_input_voltage", "Rated input voltage", 500),
		hertz("rated_grid_frequency", "Rated grid frequency").tenths(),
		tenthAmps("rated_grid_current", "Rated grid current", 150),
		tenthVolts("rated_voltage", "Rated voltage", 500),
		tenthAmps("rated_output_current", "Rated output current", 150),
		tenthAmps("rated_pv_current", "Rated PV current", 99),
		tenthVolts("rated_battery_voltage", "Rated battery voltage", 99.9),
		plain("mppt_count", "MPP trackers", 9),
		coded("machine_type", "Machine type", "0", "Grid tie", "1", "Off grid", "10", "Hybrid"),
		choice("topology", "Topology", "Transformerless", "Transformer"),
		onOff("parallel_output", "Parallel output"),
	))
}

func pi17Defaults() []Field {
	return each(func(f *Field) *Field { return f.rating().free() }, fields(
		tenthVolts("feed_max_voltage", "Highest grid voltage for feeding", 500),
		tenthVolts("feed_min_voltage", "Lowest grid voltage for feeding", 500),
		hertz("feed_max_frequency", "Highest grid frequency for feeding").hundredths(),
		hertz("feed_min_frequency", "Lowest grid frequency for feeding").hundredths(),
		tenthVolts("mppt_max_voltage", "Highest MPP voltage", 999),
		tenthVolts("mppt_min_voltage", "Lowest MPP voltage", 999),
		tenthVolts("pv_max_voltage", "Highest PV voltage", 999),
		tenthVolts("pv_min_voltage", "Lowest PV voltage", 999),
		tenthVolts("pv_max_average_voltage", "Highest average PV voltage", 999),
		seconds("default_display_sleep", "Default display sleep time").most(600).times(30),
		tenthAmps("default_max_charge_current", "Default maximum charge current", 300),
		tenthVolts("default_bulk_voltage", "Default bulk charge voltage", 80),
		tenthVolts("default_float_voltage", "Default float charge voltage", 80),
		seconds("feed_wait_time", "Wait time before feeding").most(999),
		label("load_start_time", "Start of supplying loads", "", looksLike("0000")),
		label("load_end_time", "End of supplying loads", "", looksLike("0000")),
		label("ac_charge_start_time", "Start of charging from grid", "", looksLike("0000")),
		label("ac_charge_end_time", "End of charging from grid", "", looksLike("0000")),
		tenthVolts("default_battery_cut_off_voltage", "Default battery cut-off voltage", 80),
		tenthVolts("default_battery_recovery_voltage", "Default battery recovery voltage", 80),
		tenthVolts("default_battery_weak_voltage", "Default battery weak voltage in hybrid mode", 80),
		tenthVolts("default_battery_weak_release_voltage", "Default battery weak recovery voltage in hybrid mode", 80),
		tenthAmps("default_float_stop_current", "Default charge current that ends floating", 300),
		minutes("default_float_stop_time", "Default time after which floating ends").scale(1),
		tenthVolts("default_float_restart_voltage", "Default voltage at which charging starts again", 80),
	))
}

func pi17Warnings() []Field {
	return warnings(
		"pv1_lost", "PV1 lost", "pv2_lost", "PV2 lost", "pv1_voltage_high", "PV1 voltage too high", "pv2_voltage_high", "PV2 voltage too high",
		"battery_cut_off", "Battery below cut-off voltage", "battery_low", "Battery low", "battery_open", "Battery not connected",
		"battery_voltage_high", "Battery voltage too high", "battery_low_hybrid", "Battery low in hybrid mode", "grid_voltage_high", "Grid voltage too high",
		"grid_voltage_low", "Grid voltage too low", "grid_frequency_high", "Grid frequency too high", "grid_frequency_low", "Grid frequency too low",
		"grid_average_voltage_high", "Average grid voltage too high", "grid_lost", "Grid lost", "grid_frequency_lost", "Grid frequency lost",
		"grid_island", "Grid is an island", "grid_phase", "Grid phases in wrong order", "over_temperature", "Temperature too high", "overload", "Overload",
		"emergency_stop", "Emergency power-off", "grid_wave", "Grid wave form",
	)
}
