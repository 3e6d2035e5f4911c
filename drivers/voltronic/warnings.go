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
)

const longestText = 255 // what Home Assistant takes for a state

// summary is the set bits in plain words, and whether one of them is a problem.
func (f *Field) summary(bits []drivers.Decoded) (warnings, problem drivers.Value) {
	var names []string
	wrong := false
	for i := range bits {
		if on, _ := bits[i].Value.Bool(); !on {
			continue
		}
		name := bits[i].Entity.Name
		if !published(bits[i].Entity) {
			name = "unknown warning " + strconv.Itoa(i)
		}
		names = append(names, name)
		wrong = wrong || i < len(f.Codes) && f.Codes[i] != condition
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
