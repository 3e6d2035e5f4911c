package bridge

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sunwire/bridge/config"
	"sunwire/bridge/store"
	"sunwire/drivers"
)

func TestAHousesSensorIsReadOnTheMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(13*time.Second + 400*time.Millisecond)
		b := &bench{took: 300 * time.Millisecond, class: drivers.Climate}
		b.run(t, 4*time.Minute, time.Minute, time.Hour, quiet(), "house")
		at := b.times("houseL1")
		if len(at) < 4 {
			t.Fatalf("asked at %v", at)
		}
		for _, d := range at[1:] {
			if off := b.start.Add(d).Truncate(time.Minute); b.start.Add(d).Sub(off) > 400*time.Millisecond {
				t.Errorf("asked at %v, which is not the full minute", b.start.Add(d))
			}
		}
		if at[0] > time.Second {
			t.Errorf("the first values wait for the full minute: %v", at[0])
		}
	})
}

func TestAClockThatIsAMomentBehindDoesNotAskTwice(t *testing.T) {
	minute := time.Date(2026, 6, 1, 12, 1, 0, 0, time.UTC)
	for _, c := range []struct{ now, want time.Time }{
		{minute.Add(-400 * time.Microsecond), minute.Add(time.Minute)},
		{minute, minute.Add(time.Minute)},
		{minute.Add(time.Second), minute.Add(time.Minute)},
		{minute.Add(-20 * time.Second), minute},
	} {
		if got := onTheClock(c.now, time.Minute); !got.Equal(c.want) {
			t.Errorf("at %v the next is %v, want %v", c.now, got, c.want)
		}
	}
	if got := onTheClock(minute, 0); !got.Equal(minute) {
		t.Errorf("as fast as it goes is at %v", got)
	}
}

// sampledHouse is read every 5 s and published every minute.
func sampledHouse() (d *device, read func(at time.Time, celsius float64)) {
	spec := &drivers.Driver{Name: "fake", Class: drivers.Climate, Paces: [3]time.Duration{time.Minute, time.Hour, 24 * time.Hour}}
	desc := drivers.Descriptor{
		Entities: []drivers.Entity{{Key: "temperature", Name: "Temperature", Quantity: drivers.Temperature, Min: -40, Max: 85}},
		Queries:  []drivers.Query{{Name: "live", Keys: []string{"temperature"}}},
	}
	d = newDevice(config.Device{ID: "house", Spec: spec, Samples: 5 * time.Second}, store.Device{ID: "house"}, false)
	_, _ = d.meet(desc, "sunwire", func(string) string { return "house" })
	d.link.up = true
	return d, func(at time.Time, celsius float64) {
		d.take(desc.Queries[0], []drivers.Reading{{Sample: drivers.Sample{{Key: "temperature", Value: drivers.Num(celsius)}}}}, at)
	}
}

func TestASampledDeviceIsPublishedOnceAnIntervalWithItsAggregates(t *testing.T) {
	d, read := sampledHouse()
	minute := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	var sent time.Time
	var published []string
	for s := -12; s <= 120; s += 5 { // the samples lie 2 s before the full minute
		at := minute.Add(time.Duration(s)*time.Second - time.Second)
		read(at, 20+float64(s)/10)
		if !d.held(sent, at) {
			published = append(published, at.Format("05")+string(d.units[0].document(nil, at)))
			sent = at
		}
	}
	want := []string{
		`47{"temperature":18.8,"temperature_mean":null,"temperature_minimum":null,"temperature_maximum":null,"temperature_deviation":null}`,
		`02{"temperature":20.3,"temperature_mean":19.6,"temperature_minimum":18.8,"temperature_maximum":20.3,"temperature_deviation":0.65}`,
		`02{"temperature":26.3,"temperature_mean":23.6,"temperature_minimum":20.8,"temperature_maximum":26.3,"temperature_deviation":1.80}`,
	}
	if len(published) < 2 || !slices.Equal(published, want) {
		t.Errorf("published\n%s\nwant\n%s", strings.Join(published, "\n"), strings.Join(want, "\n"))
	}
}

func TestASampledDeviceThatFallsSilentIsNotHeldBack(t *testing.T) {
	d, read := sampledHouse()
	at := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	read(at, 20)
	if !d.held(at, at.Add(30*time.Second)) {
		t.Error("it speaks between two publications")
	}
	if d.held(at, at.Add(2*time.Minute)) {
		t.Error("two minutes of silence are held back")
	}
	d.link.up = false
	if d.held(at, at.Add(time.Second)) {
		t.Error("the loss of its link is held back")
	}
}
