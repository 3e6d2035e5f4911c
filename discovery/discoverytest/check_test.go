package discoverytest

import (
	"strings"
	"testing"
)

const good = `{"dev":{"ids":["family_123"],"name":"Device"},"o":{"name":"sunwire"},"stat_t":"sunwire/dut/state",
"avty":[{"t":"sunwire/status"}],"avty_mode":"all","cmps":{
"power":{"p":"sensor","name":"Power","uniq_id":"family_123_power","def_ent_id":"sensor.dut_power","val_tpl":"{{ value_json.power }}",
"dev_cla":"power","stat_cla":"measurement","unit_of_meas":"W","sug_dsp_prc":0,"exp_aft":60,"ent_cat":"diagnostic"},
"mode":{"p":"sensor","name":"Mode","uniq_id":"family_123_mode","def_ent_id":"sensor.dut_mode","dev_cla":"enum","ops":["Line","Battery"]},
"fault":{"p":"binary_sensor","name":"Fault","uniq_id":"family_123_fault","def_ent_id":"binary_sensor.dut_fault","dev_cla":"problem","en":false},
"limit":{"p":"number","name":"Limit","uniq_id":"family_123_limit","def_ent_id":"number.dut_limit","val_tpl":"{{ value_json.limit }}",
"cmd_t":"sunwire/dut/limit/set","min":2,"max":60,"step":1,"mode":"box","dev_cla":"current","unit_of_meas":"A","ent_cat":"config"},
"priority":{"p":"select","name":"Priority","uniq_id":"family_123_priority","def_ent_id":"select.dut_priority","val_tpl":"{{ value_json.priority }}",
"cmd_t":"sunwire/dut/priority/set","ops":["Solar","SBU"],"ent_cat":"config"},
"gone":{"p":"number"}}}`

func TestAGoodPayloadPasses(t *testing.T) {
	Check(t, []byte(good))
	Check(t, nil)
}

func TestWhatHomeAssistantRefusesIsFound(t *testing.T) {
	h, err := Load(Testdata(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new, want string }{
		{`{"dev"`, `{"foo":1,"dev"`, "unknown key foo"},
		{`"name":"Device"`, `"name":"Device","exp_aft":3`, "unknown key exp"},
		{`"name":"Device"`, `"name":""`, "no name"},
		{`"ids":["family_123"]`, `"ids":[]`, "no identifiers"},
		{`"family_123"]`, `"family 123"]`, "other characters"},
		{`"o":{"name":"sunwire"}`, `"o":{}`, "name is missing"},
		{`"o":{"name":"sunwire"}`, `"o":{"name":"sunwire","mf":"x"}`, "unknown key mf"},
		{`"avty_mode":"all"`, `"avty_mode":"every"`, "not one of"},
		{`"sunwire/status"`, `"sunwire/+"`, "no topic"},
		{`"sunwire/status"`, `""`, "no topic"},
		{`"stat_t":"sunwire/dut/state",`, ``, "state_topic is missing"},
		{`"stat_t":`, `"state_topic":"x","stat_t":`, "twice"},
		{`"dev_cla":"power"`, `"dev_cla":"strength"`, "not one of"},
		{`"dev_cla":"power"`, `"dev_cla":"power","obj_id":"x"`, "unknown key obj_id"},
		{`"dev_cla":"power"`, `"dev_cla":"energy"`, "does not belong to device class energy"},
		{`"dev_cla":"power"`, `"dev_cla":"timestamp"`, "a text has no precision"},
		{`"dev_cla":"power"`, `"dev_cla":"aqi"`, "unit W does not belong"},
		{`"unit_of_meas":"W"`, `"unit_of_meas":"kWh"`, "unit kWh does not belong"},
		{`"unit_of_meas":"W"`, `"unit_of_meas":""`, "an empty unit"},
		{`,"unit_of_meas":"W"`, ``, "unit <nil> does not belong"},
		{`"dev_cla":"power","stat_cla":"measurement","unit_of_meas":"W"`, `"dev_cla":"reactive_power","unit_of_meas":"VAr"`, "is written var"},
		{`"stat_cla":"measurement"`, `"stat_cla":"total"`, "state class total does not belong"},
		{`"stat_cla":"measurement"`, `"stat_cla":"mean"`, "not one of"},
		{`"dev_cla":"power","stat_cla":"measurement"`, `"stat_cla":"measurement_angle"`, "does not belong to state class"},
		{`"sug_dsp_prc":0`, `"sug_dsp_prc":0.5`, "not a small whole number"},
		{`"sug_dsp_prc":0,`, ``, "without precision"},
		{`"exp_aft":60`, `"exp_aft":-1`, "whole number of seconds"},
		{`"ent_cat":"diagnostic"`, `"ent_cat":"config"`, "entity_category config"},
		{`,"ops":["Line","Battery"]`, ``, "go together"},
		{`"dev_cla":"enum",`, ``, "go together"},
		{`"ops":["Line","Battery"]`, `"ops":["Line","Line"]`, "there twice"},
		{`"ops":["Line","Battery"]`, `"ops":["Line",""]`, "empty"},
		{`"dev_cla":"enum"`, `"dev_cla":"enum","stat_cla":"measurement"`, "an enum has no state_class"},
		{`"uniq_id":"family_123_mode",`, ``, "unique_id is missing"},
		{`"uniq_id":"family_123_mode"`, `"uniq_id":"family_123_power"`, "there twice"},
		{`"sensor.dut_mode"`, `"sensor.dut_power"`, "there twice"},
		{`"sensor.dut_mode"`, `"select.dut_mode"`, "another platform"},
		{`"sensor.dut_mode"`, `"sensor.dut_Mode"`, "would be changed"},
		{`"name":"Mode"`, `"name":"Device mode"`, "repeats the device's name"},
		{`"name":"Mode",`, ``, "no name"},
		{`"en":false`, `"en":"no"`, "enabled_by_default"},
		{`"p":"binary_sensor"`, `"p":"binary"`, "unknown platform"},
		{`"dev_cla":"problem"`, `"dev_cla":"trouble"`, "not one of"},
		{`"dev_cla":"problem"`, `"dev_cla":"problem","stat_cla":"measurement"`, "unknown key state_class"},
		{`"min":2,"max":60`, `"min":60,"max":2`, "limits 60 to 2"},
		{`"step":1`, `"step":0`, "in steps of 0"},
		{`"mode":"box"`, `"mode":"dial"`, "not one of"},
		{`"unit_of_meas":"A"`, `"unit_of_meas":"V"`, "does not belong"},
		{`"cmd_t":"sunwire/dut/limit/set",`, ``, "command_topic is missing"},
		{`"step":1`, `"step":1,"opt":true`, "optimistic"},
		{`"val_tpl":"{{ value_json.priority }}",`, ``, "without a state"},
		{`"ops":["Solar","SBU"]`, `"ops":["Solar","Solar"]`, "there twice"},
		{`"ops":["Solar","SBU"]`, `"ops":[]`, "no options"},
		{`"gone"`, `"go ne"`, "other characters"},
		{`"cmps"`, `"components_"`, "no components"},
		{`"gone":{"p":"number"}}}`, `"gone":`, "unexpected end"},
	} {
		bad := strings.Replace(good, c.old, c.new, 1)
		if bad == good {
			t.Fatalf("%s is not in the good payload", c.old)
		}
		var all []string
		for _, err := range h.Check([]byte(bad)) {
			all = append(all, err.Error())
		}
		if !strings.Contains(strings.Join(all, "\n"), c.want) {
			t.Errorf("%s instead of %s: found %q, want %q", c.new, c.old, all, c.want)
		}
	}
}
