package discovery_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sunwire/discovery"
	"sunwire/discovery/discoverytest"
	"sunwire/drivers"
)

var options = discovery.Options{
	TopicPrefix: "sunwire", DiscoveryPrefix: "homeassistant", Version: "1.2.3", SupportURL: "https://example.org/sunwire",
	PageURL: "http://192.0.2.1:8099/",
}

func device() discovery.Device {
	return discovery.Device{
		ID: "inverter", UID: "voltronic_92931701100510", Name: "Inverter", Area: "Garage",
		Paces: [3]time.Duration{5 * time.Second, time.Minute, time.Hour}, Heartbeat: 45 * time.Second,
	}
}

func descriptor() drivers.Descriptor {
	return drivers.Descriptor{
		Manufacturer: "Voltronic", Model: "PIP-4048", Serial: "92931701100510", Firmware: "00052.30",
		Entities: []drivers.Entity{
			{Key: "mode", Name: "Mode", Platform: drivers.Enum, Options: []string{"Line", "Battery"}},
			{Key: "battery_voltage", Name: "Battery voltage", Quantity: drivers.Voltage.At(2)},
			{Key: "warnings", Name: "Warnings", Platform: drivers.Label, Category: drivers.Diagnostic},
			{Key: "warning_flags", Name: "Warning flags", Platform: drivers.Label, Attribute: "warnings"},
			{Key: "warning_count", Name: "Warning count", Attribute: "warnings"},
			{Key: "problem", Name: "Problem", Platform: drivers.Binary, Quantity: drivers.Problem},
			{Key: "grid_available", Name: "Grid available", Platform: drivers.Binary, Quantity: drivers.PowerPresent},
			{Key: "pv_energy", Name: "PV energy", Quantity: drivers.Energy},
			{Key: "float_voltage", Name: "Float voltage", Quantity: drivers.Voltage, Category: drivers.Config},
			{Key: "rated_power", Name: "Rated power", Quantity: drivers.Power, Category: drivers.Diagnostic, Disabled: true},
			{Key: "reset", Name: "Reset", Platform: drivers.Button},
			{Key: "output_priority", Name: "Output priority", Platform: drivers.Enum, Options: []string{"Solar"}, Setting: &drivers.Setting{Options: []string{"Solar"}}},
			{Key: "charger", Name: "Charger connected", Platform: drivers.Binary, Quantity: drivers.Connectivity},
			{Key: "net_power", Name: "Net power", Quantity: drivers.Power}, // in no query: computed
		},
		Queries: []drivers.Query{
			{Name: "live", Pace: drivers.Live, Keys: []string{"mode", "battery_voltage", "grid_available", "pv_energy"}},
			{Name: "warnings", Pace: drivers.Slow, Keys: []string{"warnings", "warning_flags", "warning_count", "problem", "float_voltage", "mode", "output_priority", "charger"}},
			{Name: "ratings", Pace: drivers.Once, Keys: []string{"rated_power"}},
		},
	}
}

var extra = []drivers.Entity{
	{Key: "link", Name: "Link", Platform: drivers.Binary, Quantity: drivers.Connectivity, Category: drivers.Diagnostic},
	{Key: "poll_time", Name: "Poll time", Quantity: drivers.Milliseconds, Category: drivers.Diagnostic},
}

type payload struct {
	Dev   map[string]any
	O     map[string]any
	StatT string `json:"stat_t"`
	Avty  []map[string]string
	Mode  string `json:"avty_mode"`
	Cmps  map[string]map[string]any
}

