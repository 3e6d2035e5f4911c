package drivertest

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"sunwire/discovery"
	"sunwire/discovery/discoverytest"
	"sunwire/drivers"
	"sunwire/drivers/link"
)

var keyForm = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

// declaration checks what the driver and its descriptor say of themselves.
func (s *suite) declaration() {
	d := s.d
	if !keyForm.MatchString(d.Name) || !keyForm.MatchString(d.Family) || d.Title == "" {
		s.fail("driver %q, family %q, title %q: two snake_case names and a text", d.Name, d.Family, d.Title)
	}
	if d.Open == nil || d.Decode == nil || d.Simulate == nil || len(d.Links) == 0 || d.Class == "" || d.Paces[drivers.Live] <= 0 {
		s.fail("a driver has Open, Decode, Simulate, Links, a Class and Paces")
	}
	s.gatt()
	dev := s.simulated(model{})
	if dev == nil {
		return
	}
	if _, streams := dev.Device.(drivers.Streamer); streams != (len(dev.desc.Queries) == 0) {
		s.fail("a descriptor without queries means a stream: the device is a Streamer, and no other is")
	}
	s.descriptor(dev.desc)
	for _, u := range dev.desc.Units {
		if !keyForm.MatchString(u.Unit) {
			s.fail("unit %q is not snake_case", u.Unit)
		}
		s.descriptor(u)
	}
	s.payload(dev.desc)
	if dev = s.simulated(dev.state(middle, 0)); dev != nil {
		s.frozen(dev)
	}
}

