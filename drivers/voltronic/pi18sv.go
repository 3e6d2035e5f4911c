package voltronic

import (
	"strings"

	"sunwire/drivers"
)

// PI18SV is spoken by the Easun and ISolar SV. Ten of its requests have no checksum. Source: the tables and captures of mpp-solar 0.16.56 (MIT).
// It sends FWS, ACCT and ACLT with a wrong length there; here it is the right one.
var PI18SV = dialect18SV.driver()

var dialect18SV = &dialect{
	Name: "pi18sv", Title: "Voltronic PI18SV (Easun and ISolar SV)", Aliases: []string{"easun_sv", "isolar_sv"},
	declare: pi18sv,
}

func pi18sv() Protocol {
	p := pi18()
	for i := range p.Commands {
		each((*Field).counted, p.Commands[i].Fields)
	}
	flags, piri, et := command("FLAG", p.Commands), command("PIRI", p.Commands), command("ET", caretCounters())
	flags.Fields = swap(pi18Flags(), offOn("buzzer", "Buzzer").setting().set(drivers.Safe))
	piri.Fields = swap(piri.Fields, choice("battery_type", "Battery type", "AGM", "Flooded", "User-defined").setting())
	load := command("GS", p.Commands)
	load.Fields = swap(load.Fields, named("load_on", pi18States()).set(drivers.Full))
	p.Commands = replaced(without("PBT PCP PSDV PSP", p.Commands), append(setters(`DAT{clock:000000000000} LON{load_on:0} PF!factory_reset`),
		flags, piri, et, load)...)
	for i, letter := range strings.Split("ABCDEFGH", "") {
		off, on := "D", "E"
		if i == 0 { // it mutes the buzzer
			off, on = on, off
		}
		p.Commands = append(p.Commands, setters("P{"+flags.Fields[i].Key+":"+off+"|"+on+"}"+letter)...)
	}
	for i := range p.Commands {
		c := &p.Commands[i]
		c.Bare = strings.Contains(" DI EM ET EY GS ID MCHGC MUCHGC PI T ", " "+c.Code+" ")
	}
	return p
}
