package bridge

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"sunwire/bridge/config"
	"sunwire/bridge/store"
	"sunwire/discovery/discoverytest"
	"sunwire/drivers"
	"sunwire/drivers/all"
)

func TestAReadingReachesTheBroker(t *testing.T) {
	w := newWorld(t)
	m := &shown{}
	m.set("battery_voltage", drivers.Num(51.2))
	_, stop := w.run(w.dir, inverterAndHouse, map[string]*shown{"inverter": m})
	w.until("battery voltage", func() bool { return w.value("inverter", "battery_voltage") == 51.2 })
	m.set("battery_voltage", drivers.Num(49.8))
	w.until("its change", func() bool { return w.value("inverter", "battery_voltage") == 49.8 })
	w.until("the plain topic", func() bool { v, _ := w.heard("house/temperature"); return v == "23.72" })
	for _, uid := range []string{inverterUID, "sunwire_house", "sunwire_bridge"} {
		w.until("discovery of "+uid, func() bool { _, n := w.heard(configTopic(uid)); return n > 0 })
		payload, _ := w.heard(configTopic(uid))
		discoverytest.Check(t, []byte(payload))
	}
	for topic, want := range map[string]string{"sunwire/status": "online", "sunwire/inverter/status": "online", "sunwire/house/status": "online"} {
		if got, _ := w.heard(topic); got != want {
			t.Errorf("%s is %q", topic, got)
		}
	}
	stop()
	w.until("offline after the end", func() bool { s, _ := w.heard("sunwire/status"); return s == "offline" })
}

func TestEveryAnnouncedKeyIsInTheDocument(t *testing.T) {
	w := newWorld(t)
	w.run(w.dir, inverterAndHouse, nil)
	var announced map[string]map[string]any
	w.until("all queries announced", func() bool {
		p, n := w.heard(configTopic(inverterUID))
		if n == 0 {
			return false
		}
		announced = components(t, p)
		return announced["default_battery_type"] != nil && announced["warnings"] != nil
	})
	w.until("a document with all of them", func() bool {
		text, _ := w.heard("sunwire/inverter/state")
		var doc map[string]any
		_ = json.Unmarshal([]byte(text), &doc)
		for key := range announced {
			if _, ok := doc[key]; !ok {
				return false
			}
		}
		return true
	})
}

func TestTheBridgeIsAnnouncedBeforeItsDevices(t *testing.T) {
	w := newWorld(t)
	w.run(w.dir, inverterAndHouse, nil)
	w.until("the devices", func() bool { _, n := w.heard(configTopic(inverterUID)); return n > 0 })
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range w.all {
		switch m.Topic {
		case configTopic("sunwire_bridge"):
			return
		case configTopic(inverterUID), configTopic("sunwire_house"):
			t.Fatal("a device came before the bridge that it names")
		}
	}
}

func TestHomeAssistantsBirthBringsEverythingAgain(t *testing.T) {
	w := newWorld(t)
	w.run(w.dir, inverterAndHouse, nil)
	w.until("the first time", func() bool { _, n := w.heard("sunwire/house/state"); return n > 0 })
	count := func(topics ...string) (n []int) {
		for _, topic := range topics {
			_, c := w.heard(topic)
			n = append(n, c)
		}
		return n
	}
	topics := []string{configTopic("sunwire_bridge"), configTopic(inverterUID), configTopic("sunwire_house"), "sunwire/status", "sunwire/inverter/status", "sunwire/house/state"}
	time.Sleep(3 * time.Second) // what is gathered at first contact has been announced
	before := count(topics...)
	w.say("homeassistant/status", "online")
	w.until("everything again", func() bool {
		for i, n := range count(topics...) {
			if n <= before[i] {
				return false
			}
		}
		return true
	})
}

