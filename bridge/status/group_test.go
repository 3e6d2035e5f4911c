package status

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// withBank is a house with a group of two packs, of which the second one is missing for that reason; "": none is.
func withBank(why string) *house {
	now := time.Now()
	h := twoDevices(now)
	bank := Device{
		ID: "battery_bank", Name: "Battery bank", Driver: "group", UID: "sunwire_battery_bank", Manufacturer: "sunwire", Model: "Battery bank of 2", Online: true,
		LastUpdate: now.Add(-4 * time.Second), MaxAge: time.Minute, Link: Link{Up: true}, Failures: map[string]uint64{"no_reply": 0},
		Values:  []Value{num("voltage", "Voltage", "52.50", "V", "voltage", "measurement", "")},
		Members: []Member{{ID: "left", Name: "Left"}, {ID: "right", Name: "Right", Missing: why}},
	}
	if why != "" {
		bank.Values[0].Value, bank.LastError = json.RawMessage("null"), "Right: "+why
	}
	h.snap.Devices = append(h.snap.Devices, bank)
	return h
}

func TestAGroupShowsItsMembers(t *testing.T) {
	whole := get(t, New(withBank(""), Options{}), "/").Body.String()
	for _, want := range []string{"Battery bank of 2", "<span>Left: live</span>", "<span>Right: live</span>", "52.50", "All is well"} {
		if !strings.Contains(whole, want) {
			t.Errorf("no %q on the page", want)
		}
	}
	if strings.Contains(whole, "group on") {
		t.Error("a group is said to be on a port")
	}
	partly := get(t, New(withBank("no answer: it sleeps"), Options{}), "/").Body.String()
	for _, want := range []string{"1 of 2 missing", "<span>Right: no answer: it sleeps</span>"} {
		if !strings.Contains(partly, want) {
			t.Errorf("no %q on the page with one missing", want)
		}
	}
}

func TestAGroupHasNoPortAmongTheMetrics(t *testing.T) {
	text := get(t, New(withBank("no answer"), Options{}), "/metrics").Body.String()
	for _, want := range []string{`sunwire_group_members_missing{device="battery_bank"} 1`, `sunwire_device_online{device="battery_bank"} 1`, `sunwire_link_up{device="house"} 1`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
	for line := range strings.Lines(text) {
		for _, wrong := range []string{"sunwire_link_up", "sunwire_polls_total", "sunwire_failures_total", "sunwire_voltage_volts"} {
			if strings.HasPrefix(line, wrong+"{") && strings.Contains(line, `"battery_bank"`) {
				t.Errorf("there is %s", line)
			}
		}
	}
}

func TestAGroupIsDegradedAndNeverUnhealthy(t *testing.T) {
	h := withBank("no answer")
	h.change(func(s *Snapshot) { s.Devices[2].LastUpdate, s.Devices[2].Online = s.Timestamp.Add(-time.Hour), false })
	w := get(t, New(h, Options{}), "/health")
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"status":"degraded"`) {
		t.Errorf("answered %d: %s", w.Code, w.Body)
	}
	page := get(t, New(h, Options{}), "/").Body.String()
	if !strings.Contains(page, "No values") || strings.Contains(page, "does its cable sit well") {
		t.Error("a group that has no values is said to have a cable")
	}
}
