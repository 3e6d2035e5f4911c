package pipeline

import (
	"slices"
	"testing"
	"time"

	"sunwire/drivers"
)

// newPack is a battery with four cells, of which values are left out by their keys.
func newPack(without ...string) *Unit {
	d := drivers.Descriptor{
		Entities: []drivers.Entity{
			{Key: "voltage", Role: drivers.BatteryVoltage, Quantity: drivers.Voltage, Max: 80},
			{Key: "current", Role: drivers.BatteryCurrent, Quantity: drivers.Current, Positive: drivers.Charging, Min: -300, Max: 300},
			{Key: "state_of_charge", Role: drivers.BatteryCharge, Quantity: drivers.StateOfCharge, Max: 100},
			{Key: "remaining_capacity", Quantity: drivers.Charge},
			{Key: "full_capacity", Quantity: drivers.Charge},
			{Key: "cell_01_voltage", Quantity: drivers.CellVoltage, Max: 5},
			{Key: "cell_02_voltage", Quantity: drivers.CellVoltage, Max: 5},
			{Key: "temperature_1", Quantity: drivers.Temperature},
			{Key: "temperature_2", Quantity: drivers.Temperature},
			{Key: "mosfet_temperature", Quantity: drivers.Temperature},
			{Key: "charge_energy", Role: drivers.BatteryChargeEnergy, Quantity: drivers.Energy},
		},
	}
	d.Entities = slices.DeleteFunc(d.Entities, func(e drivers.Entity) bool { return slices.Contains(without, e.Key) })
	live := drivers.Query{Name: "live"}
	for _, e := range d.Entities {
		if e.Key != fullKey {
			live.Keys = append(live.Keys, e.Key)
		}
	}
	d.Queries = []drivers.Query{live, {Name: "slow", Pace: drivers.Slow, Keys: []string{fullKey}}}
	return NewUnit(d, [3]time.Duration{5 * time.Second, 10 * time.Minute, 24 * time.Hour}, nil)
}

// together is the bank of those packs, each there, and the group's unit.
type together struct {
	t       *testing.T
	group   *Group
	members []Member
	packs   []*Unit
	unit    *Unit
}

func newBank(t *testing.T, packs ...*Unit) *together {
	b := &together{t: t, group: NewGroup(), packs: packs}
	for i := range packs {
		b.members = append(b.members, Member{Name: []string{"Left", "Right", "Third"}[i], Known: true, There: true})
	}
	b.look()
	b.unit = NewUnit(drivers.Descriptor{Entities: b.group.Entities(b.members)}, [3]time.Duration{}, nil)
	return b
}

func (b *together) look() {
	for i, p := range b.packs {
		b.members[i].Cells = nil
		for _, c := range p.Cells {
			if b.group.Counts(&c.Entity) {
				b.members[i].Cells = append(b.members[i].Cells, c)
			}
		}
	}
}

// at combines; want are keys with their values then, nil for what is not known.
func (b *together) at(now time.Time, want map[string]any) {
	b.t.Helper()
	b.look()
	b.group.Combine(b.unit, b.members, now)
	for key, w := range want {
		c := b.unit.Get(key)
		if c == nil {
			b.t.Fatalf("there is no %s", key)
		}
		var got any
		v := c.Known(now)
		if f, ok := v.Float(); ok {
			got = f
		} else if text, ok := v.Text(); ok {
			got = text
		}
		if got != w {
			b.t.Errorf("%s is %v, want %v", key, got, w)
		}
	}
}

func left() *Unit {
	u := newPack()
	u.Apply(sample("voltage", 52.0, "current", 10.0, "state_of_charge", 80.0, "remaining_capacity", 80.0, "full_capacity", 100.0,
		"cell_01_voltage", 3.25, "cell_02_voltage", 3.5, "temperature_1", 20.0, "temperature_2", 22.0, "mosfet_temperature", 55.0), t0)
	return u
}

func right() *Unit {
	u := newPack()
	u.Apply(sample("voltage", 53.0, "current", -4.0, "state_of_charge", 20.0, "remaining_capacity", 60.0, "full_capacity", 300.0,
		"cell_01_voltage", 3.0, "cell_02_voltage", 3.25, "temperature_1", 18.0, "temperature_2", -3.0, "mosfet_temperature", 5.0), t0.Add(time.Second))
	return u
}

func TestABankIsItsPacksTogether(t *testing.T) {
	b := newBank(t, left(), right())
	b.at(t0.Add(2*time.Second), map[string]any{
		"voltage": 52.5, "current": -6.0, "power": -520.0 + 212.0, "state_of_charge": (80.0*100 + 20*300) / 400, "remaining_capacity": 140.0, "full_capacity": 400.0,
		"cell_voltage_min": 3.0, "cell_voltage_max": 3.5, "cell_voltage_delta": 0.5, "lowest_cell": 1.0, "highest_cell": 2.0,
		"lowest_cell_pack": "Right", "highest_cell_pack": "Left",
		"temperature_min": -3.0, "temperature_max": 22.0, "coldest_pack": "Right", "hottest_pack": "Left",
	})
	if b.unit.Get("charge_energy") != nil {
		t.Error("counters of several batteries are added up")
	}
	if at := b.unit.Get("voltage").At; !at.Equal(t0) {
		t.Errorf("the bank's voltage is from %v, the older one of its packs from %v", at, t0)
	}
}

