package voltronic

// PI17M058 is PI17 of device model 058, whose BATS ends five states of charge early.
// Source: the tables and captures of mpp-solar 0.16.56 and of its head 902b210 (MIT).
var PI17M058 = dialect17M058.driver()

var dialect17M058 = &dialect{
	Name: "pi17m058", Title: "Voltronic PI17, device model 058",
	declare: pi17m058,
}

func pi17m058() Protocol {
	p := pi17()
	bats := command("BATS", p.Commands)
	bats.Fields = append(pi17Battery()[:22], Field{})
	p.Commands = replaced(p.Commands, bats)
	return p
}
