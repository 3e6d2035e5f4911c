package control

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"sunwire/bridge/config"
	"sunwire/discovery"
	"sunwire/drivers"
)

// longest is the most characters of a text that Home Assistant can show.
const longest = 255

// Allowed says why cfg does not let e be written at all; nil where it does.
func Allowed(cfg *config.Device, e *drivers.Entity) error {
	f := cfg.Entities[e.Key]
	switch {
	case cfg.Control == config.Off:
		return fmt.Errorf("control is off for %s: write control: safe or control: full in the configuration", cfg.ID)
	case e.Setting == nil:
		return fmt.Errorf("%s is no setting", e.Key)
	case e.Setting.Risk != drivers.Safe && cfg.Control != config.Full:
		return fmt.Errorf("%s needs control: full", e.Key)
	case f.Scale != 0 && f.Scale != 1 || f.Offset != 0:
		return fmt.Errorf("%s has a scale or offset in entities, so that what is shown is not what the device takes: remove it", e.Key)
	}
	return nil
}

// Listed reports whether the user lets that raw command through.
func Listed(cfg *config.Device, command string) bool {
	return cfg.Control != config.Off && slices.ContainsFunc(cfg.Raw, func(form string) bool {
		p, err := config.Pattern(form)
		return err == nil && p.MatchString(command)
	})
}

// Offer is the form in which Home Assistant gets a setting to change, ok false where it stays a mere reading. What the device has now is
// always within: a state that does not fit its own entity is an error there. first is what the setting was at first contact.
func Offer(cfg *config.Device, e *drivers.Entity, first string, now drivers.Value) (c discovery.Control, ok bool) {
	if Allowed(cfg, e) != nil || e.Setting.Risk == drivers.CLIOnly || e.Key == ClockKey || e.Attribute != "" {
		return c, false
	}
	switch e.Platform {
	case drivers.Button:
		return discovery.Control{Platform: "button"}, true
	case drivers.Binary:
		return discovery.Control{Platform: "switch"}, true
	case drivers.Label:
		return discovery.Control{Platform: "text"}, true
	case drivers.Enum:
		text := now.Format(0)
		if !slices.Contains(e.Options, text) { // such as unknown (7), which is no state either
			text = ""
		}
		return choice(options(e), text), true
	case drivers.Sensor:
		lo, hi, err := span(cfg, e, first)
		if err != nil {
			return c, false
		}
		if len(e.Setting.Options) > 0 {
			return choice(within(e, lo, hi), now.Format(e.Quantity.Decimals)), true
		}
		if f, is := now.Float(); is {
			lo, hi = min(lo, f), max(hi, f)
		}
		return discovery.Control{Platform: "number", Min: lo, Max: hi, Step: step(e)}, hi > lo
	default:
		return c, false
	}
}

func choice(options []string, now string) (c discovery.Control) {
	if now != "" && !slices.Contains(options, now) {
		options = append(slices.Clone(options), now)
	}
	return discovery.Control{Platform: "select", Options: options}
}

// options are what this unit takes, of all that its kind does.
func options(e *drivers.Entity) []string {
	if len(e.Setting.Options) > 0 {
		return e.Setting.Options
	}
	return e.Options
}

// within are the numbers that this unit takes, as they are published, without those beyond the limits.
func within(e *drivers.Entity, lo, hi float64) (texts []string) {
	for _, o := range e.Setting.Options {
		if f, err := strconv.ParseFloat(o, 64); err == nil && f >= lo && f <= hi {
			texts = append(texts, drivers.Num(f).Format(e.Quantity.Decimals))
		}
	}
	return texts
}

func step(e *drivers.Entity) float64 {
	if e.Setting.Step > 0 {
		return e.Setting.Step
	}
	return math.Pow10(-e.Quantity.Decimals)
}

// span is between what a number may be set, as far as that does not hang on other settings: the unit's own limits and the user's. What is
// safe is so only up to a limit that somebody chose: the user, or whoever made the setting that was found at first contact.
func span(cfg *config.Device, e *drivers.Entity, first string) (lo, hi float64, err error) {
	s := e.Setting
	switch lo, hi = s.Min, s.Max; {
	case lo != 0 || hi != 0:
	case len(s.Options) > 0:
		lo, hi = math.Inf(-1), math.Inf(1)
	case s.MinKey != "" && s.MaxKey != "":
		lo, hi = e.Min, e.Max
	default:
		return 0, 0, fmt.Errorf("the limits of %s are not known yet", e.Key)
	}
	l := cfg.Limits[e.Key]
	if l.Min != nil {
		lo = max(lo, *l.Min)
	}
	switch {
	case l.Max != nil:
		hi = min(hi, *l.Max)
	case cfg.Control == config.Safe:
		f, err := strconv.ParseFloat(first, 64)
		if err != nil {
			return 0, 0, fmt.Errorf("what %s was at first contact is not known yet, and limits has no max for it", e.Key)
		}
		hi = min(hi, f)
	}
	return lo, hi, nil
}

