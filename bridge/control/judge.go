package control

import (
	"fmt"
	"math"

	"sunwire/drivers"
)

// judge decides about a command: it may be written where the outcome is "". later: what stands in its way passes. w is locked.
func (w *Writer) judge(c Command, v View) (write Write, outcome Outcome, reason error, later bool) {
	write = Write{Command: c}
	s, err := w.find(c, v)
	if err != nil {
		return write, Refused, err, false
	}
	if err := v.ready(); err != nil {
		return write, Refused, err, true
	}
	if c.Key != Raw {
		if outcome, reason, later = w.fit(&write, s, v); outcome != "" {
			return write, outcome, reason, later
		}
	}
	if err := w.spare(c, v.Now); err != nil {
		return write, Refused, err, true
	}
	return write, "", nil, false
}

// find is the setting that c means, or why it may not be written whatever it is set to. w is locked.
func (w *Writer) find(c Command, v View) (s Seen, err error) {
	if c.Key == Raw && c.Unit == "" {
		return s, w.mayRaw(c, v)
	}
	s, has := v.Look(c.Unit, c.Key)
	if !has {
		return s, fmt.Errorf("there is no %s at %s; sunwire settings show %s lists its settings", path(c.Unit, c.Key), w.cfg.ID, w.cfg.ID)
	}
	return s, w.may(c, s.Entity, v)
}

// fit fills in what is to be written, and says what speaks against it. w is locked.
func (w *Writer) fit(write *Write, s Seen, v View) (outcome Outcome, reason error, later bool) {
	c, button, clock := write.Command, s.Entity.Platform == drivers.Button, write.Key == ClockKey
	if !button && !v.current(s) {
		return Refused, fmt.Errorf("what %s is at present is not known", c.Key), true
	}
	write.Entity, write.Old = s.Entity, s.text()
	set, err := w.parse(c.Value, s, v, c.Unit)
	if err != nil {
		return Refused, err, false
	}
	write.Set = set
	same := !button && !clock && equal(s.Entity, s.Value, set)
	if clock {
		off, known := offset(c.Unit, v)
		same = known && math.Abs(off) <= exact
	}
	switch {
	case same:
		w.follow(*write, Skipped, v.Now)
		return Skipped, nil, false
	case c.For != 0 && (button || clock || c.For < shortest || c.For > furthest):
		return Refused, fmt.Errorf("%s cannot be set for %v: settings can, for 1m to 168h", c.Key, c.For), false
	}
	return "", nil, false
}

// may says why c may not write e; nil where it may. w is locked.
func (w *Writer) may(c Command, e *drivers.Entity, v View) error {
	if err := Allowed(&w.cfg, e); err != nil {
		return err
	}
	switch {
	case !w.armed && c.Source != Schedule: // the way back was allowed with the way there
		return errOff
	case e.Setting.Risk == drivers.CLIOnly && c.Source != CLI:
		return fmt.Errorf("%s is for the command line only: sunwire set %s %s VALUE --serial SERIAL", c.Key, w.cfg.ID, c.Key)
	case e.Setting.Risk == drivers.CLIOnly && (c.Serial != v.Confirm || v.Confirm == ""):
		return fmt.Errorf("%s can do harm: confirm it by --serial with the device's serial number", c.Key)
	}
	return nil
}

// mayRaw is the same for a raw command. w is locked.
func (w *Writer) mayRaw(c Command, v View) error {
	listed := Listed(&w.cfg, c.Value)
	switch {
	case c.Source == CLI && c.Serial != "" && c.Serial == v.Confirm:
		return nil
	case c.Source == CLI && !listed:
		return fmt.Errorf("%q is not on the list raw of the configuration: confirm it by --serial with the device's serial number", c.Value)
	case !listed:
		return fmt.Errorf("%q is not on the list raw of the configuration", c.Value)
	case !w.armed:
		return errOff
	}
	return nil
}
