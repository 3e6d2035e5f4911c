package detect

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"sunwire/drivers"
	"sunwire/drivers/all"
	"sunwire/drivers/link"
)

// Entry is a device as the configuration has it.
type Entry struct {
	ID     string `json:"id"`
	Driver string `json:"driver"`
	Port   string `json:"port"`
	Found  string `json:"found"` // what it is, for people
}

// Entries are the devices to configure for what was found: of each port the likeliest, of a bus every chip. taken are the ids that are in
// use already.
func Entries(found []Finding, taken []string) (es []Entry) {
	taken = slices.Clone(taken)
	for _, f := range found {
		for i, m := range f.Matches {
			if i > 0 && f.Port.Kind != link.I2C {
				break
			}
			e := Entry{ID: free(idFor(m.Driver), taken), Driver: m.Driver, Port: m.Port, Found: m.Title}
			if m.Serial != "" {
				e.Found = fmt.Sprintf("%s, serial number %s", strings.TrimSpace(m.Manufacturer+" "+m.Model), m.Serial)
			}
			taken, es = append(taken, e.ID), append(es, e)
		}
	}
	return es
}

// YAML is the list of devices for sunwire.yaml, "" where there are none. It fits behind the key devices:, indented by two.
func YAML(es []Entry) string {
	var b strings.Builder
	for _, e := range es {
		fmt.Fprintf(&b, "  - id: %s # %s\n    driver: %s\n    port: %q\n", e.ID, oneLine(e.Found), e.Driver, e.Port)
	}
	return b.String()
}

// oneLine keeps what a device says of itself from becoming more than a part of a line.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}

// idFor is the id that most people would give a device of that driver.
func idFor(driver string) string {
	d, err := all.Find(driver)
	switch {
	case err != nil:
		return "device"
	case d.Class == drivers.Inverter:
		return "inverter"
	case d.Class == drivers.Battery:
		return "battery"
	case d.Class == drivers.Climate:
		return "house"
	}
	return d.Name
}

// free is id, or id_2, id_3 ..., whichever is not taken.
func free(id string, taken []string) string {
	for n, try := 2, id; ; n++ {
		if !slices.Contains(taken, try) {
			return try
		}
		try = fmt.Sprintf("%s_%d", id, n)
	}
}
