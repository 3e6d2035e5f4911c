package voltronic

import (
	"slices"
	"strings"

	"sunwire/drivers"
)

// PI41 is spoken by the LV5048 with two output legs. Source: the tables and captures of mpp-solar 0.16.56 (MIT); of QPIGS2 there is no
// capture, its widths are those of the like fields elsewhere.
var PI41 = dialect41.driver()

var dialect41 = &dialect{
	Name: "pi41", Title: "Voltronic PI41 (LV5048 split phase)", Aliases: []string{"lv5048"},
	declare: pi41,
}

func pi41() Protocol {
	common := pi30().Commands
	return Protocol{
		Serial: "QID", Model: "QMN", Firmware: "QVFW",
		Units: parallel{Identity: "QPGS", Status: []string{"QPGS", "QP2GS"}, Present: "unit_present", Totals: pi30Units.Totals},
		Commands: replaced(common,
			Command{
				Code: "QPIGS", Pace: drivers.Live, Example: command("QPIGS", common).Example,
				Fields: swapBits(legs("l1", pi30Status()), 16, "l1_scc_ok", "L1 solar charger working", "l1_ac_charging", "L1 charging from grid",
					"l1_scc_charging", "L1 charging from PV", "battery_over_voltage", "Battery voltage too high",
					"battery_under_voltage", "Battery voltage too low", "l1_grid_lost", "L1 grid lost", "load_on", "Load supplied",
					"configuration_changed", "Configuration changed"),
			},
			Command{
				Code: "QPIGS2", Pace: drivers.Live, Example: "124.2 59.98 124.2 59.98 0149 0130 005 00 000.0 56.1 0100011",
				Fields: slices.Concat(legs("l2", pi30Status()[:7]), fields(
					amps("pv2_current", "PV2 charge current", 99), volts("pv2_voltage", "PV2 voltage", 600),
					volts("l2_battery_voltage", "L2 battery voltage", 80).hidden(),
					bitField("l2_scc_ok", "L2 solar charger working", "l2_ac_charging", "L2 charging from grid",
						"l2_scc_charging", "L2 charging from PV", "", "", "l2_grid_lost", "L2 grid lost", "l2_load_on", "L2 load supplied",
						"", ""),
				)),
			},
			Command{
				Code: "QPIRI", Pace: drivers.Slow, Fields: pi41Ratings(),
				Example: "120.0 20.8 120.0 60.0 20.8 2500 2500 48.0 47.0 43.0 56.1 56.1 2 040 060 0 0 0 9 01 0 6 55.0 0 1 000",
			},
			Command{
				Code: "QPGS", Arg: "0", OnDemand: true, Unit: unitPrefix,
				Example: "0 92911906100045 L 00 122.9 59.98 122.9 59.98 0331 0272 013 56.1 004 100 000.0 004 01577 01400 009 01000010 0 0 060 220 040 00 000",
				Fields: swapBits(swap(each(ofPV1, legs("l1", pi30Parallel()[:27])), pi41Mode()), 19, "l1_scc_ok", "L1 solar charger working",
					"l1_ac_charging", "L1 charging from grid", "l1_scc_charging", "L1 charging from PV",
					"battery_over_voltage", "Battery voltage too high", "battery_under_voltage", "Battery voltage too low",
					"l1_grid_lost", "L1 grid lost", "l1_load_on", "L1 load supplied", "configuration_changed", "Configuration changed"),
			},
			Command{
				Code: "QP2GS", Arg: "0", OnDemand: true, Unit: unitPrefix,
				Example: "11 92911906100045 L 00 124.2 59.98 124.2 59.98 0149 0130 005 56.1 000 100 000.0 00 01000010",
				Fields:  pi41Second(),
			},
		),
	}
}

func pi41Mode() *Field {
	return coded("output_mode", "Output mode", "0", "Single", "1", "Parallel", "2", "Phase 1 of 3", "3", "Phase 2 of 3", "4", "Phase 3 of 3",
		"5", "Parallel at 120°", "6", "Parallel at 180°").setting().set(drivers.CLIOnly)
}

func pi41Ratings() []Field {
	return swap(pi30Ratings(), choice("battery_type", "Battery type", "AGM", "Flooded", "User-defined").setting().set(drivers.CLIOnly),
		pi41Mode())[:26]
}

// QP2GSn: the second leg of a unit.
func pi41Second() []Field {
	return slices.Concat(fields(nil), legs("l2", pi30Parallel()[1:4]), legs("l2", pi30Parallel()[4:14]), fields(
		volts("pv2_voltage", "PV2 voltage", 600), amps("pv2_current", "PV2 current", 200),
		bitField("l2_scc_ok", "L2 solar charger working", "l2_ac_charging", "L2 charging from grid",
			"l2_scc_charging", "L2 charging from PV", "l2_battery_over_voltage", "L2 battery voltage too high",
			"l2_battery_under_voltage", "L2 battery voltage too low", "l2_grid_lost", "L2 grid lost", "l2_load_on", "L2 load supplied",
			"l2_configuration_changed", "L2 configuration changed"),
	))
}

// legs calls those fields of the alternating current after the leg; what the second leg repeats of the battery too.
func legs(leg string, fs []Field) []Field {
	return each(func(f *Field) *Field {
		ac := strings.HasPrefix(f.Key, "grid_") || strings.HasPrefix(f.Key, "output_") && f.Key != "output_mode" || f.Key == "load_percent"
		if f.Key == "" || !ac && leg == "l1" {
			return f
		}
		return f.called(leg+"_"+f.Key, strings.ToUpper(leg)+" "+strings.ToLower(f.Name[:1])+f.Name[1:])
	}, fs)
}

// swapBits exchanges the bits of the field at i.
func swapBits(fs []Field, i int, pairs ...string) []Field {
	fs[i] = *bitField(pairs...)
	return fs
}