// parse makes the value that text means for a setting, or says why it cannot be one.
func (w *Writer) parse(text string, s Seen, v View, unit string) (drivers.Value, error) {
	e := s.Entity
	switch e.Platform {
	case drivers.Button:
		if text != "PRESS" && text != "" {
			return drivers.Value{}, fmt.Errorf("%q does not press a button; send PRESS", text)
		}
		return drivers.Value{}, nil
	case drivers.Binary:
		switch strings.ToUpper(text) {
		case "ON":
			return drivers.Bool(true), nil
		case "OFF":
			return drivers.Bool(false), nil
		}
		return drivers.Value{}, fmt.Errorf("%q is neither ON nor OFF", text)
	case drivers.Enum:
		if !slices.Contains(options(e), text) {
			return drivers.Value{}, fmt.Errorf("%q is none of: %q", text, options(e))
		}
		return drivers.Text(text), nil
	case drivers.Label:
		if e.Key == ClockKey {
			return clockValue(text, v)
		}
		if text == "" || utf8.RuneCountInString(text) > longest || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
			return drivers.Value{}, fmt.Errorf("%q is not a text of 1 to %d characters in one line", text, longest)
		}
		return drivers.Text(text), nil
	case drivers.Sensor:
		return w.number(text, s, v, unit)
	default:
		return drivers.Value{}, fmt.Errorf("%s takes no value", e.Key)
	}
}

func (w *Writer) number(text string, s Seen, v View, unit string) (drivers.Value, error) {
	e := s.Entity
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) || strings.ContainsAny(text, "xXpP_") {
		return drivers.Value{}, fmt.Errorf("%q is not a number", text)
	}
	lo, hi, err := span(&w.cfg, e, s.First)
	if err != nil {
		return drivers.Value{}, err
	}
	if lo, err = bound(lo, e.Setting.MinKey, v, unit, math.Max); err != nil {
		return drivers.Value{}, err
	}
	if hi, err = bound(hi, e.Setting.MaxKey, v, unit, math.Min); err != nil {
		return drivers.Value{}, err
	}
	show := func(f float64) string { return drivers.Num(f).Format(e.Quantity.Decimals) }
	switch {
	case f < lo:
		return drivers.Value{}, fmt.Errorf("%s is below %s, the least that %s may be set to", text, show(lo), e.Key)
	case f > hi:
		return drivers.Value{}, fmt.Errorf("%s is above %s, the most that %s may be set to", text, show(hi), e.Key)
	case len(e.Setting.Options) > 0:
		if !slices.ContainsFunc(e.Setting.Options, func(o string) bool { n, err := strconv.ParseFloat(o, 64); return err == nil && n == f }) {
			return drivers.Value{}, fmt.Errorf("%s is none of: %s", text, strings.Join(e.Setting.Options, ", "))
		}
		return drivers.Num(f), nil
	}
	by := step(e)
	n := (f - e.Setting.Min) / by
	if math.Abs(n-math.Round(n)) > 1e-6 {
		return drivers.Value{}, fmt.Errorf("%s is not in steps of %s", text, strconv.FormatFloat(by, 'g', -1, 64))
	}
	return drivers.Num(f), nil
}

// bound narrows a limit by the present value of another setting.
func bound(limit float64, key string, v View, unit string, narrow func(a, b float64) float64) (float64, error) {
	if key == "" {
		return limit, nil
	}
	other, ok := v.Look(unit, key)
	f, is := other.Value.Float()
	if !ok || !is || !v.current(other) {
		return 0, fmt.Errorf("it hangs on %s, which is not known at present", key)
	}
	return narrow(limit, f), nil
}

// equal reports whether the device shows what was wanted.
func equal(e *drivers.Entity, a, b drivers.Value) bool {
	x, isX := a.Float()
	y, isY := b.Float()
	if isX && isY {
		return math.Abs(x-y) < 0.5*math.Pow10(-e.Quantity.Decimals)
	}
	return a == b
}

// current reports that s was read since the link was opened, and is not too old.
func (v View) current(s Seen) bool { return !s.Value.Absent() && !s.At.Before(v.Linked) }

// ready says why nothing may be written at present.
func (v View) ready() error {
	if v.Linked.IsZero() {
		return errNoLink
	}
	if wait := settle - v.Now.Sub(v.Linked); wait > 0 {
		return fmt.Errorf("the link has just been opened: nothing is written for another %v", wait.Round(time.Second))
	}
	if !v.Present {
		return errSilent
	}
	if mode, has := v.Look("", modeKey); has && !v.current(mode) {
		return errMode
	}
	return nil
}
