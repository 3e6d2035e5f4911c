package control

import (
	"reflect"
	"testing"

	"sunwire/bridge/config"
	"sunwire/discovery"
	"sunwire/drivers"
)

func TestHomeAssistantIsOfferedWhatWouldBeWritten(t *testing.T) {
	safe, full := settings(config.Safe), settings(config.Full)
	limited := settings(config.Full)
	limited.Limits = map[string]config.Limit{"charge_current": {Min: new(10.0), Max: new(50.0)}, "grid_current": {Max: new(10.0)}}
	scaled := settings(config.Full)
	scaled.Entities = map[string]config.Entity{"charge_current": {Scale: 0.5}}
	off := settings(config.Off)
	num := drivers.Num
	for _, c := range []struct {
		name  string
		cfg   config.Device
		key   string
		first string
		now   drivers.Value
		want  discovery.Control
	}{
		{"choices of this unit", safe, "priority", "", drivers.Text("SBU"), discovery.Control{Platform: "select", Options: []string{"Solar", "SBU"}}},
		{"and what it has now", safe, "priority", "", drivers.Text("Utility"), discovery.Control{Platform: "select", Options: []string{"Solar", "SBU", "Utility"}}},
		{"on and off", safe, "buzzer", "", drivers.Value{}, discovery.Control{Platform: "switch"}},
		{"button", safe, "beep", "", drivers.Value{}, discovery.Control{Platform: "button"}},
		{"up to what was found", safe, "charge_current", "60", num(50), discovery.Control{Platform: "number", Max: 60, Step: 10}},
		{"and what it has now", safe, "charge_current", "60", num(80), discovery.Control{Platform: "number", Max: 80, Step: 10}},
		{"nothing was found yet", safe, "charge_current", "", num(80), discovery.Control{}},
		{"numbers to choose from", safe, "grid_current", "10", num(2), discovery.Control{Platform: "select", Options: []string{"2", "10"}}},
		{"beyond what is safe", safe, "float", "54", num(54), discovery.Control{}},
		{"all that the unit takes", full, "charge_current", "60", num(50), discovery.Control{Platform: "number", Max: 120, Step: 10}},
		{"within the user's limits", limited, "charge_current", "60", num(50), discovery.Control{Platform: "number", Min: 10, Max: 50, Step: 10}},
		{"choices too", limited, "grid_current", "60", num(2), discovery.Control{Platform: "select", Options: []string{"2", "10"}}},
		{"voltage", full, "float", "", num(54), discovery.Control{Platform: "number", Min: 48, Max: 58.4, Step: 0.1}},
		{"step of its decimals", full, "bulk", "", num(54), discovery.Control{Platform: "number", Min: 48, Max: 58.4, Step: 0.1}},
		{"text", full, "slot", "", drivers.Value{}, discovery.Control{Platform: "text"}},
		{"for the command line", full, "battery_type", "", drivers.Text("AGM"), discovery.Control{}},
		{"the clock has its button", full, "clock", "", drivers.Text("x"), discovery.Control{}},
		{"limits not known", full, "unlimited", "", num(1), discovery.Control{}},
		{"scaled", scaled, "charge_current", "", num(1), discovery.Control{}},
		{"control off", off, "priority", "", drivers.Text("SBU"), discovery.Control{}},
		{"no setting", full, "mode", "", drivers.Text("Line"), discovery.Control{}},
	} {
		if got, ok := Offer(&c.cfg, entities()[c.key], c.first, c.now); !reflect.DeepEqual(got, c.want) && (ok || c.want.Platform != "") || ok != (c.want.Platform != "") {
			t.Errorf("%s: %s is offered as %+v, %t; want %+v", c.name, c.key, got, ok, c.want)
		}
	}
}

func FuzzNoTextGetsPastTheChecks(f *testing.F) {
	for _, s := range []string{"60", "-1", "1e3", "NaN", "0x1p3", "SBU", "ON", "now", "", "6\n0", "9999999999999999999"} {
		f.Add("charge_current", s)
		f.Add("priority", s)
		f.Add("grid_current", s)
	}
	f.Fuzz(func(t *testing.T, key, text string) {
		r := &rig{t: t, silent: map[string]bool{}, values: map[string]drivers.Value{"charge_current": drivers.Num(60)}, first: map[string]string{"charge_current": "60", "grid_current": "10"}}
		r.w = New(settings(config.Safe), State{}, func(State) {}, func(Result) {})
		s, ok := r.view().Look("", key)
		if !ok || s.Entity.Setting == nil {
			return
		}
		v, err := r.w.parse(text, s, r.view(), "")
		if err != nil {
			return
		}
		if n, is := v.Float(); is && (n < s.Entity.Setting.Min || n > 60 || key == "grid_current" && n != 2 && n != 10) {
			t.Errorf("%s: %q became %v", key, text, n)
		}
		if o, is := v.Text(); is && key == "priority" && o != "Solar" && o != "SBU" {
			t.Errorf("%q became %q", text, o)
		}
	})
}
