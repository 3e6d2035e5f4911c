package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"
)

// The words of Device.Control and Clock.Sync.
const (
	Off  = "off"
	Safe = "safe"
	Full = "full"
	Auto = "auto"
)

// Limit narrows what a setting may be set to.
type Limit struct {
	Min *float64 `yaml:"min" doc:"less is not written"`
	Max *float64 `yaml:"max" doc:"more is not written"`
}

// Writes is how often may be written, by local day.
type Writes struct {
	PerSetting int           `yaml:"per_setting" doc:"writes of one setting a day"`
	PerDevice  int           `yaml:"per_device" doc:"writes to the device a day"`
	Pause      time.Duration `yaml:"pause" doc:"least time between two writes of one setting"`
}

// Clock is what is done about a device's clock.
type Clock struct {
	Sync      string        `yaml:"sync" doc:"auto: it is set when it is wrong, once a day at most; needs control" oneof:"off auto"`
	Threshold time.Duration `yaml:"threshold" doc:"how wrong it may be before that"`
}

// checkControl checks what may be written to a device.
func (d *decoder) checkControl(at string, dev *Device) {
	for _, key := range slices.Sorted(maps.Keys(dev.Limits)) {
		l, here := dev.Limits[key], at+".limits."+key
		switch {
		case !keyForm.MatchString(key):
			d.fail(here, "%q is not the key of a setting: a-z, 0-9 and _, as in max_charge_current", key)
		case l.Min != nil && l.Max != nil && *l.Min > *l.Max:
			d.fail(here+".min", "%s is above max, %s; change one", d.quote(here+".min"), d.quote(here+".max"))
		}
	}
	for _, n := range []struct {
		key   string
		value int
	}{{"per_setting", dev.Writes.PerSetting}, {"per_device", dev.Writes.PerDevice}} {
		if key := at + ".writes." + n.key; n.value < 1 && !d.failed(key) {
			d.fail(key, "%s is less than one; write control: off to have nothing written", d.quote(key))
		}
	}
	for _, t := range []struct {
		key string
		d   time.Duration
	}{{"writes.pause", dev.Writes.Pause}, {"clock.threshold", dev.Clock.Threshold}} {
		if key := at + "." + t.key; (t.d < time.Second || t.d > longest) && !d.failed(key) {
			d.fail(key, "%s is not between a second and a week; write 10s, 2m or 1h", d.quote(key))
		}
	}
	for i, form := range dev.Raw {
		key := path(at+".raw", i)
		if d.at[key] == nil { // a list of one, written without its brackets
			key = at + ".raw"
		}
		if _, err := Pattern(form); err != nil || form == "" {
			d.fail(key, "%s is not a regular expression; write a command as it is sent, such as QPIGS", d.quote(key))
		}
	}
	if dev.Control != Off {
		return
	}
	switch {
	case len(dev.Raw) > 0:
		d.fail(at+".raw", "needs control: safe or control: full; without it nothing is sent to the device")
	case dev.Clock.Sync == Auto:
		d.fail(at+".clock.sync", "needs control: safe or control: full; without it nothing is written to the device")
	}
}

// Pattern makes a regular expression that fits whole commands only.
func Pattern(form string) (*regexp.Regexp, error) {
	if _, err := regexp.Compile(form); err != nil { // by itself: "a)(b" becomes right in brackets
		return nil, err
	}
	p, err := regexp.Compile(`^(?:` + form + `)$`)
	if err != nil {
		return nil, fmt.Errorf("regular expression %q: %w", form, err)
	}
	return p, nil
}
