package discovery

import (
	"encoding/json"
	"maps"
	"math"
	"strings"
	"time"

	"sunwire/drivers"
)

// node is one device of Home Assistant in the making.
type node struct {
	uid          string // identifier, first half of unique ids, discovery topic
	object       string // first half of entity ids
	topic        string // state and status lie below
	bridge       string // the bridge's status topic
	availability []topic
	device       deviceBlock
	components   map[string]*component
	picks        map[string][]string // what goes into the attributes of a component
	controls     map[string]Control  // what may be written, by key
}

// The keys are Home Assistant's abbreviations (testdata/ha/mqtt_abbreviations.json). An unknown key in payload, device or origin makes
// it drop the whole message, so there is nothing here that an older version would not know.
type payload struct {
	Device       deviceBlock           `json:"dev"`
	Origin       origin                `json:"o"`
	StateTopic   string                `json:"stat_t"`
	Availability []topic               `json:"avty"`
	Mode         string                `json:"avty_mode"`
	Components   map[string]*component `json:"cmps"`
}

type deviceBlock struct {
	Identifiers  []string `json:"ids"`
	Name         string   `json:"name"`
	Manufacturer string   `json:"mf,omitempty"`
	Model        string   `json:"mdl,omitempty"`
	Serial       string   `json:"sn,omitempty"`
	Software     string   `json:"sw,omitempty"`
	Area         string   `json:"sa,omitempty"`
	Via          string   `json:"via_device,omitempty"`
	URL          string   `json:"cu,omitempty"`
}

type origin struct {
	Name    string `json:"name"`
	Version string `json:"sw,omitempty"`
	URL     string `json:"url,omitempty"`
}

type topic struct {
	Topic string `json:"t"`
}

// component is one entity; with Platform alone it removes the entity.
type component struct {
	Platform       string   `json:"p"`
	Name           string   `json:"name,omitempty"`
	UniqueID       string   `json:"uniq_id,omitempty"`
	EntityID       string   `json:"def_ent_id,omitempty"`
	Value          string   `json:"val_tpl,omitempty"`
	DeviceClass    string   `json:"dev_cla,omitempty"`
	StateClass     string   `json:"stat_cla,omitempty"`
	Unit           string   `json:"unit_of_meas,omitempty"`
	Precision      *int     `json:"sug_dsp_prc,omitempty"`
	Options        []string `json:"ops,omitempty"`
	Category       string   `json:"ent_cat,omitempty"`
	Enabled        *bool    `json:"en,omitempty"`
	ExpireAfter    int      `json:"exp_aft,omitempty"`
	Availability   []topic  `json:"avty,omitempty"`
	AttributeTopic string   `json:"json_attr_t,omitempty"`
	Attributes     string   `json:"json_attr_tpl,omitempty"`
	CommandTopic   string   `json:"cmd_t,omitempty"`
	Min            *float64 `json:"min,omitempty"`
	Max            *float64 `json:"max,omitempty"`
	Step           float64  `json:"step,omitempty"`
	Mode           string   `json:"mode,omitempty"`
	StateTopic     string   `json:"stat_t,omitempty"`
	EventTypes     []string `json:"evt_typ,omitempty"`
}

// reach says which of the availability topics an entity hangs on.
type reach bool

const (
	shared reach = false // those of the node
	alone  reach = true  // the bridge's only: it has something to say while the device is silent
)

func newDevice(dev Device, d drivers.Descriptor, o Options) *node {
	n := newNode(dev.UID, dev.ID, dev.ID, dev.Name, o)
	n.controls = dev.Controls[""]
	n.describe(dev, d, o.BridgeUID())
	return n
}

func newUnit(dev Device, d drivers.Descriptor, o Options) *node {
	uid := dev.Units[d.Unit]
	if uid == "" {
		uid = dev.UID + "_" + d.Unit
	}
	n := newNode(uid, dev.ID+"_"+d.Unit, dev.ID+"/"+d.Unit, dev.Name+" "+strings.ReplaceAll(d.Unit, "_", " "), o)
	n.controls = dev.Controls[d.Unit]
	n.describe(dev, d, dev.UID)
	return n
}

