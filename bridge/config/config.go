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

// Config is a whole configuration, defaults filled in and checked. The tag doc is the text of the generated reference.
type Config struct {
	MQTT     MQTT     `yaml:"mqtt" doc:"the broker"`
	HTTP     HTTP     `yaml:"http" doc:"the status page"`
	Log      Log      `yaml:"log" doc:"what sunwire says of itself"`
	StateDir string   `yaml:"state_dir" doc:"folder for what must survive a power cut"`
	Devices  []Device `yaml:"devices" doc:"what to read; may be empty"`
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
}

// URLs is one address or a list of them.
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

// LogValue hides the secret.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// HTTP is the status page.
type HTTP struct {
	Listen   string `yaml:"listen" doc:"address of the page; \"\" = none; beyond loopback it needs a password"`
	Password Secret `yaml:"password" doc:"asked for by the page (any user name)"`
}

// Log is what sunwire says of itself, and where.
type Log struct {
	Level  string `yaml:"level" doc:"debug, info, warn or error"`
	Format string `yaml:"format" doc:"auto (coloured on a terminal), text or json"`
	File   string `yaml:"file" doc:"a file instead of standard error: rotated at 10 MB, five kept, reopened on SIGHUP"`
}

// Device is one device to read.
type Device struct {
	ID       string            `yaml:"id" doc:"name in topics and entity ids: a-z, 0-9 and _, a letter first"`
	Name     string            `yaml:"name" doc:"what Home Assistant shows; default: the id"`
	Area     string            `yaml:"area" doc:"suggested area in Home Assistant"`
	Driver   string            `yaml:"driver" doc:"one of sunwire drivers"`
	Port     Port              `yaml:"port" doc:"serial:/dev/ttyUSB0?baud=2400, hid:0665:5161, tcp://host:port, i2c:1/0x76, sim:"`
	Address  uint16            `yaml:"address" doc:"the device's own address on a shared line; 0 = none"`
	Interval Interval          `yaml:"interval" doc:"start to start of the live queries; 0s: as fast as the wire gives"`
	Slow     Interval          `yaml:"slow" doc:"the same for settings and warnings"`
	MaxAge   time.Duration     `yaml:"max_age" doc:"older values make the device unhealthy; default 5 intervals, 60s at least"`
	Gap      time.Duration     `yaml:"gap" doc:"least pause between two requests; default none"`
	Critical bool              `yaml:"critical" doc:"whether /health turns 503 when this device is unhealthy"`
	Identity string            `yaml:"identity" doc:"serial (default) or id: what the entities' unique ids are made of"`
	Topics   string            `yaml:"topics" doc:"plain numbers besides, such as house/{key}"`
	Retain   bool              `yaml:"retain" doc:"whether those plain topics are retained"`
	Entities map[string]Entity `yaml:"entities" doc:"changes to single values, by key"`
	Options  any               `yaml:"options" doc:"the driver's own options"`

	Spec *drivers.Driver `yaml:"-"` // the driver of that name; Options is what its Config makes, decoded
	Line int             `yaml:"-"` // where it stands in the file
}

// Interval is a duration that may be absent: then the driver's own default holds. Zero is a choice of its own.
type Interval struct {
	Set bool
	D   time.Duration
}

// Entity changes one value: published = read * Scale + Offset.
type Entity struct {
	Scale    float64  `yaml:"scale" doc:"factor, default 1"`
	Offset   float64  `yaml:"offset" doc:"added after the factor"`
	Disabled *bool    `yaml:"disabled" doc:"off (true) or on (false) by default in Home Assistant"`
	Min      *float64 `yaml:"min" doc:"below this a reading is not believed"`
	Max      *float64 `yaml:"max" doc:"above this a reading is not believed"`
}

// Port is where a device is plugged in.
type Port struct {
	Text    string    // as written
	Kind    link.Kind // "" for sim and for a recording: then Sim or Replay is set
	Address string    // /dev/ttyUSB0, 0665:5161, host:port, 1/0x76
	Params  url.Values
	Sim     bool
	Replay  bool // Address is the recording's path
}
