package bridge

import (
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sunwire/bridge/config"
	"sunwire/bridge/pipeline"
	"sunwire/bridge/store"
	"sunwire/discovery"
	"sunwire/discovery/discoverytest"
	"sunwire/drivers"
	"sunwire/drivers/all"
	"sunwire/drivers/jbd"
	"sunwire/drivers/jk"
	"sunwire/drivers/link/simulated"
)

var update = flag.Bool("update", false, "write the frozen lists anew")

// jbdPack is what a JBD battery says: of its current, + is charging, as on the wire.
func jbdPack(current, soc, capacity float64) *shown {
	m := &shown{}
	m.set("voltage", drivers.Num(13.2))
	for cell := range 4 {
		m.set(fmt.Sprintf("cell_%02d_voltage", cell+1), drivers.Num(3.3))
	}
	m.set("current", drivers.Num(current))
	m.set("state_of_charge", drivers.Num(soc))
	m.set("design_capacity", drivers.Num(capacity))
	m.set("remaining_capacity", drivers.Num(capacity*soc/100))
	return m
}

// served is a pack on a TCP port of its own, with trouble on request.
func (w *world) served(m *shown) (port string, trouble *simulated.Trouble) {
	w.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	trouble = simulated.NewTrouble(1)
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := (simulated.Line{Trouble: trouble}).ServeTCP(w.t.Context(), listener, jbd.Driver.Simulate(m, 0)); err != nil {
			w.t.Error(err)
		}
	})
	w.t.Cleanup(wg.Wait)
	return "tcp://" + listener.Addr().String(), trouble
}

// documents are all that the group has said.
func (w *world) documents(id string) (docs []map[string]any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range w.all {
		if m.Topic == "sunwire/"+id+"/state" {
			var doc map[string]any
			if err := json.Unmarshal(m.Payload, &doc); err != nil {
				w.t.Errorf("%v: %s", err, m.Payload)
			}
			docs = append(docs, doc)
		}
	}
	return docs
}

const twoPacks = `
devices:
  - {id: left, driver: jbd, port: "%s", interval: 100ms}
  - {id: right, driver: jbd, port: "%s", interval: 100ms}
groups:
  - {id: battery_bank, name: Bank, members: [left, right]}
`

func TestABankLosesAPackAndGetsItBack(t *testing.T) {
	w := newWorld(t)
	one, _ := w.served(jbdPack(10, 80, 100))
	two, trouble := w.served(jbdPack(-4, 20, 300))
	b, _ := w.run(w.dir, fmt.Sprintf(twoPacks, one, two), nil)
	w.until("the sum", func() bool {
		return w.value("battery_bank", "current") == -6.0 && w.value("battery_bank", "lowest_cell_pack") != nil
	})
	for key, want := range map[string]any{
		"voltage": 13.2, "power": -79.0, "state_of_charge": 35.0, "remaining_capacity": 140.0, "lowest_cell_pack": "Left",
		"members_missing": 0.0, "last_error": "No error",
	} {
		if got := w.value("battery_bank", key); got != want {
			t.Errorf("%s is %v, want %v", key, got, want)
		}
	}
	payload, _ := w.heard(configTopic("sunwire_battery_bank"))
	discoverytest.Check(t, []byte(payload))
	doc := w.documents("battery_bank")[0]
	for key := range components(t, payload) {
		if _, has := doc[key]; !has {
			t.Errorf("%s is announced and not in the document", key)
		}
	}
	if !strings.Contains(payload, `"mdl":"Battery bank of 2"`) || components(t, payload)["cycles"] != nil {
		t.Errorf("announced as %s", payload)
	}

	if err := trouble.Set(string(simulated.Silence)); err != nil {
		t.Fatal(err)
	}
	w.until("the silent one is missing", func() bool { return w.value("battery_bank", "members_missing") == 1.0 })
	for key, want := range map[string]any{
		"voltage": nil, "current": nil, "power": nil, "remaining_capacity": nil, "state_of_charge": 80.0, "cell_voltage_min": 3.3,
	} {
		if got := w.value("battery_bank", key); got != want {
			t.Errorf("without the right pack, %s is %v, want %v", key, got, want)
		}
	}
	if text, _ := w.heard("sunwire/battery_bank/state"); !strings.Contains(text, `"missing":["Right: no answer`) {
		t.Errorf("it does not say who is missing: %s", text)
	}
	if s, _ := w.heard("sunwire/battery_bank/status"); s != "online" {
		t.Errorf("the group is %s while one pack answers", s)
	}
	g := b.Snapshot().Devices[2]
	if len(g.Members) != 2 || g.Members[0].Missing != "" || !strings.HasPrefix(g.Members[1].Missing, "no answer") || g.Critical {
		t.Errorf("the page has %+v", g)
	}

	if err := trouble.Set(string(simulated.None)); err != nil {
		t.Fatal(err)
	}
	w.until("the sum is back", func() bool {
		return w.value("battery_bank", "current") == -6.0 && w.value("battery_bank", "members_missing") == 0.0
	})
	for _, doc := range w.documents("battery_bank") { // the packs' values never changed
		if c, v := doc["current"], doc["state_of_charge"]; c != nil && c != -6.0 || v != nil && v != 80.0 && v != 35.0 && v != 20.0 {
			t.Errorf("a wrong sum was published: %v", doc)
		}
		if doc["members_missing"] != 0.0 && doc["power"] != nil {
			t.Errorf("a sum without a member: %v", doc)
		}
	}
}

