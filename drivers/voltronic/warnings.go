package voltronic

import (
	"strconv"
	"strings"

	"sunwire/drivers"
)

var (
	warningsEntity = drivers.Entity{Key: "warnings", Name: "Warnings", Platform: drivers.Label, Category: drivers.Diagnostic}
	problemEntity  = drivers.Entity{
		Key: "problem", Name: "Problem", Platform: drivers.Binary, Quantity: drivers.Problem, Category: drivers.Diagnostic,
	}
	gridEntity = drivers.Entity{
		Key: "grid_available", Name: "Grid available", Platform: drivers.Binary, Quantity: drivers.PowerPresent,
	}
)

const longestText = 255 // what Home Assistant takes for a state

// normal reports whether the warning key tells how things are, not that something is wrong: a house without grid has no problem.
func (c *Command) normal(key string) bool {
	for k := range strings.FieldsSeq(c.Normal) {
		if k == key {
			return true
		}
	}
	return false
}

// summary is what decoded warns of in plain words, and whether something of that is a problem. A bit that nobody knows is no reason to
// call for somebody.
func (c *Command) summary(decoded []drivers.Decoded) (warnings, problem drivers.Value) {
	var names []string
	wrong := false
	for i := range decoded {
		e := decoded[i].Entity
		on, isBool := decoded[i].Value.Bool()
		switch text, _ := decoded[i].Value.Text(); {
		case e.Platform == drivers.Enum && text != "" && text != e.Options[0]: // a code for what is wrong; the first says nothing is
			names, wrong = append(names, e.Name+": "+text), true
		case !isBool || !on:
		case !published(e):
			names = append(names, "unknown warning "+strconv.Itoa(i))
		case e.Attribute == problemEntity.Key:
			names = append(names, e.Name)
			wrong = wrong || !c.normal(e.Key)
		}
	}
	if len(names) == 0 {
		return drivers.Text("No warnings"), drivers.Bool(false)
	}
	return drivers.Text(joined(names)), drivers.Bool(wrong)
}

// joined says as many names as there is room for, and how many more there are.
func joined(names []string) string {
	all := strings.Join(names, ", ")
	for n := len(names) - 1; len(all) > longestText; n-- {
		all = strings.Join(names[:n], ", ") + " ... and " + strconv.Itoa(len(names)-n) + " more"
	}
	return all
}
