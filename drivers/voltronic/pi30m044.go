package voltronic

import "sunwire/drivers"

// PI30M044 is spoken by the MKS2-7200 and other Axpert MAX 7.2k (general model 044). Source: the tables and captures of mpp-solar 0.16.56 and of
// its head 902b210 (MIT).
var PI30M044 = dialect30M044.driver()

var dialect30M044 = &dialect{
	Name: "pi30m044", Title: "Voltronic PI30, general model 044 (MKS2-7200, Axpert MAX 7.2k)", Aliases: []string{"mks2_7200"},
	declare: pi30m044,
}

func pi30m044() Protocol {
	p := pi30max()
	priority := coded("charger_source_priority", "Charger source priority", "1", "Solar first", "2", "Solar and utility", "3", "Solar only").
		setting().shown().set(drivers.Safe)
	qpiri, qmod, qbms := command("QPIRI", p.Commands), command("QMOD", p.Commands), command("QBMS", p.Commands)
	qchpt := command("QCHPT", p.Commands)
	qpiri.Fields = swap(maxRatings(), named("battery_type", pi30Ratings()), priority)
	qchpt.Fields = slots(priority)
	qmod.Fields = fields(coded("mode", "Mode", "P", "Power on", "S", "Standby", "L", "Line", "B", "Battery", "F", "Fault", "H", "Power saving",
		"Y", "Bypass", "D", "Shutdown", "C", "Bypass"))
	qbms.Fields = each(func(f *Field) *Field { return f.scale(f.Shift) }, pi30BMS())
	p.Commands = replaced(p.Commands, command("QFLAG", pi30().Commands), qpiri, qchpt, qmod, qbms, setters("PBT{battery_type:00}")[0])
	return p
}