func TestABankComesGoesAndChangesWithoutItsMembersNoticing(t *testing.T) {
	w := newWorld(t)
	packs := map[string]*shown{"a": jbdPack(1, 80, 100), "b": jbdPack(2, 20, 300), "c": jbdPack(4, 20, 300)}
	const devices = `
devices:
  - {id: a, driver: jbd, port: "sim:", interval: 50ms}
  - {id: b, driver: jbd, port: "sim:", interval: 50ms}
  - {id: c, driver: jbd, port: "sim:", interval: 50ms}
`
	b, _ := w.run(w.dir, devices, packs)
	for id := range packs {
		w.live(id, "current")
	}
	was := b.devices()
	for _, g := range []struct {
		members string
		current float64
	}{{"[a, b]", -3}, {"[a, c]", -5}, {"[c, b, a]", -7}} {
		if err := w.reload(b, devices+"groups: [{id: bank, members: "+g.members+"}]\n"); err != nil {
			t.Fatal(err)
		}
		w.until("the sum of "+g.members, func() bool { return w.value("bank", "current") == g.current })
	}
	group := b.devices()[3]
	if err := w.reload(b, devices+"\n\ngroups: [{id: bank, members: [c, b, a]}]\n"); err != nil {
		t.Fatal(err)
	}
	if b.devices()[3] != group {
		t.Error("a group that stayed as it was is made anew")
	}
	if err := w.reload(b, devices); err != nil {
		t.Fatal(err)
	}
	w.until("it has left Home Assistant", func() bool { text, n := w.heard(configTopic("sunwire_bank")); return n > 0 && text == "" })
	for i, d := range was {
		if b.devices()[i] != d {
			t.Errorf("%s was disturbed", d.cfg.ID)
		}
	}
}

func TestABankFollowsAMemberThatIsConfiguredAnew(t *testing.T) {
	w := newWorld(t)
	packs := map[string]*shown{"a": jbdPack(1, 80, 100), "b": jbdPack(2, 20, 300)}
	const two = `
devices:
  - {id: a, driver: jbd, port: "sim:", interval: 50ms}
  - {id: b, driver: jbd, port: "sim:", interval: 50ms}
`
	const group = "groups: [{id: bank, members: [a, b]}]\n"
	b, _ := w.run(w.dir, two+group, packs)
	w.until("the sum", func() bool { return w.value("bank", "current") == -3.0 })
	if err := w.reload(b, strings.Replace(two, "50ms", "40ms", 1)+group); err != nil {
		t.Fatal(err)
	}
	packs["a"].set("current", drivers.Num(5))
	w.until("the sum of the new one", func() bool { return w.value("bank", "current") == -7.0 })
	start := time.Now()
	for n := range 4 {
		packs["b"].set("current", drivers.Num(float64(10*n)))
		w.until("another sum", func() bool { return w.value("bank", "current") == float64(-5-10*n) })
	}
	if took := time.Since(start); took > 2*look {
		t.Errorf("four changes of a member were published after %v", took)
	}
	// A device under the name of a group is no group, nor the other way round.
	inverter := two + "  - {id: bank, driver: pi30, port: \"sim:\", interval: 50ms}\n"
	if err := w.reload(b, inverter); err != nil {
		t.Fatal(err)
	}
	w.until("the inverter under its own identity", func() bool { text, _ := w.heard(configTopic(inverterUID)); return text != "" })
	w.until("the group is gone", func() bool { text, n := w.heard(configTopic("sunwire_bank")); return n > 0 && text == "" })
	if err := w.reload(b, two+group); err != nil {
		t.Fatal(err)
	}
	w.until("the group under its own identity", func() bool { text, _ := w.heard(configTopic("sunwire_bank")); return text != "" })
	w.until("the inverter is gone", func() bool { text, _ := w.heard(configTopic(inverterUID)); return text == "" })
}

