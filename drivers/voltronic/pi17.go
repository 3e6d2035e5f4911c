package voltronic

import (
	"slices"

	"sunwire/drivers"
)

// PI17 is spoken by the InfiniSolar 3 to 15 kW, with up to three phases, and by the MPI hybrids. Requests have no checksum; those of the energy
// counters have the sum of all their bytes in decimal.
// Source: the tables and captures of mpp-solar 0.16.56 and of its head 902b210 (MIT), the head where they differ. Of DI there is no capture.
// What the sign of the battery's current and power means is not known: they are decoded, but not published.
var PI17 = dialect17.driver()

var dialect17 = &dialect{
	Name: "pi17", Title: "Voltronic PI17 (InfiniSolar 3 to 15 kW, MPI)", Aliases: []string{"infinisolar_10k", "mpi"},
	declare: pi17,
}

func pi17() Protocol {
	common := pi30().Commands
	return Protocol{
		Wire:   wire{query: "^P", set: "^S", counts: 1, bare: true, plain: true, commas: true, blanks: true},
		Serial: "ID", Model: "MD", Firmware: "VFW", Clock: "T",
		Sums: []Sum{{Field: *watts("pv_power", "PV power").most(30000).role(drivers.PVPower), Of: "pv1_power pv2_power", From: "PS"}},
		Commands: slices.Concat([]Command{
			{
				Code: "GS", Pace: drivers.Live, Fields: pi17Status(),
				Example: "0000,0000,0000,0000,0394,000,+00000,2389,2427,2459,5002,0000,0000,0000,2378,2434,2455,5001,0010,0010,0010,029,029,000,0",
			},
			{
				Code: "PS", Pace: drivers.Live, Fields: pi17Powers(),
				Example: "00263,00381,,-00855,-03141,-03156,-07152,0000,0000,0000,00000,0193,0147,0195,00535,003,1,1,1,2,2,1",
			},
			{Code: "MOD", Pace: drivers.Live, Example: "05", Fields: fields(
				choice("mode", "Mode", "Power on", "Standby", "Bypass", "Battery", "Fault", "Hybrid", "Charging"),
			)},
			{
				Code: "WS", Pace: drivers.Slow, Fields: pi17Warnings(), Warnings: true, GridLost: "warning_grid_lost",
				Normal:  "warning_pv1_lost warning_pv2_lost warning_grid_lost warning_grid_frequency_lost",
				Example: "0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0",
			},
			{
				Code: "BATS", Pace: drivers.Slow, Fewest: 18, Fields: pi17Battery(),
				Example: "1750,0560,0540,0000,060,0530,0420,0480,0480,0540,0,,,0,0480,000,0100,0175,010,020,020,080,000,000,0,0000",
			},
			{Code: "HECS", Pace: drivers.Slow, Fields: pi17Distribution(), Example: "00,1,1,0,1,1,0,0,0"},
			{Code: "FLAG", Pace: drivers.Slow, Fewest: 5, Fields: pi17Flags(), Example: "0,0,1,0,1,0,0,0,0,0,0,0,0,0,0,0"},
			{Code: "EMINFO", Pace: drivers.Slow, Example: "1,10000,00005,00010,00000,1", Fields: fields(
				nil,
				watts("default_feed_power", "Default power fed to grid").most(99999).rating(),
				watts("actual_pv_power", "Actual PV power").most(99999).hidden(),
				watts("actual_feed_power", "Actual power fed to grid").most(99999).hidden(),
				watts("reserved_power", "Reserved power").most(99999).hidden(),
				nil,
			)},
			{Code: "INGS", Pace: drivers.Slow, Fields: pi17Internal(), Example: "0020,0019,0021,0002,0004,0005,3809,3809,3810,3807,000"},
			{Code: "BMS", Pace: drivers.Slow, Seps: ", ", Fields: pi17BMS(), Example: "BMS0522,100,-0000,0,0568,0568,00000,0 1 0455 0500"},
			{Code: "GPMP", Pace: drivers.Slow, Example: "15000", Fields: fields(
				watts("max_feed_power", "Maximum power fed to grid").most(99999).setting().within(drivers.Full, 0, 15000, 1),
			)},
			{Code: "T", Pace: drivers.Slow, Example: "20210521234743", Fields: fields(clock())},
			{Code: "DI", Pace: drivers.Once, Fields: pi17Defaults(), Example: "2640,1840,5150,4750,8500,3500,9000,3000,9000,00,0250,0560,0540,060,0000," +
				"0000,0000,0000,0420,0480,0480,0540,0000,060,0530"},
			{Code: "MD", Pace: drivers.Once, Example: "000,010000,99,3,3,2300,2300,04,120", Fields: pi17Model()},
			{Code: "PIRI", Pace: drivers.Once, Example: "2400,500,0416,2400,0416,0187,0480,2,10,0,1", Fields: pi17Ratings()},
			{Code: "PI", Pace: drivers.Once, Example: "17", Fields: fields(label("protocol", "Protocol", "", looksLike("10")).diagnostic().hidden())},
			{Code: "DM", Pace: drivers.Once, Example: "050", Fields: fields(
				label("general_model", "General model number", "", looksLike("000")).diagnostic().hidden(),
			)},
			{Code: "VFW2", Pace: drivers.Once, Example: "VERFW2:00001.01", Fields: command("QVFW2", common).Fields},
			{Code: "VFW", OnDemand: true, Example: "VERFW:00001.01", Fields: command("QVFW", common).Fields},
			{Code: "ID", OnDemand: true, Example: "1496161704100242000000", Fields: fields(serial())},
		}, each17(caretCounters(), func(c Command) Command { c.Sum = c.Dated || c.Arg != ""; return c }), setters(`
		ACCB{ac_charge_keeps_voltage:0},{ac_charge_keep_voltage:0000} ACCT{ac_charge_time:0000-0000}
		BATDV{battery_cut_off_voltage:0000},{battery_recovery_voltage:0000},{battery_weak_voltage:0000},{battery_weak_release_voltage:0000}
		BCA{float_stop_current:0000},{float_stop_time:000},{float_restart_voltage:0000} BDCM{max_discharge_current:0000} BT{battery_type:0}
		DAT{clock:000000000000} EDA{solar_charging:0} EDB{grid_charging:0} EDC{feed_to_grid:0} EDD{discharge_with_pv:0}
		EDE{discharge_without_pv:0} EDF{discharge_to_grid_with_pv:0} EDG{discharge_to_grid_without_pv:0} GPMP0{max_feed_power:00000}
		LON{load_on:0} LST{display_sleep:00} MCHGC{max_charge_current:0000} MCHGV{bulk_voltage:0000},{float_voltage:0000}
		MUCHGC{max_grid_charge_current:0000} PA{buzzer:1|0} PB{buzzer_in_standby:1|0} PC{buzzer_on_discharge:1|0}
		PD{generator_input:0} PE{wide_input_range:0} PF{neutral_ground_relay:0} PE:a PD:a SEP{solar_priority:00}`)),
	}
}

// caretCounters: the total is in kWh, the rest in Wh.
func caretCounters() []Command {
	return []Command{
		{Code: "ET", Pace: drivers.Slow, Example: "00006591", Fields: fields(kiloWattHours("pv_energy", "PV energy").role(drivers.PVEnergy))},
		{Code: "EY", Arg: "0000", Pace: drivers.Once, Dated: true, Example: "00006591", Fields: fields(
			wattHours("pv_energy_this_year", "PV energy this year").hidden(),
		)},
		{Code: "EM", Arg: "000000", Pace: drivers.Once, Dated: true, Example: "0006591", Fields: fields(
			wattHours("pv_energy_this_month", "PV energy this month").wider(1).hidden(),
		)},
		{Code: "ED", Arg: "00000000", Pace: drivers.Slow, Dated: true, Example: "000091", Fields: fields(
			wattHours("pv_energy_today", "PV energy today").wider(2),
		)},
		{Code: "EH", Arg: "0000000000", OnDemand: true, Example: "00001", Fields: fields(
			wattHours("pv_energy_this_hour", "PV energy this hour").wider(1),
		)},
	}
}

func each17(commands []Command, change func(Command) Command) (out []Command) {
	for _, c := range commands {
		out = append(out, change(c))
	}
	return out
}
