package control

import (
	"errors"
	"math"
	"time"

	"sunwire/bridge/config"
	"sunwire/drivers"
)

const (
	now       = "now"                 // the one value that a clock is set to
	layout    = "2006-01-02T15:04:05" // as a driver gets it: local time
	exact     = 2.0                   // s: a clock that is so right needs no setting
	near      = 10.0                  // s: what a clock may be off that has just been set, with the time until it was read back
	firstYear = 2026                  // a clock that shows less was never set
	clockEach = 24 * time.Hour        // between two settings of a clock by itself
)

var errUnset = errors.New("this machine's own clock is not set")

// clockValue is the time that a device is to show once the request has reached it.
func clockValue(text string, v View) (drivers.Value, error) {
	if text != now {
		return drivers.Value{}, errors.New("a clock can only be set to now")
	}
	if v.Now.Year() < firstYear {
		return drivers.Value{}, errUnset
	}
	return drivers.Text(v.Now.Add(v.Delay).Round(time.Second).Format(layout)), nil
}

// offset is by how many seconds the device's clock is ahead of ours.
func offset(unit string, v View) (seconds float64, ok bool) {
	s, has := v.Look(unit, OffsetKey)
	if !has || !v.current(s) {
		return 0, false
	}
	return s.Value.Float()
}

// syncClock asks for the clock to be set where that is wanted, needed, and not done within the last day. w is locked.
func (w *Writer) syncClock(v View) *Command {
	off, known := offset("", v)
	if w.cfg.Clock.Sync != config.Auto || !known || math.Abs(off) < w.cfg.Clock.Threshold.Seconds() || v.Now.Sub(w.state.Clock) < clockEach || v.Now.Year() < firstYear {
		return nil
	}
	return &Command{Key: ClockKey, Value: now, Source: Clock}
}
