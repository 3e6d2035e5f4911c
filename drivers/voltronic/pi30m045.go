package voltronic

// PI30M045 is spoken by the LV6548 and others of general model 045. Source: the tables and captures of mpp-solar 0.16.56 (MIT).
var PI30M045 = dialect30M045.driver()

var dialect30M045 = &dialect{
	Name: "pi30m045", Title: "Voltronic PI30, general model 045 (LV6548)", Aliases: []string{"lv6548"},
	declare: pi30m045,
}

// The inverter counts the charger's priorities from solar first where they are set and among the defaults, but not in QPIRI.
func pi30m045() Protocol {
	p := pi30max()
	qdi, qpgs := command("QDI", p.Commands), command("QPGS", p.Commands)
	qdi.Fields, qpgs.Fields = swap(maxDefaults(), m045Priority().factory()), swap(maxParallel(), m045Priority())
	p.Commands = replaced(p.Commands, append(setters(`DAT{clock:000000000000} MUCHGC{unit}{max_grid_charge_current:000}
		PCP{charger_source_priority:|00|01|02} PPCP{unit}{charger_source_priority:|00|01|02}`), qdi, qpgs)...)
	return p
}

func m045Priority() *Field {
	return choice("charger_source_priority", "Charger source priority", "Solar first", "Solar and utility", "Solar only").setting()
}