func newBridge(name string, entities []drivers.Entity, o Options) *node {
	n := newNode(o.BridgeUID(), o.TopicPrefix, "bridge", name, o)
	n.availability = []topic{{n.bridge}}
	n.device.Manufacturer, n.device.Model, n.device.Software = "sunwire", "MQTT bridge", o.Version
	for i := range entities {
		n.add(&entities[i], shared, 0)
	}
	return n
}

func newNode(uid, object, path, name string, o Options) *node {
	n := &node{uid: uid, object: object, topic: o.TopicPrefix + "/" + path, bridge: o.TopicPrefix + "/status", components: map[string]*component{}, picks: map[string][]string{}}
	n.availability = []topic{{n.bridge}, {n.topic + "/status"}}
	n.device = deviceBlock{Identifiers: []string{uid}, Name: name, URL: o.PageURL}
	return n
}

// describe takes over what the device says of itself, each entity at the pace of its own query; what no query gives is computed at the
// live pace.
func (n *node) describe(dev Device, d drivers.Descriptor, via string) {
	n.device.Manufacturer, n.device.Model, n.device.Serial, n.device.Software = d.Manufacturer, d.Model, d.Serial, d.Firmware
	n.device.Area, n.device.Via = dev.Area, via
	pace := make(map[string]drivers.Pace, len(d.Entities))
	for _, q := range d.Queries {
		for _, k := range q.Keys {
			if p, known := pace[k]; !known || q.Pace < p {
				pace[k] = q.Pace
			}
		}
	}
	for i := range d.Entities {
		e := &d.Entities[i]
		c := n.add(e, ownReach(e), expiry(e, pace[e.Key], dev))
		if off, changed := dev.Disabled[e.Key]; changed && c != nil {
			c.Enabled = nil
			if off {
				c.Enabled = new(bool)
			}
		}
	}
}

// ownReach: a total stays what it was while the device sleeps, and a fault or a lost link is news just then.
func ownReach(e *drivers.Entity) reach {
	q := e.Quantity
	return reach(isTotal(e) || q.DeviceClass == drivers.Problem.DeviceClass || q.DeviceClass == drivers.Connectivity.DeviceClass)
}

func isTotal(e *drivers.Entity) bool { return strings.HasPrefix(e.Quantity.StateClass, "total") }

// expiry is after how many seconds without a document Home Assistant may no longer show the value; 0 = never. The bridge itself turns a
// stale key to null much earlier; this is for the case that the bridge is no more.
func expiry(e *drivers.Entity, p drivers.Pace, dev Device) int {
	if p == drivers.Once || ownReach(e) == alone || e.Category == drivers.Config || e.Setting != nil {
		return 0
	}
	return int(math.Ceil(max(3*dev.Paces[p], 2*dev.Heartbeat, time.Minute).Seconds()))
}

// add makes the component of e; nil where e is none of its own. A setting that cannot be written is a sensor, which Home Assistant refuses in
// the category "config".
func (n *node) add(e *drivers.Entity, r reach, expire int) *component {
	if e.Attribute != "" {
		n.picks[e.Attribute] = append(n.picks[e.Attribute], "'"+e.Key+"': value_json."+e.Key)
	}
	p, control := Platform(e), n.controls[e.Key]
	if control.Platform != "" && e.Attribute == "" {
		p = control.Platform
	}
	if p == "" {
		return nil
	}
	c := &component{
		Platform: p, Name: e.Name, UniqueID: n.uid + "_" + e.Key, EntityID: p + "." + n.object + "_" + e.Key,
		Value: "{{ value_json." + e.Key + " }}", DeviceClass: e.Quantity.DeviceClass, ExpireAfter: expire,
	}
	switch e.Platform {
	case drivers.Sensor:
		c.StateClass, c.Unit, c.Precision = e.Quantity.StateClass, e.Quantity.Unit, &e.Quantity.Decimals
	case drivers.Enum:
		c.DeviceClass, c.Options = "enum", e.Options
	case drivers.Update:
		c.Value = "" // see attach
	default:
	}
	if e.Category != drivers.Primary || e.Setting != nil {
		c.Category = "diagnostic"
	}
	if e.Disabled {
		c.Enabled = new(bool)
	}
	if control.Platform != "" {
		c.writable(&control, n.topic+"/"+e.Key+"/set")
	} else if r == alone {
		c.Availability = []topic{{n.bridge}}
	}
	n.components[e.Key] = c
	return c
}