func TestThePageHasTheGroupWithoutABroker(t *testing.T) {
	cfg, err := config.Parse("test", fmt.Appendf(nil, "mqtt: {url: \"mqtt://127.0.0.1:1\"}\nstate_dir: %q\n"+twoPacks, t.TempDir(), "sim:", "sim:"), config.Env{Drivers: all.Drivers()})
	if err != nil {
		t.Fatal(err)
	}
	kept, err := store.Open(cfg.StateDir, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kept.Close() })
	b, err := New(cfg, Options{Log: quiet(), Store: kept})
	if err != nil {
		t.Fatal(err)
	}
	q := drivers.Query{Name: "basic", Keys: []string{"voltage"}}
	for i, voltage := range []float64{13, 14} {
		d := b.devices()[i]
		if err := b.meet(d, drivers.Descriptor{Entities: []drivers.Entity{{Key: "voltage", Role: drivers.BatteryVoltage}}, Queries: []drivers.Query{q}}); err != nil {
			t.Fatal(err)
		}
		b.took(d, q, []drivers.Reading{{Sample: drivers.Sample{{Key: "voltage", Value: drivers.Num(voltage)}}}}, time.Now())
	}
	g := b.Snapshot().Devices[2]
	if len(g.Values) != 1 || string(g.Values[0].Value) != "13.50" || !g.Online || g.UID != "sunwire_battery_bank" {
		t.Errorf("the page has %+v", g)
	}
	if online, devices := b.pub.bridge.online(); online != 2 || devices != 2 {
		t.Errorf("%d of %d devices online: a group is none", online, devices)
	}
}

func TestOneBatteryIsNotCountedTwice(t *testing.T) {
	w := newWorld(t)
	b, _ := w.run(w.dir, `
devices:
  - {id: wire, driver: jk_pb, port: "sim:", interval: 50ms}
  - {id: radio, driver: jk_pb, port: "sim:", interval: 50ms, identity: id}
groups: [{id: bank, members: [wire, radio]}]
`, nil)
	w.live("wire", "current")
	w.live("radio", "current")
	w.until("it is said", func() bool {
		return strings.Contains(fmt.Sprint(b.Snapshot().Problems), "bank: Wire and Radio have the same serial number 31213480085")
	})
	w.until("unavailable", func() bool { s, _ := w.heard("sunwire/bank/status"); return s == "offline" })
	for _, doc := range w.documents("bank") {
		for _, key := range []string{"voltage", "current", "power", "remaining_capacity", "full_capacity"} {
			if doc[key] != nil {
				t.Errorf("%s is %v: one battery, counted twice", key, doc[key])
			}
		}
	}
}

// bankBench is a group of two made-up packs that a test lets speak, in fake time.
type bankBench struct {
	t       *testing.T
	bridge  *Bridge
	members []*device
	group   *device
}

func newBankBench(t *testing.T, members ...string) *bankBench {
	kept, err := store.Open(t.TempDir(), quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kept.Close() })
	b := &bankBench{t: t, bridge: &Bridge{cfg: &config.Config{MQTT: config.MQTT{TopicPrefix: "sunwire"}}, log: quiet(), store: kept, owners: map[string]string{}, pub: &publisher{wake: make(chan struct{}, 1)}}}
	for _, id := range []string{"a", "b"} {
		spec := &drivers.Driver{Name: "fake", Family: "fake", Class: drivers.Battery, Paces: [3]time.Duration{10 * time.Second, time.Minute, time.Hour}}
		b.members = append(b.members, newDevice(config.Device{ID: id, Name: strings.ToUpper(id), Spec: spec, MaxAge: time.Minute}, store.Device{ID: id}, false))
	}
	b.group = b.bridge.makeGroup(config.Group{ID: "bank", Name: "Bank", Kind: "battery", Members: members}, b.members, &fleet{})
	return b
}

