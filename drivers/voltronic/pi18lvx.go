package voltronic

// PI18LVX is spoken by the LVX: PI18SV without any checksum in requests. Source: the tables of mpp-solar 0.16.56 (MIT).
var PI18LVX = dialect18LVX.driver()

var dialect18LVX = &dialect{
	Name: "pi18lvx", Title: "Voltronic PI18LVX (LVX)", Aliases: []string{"lvx"},
	declare: pi18lvx,
}

func pi18lvx() Protocol {
	p := pi18sv()
	p.Wire.bare = true
	return p
}
