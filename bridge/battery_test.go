package bridge

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sunwire/bridge/control"
	"sunwire/discovery/discoverytest"
	"sunwire/drivers/link"
)

// settle waits until the settings are published, and lets the time pass that nothing is written after a start.
func (w *world) settle(b *Bridge) {
	w.t.Helper()
	for _, d := range b.devices() {
		w.until("settings of "+d.cfg.ID, func() bool { return w.value(d.cfg.ID, "charge_switch") == "ON" })
		d.mu.Lock()
		d.link.since = d.link.since.Add(-time.Minute)
		d.mu.Unlock()
	}
}

func TestABatteryOfWhichNothingMayBeWrittenHasNoControl(t *testing.T) {
	w := newWorld(t)
	b, _ := w.run(w.dir, "\ndevices:\n  - {id: one, driver: jk_pb, port: \"sim:\", interval: 100ms, slow: 200ms}\n", nil)
	w.settle(b)
	w.until("discovery of the settings", func() bool {
		text, _ := w.heard(configTopic("jk_31213480085"))
		return strings.Contains(text, "balancer_enabled")
	})
	text, _ := w.heard(configTopic("jk_31213480085"))
	discoverytest.Check(t, []byte(text))
	for key, c := range components(t, text) {
		if c["cmd_t"] != nil || c["ent_cat"] == "config" {
			t.Errorf("%s: %v", key, c)
		}
	}
	if c := components(t, text)["charge_switch"]; c["p"] != "binary_sensor" {
		t.Errorf("charge_switch: %v", c)
	}
}

func TestOfABatteryOnlyTheSwitchesAreSafe(t *testing.T) {
	w := newWorld(t)
	port := serve(t, rack{packs: []link.Simulator{pb("3121348008501", 20, 1), pb("3121348008502", 70, 2)}})
	b, _ := w.run(w.dir, fmt.Sprintf(`
devices:
  - {id: one, driver: jk_pb, port: %q, address: 1, interval: 200ms, slow: 200ms, control: safe}
  - {id: two, driver: jk_pb, port: %q, address: 2, interval: 200ms, slow: 200ms, control: safe}
`, port, port), nil)
	w.settle(b)
	const uid = "jk_3121348008501"
	w.until("the switches", func() bool {
		text, _ := w.heard(configTopic(uid))
		return strings.Contains(text, "balancer_enabled/set")
	})
	text, _ := w.heard(configTopic(uid))
	discoverytest.Check(t, []byte(text))
	controls := map[string]any{}
	for key, c := range components(t, text) {
		if c["cmd_t"] != nil {
			controls[key] = c["p"]
		}
	}
	if fmt.Sprint(controls) != "map[balancer_enabled:switch charge_switch:switch discharge_switch:switch]" {
		t.Errorf("offered: %v", controls)
	}
	if got := w.ask("one/charge_switch/set", "OFF"); got.Result != control.Done || got.Old != "ON" || got.Now != "OFF" {
		t.Errorf("%+v", got)
	}
	if got := w.ask("one/cell_overvoltage_protection/set", "3.6"); got.Result != control.Refused {
		t.Errorf("%+v", got)
	}
	w.until("the other pack is as it was", func() bool {
		return w.value("one", "charge_switch") == "OFF" && w.value("two", "charge_switch") == "ON"
	})
}

func TestLimitsOfABatteryAreHeldAgainstEachOther(t *testing.T) {
	w := newWorld(t)
	b, _ := w.run(w.dir, "\ndevices:\n  - {id: one, driver: jk_pb, port: \"sim:\", interval: 100ms, slow: 200ms, control: full}\n", nil)
	w.settle(b)
	for _, c := range []struct {
		key, value string
		want       control.Outcome
	}{
		{"cell_overvoltage_protection", "3.6", control.Done},
		{"cell_overvoltage_protection", "3.4", control.Refused}, // it recovers at 3.498
		{"cell_undervoltage_protection", "2.8", control.Refused},
		{"max_charge_current", "601", control.Refused},
		{"charge_undertemperature_protection", "-12.5", control.Done},
	} {
		d := b.devices()[0]
		d.writer.Forget() // the pause between two writes
		if got := w.ask("one/"+c.key+"/set", c.value); got.Result != c.want {
			t.Errorf("%s to %s: %+v", c.key, c.value, got)
		}
	}
	w.until("the device's truth", func() bool { return w.value("one", "cell_overvoltage_protection") == 3.6 })
}