func TestNoSumWithoutAMember(t *testing.T) {
	partly := map[string]any{
		"voltage": nil, "current": nil, "power": nil, "remaining_capacity": nil, "full_capacity": nil,
		"state_of_charge": 80.0, "cell_voltage_min": 3.25, "cell_voltage_delta": 0.25, "lowest_cell_pack": "Left", "temperature_min": 20.0, "coldest_pack": "Left",
	}
	b := newBank(t, left(), right())
	now := t0.Add(2 * time.Second)
	b.at(now, map[string]any{"current": -6.0})
	b.members[1].There = false // what it said is fresh enough, but it has fallen silent
	b.at(now, partly)
	b.members[1].There = true
	b.at(now, map[string]any{"current": -6.0})
	b.members[1].Known, b.packs[1] = false, new(Unit) // it has never been seen
	b.at(now, partly)
	b.members[0].There = false
	b.at(now, map[string]any{"voltage": nil, "state_of_charge": nil, "cell_voltage_min": nil, "lowest_cell_pack": nil, "hottest_pack": nil})
}

func TestAValueThatOneMemberLacksIsInNoSum(t *testing.T) {
	b := newBank(t, left(), newPack())
	b.packs[1].Apply(sample("voltage", 53.0, "state_of_charge", 20.0), t0) // no current yet
	b.at(t0, map[string]any{"voltage": 52.5, "current": nil, "power": nil})
	if lacks := b.group.Lacks(b.unit, &b.members[1], t0); lacks != "Current" {
		t.Errorf("the second lacks %q", lacks)
	}
	if lacks := b.group.Lacks(b.unit, &b.members[0], t0); lacks != "" {
		t.Errorf("the first lacks %q", lacks)
	}
	// What a member has no entity for is no value of the bank.
	b = newBank(t, left(), newPack("remaining_capacity", "cell_01_voltage"))
	if b.unit.Get("remaining_capacity") != nil || b.unit.Get("full_capacity") == nil || b.unit.Get("cell_voltage_min") == nil {
		t.Errorf("the bank has %v", b.unit.Descriptor.Entities)
	}
}

func TestAnOldValueLeavesTheBankAtItsOwnTime(t *testing.T) {
	b := newBank(t, left(), right())
	b.at(t0.Add(2*time.Second), map[string]any{"voltage": 52.5})
	late := t0.Add(time.Minute + time.Second/2) // the left one's live values count a minute, its capacity half an hour
	if got := b.unit.Get("voltage").Known(late); !got.Absent() {
		t.Errorf("without another look, the voltage still is %v", got)
	}
	b.at(late, map[string]any{"voltage": nil, "cell_voltage_max": 3.25, "state_of_charge": 20.0, "full_capacity": 400.0})
	b.packs[0].Apply(sample("voltage", 52.0), late)
	b.at(late, map[string]any{"voltage": 52.5, "current": nil})
}

func TestTheStateOfChargeIsWeightedByWhatIsKnown(t *testing.T) {
	second := func(full float64, without ...string) *Unit {
		u := newPack(without...)
		u.Apply(sample("state_of_charge", 20.0, "full_capacity", full), t0)
		return u
	}
	alike := newPack("full_capacity")
	alike.Apply(sample("state_of_charge", 80.0), t0)
	for name, c := range map[string]struct {
		a, b *Unit
		want any
	}{
		"both have one":          {left(), second(300), 35.0},
		"none has one":           {alike, second(0, "full_capacity"), 50.0},
		"only one has one":       {left(), second(0, "full_capacity"), nil},
		"the second only":        {second(0, "full_capacity"), left(), nil},
		"one is not known yet":   {left(), second(0), nil},
		"neither is known yet":   {second(0), second(0), nil},
		"who has none, by order": {second(0), left(), nil},
	} {
		b := newBank(t, c.a, c.b)
		t.Log(name)
		b.at(t0, map[string]any{"state_of_charge": c.want})
	}
	b := newBank(t, left(), second(0))
	b.members[0].There = false
	b.at(t0, map[string]any{"state_of_charge": 20.0}) // one alone weighs what it likes
}

func TestNoDifferenceOfMinimaAlone(t *testing.T) {
	low := func(v float64) *Unit {
		u := NewUnit(drivers.Descriptor{Entities: []drivers.Entity{{Key: cellMinKey, Quantity: drivers.CellVoltage}}}, [3]time.Duration{}, nil)
		u.Apply(sample(cellMinKey, v), t0)
		return u
	}
	newBank(t, low(3.1), low(3.3)).at(t0, map[string]any{"cell_voltage_min": 3.1, "cell_voltage_delta": nil, "lowest_cell": nil, "lowest_cell_pack": "Left"})
}

func TestAnInvertersBatteryIsAMember(t *testing.T) {
	one, two := newBattery(nil), newBattery(nil)
	one.Apply(sample("battery_voltage", 50.0, "battery_charge_current", 0.0, "battery_discharge_current", 20.0), t0)
	two.Apply(sample("battery_voltage", 51.0, "battery_charge_current", 5.0, "battery_discharge_current", 0.0), t0)
	newBank(t, one, two).at(t0, map[string]any{"voltage": 50.5, "current": 15.0, "power": 1000.0 - 255.0})
}

func BenchmarkCombine(b *testing.B) {
	bank := newBank(&testing.T{}, left(), right(), left())
	b.ReportAllocs()
	for b.Loop() {
		bank.group.Combine(bank.unit, bank.members, t0)
	}
}
