// Package discovery turns descriptors into Home Assistant's MQTT discovery messages. It is a pure function of its arguments: no I/O, no
// clock, the same bytes for the same input.
//
// One message announces one device (device discovery, Home Assistant 2024.11 and later), one more each of its units. The caller tells
// what it announced before, so that what leaves is removed and what changes its platform is removed first: to leave a component out
// removes nothing.
//
// What the state documents must hold for this to be free of warnings: every key at every time, null where not known; "ON" or "OFF" for
// a Binary; for an Enum one of its Options, or null for any other text (such as "unknown (7)"); texts of at most 255 characters.
package discovery

import (
	"maps"
	"time"

	"sunwire/drivers"
)

// Options are the same for all devices of one bridge.
type Options struct {
	TopicPrefix     string // <p>, such as sunwire
	DiscoveryPrefix string // where Home Assistant listens, such as homeassistant
	Version         string // of sunwire, shown as the origin's
	SupportURL      string // http or https; "" = none
	PageURL         string // of the status page, linked from every device; "" = none
}

// BridgeUID is the bridge's own uid: the device that all others are connected via.
func (o Options) BridgeUID() string { return o.TopicPrefix + "_bridge" }

// Device is what the configuration and the bridge know of a device.
type Device struct {
	ID, UID   string                        // ID in topics and entity ids; UID, which never changes, in everything that is an identity
	Name      string                        // "" = the id
	Area      string                        // suggested area; "" = none
	Paces     [3]time.Duration              // interval of the live, slow and once queries, by drivers.Pace
	Heartbeat time.Duration                 // the longest time between two state documents while nothing changes
	Disabled  map[string]bool               // by key: switched off (true) or on (false) against the driver's choice
	Units     map[string]string             // uid by unit; a unit that is missing here has <uid>_<unit>
	Controls  map[string]map[string]Control // by unit ("" the device itself) and key: what may be written
	Results   []string                      // what can come of a write: the types of the event that tells; none = no event
}

// Control is the form in which a setting can be changed. The same setting is no sensor besides.
type Control struct {
	Platform       string   // number, select, switch, button or text
	Min, Max, Step float64  // of a number
	Options        []string // of a select
}

// Message is one MQTT message, to be sent in the order given.
type Message struct {
	Topic   string
	Payload []byte
	Retain  bool
}

// Announced is what Home Assistant was told: by uid, the platform of each component. The store keeps it.
type Announced map[string]map[string]string

func (a Announced) clone() Announced {
	if a == nil {
		return Announced{}
	}
	return maps.Clone(a)
}

// Announce makes the messages for a device and its units, and what is announced then (before, brought up to date). extra are the bridge's own diagnostics of this
// device (link, poll time and the like), found in the device's state document. before is what was announced last; a unit that is not in
// d stays as it was: Forget removes it. Entities of queries never answered are for the caller to leave out.
func Announce(dev Device, d drivers.Descriptor, extra []drivers.Entity, before Announced, o Options) ([]Message, Announced) {
	now := before.clone()
	if dev.Name == "" {
		dev.Name = dev.ID
	}
	top := newDevice(dev, d, o)
	for i := range extra {
		top.add(&extra[i], reach(extra[i].Setting == nil), 0) // what can be written hangs on the device, as every setting
	}
	if len(dev.Results) > 0 {
		top.tellsWrites(dev.Results)
	}
	messages := top.messages(o, before, now)
	for i := range d.Units {
		messages = append(messages, newUnit(dev, d.Units[i], o).messages(o, before, now)...)
	}
	return messages, now
}

// Bridge makes the messages for the bridge itself, whose state document is <p>/bridge/state. Publish them before those of any device:
// Home Assistant makes a nameless stand-in for a via_device that it does not know.
func Bridge(name string, entities []drivers.Entity, before Announced, o Options) ([]Message, Announced) {
	now := before.clone()
	return newBridge(name, entities, o).messages(o, before, now), now
}

// Forget makes the message that removes a device or unit with all its entities.
func Forget(uid string, o Options) Message { return Message{Topic: configTopic(uid, o), Retain: true} }

// Platform is the Home Assistant platform of e as long as it cannot be written: "" for what is no component of its own.
func Platform(e *drivers.Entity) string {
	switch {
	case e.Attribute != "" || e.Platform == drivers.Button:
		return ""
	case e.Platform == drivers.Binary:
		return "binary_sensor"
	case e.Platform == drivers.Update:
		return "update"
	default:
		return "sensor"
	}
}

func configTopic(uid string, o Options) string {
	return o.DiscoveryPrefix + "/device/" + uid + "/config"
}