var uuidForm = regexp.MustCompile(`^[0-9a-f]{4}$|^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// gatt checks where a Bluetooth device reads and writes.
func (s *suite) gatt() {
	g := s.d.GATT
	if !slices.Contains(s.d.Links, link.BLE) {
		if g.Notify != "" {
			s.fail("a GATT, and no link of the kind ble")
		}
		return
	}
	uuids := append(slices.Clone(g.Services), g.Notify)
	if g.Write != "" {
		uuids = append(uuids, g.Write)
	}
	if g.Hailed != "" {
		uuids = append(uuids, g.Hailed)
	}
	for _, u := range uuids {
		if !uuidForm.MatchString(u) {
			s.fail("GATT: %q is no UUID, of four hexadecimal digits or in full, in small letters", u)
		}
	}
	for _, n := range g.Names {
		if _, err := path.Match(n, ""); err != nil {
			s.fail("GATT: name %q: %v", n, err)
		}
	}
	if len(g.Services) == 0 {
		s.fail("GATT: no service")
	}
}

func (s *suite) descriptor(d drivers.Descriptor) {
	common := s.vocabulary(s.d.Class)
	reserved := s.reserved()
	keys, roles, asked := map[string]bool{}, map[drivers.Role]string{}, s.queries(d)
	for i := range d.Entities {
		e := &d.Entities[i]
		if !keyForm.MatchString(e.Key) || slices.Contains(reserved, e.Key) {
			s.fail("%s: not snake_case, or a key of the bridge", e.Key)
		}
		if keys[e.Key] {
			s.fail("%s: declared twice", e.Key)
		}
		if other := roles[e.Role]; e.Role != "" && other != "" {
			s.fail("%s: has the role %s of %s", e.Key, e.Role, other)
		}
		keys[e.Key], roles[e.Role] = true, e.Key
		if len(d.Queries) > 0 && !asked[e.Key] && e.Platform != drivers.Button {
			s.fail("%s: no query gives it", e.Key)
		}
		s.name(e, d)
		s.value(e)
		s.links(e, d.Entities)
		common.check(s, e)
	}
	for k := range asked {
		if !keys[k] {
			s.fail("%s: in a query, but not declared", k)
		}
	}
}

// queries is what is asked for; a query's name is its own.
func (s *suite) queries(d drivers.Descriptor) map[string]bool {
	names, keys := map[string]bool{}, map[string]bool{}
	for _, q := range d.Queries {
		if q.Name == "" || names[q.Name] || q.Pace > drivers.Once {
			s.fail("query %q: no name, one that is there twice, or an unknown pace", q.Name)
		}
		names[q.Name] = true
		for _, k := range q.Keys {
			keys[k] = true
		}
	}
	return keys
}

// name: sentence case, no unit, not the name of the device.
func (s *suite) name(e *drivers.Entity, d drivers.Descriptor) {
	first, _ := utf8.DecodeRuneInString(e.Name)
	if strings.TrimSpace(e.Name) != e.Name || !unicode.IsUpper(first) && !unicode.IsDigit(first) || strings.ContainsAny(e.Name, "()[]_:%") {
		s.fail("%s: the name %q is not a sentence's beginning, or has a unit in it", e.Key, e.Name)
	}
	for i, word := range strings.Fields(e.Name) {
		if first, _ := utf8.DecodeRuneInString(word); i > 0 && unicode.IsUpper(first) && strings.IndexFunc(word, unicode.IsLower) >= 0 {
			s.fail("%s: the name %q is not in sentence case", e.Key, e.Name)
		}
		for _, own := range []string{d.Manufacturer, d.Model, s.d.Name} {
			if strings.EqualFold(word, own) {
				s.fail("%s: the name %q repeats that of the device", e.Key, e.Name)
			}
		}
	}
}

// value: the quantity, limits and options fit the platform.
func (s *suite) value(e *drivers.Entity) {
	q := e.Quantity
	number := e.Platform == drivers.Sensor
	if number && !(e.Min < e.Max) {
		s.fail("%s: a number has limits, Min below Max", e.Key)
	}
	if number && !slices.Contains(quantities, q.At(0)) {
		s.fail("%s: %+v is none of the quantities of package drivers", e.Key, q)
	}
	if number && (q.Decimals < 0 || q.Decimals > 6) {
		s.fail("%s: %d decimals", e.Key, q.Decimals)
	}
	if !number && (q.Unit != "" || q.StateClass != "" || q.Decimals != 0 || e.Min != 0 || e.Max != 0 || e.Positive != drivers.Unsigned) {
		s.fail("%s: is no number, but has a unit, state class, decimals, limits or a sign", e.Key)
	}
	if e.Positive == drivers.Unsigned && e.Min < 0 && (e.Role == drivers.BatteryPower || e.Role == drivers.BatteryCurrent || e.Role == drivers.GridPower) {
		s.fail("%s: does not say what + means on the wire", e.Key)
	}
	if (e.Platform == drivers.Enum) != (len(e.Options) > 0) {
		s.fail("%s: an enumeration has options, nothing else has", e.Key)
	}
	s.options(e.Key, e.Options)
	if e.Setting != nil {
		s.options(e.Key, e.Setting.Options)
	}
}

func (s *suite) options(key string, options []string) {
	for i, o := range options {
		if o == "" || utf8.RuneCountInString(o) > 255 || slices.Contains(options[:i], o) {
			s.fail("%s: the option %q is empty, too long or there twice", key, o)
		}
	}
}

// links: what an entity points at is there.
func (s *suite) links(e *drivers.Entity, all []drivers.Entity) {
	find := func(key string) *drivers.Entity {
		for i := range all {
			if all[i].Key == key {
				return &all[i]
			}
		}
		return nil
	}
	if e.Attribute != "" {
		if parent := find(e.Attribute); parent == nil || parent.Attribute != "" || discovery.Platform(parent) == "" {
			s.fail("%s: an attribute of %s, which is no entity of its own", e.Key, e.Attribute)
		}
	}
	if e.Setting == nil {
		return
	}
	for _, k := range []string{e.Setting.MinKey, e.Setting.MaxKey} {
		if k != "" && find(k) == nil {
			s.fail("%s: its limit %s is not declared", e.Key, k)
		}
	}
}

// payload holds all that is declared against Home Assistant's tables.
func (s *suite) payload(d drivers.Descriptor) {
	tables, err := discoverytest.Load(s.testdata)
	if err != nil {
		s.fail("%v", err)
		return
	}
	for _, m := range announce(s.d, d) {
		for _, err := range tables.Check(m.Payload) {
			s.fail("discovery: %v", err)
		}
	}
}

func announce(d drivers.Driver, desc drivers.Descriptor) []discovery.Message {
	dev := discovery.Device{ID: "dut", UID: d.Family + "_123", Name: "Device under test", Paces: d.Paces}
	messages, _ := discovery.Announce(dev, desc, nil, nil, discovery.Options{TopicPrefix: "sunwire", DiscoveryPrefix: "homeassistant", Version: "test"})
	return messages
}

// quantities are those of package drivers, with no decimals.
var quantities = func() (all []drivers.Quantity) {
	for _, q := range []drivers.Quantity{
		drivers.Irradiance, drivers.Irradiation, drivers.WindSpeed, drivers.Direction360, drivers.PrecipitationIntensity, drivers.Precipitation,
		drivers.ExpectedEnergy, drivers.VapourPressureDeficit,
		drivers.Count, drivers.Number, drivers.Voltage, drivers.Current, drivers.Power, drivers.ApparentPower, drivers.ReactivePower,
		drivers.PowerFactor, drivers.Energy, drivers.StoredEnergy, drivers.Frequency, drivers.Temperature, drivers.TemperatureDelta,
		drivers.StateOfCharge, drivers.Percent, drivers.Charge, drivers.Humidity, drivers.AbsoluteHumidity, drivers.AirPressure,
		drivers.GasResistance, drivers.AirQualityIndex, drivers.CarbonDioxide, drivers.Volatiles, drivers.Illuminance, drivers.Duration, drivers.Minutes, drivers.Milliseconds,
		drivers.SignalStrength,
	} {
		all = append(all, q.At(0))
	}
	return all
}()
