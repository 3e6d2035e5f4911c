package config

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"gopkg.in/yaml.v3"

	"sunwire/drivers"
	"sunwire/drivers/link"
)

// longest is the longest duration that is believed: beyond it is a slip of the unit.
const longest = 7 * 24 * time.Hour

func (d *decoder) checkDevice(at string, dev *Device, m *MQTT) {
	if n := d.at[at]; n != nil {
		dev.Line = n.Line
	}
	d.checkID(at+".id", dev.ID)
	dev.Name = cmp.Or(dev.Name, title(dev.ID))
	dev.Spec = d.driver(at+".driver", dev.Driver)
	d.checkPort(at, dev)
	d.checkTimes(at, dev)
	if dev.Topics != "" {
		d.checkTopics(at+".topics", dev.Topics, dev.TopicFormat == "" || dev.TopicFormat == "plain", m)
	}
	if dev.Presence != "" {
		d.checkTopics(at+".presence", dev.Presence, false, m)
	}
	for _, key := range slices.Sorted(maps.Keys(dev.Entities)) {
		d.checkEntity(at+".entities."+key, key, dev.Entities[key])
	}
	d.checkControl(at, dev)
	if dev.Spec != nil {
		dev.Driver = dev.Spec.Name
		d.checkOptions(at+".options", dev)
	}
}

func (d *decoder) checkID(at, id string) {
	switch {
	case !d.has(at) || d.failed(at):
	case id == "bridge":
		d.fail(at, `"bridge" is sunwire's own; write another`)
	case idForm.MatchString(id):
	case slug(id) == "" || strings.Contains(d.at[at].Value, "$"):
		d.fail(at, "%s is not an id: a-z, 0-9 and _, a letter first", d.quote(at))
	default:
		d.fail(at, "%s is not an id: a-z, 0-9 and _, a letter first; write %s", d.quote(at), slug(id))
	}
}

var notID = regexp.MustCompile(`[^a-z0-9]+`)

// slug is the id that was most likely meant.
func slug(text string) string {
	s := strings.Trim(notID.ReplaceAllString(strings.ToLower(text), "_"), "_")
	if s != "" && s[0] <= '9' {
		s = "device_" + s
	}
	return s
}

// title makes "House 2" of house_2.
func title(id string) string {
	s := []rune(strings.ReplaceAll(id, "_", " "))
	if len(s) > 0 {
		s[0] = unicode.ToUpper(s[0])
	}
	return string(s)
}

// driver finds a driver by name or alias, in whatever case; nil where there is none.
func (d *decoder) driver(at, name string) *drivers.Driver {
	if !d.has(at) || d.failed(at) {
		return nil
	}
	var names []string
	for i := range d.env.Drivers {
		s := &d.env.Drivers[i]
		if means(s, name) {
			return s
		}
		names = append(append(names, s.Name), s.Aliases...)
	}
	hint := `"sunwire drivers" lists them`
	if near := nearest(name, names); near != "" {
		hint = fmt.Sprintf("did you mean %q? %s", near, hint)
	}
	d.fail(at, "there is no driver %s; %s", d.quote(at), hint)
	return nil
}

// means reports whether name is that of s, or one of its aliases, in whatever case.
func means(s *drivers.Driver, name string) bool {
	return strings.EqualFold(s.Name, name) || slices.ContainsFunc(s.Aliases, func(n string) bool { return strings.EqualFold(n, name) })
}

func (d *decoder) checkPort(at string, dev *Device) {
	if !d.has(at+".port") || d.failed(at+".port") {
		return
	}
	port, address, err := ParsePort(dev.Port.Text, dev.Spec)
	dev.Port = port
	if err != nil {
		d.fail(at+".port", "%s: %v", d.quote(at+".port"), err)
		return
	}
	if n := d.at[at+".address"]; n != nil && port.Kind == link.I2C {
		switch {
		case !strings.HasPrefix(strings.ToLower(n.Value), "0x"):
			d.fail(at+".address", "%s is not in hexadecimal, as addresses on an I2C bus are; write 0x76", d.quote(at+".address"))
		case address != 0 && dev.Address != address:
			d.fail(at+".address", "%s is not the address in the port, 0x%02x; remove one", d.quote(at+".address"), address)
		}
	}
	dev.Address = cmp.Or(address, dev.Address)
}

func (d *decoder) checkTimes(at string, dev *Device) {
	for _, t := range []struct {
		key string
		d   time.Duration
	}{{"interval", dev.Interval.D}, {"slow", dev.Slow.D}, {"samples", dev.Samples}, {"max_age", dev.MaxAge}, {"gap", dev.Gap}} {
		switch key := at + "." + t.key; {
		case t.d < 0:
			d.fail(key, "%s is negative; write 5s, 2m or 1h", d.quote(key))
		case t.d > longest:
			d.fail(key, "%s is longer than a week; write 5s, 2m or 1h", d.quote(key))
		}
	}
	if dev.Spec != nil {
		if !dev.Interval.Set {
			dev.Interval.D = dev.Spec.Paces[drivers.Live]
		}
		if !dev.Slow.Set {
			dev.Slow.D = dev.Spec.Paces[drivers.Slow]
		}
	}
	if key := at + ".samples"; dev.Spec != nil && dev.Samples > 0 && 2*dev.Samples > dev.Interval.D {
		d.fail(key, "%s is not faster than the interval of %s: write half of that or less, or remove it", d.quote(key), short(dev.Interval.D))
	}
	switch key := at + ".max_age"; {
	case d.failed(key):
	case !d.has(key):
		dev.MaxAge = max(5*dev.Interval.D, time.Minute)
	case dev.MaxAge == 0 || dev.MaxAge < dev.Interval.D:
		d.fail(key, "%s is too short: with an interval of %s the device would never be healthy; write %s or more",
			d.quote(key), short(dev.Interval.D), short(max(5*dev.Interval.D, time.Minute)))
	}
}

