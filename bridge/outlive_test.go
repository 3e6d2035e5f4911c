package bridge

import (
	"strings"
	"testing"
	"time"

	"sunwire/bridge/config"
	"sunwire/bridge/store"
	"sunwire/drivers"
)

// forecaster is a device whose query gives what outlives its silence, and what does not.
func forecaster(at time.Time) (d *device, ask func(now time.Time)) {
	desc := drivers.Descriptor{
		Entities: []drivers.Entity{{Key: "rest", Quantity: drivers.ExpectedEnergy}, {Key: "today", Quantity: drivers.ExpectedEnergy}},
		Queries:  []drivers.Query{{Name: "solar", Keys: []string{"rest", "today"}}},
	}
	spec := &drivers.Driver{Name: "fake", Paces: [3]time.Duration{10 * time.Minute, time.Hour, 24 * time.Hour}}
	d = newDevice(config.Device{ID: "weather", Spec: spec, MaxAge: 15 * time.Minute}, store.Device{ID: "weather"}, false)
	_, _ = d.meet(desc, "sunwire", func(string) string { return "weather" })
	midnight := at.Add(2 * time.Hour)
	return d, func(now time.Time) {
		d.take(desc.Queries[0], []drivers.Reading{
			{Sample: drivers.Sample{{Key: "rest", Value: drivers.Num(3)}}},
			{Sample: drivers.Sample{{Key: "today", Value: drivers.Num(20)}}, Until: midnight},
		}, now)
	}
}

func TestTheLastForecastOutlivesAnOutageUntilItsDayEnds(t *testing.T) {
	at := time.Date(2026, 6, 1, 22, 0, 0, 0, time.UTC)
	d, ask := forecaster(at)
	ask(at)
	d.health.fail("no_reply", "nobody answers", at)
	for _, c := range []struct {
		after  time.Duration
		online bool
		says   string
	}{
		{5 * time.Minute, true, `"rest":3.00,"today":20.00`},
		{40 * time.Minute, true, `"rest":null,"today":20.00`},
		{119 * time.Minute, true, `"rest":null,"today":20.00`},
		{121 * time.Minute, false, `"rest":null,"today":null`},
	} {
		now := at.Add(c.after)
		d.age(now)
		doc := string(d.withDiagnostics(d.units[0].document(nil, now), now))
		if d.online != c.online || !strings.Contains(doc, c.says) {
			t.Errorf("%v after the last answer: online %v, %s; want %v, %s", c.after, d.online, doc, c.online, c.says)
		}
		if said := strings.Contains(doc, "nobody answers"); said != (c.after > 15*time.Minute) {
			t.Errorf("%v after the last answer the document says %s", c.after, doc)
		}
	}
	ask(at.Add(125 * time.Minute))
	d.age(at.Add(125 * time.Minute))
	if !d.online || strings.Contains(string(d.withDiagnostics([]byte("{}"), at)), "nobody answers") {
		t.Error("it is back, and does not look so")
	}
}

func TestWhatOutlivesAnOutageIsNotHealthyForIt(t *testing.T) {
	at := time.Date(2026, 6, 1, 22, 0, 0, 0, time.UTC)
	d, ask := forecaster(at)
	ask(at)
	d.age(at.Add(time.Hour))
	s := d.snapshot(at.Add(time.Hour))
	if !s.Online || !s.LastUpdate.Equal(at) || s.MaxAge != 15*time.Minute {
		t.Errorf("online %v, last update %v: the page must show it, and its age", s.Online, s.LastUpdate)
	}
}

func TestADeviceThatWasNeverSeenIsAProblemOfTheBridge(t *testing.T) {
	now := time.Now()
	d := newDevice(config.Device{ID: "pantry", Spec: &drivers.Driver{Name: "fake", Paces: [3]time.Duration{time.Minute}}}, store.Device{}, false)
	if d.missing(now) {
		t.Error("before its line was opened")
	}
	d.setLink(true, now, nil)
	if d.missing(now.Add(d.grace())) || !d.missing(now.Add(d.grace()+time.Second)) {
		t.Error("it is missing when it could not have answered yet, or never")
	}
	if d.settled = true; d.missing(now.Add(time.Hour)) {
		t.Error("one that was seen has entities of its own, which say so")
	}
}
