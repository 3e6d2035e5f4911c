// Package control decides what is written to a device: nothing that the user did not ask for, nothing out of bounds, nothing twice, nothing
// too often, and never without looking what came of it. It does no I/O: the bridge hands it commands and what is known of the device, takes
// the writes that are due, and tells what the device answered.
package control

import (
	"time"

	"sunwire/drivers"
)

// Source is who asked for a write.
type Source string

// The sources.
const (
	MQTT     Source = "mqtt"
	CLI      Source = "cli"
	Clock    Source = "clock"    // the automatic setting of the clock
	Schedule Source = "schedule" // the end of a timed setting
)

// Keys that are no setting of any device.
const (
	AllowWrites = "allow_writes" // the switch, where the user wants one
	SyncClock   = "sync_clock"   // the button
	Raw         = "raw"          // a raw command
	ClockKey    = "clock"        // the device's local time, as drivers declare it
	OffsetKey   = "clock_offset" // derived from it
	modeKey     = "mode"
)

// Command is one wish.
type Command struct {
	Unit, Key string
	Value     string        // as the user wrote it; of Raw the command itself
	For       time.Duration // afterwards the setting goes back to what it was; 0: for good
	Source    Source
	Serial    string       // typed on the command line, to confirm
	Done      func(Result) // called once, in whatever goroutine; it must not wait. nil: nobody waits
	at        time.Time    // when it was asked for
}

// Outcome is what came of a command.
type Outcome string

// The outcomes.
const (
	Done         Outcome = "done"         // acknowledged, and read back
	Skipped      Outcome = "skipped"      // the setting has that value already
	Refused      Outcome = "refused"      // by sunwire: nothing was sent
	Rejected     Outcome = "rejected"     // by the device
	Failed       Outcome = "failed"       // no answer: the value read back is the old one, or unknown
	Contradicted Outcome = "contradicted" // acknowledged, but another value was read back
	Unconfirmed  Outcome = "unconfirmed"  // acknowledged but not read back, or the other way round
	DryRun       Outcome = "dry_run"      // everything but the write
)

// Outcomes are all of them.
func Outcomes() []string {
	return []string{
		string(Done), string(Skipped), string(Refused), string(Rejected), string(Failed), string(Contradicted), string(Unconfirmed), string(DryRun),
	}
}

// Result is a command and what came of it, as it is published.
type Result struct {
	Time   time.Time `json:"time"`
	Device string    `json:"device"`
	Unit   string    `json:"unit,omitempty"`
	Key    string    `json:"key"`
	Source Source    `json:"source"`
	Old    string    `json:"old,omitempty"` // missing: not known
	New    string    `json:"new"`           // as asked for
	Now    string    `json:"now,omitempty"` // as read back; missing: not read
	Result Outcome   `json:"result"`
	Reason string    `json:"reason,omitempty"`
	Until  time.Time `json:"until,omitzero"`  // of a timed setting: when it goes back
	Reply  string    `json:"reply,omitempty"` // of a raw command
}

// Setting is a setting as the command line shows it.
type Setting struct {
	Unit     string   `json:"unit,omitempty"`
	Key      string   `json:"key"`
	Name     string   `json:"name"`
	Value    string   `json:"value"` // "": not known
	First    string   `json:"first"` // when the device was first met
	Measured string   `json:"unit_of_measurement,omitempty"`
	Options  []string `json:"options,omitempty"`
	Min      float64  `json:"min,omitempty"`
	Max      float64  `json:"max,omitempty"`
	Writable string   `json:"writable"` // "yes", "with --serial", or why not
}

// View is what is known of the device at a moment.
type View struct {
	Now     time.Time
	Confirm string        // what is typed to confirm: the serial number, or the uid where there is none
	Present bool          // it answers, and it is the one that is meant
	Linked  time.Time     // since when the link is open; zero: it is not
	Delay   time.Duration // how long a request is on its way
	Look    func(unit, key string) (Seen, bool)
}

// Seen is what is known of one value.
type Seen struct {
	Entity *drivers.Entity
	Value  drivers.Value // absent: not known, or too old
	At     time.Time     // when it was read
	First  string        // what it was when the device was first met; "": not known
}

func (s Seen) text() string { return s.Value.Format(s.Entity.Quantity.Decimals) }

// State is what must survive a restart. Its maps are never changed: a new one takes their place.
type State struct {
	Day   string           `json:"day,omitempty"` // local date that the counts are of
	Total int              `json:"total,omitempty"`
	Wrote map[string]Wrote `json:"wrote,omitempty"` // by unit/key
	Timed map[string]Timed `json:"timed,omitempty"` // by unit/key
	Clock time.Time        `json:"clock,omitzero"`  // when the clock was last set by itself
}

// Wrote counts the writes of one setting on State.Day.
type Wrote struct {
	Count int       `json:"count"`
	Last  time.Time `json:"last"`
}

// Timed is a setting that is to go back.
type Timed struct {
	Unit  string    `json:"unit,omitempty"`
	Key   string    `json:"key"`
	Set   string    `json:"set"` // while it lasts
	Back  string    `json:"back"`
	Until time.Time `json:"until"`
}

// path names a setting within its device.
func path(unit, key string) string {
	if unit == "" {
		return key
	}
	return unit + "/" + key
}