func parse(t *testing.T, m discovery.Message) (p payload) {
	t.Helper()
	if err := json.Unmarshal(m.Payload, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func one(t *testing.T, dev discovery.Device, d drivers.Descriptor) payload {
	t.Helper()
	messages, _ := discovery.Announce(dev, d, extra, nil, options)
	if len(messages) != 1 {
		t.Fatalf("%d messages, want 1", len(messages))
	}
	discoverytest.Check(t, messages[0].Payload)
	return parse(t, messages[0])
}

func TestADeviceIsAnnouncedUnderItsUID(t *testing.T) {
	messages, _ := discovery.Announce(device(), descriptor(), extra, nil, options)
	m := messages[0]
	if m.Topic != "homeassistant/device/voltronic_92931701100510/config" || !m.Retain {
		t.Errorf("topic %s, retain %v", m.Topic, m.Retain)
	}
	p := parse(t, m)
	want := map[string]any{
		"ids": []any{"voltronic_92931701100510"}, "name": "Inverter", "mf": "Voltronic", "mdl": "PIP-4048", "sn": "92931701100510",
		"sw": "00052.30", "sa": "Garage", "via_device": "sunwire_bridge", "cu": "http://192.0.2.1:8099/",
	}
	if got, want := fmt.Sprint(p.Dev), fmt.Sprint(want); got != want {
		t.Errorf("device block %s\nwant %s", got, want)
	}
	if got := fmt.Sprint(p.O); got != "map[name:sunwire sw:1.2.3 url:https://example.org/sunwire]" {
		t.Errorf("origin %s", got)
	}
	if p.StatT != "sunwire/inverter/state" || p.Mode != "all" || fmt.Sprint(p.Avty) != "[map[t:sunwire/status] map[t:sunwire/inverter/status]]" {
		t.Errorf("state %s, availability %v %s", p.StatT, p.Avty, p.Mode)
	}
}

func TestComponents(t *testing.T) {
	p := one(t, device(), descriptor())
	bridge := []any{map[string]any{"t": "sunwire/status"}}
	for key, want := range map[string]map[string]any{
		"mode": {
			"p": "sensor", "name": "Mode", "uniq_id": "voltronic_92931701100510_mode", "def_ent_id": "sensor.inverter_mode",
			"val_tpl": "{{ value_json.mode }}", "dev_cla": "enum", "ops": []any{"Line", "Battery"}, "exp_aft": 90.0,
		},
		"battery_voltage": {
			"p": "sensor", "name": "Battery voltage", "uniq_id": "voltronic_92931701100510_battery_voltage",
			"def_ent_id": "sensor.inverter_battery_voltage", "val_tpl": "{{ value_json.battery_voltage }}", "dev_cla": "voltage",
			"stat_cla": "measurement", "unit_of_meas": "V", "sug_dsp_prc": 2.0, "exp_aft": 90.0,
		},
		"warnings": {
			"p": "sensor", "name": "Warnings", "uniq_id": "voltronic_92931701100510_warnings", "def_ent_id": "sensor.inverter_warnings",
			"val_tpl": "{{ value_json.warnings }}", "ent_cat": "diagnostic", "exp_aft": 180.0, "json_attr_t": "sunwire/inverter/state",
			"json_attr_tpl": "{{ {'warning_flags': value_json.warning_flags, 'warning_count': value_json.warning_count} | tojson }}",
		},
		"problem": {
			"p": "binary_sensor", "name": "Problem", "uniq_id": "voltronic_92931701100510_problem",
			"def_ent_id": "binary_sensor.inverter_problem", "val_tpl": "{{ value_json.problem }}", "dev_cla": "problem", "avty": bridge,
		},
		"grid_available": {
			"p": "binary_sensor", "name": "Grid available", "uniq_id": "voltronic_92931701100510_grid_available",
			"def_ent_id": "binary_sensor.inverter_grid_available", "val_tpl": "{{ value_json.grid_available }}", "dev_cla": "power", "exp_aft": 90.0,
		},
		"pv_energy": {
			"p": "sensor", "name": "PV energy", "uniq_id": "voltronic_92931701100510_pv_energy", "def_ent_id": "sensor.inverter_pv_energy",
			"val_tpl": "{{ value_json.pv_energy }}", "dev_cla": "energy", "stat_cla": "total_increasing", "unit_of_meas": "kWh",
			"sug_dsp_prc": 3.0, "avty": bridge,
		},
		"float_voltage": {
			"p": "sensor", "name": "Float voltage", "uniq_id": "voltronic_92931701100510_float_voltage",
			"def_ent_id": "sensor.inverter_float_voltage", "val_tpl": "{{ value_json.float_voltage }}", "dev_cla": "voltage",
			"stat_cla": "measurement", "unit_of_meas": "V", "sug_dsp_prc": 1.0, "ent_cat": "diagnostic",
		},
		"output_priority": {
			"p": "sensor", "name": "Output priority", "uniq_id": "voltronic_92931701100510_output_priority",
			"def_ent_id": "sensor.inverter_output_priority", "val_tpl": "{{ value_json.output_priority }}", "dev_cla": "enum",
			"ops": []any{"Solar"}, "ent_cat": "diagnostic",
		},
		"charger": {
			"p": "binary_sensor", "name": "Charger connected", "uniq_id": "voltronic_92931701100510_charger",
			"def_ent_id": "binary_sensor.inverter_charger", "val_tpl": "{{ value_json.charger }}", "dev_cla": "connectivity", "avty": bridge,
		},
		"rated_power": {
			"p": "sensor", "name": "Rated power", "uniq_id": "voltronic_92931701100510_rated_power",
			"def_ent_id": "sensor.inverter_rated_power", "val_tpl": "{{ value_json.rated_power }}", "dev_cla": "power",
			"stat_cla": "measurement", "unit_of_meas": "W", "sug_dsp_prc": 0.0, "ent_cat": "diagnostic", "en": false,
		},
		"net_power": {
			"p": "sensor", "name": "Net power", "uniq_id": "voltronic_92931701100510_net_power", "def_ent_id": "sensor.inverter_net_power",
			"val_tpl": "{{ value_json.net_power }}", "dev_cla": "power", "stat_cla": "measurement", "unit_of_meas": "W", "sug_dsp_prc": 0.0, "exp_aft": 90.0,
		},
		"link": {
			"p": "binary_sensor", "name": "Link", "uniq_id": "voltronic_92931701100510_link", "def_ent_id": "binary_sensor.inverter_link",
			"val_tpl": "{{ value_json.link }}", "dev_cla": "connectivity", "ent_cat": "diagnostic", "avty": bridge,
		},
		"poll_time": {
			"p": "sensor", "name": "Poll time", "uniq_id": "voltronic_92931701100510_poll_time", "def_ent_id": "sensor.inverter_poll_time",
			"val_tpl": "{{ value_json.poll_time }}", "dev_cla": "duration", "stat_cla": "measurement", "unit_of_meas": "ms",
			"sug_dsp_prc": 0.0, "ent_cat": "diagnostic", "avty": bridge,
		},
	} {
		if got := fmt.Sprint(p.Cmps[key]); got != fmt.Sprint(want) {
			t.Errorf("%s\n got %v\nwant %v", key, got, fmt.Sprint(want))
		}
	}
	if len(p.Cmps) != 13 {
		t.Errorf("%d components, want 13: neither attributes nor buttons", len(p.Cmps))
	}
}

func TestExpiryIsNeverShorterThanAMinuteNorThanTwoHeartbeats(t *testing.T) {
	for _, c := range []struct {
		live, heartbeat time.Duration
		want            float64
	}{{0, 0, 60}, {10 * time.Second, 0, 60}, {30 * time.Second, time.Second, 90}, {time.Second, time.Minute, 120}, {20500 * time.Millisecond, 0, 62}} {
		dev := device()
		dev.Paces[drivers.Live], dev.Heartbeat = c.live, c.heartbeat
		if got := one(t, dev, descriptor()).Cmps["battery_voltage"]["exp_aft"]; got != c.want {
			t.Errorf("interval %v, heartbeat %v: expires after %v s, want %v", c.live, c.heartbeat, got, c.want)
		}
	}
}

func TestTheConfigurationSwitchesEntitiesOnAndOff(t *testing.T) {
	dev := device()
	dev.Disabled = map[string]bool{"rated_power": false, "mode": true, "reset": true}
	p := one(t, dev, descriptor())
	if _, there := p.Cmps["rated_power"]["en"]; there || p.Cmps["mode"]["en"] != false {
		t.Errorf("rated_power %v, mode %v", p.Cmps["rated_power"]["en"], p.Cmps["mode"]["en"])
	}
}

func TestAUnitIsADeviceBehindTheOneThatReportsIt(t *testing.T) {
	d := descriptor()
	d.Units = []drivers.Descriptor{
		{Unit: "module_2", Entities: []drivers.Entity{{Key: "voltage", Name: "Voltage", Quantity: drivers.Voltage}}},
		{Unit: "peer", Serial: "555", Entities: []drivers.Entity{{Key: "voltage", Name: "Voltage", Quantity: drivers.Voltage}}},
		{Unit: "bare"},
	}
	dev := device()
	dev.Units = map[string]string{"peer": "voltronic_555"}
	messages, now := discovery.Announce(dev, d, extra, nil, options)
	if len(messages) != 3 || len(now) != 3 {
		t.Fatalf("%d messages, %d announced", len(messages), len(now))
	}
	for i, want := range []struct{ uid, path, object string }{
		{"voltronic_92931701100510_module_2", "sunwire/inverter/module_2", "inverter_module_2"}, {"voltronic_555", "sunwire/inverter/peer", "inverter_peer"},
	} {
		m := messages[i+1]
		discoverytest.Check(t, m.Payload)
		p := parse(t, m)
		if m.Topic != "homeassistant/device/"+want.uid+"/config" || p.StatT != want.path+"/state" || p.Avty[1]["t"] != want.path+"/status" ||
			p.Dev["via_device"] != "voltronic_92931701100510" || p.Cmps["voltage"]["uniq_id"] != want.uid+"_voltage" ||
			p.Cmps["voltage"]["def_ent_id"] != "sensor."+want.object+"_voltage" {
			t.Errorf("%s: %s", m.Topic, m.Payload)
		}
	}
}

func TestWhatLeavesOrChangesItsPlatformIsRemovedFirst(t *testing.T) {
	_, before := discovery.Announce(device(), descriptor(), extra, nil, options)
	d := descriptor()
	d.Entities = slices.DeleteFunc(d.Entities, func(e drivers.Entity) bool { return e.Key == "mode" })
	for i := range d.Entities {
		if d.Entities[i].Key == "problem" {
			d.Entities[i].Platform, d.Entities[i].Quantity = drivers.Label, drivers.None
		}
	}
	messages, now := discovery.Announce(device(), d, extra, before, options)
	if len(messages) != 2 || messages[0].Retain || !messages[1].Retain {
		t.Fatalf("%d messages", len(messages))
	}
	for _, m := range messages {
		discoverytest.Check(t, m.Payload)
	}
	first, second := parse(t, messages[0]), parse(t, messages[1])
	if fmt.Sprint(first.Cmps["mode"]) != "map[p:sensor]" || fmt.Sprint(first.Cmps["problem"]) != "map[p:binary_sensor]" || len(first.Cmps) != 13 {
		t.Errorf("removal: %v", first.Cmps)
	}
	if second.Cmps["mode"] != nil || second.Cmps["problem"]["p"] != "sensor" {
		t.Errorf("announcement: %v", second.Cmps)
	}
	uid := device().UID
	if _, there := now[uid]["mode"]; there || now[uid]["problem"] != "sensor" || before[uid]["problem"] != "binary_sensor" {
		t.Errorf("announced then %v, before %v", now[uid], before[uid])
	}
	if again, _ := discovery.Announce(device(), d, extra, now, options); len(again) != 1 || !bytes.Equal(again[0].Payload, messages[1].Payload) {
		t.Error("what was removed is removed again, or the payload is not the same twice")
	}
}

func TestADeviceWithNothingLeftIsRemoved(t *testing.T) {
	_, before := discovery.Announce(device(), descriptor(), nil, nil, options)
	messages, now := discovery.Announce(device(), drivers.Descriptor{}, nil, before, options)
	if len(messages) != 1 || len(messages[0].Payload) != 0 || !messages[0].Retain || len(now) != 0 {
		t.Errorf("%v, announced %v", messages, now)
	}
	if messages, _ := discovery.Announce(device(), drivers.Descriptor{}, nil, now, options); len(messages) != 0 {
		t.Errorf("removed again: %v", messages)
	}
}

func TestAUnitThatIsSilentStaysAnnounced(t *testing.T) {
	d := descriptor()
	d.Units = []drivers.Descriptor{{Unit: "two", Entities: []drivers.Entity{{Key: "voltage", Name: "Voltage", Quantity: drivers.Voltage}}}}
	_, before := discovery.Announce(device(), d, nil, nil, options)
	messages, now := discovery.Announce(device(), descriptor(), nil, before, options)
	if len(messages) != 1 || now["voltronic_92931701100510_two"]["voltage"] != "sensor" {
		t.Errorf("%d messages, announced %v", len(messages), now)
	}
}

func TestADeviceWithoutANameIsCalledByItsID(t *testing.T) {
	dev := device()
	dev.Name = ""
	if got := one(t, dev, descriptor()).Dev["name"]; got != "inverter" {
		t.Errorf("called %q", got)
	}
}

func TestForgettingClearsTheRetainedPayload(t *testing.T) {
	if m := discovery.Forget("voltronic_1", options); m.Topic != "homeassistant/device/voltronic_1/config" || len(m.Payload) != 0 || !m.Retain {
		t.Errorf("%+v", m)
	}
}

func TestTheBridgeHangsOnItsOwnStatusAlone(t *testing.T) {
	o := options
	o.TopicPrefix = "shed"
	messages, now := discovery.Bridge("Sunwire", extra, nil, o)
	discoverytest.Check(t, messages[0].Payload)
	p := parse(t, messages[0])
	if messages[0].Topic != "homeassistant/device/shed_bridge/config" || p.StatT != "shed/bridge/state" || fmt.Sprint(p.Avty) != "[map[t:shed/status]]" ||
		p.Dev["via_device"] != nil || p.Cmps["link"]["def_ent_id"] != "binary_sensor.shed_link" || p.Cmps["link"]["uniq_id"] != "shed_bridge_link" ||
		p.Cmps["poll_time"]["exp_aft"] != nil || p.Cmps["poll_time"]["avty"] != nil || now["shed_bridge"]["link"] != "binary_sensor" {
		t.Errorf("%s: %s", messages[0].Topic, messages[0].Payload)
	}
}

func TestAnUpdateIsMadeOfItsAttributesWithoutThoseNotKnown(t *testing.T) {
	update := []drivers.Entity{
		{Key: "update", Name: "Update", Platform: drivers.Update, Category: drivers.Diagnostic},
		{Key: "installed_version", Platform: drivers.Label, Attribute: "update"},
		{Key: "latest_version", Platform: drivers.Label, Attribute: "update"},
	}
	messages, now := discovery.Bridge("Sunwire", update, nil, options)
	discoverytest.Check(t, messages[0].Payload)
	c := parse(t, messages[0]).Cmps["update"]
	want := "{{ dict({'installed_version': value_json.installed_version, 'latest_version': value_json.latest_version}.items() | rejectattr(1, 'none')) | tojson }}"
	if c["p"] != "update" || c["val_tpl"] != want || c["json_attr_t"] != nil || c["ent_cat"] != "diagnostic" || now["sunwire_bridge"]["update"] != "update" {
		t.Errorf("%v, announced %v", c, now)
	}
}

func TestADescriptorWithoutQueriesExpiresAtTheLivePace(t *testing.T) {
	d := descriptor()
	d.Queries = nil
	if got := one(t, device(), d).Cmps["warnings"]["exp_aft"]; got != 90.0 {
		t.Errorf("expires after %v s, want 90", got)
	}
}

func TestTheSameInputGivesTheSameBytes(t *testing.T) {
	first, _ := discovery.Announce(device(), descriptor(), extra, nil, options)
	for range 20 {
		if again, _ := discovery.Announce(device(), descriptor(), extra, nil, options); !bytes.Equal(first[0].Payload, again[0].Payload) {
			t.Fatal("two payloads differ")
		}
	}
	if strings.Contains(string(first[0].Payload), `""`) {
		t.Errorf("an empty text in %s", first[0].Payload)
	}
}

func BenchmarkAnnounceNinetyEntities(b *testing.B) {
	d := drivers.Descriptor{}
	for i := range 90 {
		d.Entities = append(d.Entities, drivers.Entity{Key: fmt.Sprintf("voltage_%d", i), Name: "Voltage", Quantity: drivers.Voltage})
	}
	for b.Loop() {
		discovery.Announce(device(), d, extra, nil, options)
	}
}
