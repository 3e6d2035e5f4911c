package bridge

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sunwire/bridge/config"
	"sunwire/bridge/store"
	"sunwire/drivers"
)

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