// writable turns the sensor c into its control: it takes commands and shows what the device says, never what was asked of it.
func (c *component) writable(control *Control, topic string) {
	c.CommandTopic, c.Category = topic, "config"
	c.StateClass, c.Precision, c.ExpireAfter, c.Options = "", nil, 0, nil
	switch control.Platform {
	case "number":
		c.Min, c.Max, c.Step, c.Mode = &control.Min, &control.Max, control.Step, "box"
		return
	case "select":
		c.Options = control.Options
	case "button":
		c.Value = ""
	}
	c.DeviceClass, c.Unit = "", ""
}

// tellsWrites adds the event that tells what came of each write.
func (n *node) tellsWrites(types []string) {
	n.components["write"] = &component{
		Platform: "event", Name: "Write", UniqueID: n.uid + "_write", EntityID: "event." + n.object + "_write", Category: "diagnostic",
		StateTopic: n.topic + "/event", EventTypes: types, Availability: []topic{{n.bridge}},
	}
}

// attach hangs each Attribute entity on its parent. The template picks those keys alone: the whole document as attributes would be a
// row in the recorder for every value that changes.
func (n *node) attach() {
	for parent, picks := range n.picks {
		c := n.components[parent]
		switch {
		case c == nil:
		case c.Platform == "update": // they are its state; one that is null would make Home Assistant refuse them all
			c.Value = "{{ dict({" + strings.Join(picks, ", ") + "}.items() | rejectattr(1, 'none')) | tojson }}"
		default:
			c.AttributeTopic = n.topic + "/state"
			c.Attributes = "{{ {" + strings.Join(picks, ", ") + "} | tojson }}"
		}
	}
}

// messages is the removal of what left or changes its platform, if anything does, and the announcement; the removal of the device where
// nothing is left. Into now goes what is announced then.
func (n *node) messages(o Options, before, now Announced) []Message {
	if len(n.components) == 0 {
		delete(now, n.uid)
		if len(before[n.uid]) == 0 {
			return nil
		}
		return []Message{Forget(n.uid, o)}
	}
	n.attach()
	var out []Message
	if leaving := n.leaving(before[n.uid]); leaving != nil {
		out = append(out, Message{Topic: configTopic(n.uid, o), Payload: n.payload(o, leaving)})
	}
	out = append(out, Message{Topic: configTopic(n.uid, o), Payload: n.payload(o, n.components), Retain: true})
	now[n.uid] = make(map[string]string, len(n.components))
	for key, c := range n.components {
		now[n.uid][key] = c.Platform
	}
	return out
}

// leaving is the components with the removed ones among them as {"p": platform}; nil where none leaves.
func (n *node) leaving(before map[string]string) map[string]*component {
	var all map[string]*component
	for key, platform := range before {
		if c := n.components[key]; c != nil && c.Platform == platform {
			continue
		}
		if all == nil {
			all = maps.Clone(n.components)
		}
		all[key] = &component{Platform: platform}
	}
	return all
}

func (n *node) payload(o Options, components map[string]*component) []byte {
	b, err := json.Marshal(payload{
		Device: n.device, Origin: origin{Name: "sunwire", Version: o.Version, URL: o.SupportURL},
		StateTopic: n.topic + "/state", Availability: n.availability, Mode: "all", Components: components,
	})
	if err != nil {
		return []byte("{}") // texts and numbers always marshal; an empty payload would remove the device, this one is merely refused
	}
	return b
}