func TestADeviceThatWasSeenIsAnnouncedFromTheStoreBeforeItAnswers(t *testing.T) {
	w := newWorld(t)
	_, stop := w.run(w.dir, inverterAndHouse, nil)
	w.until("all is announced", func() bool {
		p, n := w.heard(configTopic(inverterUID))
		return n > 0 && components(t, p)["warnings"] != nil
	})
	w.until("and kept", func() bool { _, n := w.heard("sunwire/inverter/state"); return n > 1 })
	stop()
	before, _ := w.heard(configTopic(inverterUID))
	w.mu.Lock()
	w.all, w.last = nil, map[string]string{}
	w.mu.Unlock()
	dead := strings.ReplaceAll(inverterAndHouse, `driver: pi30, port: "sim:"`, `driver: pi30, port: "serial:/dev/is-not-there"`)
	w.run(w.dir, dead, nil)
	w.until("announced from the store", func() bool { _, n := w.heard(configTopic(inverterUID)); return n > 0 })
	if now, _ := w.heard(configTopic(inverterUID)); now != before {
		t.Errorf("announced otherwise than before:\n%s\n%s", before, now)
	}
	w.until("unavailable", func() bool { s, _ := w.heard("sunwire/inverter/status"); return s == "offline" })
	if v := w.value("inverter", "battery_voltage"); v != nil {
		t.Errorf("a device that does not answer has %v V", v)
	}
}

func TestAnotherSerialNumberIsNotPublishedUntilItIsReplaced(t *testing.T) {
	w := newWorld(t)
	m := &shown{}
	_, stop := w.run(w.dir, inverterAndHouse, map[string]*shown{"inverter": m})
	w.until("the first inverter", func() bool { return w.value("inverter", "battery_voltage") != nil })
	stop()
	m.set("serial_number", drivers.Text("55355535553555"))
	w.mu.Lock()
	w.all, w.last = nil, map[string]string{}
	w.mu.Unlock()
	b, _ := w.run(w.dir, inverterAndHouse, map[string]*shown{"inverter": m})
	w.until("the neighbour", func() bool { return w.value("house", "temperature") != nil })
	w.until("the reason", func() bool { return strings.Contains(fmt.Sprint(b.Snapshot().Problems), "sunwire replace inverter") })
	if v := w.value("inverter", "battery_voltage"); v != nil {
		t.Errorf("values of another inverter are published: %v V", v)
	}
	if err := b.Replace("inverter"); err != nil {
		t.Fatal(err)
	}
	w.until("the new one's values", func() bool { return w.value("inverter", "battery_voltage") != nil })
	if _, n := w.heard(configTopic("voltronic_55355535553555")); n > 0 {
		t.Error("the new one has got entities of its own, and lost the old one's history")
	}
}

func TestTwoDevicesWithOneSerialNumberAreNotMixed(t *testing.T) {
	w := newWorld(t)
	two := inverterAndHouse + "  - {id: second, driver: pi30, port: \"sim:\", interval: 100ms, max_age: 1s}\n"
	b, stop := w.run(w.dir, two, nil)
	w.until("the reason", func() bool { return strings.Contains(fmt.Sprint(b.Snapshot().Problems), "identity: id") })
	_, first := w.heard("sunwire/inverter/state") // whichever is asked first has the number
	if _, second := w.heard("sunwire/second/state"); first > 0 && second > 0 {
		t.Error("both are published")
	}
	stop()
	w.run(w.dir, strings.Replace(two, "id: second,", "id: second, identity: id,", 1), nil)
	w.until("published under its id", func() bool { _, n := w.heard(configTopic("sunwire_second")); return n > 0 })
}

func TestWhatLeavesTheConfigurationLeavesHomeAssistant(t *testing.T) {
	w := newWorld(t)
	_, stop := w.run(w.dir, inverterAndHouse, nil)
	w.until("house is announced", func() bool { _, n := w.heard("sunwire/house/state"); return n > 1 })
	stop()
	w.run(w.dir, "devices:\n  - {id: inverter, driver: pi30, port: \"sim:\", interval: 100ms, slow: 100ms, max_age: 1s}\n", nil)
	w.until("house is removed", func() bool { p, n := w.heard(configTopic("sunwire_house")); return n > 1 && p == "" })
	if p, _ := w.heard(configTopic(inverterUID)); p == "" {
		t.Error("the inverter was removed too")
	}
}

