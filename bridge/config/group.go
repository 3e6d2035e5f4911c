package config

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"sunwire/drivers"
)

// Group is several devices that are shown as one besides: a bank of batteries that lie in parallel.
type Group struct {
	ID      string   `yaml:"id" doc:"name in topics and entity ids, as that of a device" required:"true"`
	Name    string   `yaml:"name" doc:"what Home Assistant shows" default:"from the id"`
	Area    string   `yaml:"area" doc:"suggested area in Home Assistant"`
	Kind    string   `yaml:"kind" doc:"what the members are: batteries in parallel" oneof:"battery"`
	Members []string `yaml:"members" doc:"the ids of two devices or more; ID/UNIT for a battery that another device reports, as in stack/battery_1" required:"true"`

	Line int `yaml:"-"` // where it stands in the file
}

func (g *Group) setDefaults() { g.Kind = string(drivers.Battery) }

// SplitMember is the device and, where it is one that this device reports, the unit that a member names.
func SplitMember(member string) (device, unit string) {
	device, unit, _ = strings.Cut(member, "/")
	return device, unit
}

var memberForm = regexp.MustCompile(`^[a-z][a-z0-9_]*(/[a-z0-9_]+)?$`)

// checkGroups checks the groups against the devices, and against each other.
func (d *decoder) checkGroups(c *Config) {
	for i := range c.Groups {
		g, at := &c.Groups[i], path("groups", i)
		if n := d.at[at]; n != nil {
			g.Line = n.Line
		}
		d.checkID(at+".id", g.ID)
		g.Name = cmp.Or(g.Name, title(g.ID))
		if j := slices.IndexFunc(c.Devices, func(o Device) bool { return g.ID != "" && slug(o.ID) == slug(g.ID) }); j >= 0 {
			d.fail(at+".id", "%s is the id of the device %s already; write another", d.quote(at+".id"), c.Devices[j].where())
		} else if j := slices.IndexFunc(c.Groups[:i], func(o Group) bool { return g.ID != "" && slug(o.ID) == slug(g.ID) }); j >= 0 {
			d.fail(at+".id", "%s is the id of the group in line %d already; write another", d.quote(at+".id"), c.Groups[j].Line)
		}
		if key := at + ".members"; d.has(key) && !d.failed(key) && len(g.Members) < 2 {
			d.fail(key, "a group has two members at least: write the ids of its devices, as in [battery_1, battery_2]")
		}
		for n, member := range g.Members {
			key := path(at+".members", n)
			if d.at[key] == nil { // a list of one, written without its brackets
				key = at + ".members"
			}
			d.checkMember(key, member, g.Members[:n], c)
		}
	}
}

func (d *decoder) checkMember(at, member string, before []string, c *Config) {
	id, _ := SplitMember(member)
	i := slices.IndexFunc(c.Devices, func(o Device) bool { return o.ID == id })
	switch {
	case d.failed(at):
	case !memberForm.MatchString(member):
		d.fail(at, "%s is not the id of a device, nor ID/UNIT, as in stack/battery_1", d.quote(at))
	case slices.Contains(before, member):
		d.fail(at, "%s stands here twice: a battery counts once; remove one", d.quote(at))
	case i < 0 && slices.ContainsFunc(c.Groups, func(o Group) bool { return o.ID == id }):
		d.fail(at, "%s is a group; write its members instead", d.quote(at))
	case i < 0:
		var batteries []string
		for j := range c.Devices {
			if hasBattery(&c.Devices[j]) {
				batteries = append(batteries, c.Devices[j].ID)
			}
		}
		d.fail(at, "there is no device %s; %s", d.quote(at), instead(id, batteries))
	case !hasBattery(&c.Devices[i]):
		d.fail(at, "%s is not a battery: %s has no battery values; remove it", d.quote(at), c.Devices[i].Spec.Name)
	}
}

// hasBattery reports whether dev may tell of a battery, as far as its driver shows. A mistaken driver has been told of already.
func hasBattery(dev *Device) bool {
	return dev.Spec == nil || dev.Spec.Class != drivers.Climate && dev.Spec.Class != drivers.Weather
}