// describe lets member i say what it is.
func (b *bankBench) describe(i int, serial string, keys ...string) {
	b.t.Helper()
	roles := map[string]drivers.Role{"current": drivers.BatteryCurrent, "voltage": drivers.BatteryVoltage, "state_of_charge": drivers.BatteryCharge}
	d := drivers.Descriptor{Serial: serial, Queries: []drivers.Query{{Name: "live", Keys: keys}}}
	for _, k := range keys {
		d.Entities = append(d.Entities, drivers.Entity{Key: k, Name: k, Role: roles[k]})
	}
	if err := b.bridge.meet(b.members[i], d); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bankBench) says(i int, kv ...any) {
	var s drivers.Sample
	for n := 0; n < len(kv); n += 2 {
		s = append(s, drivers.Field{Key: kv[n].(string), Value: drivers.Num(kv[n+1].(float64))})
	}
	b.members[i].take(drivers.Query{Name: "live"}, []drivers.Reading{{Sample: s}}, time.Now())
}

// document is what the group would publish now.
func (b *bankBench) document() string {
	now := time.Now()
	b.group.age(now)
	b.group.mu.Lock()
	defer b.group.mu.Unlock()
	if len(b.group.units) == 0 {
		return ""
	}
	return string(b.group.withDiagnostics(b.group.units[0].document(nil, now), now))
}

func (b *bankBench) wants(parts ...string) {
	b.t.Helper()
	doc := b.document()
	for _, p := range parts {
		if !strings.Contains(doc, p) {
			b.t.Errorf("no %s in %s", p, doc)
		}
	}
}

func TestWhoIsMissingAndWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBankBench(t, "a", "b")
		if doc := b.document(); doc != "" || b.group.settled {
			t.Errorf("a group of nobody says %s", doc)
		}
		b.describe(0, "30112233445", "voltage", "current")
		b.says(0, "voltage", 50.0, "current", 1.0)
		b.wants(`"current":null`, `"members_missing":1`, `"missing":["B: never seen"]`)
		b.describe(1, "30112233446", "voltage", "current")
		b.says(1, "voltage", 51.0)
		b.wants(`"voltage":50.50`, `"current":null`, `"missing":["B: not known: Current"]`)
		b.says(1, "current", 2.0)
		b.wants(`"current":3.00`, `"power":152`, `"members_missing":0`, `"missing":[]`, `"last_error":"No error"`)

		time.Sleep(14 * time.Second)
		b.says(0, "voltage", 50.0, "current", 1.0)
		b.wants(`"current":3.00`) // B is late, within its grace
		time.Sleep(2 * time.Second)
		b.wants(`"current":null`, `"missing":["B: no answer"]`)
		b.says(1, "voltage", 51.0, "current", 2.0)
		b.wants(`"current":3.00`, `"members_missing":0`)

		err := b.bridge.meet(b.members[1], drivers.Descriptor{Serial: "99112233446"})
		if err == nil {
			t.Fatal("another device was taken")
		}
		b.wants(`"current":null`, `"members_missing":1`, `"missing":["B: blocked: the device at `)
	})
}

func TestAGroupIsAsOldAsTheOldestOfItsMembersThatCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBankBench(t, "a", "b")
		for i := range b.members {
			b.describe(i, "", "voltage", "current")
		}
		start := time.Now()
		b.says(0, "voltage", 50.0, "current", 1.0)
		time.Sleep(9 * time.Second)
		b.says(1, "voltage", 50.0, "current", 1.0)
		b.document()
		if !b.group.liveSeen.Equal(start) || !b.group.online {
			t.Errorf("last heard %v after the start, online %v", b.group.liveSeen.Sub(start), b.group.online)
		}
		time.Sleep(8 * time.Second)
		b.document()
		if got := b.group.liveSeen.Sub(start); got != 9*time.Second {
			t.Errorf("with the older one silent, last heard %v after the start", got)
		}
		time.Sleep(time.Minute)
		if doc := b.document(); b.group.online || !strings.Contains(doc, `"voltage":null`) {
			t.Errorf("with both silent: online %v, %s", b.group.online, doc)
		}
	})
}

