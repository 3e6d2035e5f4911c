// Package config turns YAML into a validated Config. Every error names file:line, the key, what was expected and how to mend it, and
// all of them are reported at once.
package config

import (
	"log/slog"
	"net/url"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/link"
)

// Config is a whole configuration, defaults filled in and checked. The tags are all there is to know of a key: yaml its name, doc the
// text of the generated reference, default what holds when it is not written and cannot be seen in a value, oneof the words it takes,
// required that it must be written. A driver's own options have the same tags.
type Config struct {
	MQTT     MQTT     `yaml:"mqtt" doc:"the broker"`
	HTTP     HTTP     `yaml:"http" doc:"the status page"`
	Log      Log      `yaml:"log" doc:"what sunwire says of itself"`
	StateDir string   `yaml:"state_dir" doc:"folder for what must survive a power cut"`
	Devices  []Device `yaml:"devices" doc:"what to read; may be empty"`
	Groups   []Group  `yaml:"groups" doc:"devices that are shown as one besides; none is needed"`

	UpdateCheck bool `yaml:"update_check" doc:"asks github.com once a day for the newest version, which Home Assistant then shows; in the add-on Home Assistant does that itself"`

	File    string   `yaml:"-"` // the configuration file
	Missing bool     `yaml:"-"` // it is not there
	Notes   []string `yaml:"-"` // what people should know of it, in words
}

// MQTT is the broker and the names used on it.
type MQTT struct {
	URL             URLs   `yaml:"url" doc:"mqtt://host:1883 or mqtts://host:8883; a list is tried in turn"`
	Username        string `yaml:"username" doc:"user at the broker"`
	Password        Secret `yaml:"password" doc:"its password; ${NAME} or file:/path keep it out of this file"`
	CA              string `yaml:"ca" doc:"file with the certificate authority to trust, for mqtts"`
	Cert            string `yaml:"cert" doc:"file with the client's certificate"`
	Key             string `yaml:"key" doc:"file with the client's key"`
	DiscoveryPrefix string `yaml:"discovery_prefix" doc:"where Home Assistant looks for devices"`
	TopicPrefix     string `yaml:"topic_prefix" doc:"first part of every topic; two sunwire on one broker need two"`

	Ask bool `yaml:"-"` // no url is written, and Home Assistant's Supervisor knows one
}

// URLs is one address or a list of them. The port is always filled in.
type URLs []*url.URL

// Secret is a text that never shows in a log, a page or a dump.
type Secret string

// String hides the secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "(hidden)"
}

// GoString hides the secret.
func (s Secret) GoString() string { return s.String() }

// LogValue hides the secret.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText hides the secret.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// HTTP is the status page.
type HTTP struct {
	Listen   string `yaml:"listen" doc:"address of the page; \"\" = none; beyond loopback it needs a password"`
	Password Secret `yaml:"password" doc:"asked for by the page (any user name)"`
}

// Log is what sunwire says of itself, and where.
type Log struct {
	Level  string `yaml:"level" doc:"how much it says" oneof:"debug info warn error"`
	Format string `yaml:"format" doc:"auto is coloured on a terminal" oneof:"auto text json"`
	File   string `yaml:"file" doc:"a file instead of standard error: rotated at 10 MB, five kept, reopened on SIGHUP"`
}

