// Package status is what a person or a program sees of a running sunwire over HTTP: a minimal page, the same as JSON and as a stream,
// health and metrics. It only reads.
package status

import (
	"context"
	"encoding/json"
	"time"
)

// Source is the running bridge.
type Source interface {
	// Snapshot is a consistent view; it is cheap and never waits for a device or the broker.
	Snapshot() Snapshot
	// Changes sends after something changed, and is closed with ctx. A slow reader misses signals, never the last one.
	Changes(ctx context.Context) <-chan struct{}
}

// Snapshot is the state of everything, as /api/devices gives it. Schema is 1; a field may be added, none is renamed or removed.
type Snapshot struct {
	Schema    int       `json:"schema"`
	Timestamp time.Time `json:"timestamp"`
	Version   string    `json:"version"`
	Host      string    `json:"host"`
	Started   time.Time `json:"started"`
	Broker    Broker    `json:"broker"`
	Devices   []Device  `json:"devices"`
	Problems  []string  `json:"problems"`        // for people: what is wrong, and the mend
	Notes     []string  `json:"notes,omitempty"` // for people: what is right, but worth knowing
}

// Broker is the connection to MQTT and to Home Assistant behind it.
type Broker struct {
	URL           string    `json:"url"` // without credentials
	Connected     bool      `json:"connected"`
	Since         time.Time `json:"since,omitzero"`
	Error         string    `json:"error,omitempty"`
	HomeAssistant bool      `json:"home_assistant"` // somebody takes our discovery messages
	Announced     int       `json:"announced"`      // devices announced on this connection
	Published     uint64    `json:"published"`      // messages since start
}

// Device is one configured device.
type Device struct {
	ID           string            `json:"id"`
	Name         string            `json:"name"`
	Driver       string            `json:"driver"`
	Variant      string            `json:"variant,omitempty"` // the dialect that the driver found out, and by what
	Port         string            `json:"port"`
	UID          string            `json:"uid,omitempty"`
	Manufacturer string            `json:"manufacturer,omitempty"`
	Model        string            `json:"model,omitempty"`
	Serial       string            `json:"serial,omitempty"`
	Firmware     string            `json:"firmware,omitempty"`
	Online       bool              `json:"online"`
	LastUpdate   time.Time         `json:"last_update,omitzero"` // last answer to a live query
	Critical     bool              `json:"critical"`
	MaxAge       time.Duration     `json:"-"`
	Link         Link              `json:"link"`
	LastError    string            `json:"last_error,omitempty"`
	LastErrorAt  time.Time         `json:"last_error_at,omitzero"`
	Polls        uint64            `json:"polls"`
	Failures     map[string]uint64 `json:"failures"`          // by reason: no_reply, frame, lost, unsupported, refused, implausible, identity, other
	SuccessRatio float64           `json:"success_ratio"`     // of the last hundred polls, 0 to 1
	PollTime     time.Duration     `json:"-"`                 // the last live poll, request to reply
	Values       []Value           `json:"values"`            // in the device's own order
	Units        []Unit            `json:"units,omitempty"`   // devices that this one reports
	Members      []Member          `json:"members,omitempty"` // of a group: what it is made of
}

// Member is a device that a group is made of, or a unit of one.
type Member struct {
	ID      string `json:"id"` // as configured: of a unit ID/UNIT
	Name    string `json:"name"`
	Missing string `json:"missing,omitempty"` // why it does not count at present; "": it does
}

// Unit is a device that another one reports.
type Unit struct {
	Unit   string  `json:"unit"`
	Serial string  `json:"serial,omitempty"`
	Values []Value `json:"values"`
}

// Link is the cable.
type Link struct {
	Up    bool      `json:"up"`
	Since time.Time `json:"since,omitzero"`
	Error string    `json:"error,omitempty"`
}

// Value is one value as published.
type Value struct {
	Key         string          `json:"key"`
	Name        string          `json:"name"`
	Value       json.RawMessage `json:"value"` // number, text, "ON"/"OFF", or null when not known or too old
	Unit        string          `json:"unit,omitempty"`
	DeviceClass string          `json:"device_class,omitempty"`
	StateClass  string          `json:"state_class,omitempty"`
	Category    string          `json:"category,omitempty"` // "" or diagnostic
	Updated     time.Time       `json:"updated,omitzero"`
	Note        string          `json:"note,omitempty"` // scale or offset of the configuration
}

// healthy reports whether d is fresh enough at now.
func (d *Device) healthy(now time.Time) bool {
	return !d.LastUpdate.IsZero() && now.Sub(d.LastUpdate) <= d.MaxAge
}
