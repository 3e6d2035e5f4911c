// Package drivers is the small core that every device driver is written against: the data that a driver declares and the calls that it
// answers. It knows nothing of MQTT, Home Assistant, configuration files, scheduling or the clock.
package drivers

import (
	"context"
	"iter"
	"time"

	"sunwire/drivers/link"
)

// Platform is the form of an entity's value.
type Platform uint8

// The forms of a value.
const (
	Sensor Platform = iota // a number with a Quantity
	Label                  // free text, at most 255 characters
	Enum                   // one of Options, or absent
	Binary                 // on or off
	Button                 // no value: it can only be pressed
	Update                 // no value of its own: its attributes are installed_version, latest_version, title, release_url, release_summary
)

// Category says where Home Assistant shows an entity.
type Category uint8

// The categories.
const (
	Primary    Category = iota
	Diagnostic          // ratings, firmware, raw flags, health
	Config              // a setting
)

// Pace is how often a query is asked.
type Pace uint8

// The paces.
const (
	Live Pace = iota // measurements
	Slow             // settings, warnings
	Once             // identity and what never changes: at each contact, and with the long pace
)

// Direction is what + means on the wire, for a signed value. Published, + is always discharging or importing.
type Direction uint8

// The directions.
const (
	Unsigned Direction = iota
	Discharging
	Charging
	Importing
	Exporting
)

// Class is the kind of device; it names the vocabulary its keys come from.
type Class string

// The classes.
const (
	Inverter Class = "inverter"
	Battery  Class = "battery"
	Climate  Class = "climate"
	Weather  Class = "weather"
	Other    Class = "other"
)

// Risk is how dangerous a setting is to change.
type Risk uint8

// The risks.
const (
	Safe    Risk = iota // on the positive list: control: safe is enough
	Full                // control: full
	CLIOnly             // on the command line, with the serial number typed
)

// Role is what an entity means to the rest of the house: groups, energy and dashboards look for roles, not for keys.
type Role string

// The roles. Published signs: see Direction.
const (
	PVPower                 Role = "pv_power"
	PVPowerEstimate         Role = "pv_power_estimate" // stands in where a device that may have PVPower gives none
	LoadPower               Role = "load_power"
	GridPower               Role = "grid_power"
	BatteryPower            Role = "battery_power"
	BatteryVoltage          Role = "battery_voltage"
	BatteryCurrent          Role = "battery_current"
	BatteryChargeCurrent    Role = "battery_charge_current"    // never negative
	BatteryDischargeCurrent Role = "battery_discharge_current" // never negative
	BatteryCharge           Role = "state_of_charge"
	PVEnergy                Role = "pv_energy"
	LoadEnergy              Role = "load_energy"
	GridImportEnergy        Role = "grid_import_energy"
	GridExportEnergy        Role = "grid_export_energy"
	BatteryChargeEnergy     Role = "battery_charge_energy"
	BatteryDischargeEnergy  Role = "battery_discharge_energy"
	AirTemperature          Role = "temperature"
	AirHumidity             Role = "humidity"
	Pressure                Role = "pressure"
)

// Field is one value of a sample.
type Field struct {
	Key   string
	Value Value
}

// Sample is what one exchange gave, in wire order. What the device did not give is absent, never 0.
type Sample []Field

// Get is the value of key, absent where the sample has none.
func (s Sample) Get(key string) Value {
	for i := range s {
		if s[i].Key == key {
			return s[i].Value
		}
	}
	return Value{}
}

// Reading is a sample of one unit: "" is the device itself, else one of Descriptor.Units.
type Reading struct {
	Unit   string
	Sample Sample
	Until  time.Time // the sample outlives the device's silence till then: a forecast for a day, until that day ends. Zero: it grows old as all do
}

// Setting is what THIS unit takes, as Describe found it.
type Setting struct {
	Min, Max, Step float64
	MinKey, MaxKey string // the limit is the present value of another key (float <= bulk)
	Options        []string
	Risk           Risk
}