// Device is one device to read.
type Device struct {
	ID       string        `yaml:"id" doc:"name in topics and entity ids: a-z, 0-9 and _, a letter first" required:"true"`
	Name     string        `yaml:"name" doc:"what Home Assistant shows" default:"from the id"`
	Area     string        `yaml:"area" doc:"suggested area in Home Assistant"`
	Driver   string        `yaml:"driver" doc:"one of those that \"sunwire drivers\" lists" required:"true"`
	Port     Port          `yaml:"port" doc:"serial:/dev/ttyUSB0?baud=2400, hid:0665:5161, tcp://host:port, ble:C8:47:8C:12:34:56, i2c:1/0x76, sim:" required:"true"`
	Address  uint16        `yaml:"address" doc:"the device's own address on a shared line; 0 = none"`
	Interval Interval      `yaml:"interval" doc:"start to start of the live queries; 0s: as fast as the wire gives" default:"the driver's own"`
	Samples  time.Duration `yaml:"samples" doc:"live values are read that often, and published each interval, with their mean, minimum, maximum and deviation; 0s: only as often as they are published"`
	Slow     Interval      `yaml:"slow" doc:"the same for settings and warnings" default:"the driver's own"`
	MaxAge   time.Duration `yaml:"max_age" doc:"older values make the device unhealthy" default:"5 intervals, 60s at least"`
	Gap      time.Duration `yaml:"gap" doc:"least pause between two requests; 0s: none"`
	Critical bool          `yaml:"critical" doc:"whether /health turns 503 when this device is unhealthy"`
	Identity string        `yaml:"identity" doc:"what the entities' unique ids are made of: the device's serial number, or the id" oneof:"serial id"`
	Topics   string        `yaml:"topics" doc:"values besides, for other programs, such as house/{key}"`
	Retain   bool          `yaml:"retain" doc:"whether those topics are retained"`

	TopicFormat      string `yaml:"topic_format" default:"plain" doc:"of those topics: plain numbers on one topic a value, one JSON object on a topic without {key}, or a Tasmota's /SENSOR below such a topic" oneof:"plain json tasmota"`
	TopicTemperature string `yaml:"topic_temperature" default:"C" doc:"degrees of those topics" oneof:"C F"`
	Presence         string `yaml:"presence" doc:"topic that says Online or Offline, retained, such as house/LWT; when sunwire is cut off, only TOPIC_PREFIX/status says so"`

	Entities map[string]Entity `yaml:"entities" doc:"changes to single values, by key"`
	Options  any               `yaml:"options" doc:"the driver's own options"`

	Control string           `yaml:"control" doc:"which settings may be written: none, those that can do no harm, or all but the few for the command line" oneof:"off safe full"`
	Limits  map[string]Limit `yaml:"limits" doc:"narrower limits for settings, by key"`
	DryRun  bool             `yaml:"dry_run" doc:"whether a write goes its whole way but for the write itself"`
	Arm     bool             `yaml:"arm" doc:"whether writes wait for the switch \"Allow writes\", which is off after each start"`
	Writes  Writes           `yaml:"writes" doc:"how often may be written: memory in the device wears out"`
	Raw     []string         `yaml:"raw" doc:"raw commands that MQTT may send: regular expressions, each for the whole command; none = none"`
	Clock   Clock            `yaml:"clock" doc:"the device's own clock"`

	Spec *drivers.Driver `yaml:"-"` // the driver of that name; Options is what its Config makes, decoded
	Line int             `yaml:"-"` // where it stands in the file
	Form bool            `yaml:"-"` // it stands in the form of the add-on's options instead
}

// Interval is a duration that may be absent: then the driver's own default holds, and D has it. Zero is a choice of its own.
type Interval struct {
	Set bool
	D   time.Duration
}

// Entity changes one value: published = read * Scale + Offset.
type Entity struct {
	Scale    float64  `yaml:"scale" doc:"factor"`
	Offset   float64  `yaml:"offset" doc:"added after the factor"`
	Disabled *bool    `yaml:"disabled" doc:"off (true) or on (false) by default in Home Assistant"`
	Min      *float64 `yaml:"min" doc:"below this a reading is not believed"`
	Max      *float64 `yaml:"max" doc:"above this a reading is not believed"`
}

// Port is where a device is plugged in.
type Port struct {
	Text    string     // to show: as written, without credentials
	Kind    link.Kind  // "" for sim and for a recording: then Sim or Replay is set
	Address string     // /dev/ttyUSB0, 0665:5161, usb-1.3, host:port, http://host/path, the I2C bus 1; of a recording its path
	Params  url.Values // baud, parity, stop, echo; of a simulation baud, seed; nil: none written
	Sim     bool
	Replay  bool
}

// MarshalText is the port as written.
func (p Port) MarshalText() ([]byte, error) { return []byte(p.Text), nil }

func newConfig() *Config {
	return &Config{
		MQTT:     MQTT{URL: URLs{{Scheme: "mqtt", Host: "127.0.0.1:1883"}}, DiscoveryPrefix: "homeassistant", TopicPrefix: "sunwire"},
		HTTP:     HTTP{Listen: "127.0.0.1:8099"},
		Log:      Log{Level: "info", Format: "auto"},
		StateDir: "/var/lib/sunwire", UpdateCheck: true,
	}
}

// asAddOn: the page listens on every address, and lets in Home Assistant's ingress and its own machine only.
func (c *Config) asAddOn() { c.HTTP.Listen, c.StateDir, c.UpdateCheck = ":8099", "/data", false }

// defaulter is what is made anew for each entry of a list or map, and does not begin at zero.
type defaulter interface{ setDefaults() }

func (d *Device) setDefaults() {
	d.Identity, d.Control = "serial", Off
	d.Writes = Writes{PerSetting: 50, PerDevice: 100, Pause: 10 * time.Second}
	d.Clock = Clock{Sync: Off, Threshold: time.Minute}
}
func (e *Entity) setDefaults() { e.Scale = 1 }
