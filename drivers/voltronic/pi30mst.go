package voltronic

import "sunwire/drivers"

// PI30MST is spoken by the PIP-4048MST with three PV inputs. Source: the tables of mpp-solar 0.16.56 (MIT); of QPIGS2 there is no capture,
// its widths are those of the like fields elsewhere.
var PI30MST = dialect30MST.driver()

var dialect30MST = &dialect{
	Name: "pi30mst", Title: "Voltronic PI30MST (PIP-4048MST with three PV inputs)", Aliases: []string{"pip4048mst"},
	declare: pi30mst,
}

func pi30mst() Protocol {
	p := pi30max()
	p.Sums, p.Estimates = nil, nil // of three inputs QPGS tells two
	p.Commands = replaced(p.Commands, Command{
		Code: "QPIGS2", Pace: drivers.Live, Fields: mstInputs(), Fewest: 3,
		Example: "03.1 327.3 52.30 01026 00000000 0000 00000 03.0 300.0 52.30 00900 02805",
	})
	return p
}

func mstInputs() []Field {
	return fields(
		amps("pv2_current", "PV2 current", 99),
		volts("pv2_voltage", "PV2 voltage", 600),
		volts("battery_voltage_scc2", "Battery voltage at solar charger 2", 80).hidden().loose(),
		watts("pv2_power", "PV2 power"),
		nil, // status
		amps("ac_charge_current", "Grid charge current", 300).loose(),
		watts("ac_charge_power", "Grid charge power"),
		amps("pv3_current", "PV3 current", 99),
		volts("pv3_voltage", "PV3 voltage", 600),
		volts("battery_voltage_scc3", "Battery voltage at solar charger 3", 80).hidden(),
		watts("pv3_power", "PV3 power"),
		watts("pv_power", "PV power").most(30000).role(drivers.PVPower),
	)
}