// Entity is one value, declared once as data: all that is published about it derives from here. Key, Quantity and Role are frozen
// together: a change of one is a new key.
type Entity struct {
	Key, Name string // Name is what a person reads: sentence case, no device name, no unit
	Platform  Platform
	Quantity  Quantity
	Category  Category
	Role      Role // at most one entity a role and unit
	Positive  Direction
	Options   []string // of an Enum
	Min, Max  float64  // what a reading can mean; both 0: anything
	Setting   *Setting // nil: cannot be written
	Disabled  bool     // off by default in Home Assistant
	Attribute string   // not an entity: an attribute of the entity with this key
}

// Plausible reports whether v is within what e can mean. What is not a number always is.
func (e *Entity) Plausible(v Value) bool {
	f, ok := v.Float()
	return !ok || (e.Min == 0 && e.Max == 0) || (f >= e.Min && f <= e.Max)
}

// Query is one exchange: the unit of scheduling, retry, refusal, statistics and read-back.
type Query struct {
	Name string
	Pace Pace
	Keys []string // what it can give
}

// Descriptor is what a device is and what this very unit supports. Units are reported by it and are devices of their own in Home
// Assistant; their Queries stand in their own Descriptor. No Queries at all: the device streams.
type Descriptor struct {
	Unit                                  string
	Manufacturer, Model, Serial, Firmware string
	Variant, Why                          string // of a driver that finds out which dialect a device speaks: its name, and what told
	Entities                              []Entity
	Queries                               []Query
	Units                                 []Descriptor
}

// Device is an opened driver. Its calls are never made concurrently.
type Device interface {
	// Describe tells identity and what this unit supports. It asks for no more than identity needs: limits and options come from
	// replies already read. A question that merely failed is an error, not a missing serial number.
	Describe(ctx context.Context) (Descriptor, error)
	// Poll makes one exchange. ErrUnsupported: do not ask again for a day.
	Poll(ctx context.Context, q Query) ([]Reading, error)
}

// Streamer is a Device that pushes, or is overheard.
type Streamer interface {
	Stream(ctx context.Context) iter.Seq2[Reading, error]
}

// Rememberer is a Device that has to find out which dialect is spoken. Remember tells it, before the first Describe, what it found the
// last time: what it tries first, and believes where that device answers again.
type Rememberer interface {
	Remember(last Descriptor)
}

// Controller is a Device whose settings can be written: nil = acknowledged, ErrRefused = not taken.
type Controller interface {
	Set(ctx context.Context, unit, key string, v Value) error
}

// Commander is a Device that takes raw commands, framed and checked by the driver.
type Commander interface {
	Command(ctx context.Context, command string) (reply []byte, err error)
}

// Decoded is one field of a frame, in wire order.
type Decoded struct {
	Unit   string
	Entity *Entity
	Value  Value // absent: the field did not parse, or has no meaning of its own
	Raw    Value // as the device means it: a number wherever the wire has one
}

// Match is what Detect found.
type Match struct {
	Confidence int // percent
	Descriptor Descriptor
}

// Model is the state that a simulator shows: the value of a key as the wire would have it (sign of the wire, published unit).
type Model interface {
	Value(unit, key string) (Value, bool)
}

// Driver is what a package below drivers provides: data, not an interface. A variant is another value.
type Driver struct {
	Name, Title, Family string // Family: first half of the uid, frozen, the same for all variants
	Aliases             []string
	Class               Class
	Links               []link.Kind
	Paces               [3]time.Duration // default interval of live, slow and once
	Config              func() any       // the driver's own options at their defaults (a pointer; tags yaml and doc); nil: none
	Open                func(c link.Conn, address uint16, options any) (Device, error)
	// Detect asks what only reads, to find out whether this driver's device is there.
	Detect  func(ctx context.Context, c link.Conn) (Match, error)
	Bauds   []int     // speeds of a serial line to detect at, likeliest first; nil: the link's own
	GATT    link.GATT // where on a Bluetooth device it reads and writes; of use where Links has link.BLE
	Careful bool      // what Detect asks would be a write in another protocol: it is asked only where the user names this driver

	Decode   func(command string, reply []byte) ([]Decoded, error) // Poll uses it too
	Commands func() []string                                       // what Decode takes, argument-free; nil: nothing
	Simulate func(m Model, address uint16) link.Simulator
	Reseal   func(reply []byte) []byte // recompute the checksum of a damaged reply
}
