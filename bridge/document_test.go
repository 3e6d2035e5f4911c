package bridge

import (
	"strings"
	"testing"
	"time"

	"sunwire/bridge/config"
	"sunwire/bridge/store"
	"sunwire/drivers"
	"sunwire/drivers/link"
)

func TestWhatIsNotKnownIsNullInTheDocument(t *testing.T) {
	spec := &drivers.Driver{Name: "fake", Family: "fake", Paces: [3]time.Duration{time.Second, time.Minute, time.Hour}}
	d := newDevice(config.Device{ID: "x", Spec: spec}, store.Device{ID: "x"}, false)
	if _, err := d.meet(usual(), "sunwire", func(string) string { return "x" }); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	queries := usual().Queries
	d.take(queries[0], []drivers.Reading{{Sample: drivers.Sample{{Key: "a", Value: drivers.Num(0)}}}}, at)
	d.take(queries[1], []drivers.Reading{{}}, at) // answered, without a value
	for _, c := range []struct {
		when time.Duration
		want string
	}{{0, `{"a":0,"b":null}`}, {2 * time.Minute, `{"a":null,"b":null}`}} {
		if got := string(d.units[0].document(nil, at.Add(c.when))); got != c.want {
			t.Errorf("after %v: %s, want %s", c.when, got, c.want)
		}
	}
}

func TestARadiosStrengthIsShownWhileItsDeviceAnswers(t *testing.T) {
	spec := &drivers.Driver{Name: "fake", Family: "fake"}
	at := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		kind   link.Kind
		rssi   int
		online bool
		want   string
	}{
		{link.BLE, -71, true, `,"bluetooth_signal":-71}`},
		{link.BLE, -71, false, `,"bluetooth_signal":null}`},
		{link.BLE, 0, true, `,"bluetooth_signal":null}`},
		{link.Serial, -71, true, `"success_ratio":100}`},
	} {
		d := newDevice(config.Device{ID: "x", Spec: spec, Port: config.Port{Kind: c.kind}}, store.Device{ID: "x"}, false)
		d.outcome(true)
		d.heard(c.rssi)
		d.online = c.online
		if got := string(d.withDiagnostics([]byte("{}"), at)); !strings.HasSuffix(got, c.want) {
			t.Errorf("%+v: %s", c, got)
		}
		for _, e := range Diagnostics(c.kind) {
			if got := string(d.withDiagnostics([]byte("{}"), at)); !strings.Contains(got, `"`+e.Key+`":`) {
				t.Errorf("%s is declared, and missing in %s", e.Key, got)
			}
		}
	}
}
