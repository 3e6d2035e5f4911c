package discovery_test

import (
	"fmt"
	"testing"

	"sunwire/discovery"
	"sunwire/discovery/discoverytest"
	"sunwire/drivers"
)

// settings is a device with one setting of each kind, and what may be written of it.
func settings() (discovery.Device, drivers.Descriptor) {
	some := &drivers.Setting{}
	d := drivers.Descriptor{
		Serial: "92931701100510",
		Entities: []drivers.Entity{
			{Key: "output_source_priority", Name: "Output source priority", Platform: drivers.Enum, Options: []string{"Solar", "Utility"}, Category: drivers.Config, Setting: some},
			{Key: "max_charge_current", Name: "Maximum charge current", Quantity: drivers.Current.At(0), Category: drivers.Config, Setting: some},
			{Key: "float_voltage", Name: "Float voltage", Quantity: drivers.Voltage, Category: drivers.Config, Setting: some},
			{Key: "buzzer", Name: "Buzzer", Platform: drivers.Binary, Category: drivers.Config, Setting: some},
			{Key: "reset", Name: "Reset", Platform: drivers.Button, Setting: some},
			{Key: "slot", Name: "Time slot", Platform: drivers.Label, Setting: some},
		},
		Queries: []drivers.Query{{
			Name: "ratings", Pace: drivers.Slow, Keys: []string{"output_source_priority", "max_charge_current", "float_voltage", "buzzer", "slot"},
		}},
		Units: []drivers.Descriptor{{Unit: "two", Entities: []drivers.Entity{{Key: "buzzer", Name: "Buzzer", Platform: drivers.Binary, Setting: some}}}},
	}
	dev := device()
	dev.Results = []string{"done", "refused"}
	dev.Controls = map[string]map[string]discovery.Control{
		"": {
			"output_source_priority": {Platform: "select", Options: []string{"Solar", "Utility"}},
			"max_charge_current":     {Platform: "select", Options: []string{"2", "10"}},
			"float_voltage":          {Platform: "number", Min: 48, Max: 58.4, Step: 0.1},
			"buzzer":                 {Platform: "switch"},
			"reset":                  {Platform: "button"},
			"slot":                   {Platform: "text"},
		},
		"two": {"buzzer": {Platform: "switch"}},
	}
	return dev, d
}

func TestASettingIsItsControlWhereItMayBeWritten(t *testing.T) {
	dev, d := settings()
	messages, now := discovery.Announce(dev, d, nil, nil, options)
	for _, m := range messages {
		discoverytest.Check(t, m.Payload)
	}
	p := parse(t, messages[0])
	for key, want := range map[string]map[string]any{
		"output_source_priority": {"p": "select", "ops": []any{"Solar", "Utility"}, "val_tpl": "{{ value_json.output_source_priority }}"},
		"max_charge_current":     {"p": "select", "ops": []any{"2", "10"}, "val_tpl": "{{ value_json.max_charge_current }}"},
		"float_voltage": {
			"p": "number", "min": 48.0, "max": 58.4, "step": 0.1, "mode": "box", "dev_cla": "voltage", "unit_of_meas": "V",
			"val_tpl": "{{ value_json.float_voltage }}",
		},
		"buzzer": {"p": "switch", "val_tpl": "{{ value_json.buzzer }}"},
		"reset":  {"p": "button"},
		"slot":   {"p": "text", "val_tpl": "{{ value_json.slot }}"},
	} {
		for _, e := range d.Entities {
			if e.Key == key {
				want["name"] = e.Name
			}
		}
		want["uniq_id"], want["def_ent_id"] = dev.UID+"_"+key, fmt.Sprintf("%s.inverter_%s", want["p"], key)
		want["cmd_t"], want["ent_cat"] = "sunwire/inverter/"+key+"/set", "config"
		if got := fmt.Sprint(p.Cmps[key]); got != fmt.Sprint(want) {
			t.Errorf("%s\n got %v\nwant %v", key, got, fmt.Sprint(want))
		}
	}
	if e := p.Cmps["write"]; e["p"] != "event" || e["stat_t"] != "sunwire/inverter/event" || fmt.Sprint(e["evt_typ"]) != "[done refused]" || len(p.Cmps) != 7 {
		t.Errorf("%d components, event %v", len(p.Cmps), e)
	}
	if u := parse(t, messages[1]).Cmps["buzzer"]; u["cmd_t"] != "sunwire/inverter/two/buzzer/set" {
		t.Errorf("of a unit: %v", u)
	}

	dev.Controls, dev.Results = nil, nil // control: off again
	messages, _ = discovery.Announce(dev, d, nil, now, options)
	for _, m := range messages {
		discoverytest.Check(t, m.Payload)
	}
	gone, left := parse(t, messages[0]), parse(t, messages[1])
	if fmt.Sprint(gone.Cmps["buzzer"]) != "map[p:switch]" || fmt.Sprint(gone.Cmps["reset"]) != "map[p:button]" || fmt.Sprint(gone.Cmps["write"]) != "map[p:event]" {
		t.Errorf("not removed first: %v", gone.Cmps)
	}
	if left.Cmps["buzzer"]["p"] != "binary_sensor" || left.Cmps["float_voltage"]["p"] != "sensor" || left.Cmps["reset"] != nil || len(left.Cmps) != 5 {
		t.Errorf("afterwards %v", left.Cmps)
	}
	for key, c := range left.Cmps {
		if c["cmd_t"] != nil || c["ent_cat"] != "diagnostic" {
			t.Errorf("%s can still be written: %v", key, c)
		}
	}
}
