package config

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"sunwire/drivers"
)

// Form is the form of the add-on's options: what most people need, filled in where Home Assistant shows it. Its devices and those of the
// file are one list. What is written in the file goes before what the form says.
type Form struct {
	Devices         []FormDevice `yaml:"devices" json:"devices" doc:"what to read"`
	LogLevel        string       `yaml:"log_level" json:"log_level,omitempty" doc:"how much it says" oneof:"debug info warn error"`
	MQTTURL         URLs         `yaml:"mqtt_url" json:"-" doc:"a broker other than Home Assistant's own"`
	MQTTUsername    string       `yaml:"mqtt_username" json:"-" doc:"user at that broker"`
	MQTTPassword    Secret       `yaml:"mqtt_password" json:"-" doc:"its password"`
	TopicPrefix     string       `yaml:"topic_prefix" json:"-" doc:"first part of every topic"`
	DiscoveryPrefix string       `yaml:"discovery_prefix" json:"-" doc:"where Home Assistant looks for devices"`
	Latitude        *float64     `yaml:"latitude" json:"-" doc:"of the house, in degrees, north is positive; with longitude: read the weather"`
	Longitude       *float64     `yaml:"longitude" json:"-" doc:"of the house, in degrees, east is positive"`
	PVPeakPower     *float64     `yaml:"pv_peak_power" json:"-" doc:"rated power of the panels, in W; with it: what they should give"`
	PVTilt          *float64     `yaml:"pv_tilt" json:"-" doc:"of the panels: 0 lies flat, 90 stands upright"`
	PVAzimuth       *float64     `yaml:"pv_azimuth" json:"-" doc:"where they face: 0 = south, -90 = east, 90 = west"`
}

// FormDevice is a device in the form, and what the page's first start adds.
type FormDevice struct {
	ID      string `yaml:"id" json:"id" doc:"name in topics and entity ids" required:"true"`
	Name    string `yaml:"name" json:"name,omitempty" doc:"what Home Assistant shows"`
	Driver  string `yaml:"driver" json:"driver" doc:"one of the drivers" required:"true"`
	Port    Port   `yaml:"port" json:"port" doc:"where it is plugged in" required:"true"`
	Address uint16 `yaml:"address" json:"address,omitempty" doc:"its own address on a shared line"`
}

// formRoot begins the paths of what stands in the form, formName its errors.
const (
	formRoot = "form."
	formName = "the add-on's options"
)

// form decodes the add-on's options and puts them where the file says nothing.
func (d *decoder) form(c *Config, data []byte) {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil || len(doc.Content) == 0 { // JSON is YAML
		d.errs = append(d.errs, Error{File: formName, Text: fmt.Sprintf("cannot be read: %v", err)})
		return
	}
	var f Form
	root := doc.Content[0]
	dropEmpty(root)
	d.value(strings.TrimSuffix(formRoot, "."), root, reflect.ValueOf(&f).Elem())
	for _, v := range []struct {
		key, name string
		to, from  any
	}{
		{"log.level", "log_level", &c.Log.Level, &f.LogLevel},
		{"mqtt.url", "mqtt_url", &c.MQTT.URL, &f.MQTTURL},
		{"mqtt.username", "mqtt_username", &c.MQTT.Username, &f.MQTTUsername},
		{"mqtt.password", "mqtt_password", &c.MQTT.Password, &f.MQTTPassword},
		{"mqtt.topic_prefix", "topic_prefix", &c.MQTT.TopicPrefix, &f.TopicPrefix},
		{"mqtt.discovery_prefix", "discovery_prefix", &c.MQTT.DiscoveryPrefix, &f.DiscoveryPrefix},
	} {
		if written := d.at[formRoot+v.name]; written != nil && !d.has(v.key) {
			d.at[v.key], d.inForm[v.key] = written, formRoot+v.name
			reflect.ValueOf(v.to).Elem().Set(reflect.ValueOf(v.from).Elem())
		}
	}
	f.Devices = append(f.Devices, d.weather(c, f.Devices)...)
	inFile := c.Devices
	for i, fd := range f.Devices {
		at := formRoot + path("devices", i)
		if j := slices.IndexFunc(inFile, func(o Device) bool { return o.ID == fd.ID }); j >= 0 && fd.ID != "" {
			c.Notes = append(c.Notes, fmt.Sprintf("the device %s stands in %s line %d and in the add-on's options: the file's holds", fd.ID, d.file, d.at[d.places[j]].Line))
			continue
		}
		dev := Device{ID: fd.ID, Name: fd.Name, Driver: fd.Driver, Port: fd.Port, Address: fd.Address, Form: true}
		dev.setDefaults()
		c.Devices, d.places = append(c.Devices, dev), append(d.places, at)
	}
}