func TestARenamedDeviceKeepsItsEntities(t *testing.T) {
	w := newWorld(t)
	_, stop := w.run(w.dir, inverterAndHouse, nil)
	w.until("announced", func() bool { _, n := w.heard("sunwire/inverter/state"); return n > 1 })
	stop()
	w.mu.Lock()
	w.all = nil
	w.mu.Unlock()
	w.run(w.dir, strings.Replace(inverterAndHouse, "id: inverter", "id: axpert", 1), nil)
	w.until("announced under its new id", func() bool { _, n := w.heard("sunwire/axpert/state"); return n > 1 })
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range w.all {
		if m.Topic == configTopic(inverterUID) && len(m.Payload) == 0 {
			t.Error("renaming an id removed the entities")
		}
	}
}

func TestTwoSunwireWithOnePrefixDoNotFight(t *testing.T) {
	w := newWorld(t)
	first, _ := w.run(w.dir, inverterAndHouse, nil)
	w.until("the first", func() bool { s, _ := w.heard("sunwire/status"); return s == "online" })
	second, stop := w.run(t.TempDir(), inverterAndHouse, map[string]*shown{"inverter": {}})
	w.until("the second says so", func() bool { return strings.Contains(fmt.Sprint(second.Snapshot().Problems), "another sunwire on ") })
	stop()
	time.Sleep(100 * time.Millisecond)
	if s, _ := w.heard("sunwire/status"); s != "online" {
		t.Errorf("the second one's end threw the first one %s", s)
	}
	if p := first.Snapshot().Problems; len(p) > 0 {
		t.Errorf("the first one complains: %v", p)
	}
}

func TestTwoSunwireWithTwoPrefixesShareNothing(t *testing.T) {
	w := newWorld(t)
	w.run(w.dir, inverterAndHouse, nil)
	w.until("the first", func() bool { return w.value("house", "temperature") != nil })
	other := strings.ReplaceAll(inverterAndHouse, "id: inverter", "id: inverter, identity: id")
	text := strings.Replace(other, "topics: \"house/{key}\"", "", 1)
	dir := t.TempDir()
	cfg := fmt.Sprintf("mqtt: {url: \"mqtt://%s\", topic_prefix: cabin}\nhttp: {listen: \"\"}\nstate_dir: %q\n%s", w.broker.Addr(), dir, text)
	c, err := config.Parse("test", []byte(cfg), config.Env{Drivers: all.Drivers()})
	if err != nil {
		t.Fatal(err)
	}
	kept, err := store.Open(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	b, err := New(c, Options{Log: slog.New(slog.DiscardHandler), Store: kept})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = b.Run(ctx) })
	w.until("the second", func() bool { _, n := w.heard("cabin/house/state"); return n > 0 })
	cancel()
	wg.Wait()
	w.until("the second offline", func() bool { s, _ := w.heard("cabin/status"); return s == "offline" })
	if s, _ := w.heard("sunwire/status"); s != "online" {
		t.Errorf("the end of the second threw the first %s", s)
	}
}

func TestSerialNumbersThatTellNothingAreNone(t *testing.T) {
	for s, want := range map[string]string{
		"92932004102443": "92932004102443", " 55355535553555 ": "55355535553555", "": "", "00000000000000": "", "1234567890": "", "FFFFFFFF": "",
		"9876543210": "", "unknown": "", "12": "", "01234567890123": "",
	} {
		if got := Serial(s); got != want {
			t.Errorf("%q is taken for %q", s, got)
		}
	}
}

func TestATextThatHomeAssistantDoesNotKnowIsUnknown(t *testing.T) {
	e := drivers.Entity{Platform: drivers.Enum, Options: []string{"Line", "Battery"}}
	if v := new(unit).state(&e, drivers.Text("unknown (Z)")); !v.Absent() {
		t.Errorf("published as %v", v)
	}
	if v := new(unit).state(&drivers.Entity{Platform: drivers.Label}, drivers.Text(strings.Repeat("ä", 300))); len([]rune(v.Format(0))) != longest {
		t.Errorf("%d characters", len([]rune(v.Format(0))))
	}
}