func TestAGroupIsNoMoreTalkativeThanItsQuickestMember(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBankBench(t, "a", "b")
		for i := range b.members {
			b.describe(i, "", "voltage", "current")
			b.says(i, "voltage", 50.0, "current", 1.0)
		}
		b.document()
		time.Sleep(time.Second)
		sent := time.Now()
		held := func() bool { return b.group.held(sent, time.Now()) }
		time.Sleep(4 * time.Second)
		b.says(0, "voltage", 50.5, "current", 1.0)
		if b.document(); !held() {
			t.Error("it speaks twice an interval")
		}
		time.Sleep(4 * time.Second)
		if held() {
			t.Error("it is silent for longer than its members")
		}
		sent = time.Now()
		time.Sleep(3 * time.Second)
		if b.document(); !held() {
			t.Error("it speaks without news")
		}
		time.Sleep(4500 * time.Millisecond) // the second is silent since 16.5 s, the last publication was 7.5 s ago
		sent = time.Now().Add(-time.Second)
		if b.document(); held() {
			t.Error("it keeps for itself that a member has gone")
		}
	})
}

func TestABatterylessMemberIsToldOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBankBench(t, "a", "b")
		b.describe(0, "", "voltage", "current")
		b.says(0, "voltage", 50.0, "current", 1.0)
		err := b.bridge.meet(b.members[1], drivers.Descriptor{Units: []drivers.Descriptor{{Unit: "battery_1"}}})
		if err != nil {
			t.Fatal(err)
		}
		b.says(1)
		b.wants(`"current":null`, `"missing":["B: no battery itself, but it reports some: write b/battery_1 and so on"]`)
	})
}

func TestAUnitThatFallsSilentIsMissingWhileItsDeviceGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBankBench(t, "a", "b/pack_1")
		b.describe(0, "", "voltage", "current")
		own := drivers.Query{Name: "pack_1/live", Keys: []string{"voltage", "current"}}
		err := b.bridge.meet(b.members[1], drivers.Descriptor{
			Entities: []drivers.Entity{{Key: "limit", Name: "Limit"}}, Queries: []drivers.Query{{Name: "live", Keys: []string{"limit"}}},
			Units: []drivers.Descriptor{{Unit: "pack_1", Queries: []drivers.Query{own}, Entities: []drivers.Entity{
				{Key: "voltage", Role: drivers.BatteryVoltage}, {Key: "current", Role: drivers.BatteryCurrent},
			}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		b.says(0, "voltage", 50.0, "current", 1.0)
		b.says(1, "limit", 3.0)
		b.wants(`"current":null`)
		b.members[1].take(own, []drivers.Reading{{Unit: "pack_1", Sample: drivers.Sample{{Key: "voltage", Value: drivers.Num(52)}, {Key: "current", Value: drivers.Num(2)}}}}, time.Now())
		b.wants(`"voltage":51.00`, `"current":3.00`, `"missing":[]`)
		time.Sleep(16 * time.Second)
		b.says(0, "voltage", 50.0, "current", 1.0)
		b.says(1, "limit", 3.0)
		b.members[1].age(time.Now())
		b.wants(`"current":null`, `"missing":["B pack 1: no answer"]`)
	})
}

// What a group tells is frozen as what drivers tell is, and documented.
func TestTheKeysOfABankAreFrozen(t *testing.T) {
	const file = "../testdata/vocabulary/battery_bank.txt"
	page, err := os.ReadFile("../docs/batteries.md")
	if err != nil {
		t.Fatal(err)
	}
	list := "# battery_bank: a group of batteries, frozen; see README.md\n"
	for _, e := range append(bankEntities(t), GroupDiagnostics()...) {
		platform := discovery.Platform(&e)
		if e.Attribute != "" {
			platform = "attribute of " + e.Attribute
		}
		q := e.Quantity
		for _, word := range []string{e.Key, platform, q.Unit, q.DeviceClass, q.StateClass, string(e.Role)} {
			if word == "" {
				word = "-"
			}
			list += word + " "
		}
		list = strings.TrimSpace(list) + "\n"
		if !strings.Contains(string(page), "`"+e.Key+"`") {
			t.Errorf("docs/batteries.md says nothing of %s", e.Key)
		}
	}
	if *update {
		if err := os.WriteFile(file, []byte(list), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want, err := os.ReadFile(file); err != nil || string(want) != list {
		t.Errorf("%s differs (%v); it is now\n%s", file, err, list)
	}
}

// bankEntities are all that a bank can tell: that of members which tell everything.
func bankEntities(t *testing.T) []drivers.Entity {
	g := pipeline.NewGroup()
	m := pipeline.Member{Known: true}
	desc, err := Simulated(t.Context(), jk.PB, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range desc.Entities {
		m.Cells = append(m.Cells, pipeline.Cell{Entity: e})
	}
	return g.Entities([]pipeline.Member{m, m})
}
