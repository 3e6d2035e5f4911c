package pipeline

import (
	"slices"
	"time"

	"sunwire/drivers"
)

// A device's own clock is declared as a Label with this key: local time without a zone, as the device means it. By how much it is wrong is
// for the bridge to tell, for a driver asks no clock.
const (
	clockKey  = "clock"
	offsetKey = "clock_offset"
)

// withOffset is d with clock_offset behind clock; it shares d's slices only where nothing is added.
func withOffset(d drivers.Descriptor) drivers.Descriptor {
	is := func(key string) func(drivers.Entity) bool {
		return func(e drivers.Entity) bool { return e.Key == key && e.Attribute == "" }
	}
	i := slices.IndexFunc(d.Entities, is(clockKey))
	if i < 0 || d.Entities[i].Platform != drivers.Label || slices.ContainsFunc(d.Entities, is(offsetKey)) {
		return d
	}
	d.Entities = slices.Insert(d.Entities, i+1, drivers.Entity{
		Key: offsetKey, Name: "Clock offset", Quantity: drivers.Duration, Category: drivers.Diagnostic, Min: -4e9, Max: 4e9,
	})
	for i, q := range d.Queries {
		if slices.Contains(q.Keys, clockKey) {
			d.Queries[i].Keys = append(slices.Clone(q.Keys), offsetKey)
		}
	}
	return d
}

// tick takes in the time that a device showed at the time at: the clock as it is published, and by how many seconds it is ahead. A device
// tells whole seconds, which have gone by a half on average.
func tick(e *drivers.Entity, v drivers.Value, at time.Time) (clock, offset drivers.Value) {
	text, _ := v.Text()
	for _, layout := range []string{time.DateTime, "2006-01-02T15:04:05", time.RFC3339} {
		t, err := time.ParseInLocation(layout, text, at.Location())
		if err != nil {
			continue
		}
		if e.Quantity == drivers.Timestamp { // Home Assistant wants the zone
			v = drivers.Text(t.Format(time.RFC3339))
		}
		return v, drivers.Num((t.Add(time.Second / 2).Sub(at)).Seconds())
	}
	return drivers.Value{}, drivers.Value{} // a clock that shows no time is not known
}
