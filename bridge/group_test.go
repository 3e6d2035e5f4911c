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
