package bridge

import (
	"slices"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/link"
)

// longest is the most characters that Home Assistant takes as a state.
const longest = 255

// noError is said where nothing is wrong: not "None", which Home Assistant reads as unknown.
const noError = "No error"

// Diagnostics are the values that the bridge adds to each device. They hang on the bridge alone: they have something to say while the
// device is silent. One more belongs to a device whose link is that of a radio.
func Diagnostics(kind link.Kind) []drivers.Entity {
	es := []drivers.Entity{
		{Key: "link", Name: "Link", Platform: drivers.Binary, Quantity: drivers.Connectivity, Category: drivers.Diagnostic},
		{Key: "last_error", Name: "Last error", Platform: drivers.Label, Category: drivers.Diagnostic},
		{Key: "poll_time", Name: "Poll time", Quantity: drivers.Milliseconds, Category: drivers.Diagnostic, Disabled: true},
		{Key: "success_ratio", Name: "Successful polls", Quantity: drivers.Percent, Category: drivers.Diagnostic},
	}
	if kind == link.BLE {
		es = append(es, drivers.Entity{Key: "bluetooth_signal", Name: "Bluetooth signal", Quantity: drivers.SignalStrength, Category: drivers.Diagnostic})
	}
	return es
}

// document appends the unit's state as one JSON object: every key at every time, null where nothing is known or what is known is old.
func (u *unit) document(b []byte, now time.Time) []byte {
	b = append(b, '{')
	for _, i := range u.shown {
		c := &u.Cells[i]
		b = appendKey(b, c.Entity.Key)
		b = u.state(&c.Entity, c.Known(now)).AppendJSON(b, c.Entity.Quantity.Decimals)
	}
	return append(b, '}')
}

// state is v as Home Assistant takes it: no option it was not told of, no text that is too long.
func (u *unit) state(e *drivers.Entity, v drivers.Value) drivers.Value {
	t, ok := v.Text()
	switch {
	case u.offers[e.Key].Platform == "select" && !slices.Contains(u.offers[e.Key].Options, v.Format(e.Quantity.Decimals)):
		return drivers.Value{}
	case !ok:
		return v
	case e.Platform == drivers.Enum && !slices.Contains(e.Options, t):
		return drivers.Value{}
	case len(t) > longest && e.Attribute == "":
		return drivers.Text(clip(t))
	}
	return v
}

// clip cuts a text between two characters so that it fits a state.
func clip(t string) string {
	r := []rune(t)
	if len(r) <= longest {
		return t
	}
	return string(r[:longest-1]) + "…"
}

// withDiagnostics adds the bridge's own values to the document of the device itself. d is locked.
func (d *device) withDiagnostics(b []byte, now time.Time) []byte {
	if d.group != nil {
		return d.group.withDiagnostics(b, d)
	}
	f := d.health.figures(now)
	b = b[:len(b)-1]
	b = appendKey(b, "link")
	b = drivers.Bool(d.link.up).AppendJSON(b, 0)
	b = appendKey(b, "last_error")
	b = drivers.Text(clip(d.trouble())).AppendJSON(b, 0)
	var ms, ratio drivers.Value
	if f.known {
		ms, ratio = drivers.Num(float64(f.pollTime.Milliseconds())), drivers.Num(100*f.ratio)
	}
	b = appendKey(b, "poll_time")
	b = ms.AppendJSON(b, 0)
	b = appendKey(b, "success_ratio")
	b = ratio.AppendJSON(b, 0)
	if d.cfg.Port.Kind == link.BLE {
		var dBm drivers.Value
		if d.online && f.rssi != 0 {
			dBm = drivers.Num(float64(f.rssi))
		}
		b = appendKey(b, "bluetooth_signal")
		b = dBm.AppendJSON(b, 0)
	}
	return append(b, '}')
}

// missing: it was never seen, and should have been by now. It has no entity that could say so. d is locked.
func (d *device) missing(now time.Time) bool {
	return !d.settled && !d.link.since.IsZero() && now.Sub(d.link.since) > d.grace()
}

// trouble is what is wrong with the device at present, in words. d is locked.
func (d *device) trouble() string {
	switch {
	case d.problem != "":
		return d.problem
	case d.link.err != "":
		return d.link.err
	case (!d.online || d.silent) && d.health.lastError != "":
		return d.health.lastError
	}
	return noError
}

func appendKey(b []byte, key string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	b = append(b, '"')
	b = append(b, key...)
	return append(b, '"', ':')
}