// weatherDriver is read where the form has a place for the house and nobody has written a device for it.
const weatherDriver, weatherPort = "openmeteo", "https://api.open-meteo.com"

// weather puts the form's place and panels where the options of a device would stand: that of the form with that driver, else one that
// is returned. A device of the file has options of its own.
func (d *decoder) weather(c *Config, inForm []FormDevice) (more []FormDevice) {
	options, plane := d.gather("latitude", "longitude"), d.gather("pv_peak_power", "pv_tilt", "pv_azimuth")
	i := slices.IndexFunc(inForm, func(f FormDevice) bool { return d.named(f.Driver, weatherDriver) })
	j := slices.IndexFunc(c.Devices, func(o Device) bool { return d.named(o.Driver, weatherDriver) })
	switch {
	case len(options.Content)+len(plane.Content) == 0:
		return nil
	case i < 0 && j >= 0:
		c.Notes = append(c.Notes, fmt.Sprintf("the weather stands in %s line %d: the place in the add-on's options is not used", d.file, d.at[d.places[j]].Line))
		return nil
	case i < 0:
		i = len(inForm)
		more = []FormDevice{{ID: "weather", Driver: weatherDriver, Port: Port{Text: weatherPort}}}
		for key, text := range map[string]string{"id": "weather", "driver": weatherDriver, "port": weatherPort} {
			d.at[formRoot+path("devices", i)+"."+key] = word(text)
		}
	}
	if len(plane.Content) > 0 {
		options.Content = append(options.Content, word("planes"), &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{plane}})
	}
	d.open[formRoot+path("devices", i)+".options"] = options
	return more
}

// inOptions are the names of the form for what a driver's options call otherwise.
var inOptions = map[string]string{"pv_peak_power": "peak", "pv_tilt": "tilt", "pv_azimuth": "azimuth"}

// gather is a mapping of what the form says for those keys, as a driver's options have it.
func (d *decoder) gather(keys ...string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for _, key := range keys {
		if v := d.at[formRoot+key]; v != nil {
			n.Content = append(n.Content, word(cmp.Or(inOptions[key], key)), v)
		}
	}
	return n
}

// named reports whether word means the driver called name.
func (d *decoder) named(word, name string) bool {
	i := slices.IndexFunc(d.env.Drivers, func(s drivers.Driver) bool { return s.Name == name })
	return i >= 0 && means(&d.env.Drivers[i], word)
}

func word(text string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: text} }

// dropEmpty removes what the form sends for a field that was left empty.
func dropEmpty(n *yaml.Node) {
	for _, item := range n.Content {
		dropEmpty(item)
	}
	if n.Kind != yaml.MappingNode {
		return
	}
	var kept []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		if v := n.Content[i+1]; v.Kind != yaml.ScalarNode || v.Value != "" && !null(v) {
			kept = append(kept, n.Content[i], v)
		}
	}
	n.Content = kept
}

// finish gives the errors of the form the names that people see there.
func (d *decoder) finish() {
	for i, e := range d.errs {
		key, ok := strings.CutPrefix(cmp.Or(d.inForm[e.Key], e.Key), formRoot)
		if ok {
			d.errs[i] = Error{File: formName, Key: asked(key), Text: e.Text}
		}
	}
	d.errs.sort()
}

// asked is the name in the form of what it puts into a device's options.
func asked(key string) string {
	_, option, ok := strings.Cut(key, ".options.")
	if !ok {
		return key
	}
	option = option[strings.LastIndexByte(option, '.')+1:]
	for name, inside := range inOptions {
		if inside == option {
			return name
		}
	}
	return option
}

// AddToForm adds devices to the add-on's options, whatever else is in them.
func AddToForm(options []byte, devices []FormDevice) ([]byte, error) {
	all := map[string]json.RawMessage{}
	if len(options) > 0 {
		if err := json.Unmarshal(options, &all); err != nil {
			return nil, fmt.Errorf("read the add-on's options: %w", err)
		}
	}
	var list []json.RawMessage
	if old := all["devices"]; old != nil {
		if err := json.Unmarshal(old, &list); err != nil {
			return nil, fmt.Errorf("read the devices of the add-on's options: %w", err)
		}
	}
	for _, d := range devices {
		entry, err := json.Marshal(d)
		if err != nil {
			return nil, err
		}
		list = append(list, entry)
	}
	var err error
	if all["devices"], err = json.Marshal(list); err != nil {
		return nil, err
	}
	return json.Marshal(all)
}
