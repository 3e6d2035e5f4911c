package voltronic

// PI17Infini is PI17 with two time ranges for charging from the grid, and another command for the buzzer.
// Source: the tables of mpp-solar 0.16.56 and of its head 902b210 (MIT).
var PI17Infini = dialect17Infini.driver()

var dialect17Infini = &dialect{
	Name: "pi17infini", Title: "Voltronic PI17 (InfiniSolar, other commands)",
	declare: pi17infini,
}

func pi17infini() Protocol {
	p := pi17()
	p.Commands = append(setters("P{buzzer:E|D}A"), replaced(without("PA PB", p.Commands), setters("ACCT{ac_charge_time:0000,0000,0000,0000}")...)...)
	return p
}