var placeholder = regexp.MustCompile(`\{[^}]*\}?|\}`)

// checkTopics checks a topic or, each, a pattern of many with {key} in it.
func (d *decoder) checkTopics(at, pattern string, each bool, m *MQTT) {
	key := false
	for _, p := range placeholder.FindAllString(pattern, -1) {
		if p != "{key}" && p != "{id}" {
			d.fail(at, "%s has other braces than {key} and {id}", d.quote(at))
			return
		}
		key = key || p == "{key}"
	}
	first, _, _ := strings.Cut(pattern, "/")
	example := "house"
	if each {
		example = "house/{key}"
	}
	switch wrong := topic(pattern); {
	case wrong != "":
		d.fail(at, "%s %s; write %s", d.quote(at), wrong, example)
	case key && !each:
		d.fail(at, "%s has {key} in it, but all stands on one topic; write %s", d.quote(at), example)
	case !key && each:
		d.fail(at, "%s has no {key} in it: all values would end up on one topic; write %s/{key}", d.quote(at), public(d.at[at].Value))
	case first == m.TopicPrefix || first == m.DiscoveryPrefix:
		d.fail(at, "%s lies among sunwire's own topics or Home Assistant's; begin with another word, as in %s", d.quote(at), example)
	}
}

func (d *decoder) checkEntity(at, key string, e Entity) {
	if !keyForm.MatchString(key) {
		d.fail(at, "%q is not the key of a value: a-z, 0-9 and _, as in pv_power", key)
	}
	if e.Scale == 0 {
		d.fail(at+".scale", "0 would make every reading 0; write the factor, 1 for none")
	}
	if e.Min != nil && e.Max != nil && *e.Min > *e.Max {
		d.fail(at+".min", "%s is above max, %s; change one", d.quote(at+".min"), d.quote(at+".max"))
	}
}

// checkOptions decodes the driver's own options onto their defaults.
func (d *decoder) checkOptions(at string, dev *Device) {
	n := d.open[at]
	if dev.Spec.Config == nil {
		if n != nil && !null(n) && len(n.Content) > 0 {
			d.fail(at, "%s has no options; remove this", dev.Spec.Name)
		}
		return
	}
	dev.Options = dev.Spec.Config()
	if n == nil {
		n = &yaml.Node{Kind: yaml.MappingNode, Line: dev.Line, Column: 1}
	}
	d.value(at, n, reflect.ValueOf(dev.Options).Elem())
}

// compare finds devices that stand in each other's way.
func (d *decoder) compare(devices []Device) {
	var ids, topics, ports, places seen
	for i := range devices {
		dev, at := &devices[i], d.places[i]
		if j, twice := ids.before(slug(dev.ID), i); twice {
			if devices[j].ID == dev.ID {
				d.fail(at+".id", "%s is the id of the device %s already; write another", d.quote(at+".id"), devices[j].where())
			} else {
				d.fail(at+".id", "%s would be the same in a topic as the id of the device %s; write another", d.quote(at+".id"), devices[j].where())
			}
		}
		if j, twice := topics.before(strings.ReplaceAll(dev.Topics, "{id}", dev.ID), i); twice {
			d.fail(at+".topics", "%s is where the device %s publishes already; write another", d.quote(at+".topics"), devices[j].where())
		}
		if !exclusive(dev.Port.Kind) {
			continue
		}
		port := string(dev.Port.Kind) + ":" + dev.Port.Address
		if j, twice := ports.before(port, i); twice && dev.Port.Params.Encode() != devices[j].Port.Params.Encode() {
			d.fail(at+".port", "%s is the port of the device %s too, with other settings; a line has one speed: write the same in both", d.quote(at+".port"), devices[j].where())
		}
		if j, twice := places.before(fmt.Sprintf("%s/%d", port, dev.Address), i); twice {
			d.fail(at+".port", "%s is where the device %s is already; %s, or remove one", d.quote(at+".port"), devices[j].where(), apart(dev.Port.Kind))
		}
	}
}

// where says where d is written.
func (d *Device) where() string {
	if d.Form {
		return "in " + formName
	}
	return fmt.Sprintf("in line %d", d.Line)
}

// apart is how to tell two devices from each other.
func apart(k link.Kind) string {
	if k == link.HID {
		return "name the USB socket of each, as in hid:usb-1.3"
	}
	return "give each an address of its own"
}

// exclusive reports whether one address on such a port is one device. A web service or a broker may serve many.
func exclusive(k link.Kind) bool {
	switch k {
	case link.Serial, link.HID, link.TCP, link.UDP, link.BLE, link.I2C:
		return true
	}
	return false
}

// seen tells by which device something was used first.
type seen map[string]int

func (s *seen) before(what string, i int) (first int, twice bool) {
	if *s == nil {
		*s = seen{}
	}
	if what == "" {
		return 0, false
	}
	if first, twice = (*s)[what]; !twice {
		(*s)[what] = i
	}
	return first, twice
}
