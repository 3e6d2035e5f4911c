package pipeline

import (
	"slices"
	"strings"
	"testing"
	"time"

	"sunwire/drivers"
)

var t0 = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func battery() drivers.Descriptor {
	return drivers.Descriptor{
		Entities: []drivers.Entity{
			{Key: "battery_voltage", Role: drivers.BatteryVoltage, Quantity: drivers.Voltage, Max: 80},
			{Key: "battery_charge_current", Role: drivers.BatteryChargeCurrent, Quantity: drivers.Current, Max: 300},
			{Key: "battery_discharge_current", Role: drivers.BatteryDischargeCurrent, Quantity: drivers.Current, Max: 300},
			{Key: "grid_power", Positive: drivers.Exporting, Quantity: drivers.Power, Min: -9000, Max: 9000},
			{Key: "pv_energy", Quantity: drivers.Energy},
			{Key: "model", Platform: drivers.Label},
		},
		Queries: []drivers.Query{
			{Name: "live", Keys: []string{"battery_voltage", "battery_charge_current", "battery_discharge_current", "grid_power", "pv_energy"}},
			{Name: "once", Pace: drivers.Once, Keys: []string{"model"}},
		},
	}
}

func newBattery(f map[string]Factor) *Unit {
	return NewUnit(battery(), [3]time.Duration{5 * time.Second, time.Minute, 24 * time.Hour}, f)
}

func sample(kv ...any) (s drivers.Sample) {
	for i := 0; i < len(kv); i += 2 {
		s = append(s, drivers.Field{Key: kv[i].(string), Value: drivers.Num(kv[i+1].(float64))})
	}
	return s
}

func number(t *testing.T, u *Unit, key string, at time.Time) float64 {
	t.Helper()
	c := u.Get(key)
	if c == nil {
		t.Fatalf("no %s", key)
	}
	f, ok := c.Known(at).Float()
	if !ok {
		t.Fatalf("%s is not known", key)
	}
	return f
}

func TestExportIsPublishedNegative(t *testing.T) {
	u := newBattery(nil)
	u.Apply(sample("grid_power", 1500.0), t0)
	if got := number(t, u, "grid_power", t0); got != -1500 {
		t.Errorf("1500 W exported is published as %v", got)
	}
}

func TestGridPowerIsEstimatedWhereNobodyMeasuresIt(t *testing.T) {
	d := battery()
	d.Entities = append(d.Entities[:0:0], drivers.Entity{Key: "load", Role: drivers.LoadPower, Max: 9999}, drivers.Entity{Key: "pv", Role: drivers.PVPower, Max: 9999},
		drivers.Entity{Key: "battery_power", Role: drivers.BatteryPower, Positive: drivers.Discharging, Min: -9999, Max: 9999})
	d.Queries = []drivers.Query{{Name: "live", Keys: []string{"load", "pv", "battery_power"}}}
	u := NewUnit(d, [3]time.Duration{5 * time.Second, time.Minute, 24 * time.Hour}, nil)
	u.Apply(sample("load", 1500.0, "pv", 900.0, "battery_power", -400.0), t0)
	if got := number(t, u, "grid_power", t0); got != 1000 {
		t.Errorf("1500 W of load and 400 W into the battery from 900 W of sun take %v W from the grid", got)
	}
	if c := u.Get("grid_power"); !c.Entity.Disabled || !strings.Contains(c.Entity.Name, "estimated") {
		t.Errorf("%+v does not say that it is estimated", c.Entity)
	}
	d.Entities = append(d.Entities, drivers.Entity{Key: "pv_estimate", Role: drivers.PVPowerEstimate, Max: 9999})
	u = NewUnit(d, [3]time.Duration{5 * time.Second, time.Minute, 24 * time.Hour}, nil)
	u.Apply(sample("load", 1500.0, "pv_estimate", 800.0, "battery_power", -400.0), t0)
	if got := number(t, u, "grid_power", t0); got != 1100 {
		t.Errorf("an estimate of 800 W of sun makes %v W from the grid", got)
	}
	u.Apply(sample("load", 1500.0, "pv", 900.0, "pv_estimate", 800.0, "battery_power", -400.0), t0.Add(time.Second))
	if got := number(t, u, "grid_power", t0); got != 1000 {
		t.Errorf("what is measured gives way to an estimate: %v W", got)
	}
	u = newBattery(nil) // it measures
	if c := u.Get("grid_power"); strings.Contains(c.Entity.Name, "estimated") {
		t.Error("what is measured is replaced by an estimate")
	}
}

func TestDischargingIsPositiveAndPowerFollows(t *testing.T) {
	u := newBattery(nil)
	u.Apply(sample("battery_voltage", 50.0, "battery_charge_current", 0.0, "battery_discharge_current", 20.0), t0)
	if got := number(t, u, "battery_power", t0); got != 1000 {
		t.Errorf("20 A out at 50 V is %v W", got)
	}
	u.Apply(sample("battery_voltage", 50.0, "battery_charge_current", 10.0, "battery_discharge_current", 0.0), t0.Add(time.Second))
	if got := number(t, u, "battery_current", t0); got != -10 {
		t.Errorf("10 A in is published as %v A", got)
	}
}

func TestNothingIsDerivedFromValuesThatAreNotAllThere(t *testing.T) {
	u := newBattery(nil)
	u.Apply(sample("battery_voltage", 50.0, "battery_charge_current", 10.0), t0)
	if c := u.Get("battery_power"); !c.Value.Absent() {
		t.Errorf("battery_power is %v without a discharge current", c.Value)
	}
}

func TestADerivedValueIsAsOldAsItsOldestPart(t *testing.T) {
	u := newBattery(nil)
	u.Apply(sample("battery_voltage", 50.0, "battery_charge_current", 0.0, "battery_discharge_current", 20.0), t0)
	u.Apply(sample("battery_voltage", 51.0), t0.Add(10*time.Minute))
	if u.Get("battery_power").Fresh(t0.Add(10 * time.Minute)) {
		t.Error("a current of ten minutes ago makes a fresh power")
	}
}

func TestADevicesOwnValueWinsOverADerivedOne(t *testing.T) {
	d := battery()
	d.Entities = append(d.Entities, drivers.Entity{Key: "battery_power", Role: drivers.BatteryPower, Min: -1, Max: 9999})
	u := NewUnit(d, [3]time.Duration{}, nil)
	u.Apply(sample("battery_power", 7.0, "battery_voltage", 50.0, "battery_charge_current", 0.0, "battery_discharge_current", 20.0), t0)
	if got := number(t, u, "battery_power", t0); got != 7 {
		t.Errorf("the device says 7 W, published is %v", got)
	}
}

func TestAnImpossibleValueIsHeldBackAndTheOldOneStays(t *testing.T) {
	u := newBattery(nil)
	u.Apply(sample("battery_voltage", 50.0), t0)
	_, wrong := u.Apply(sample("battery_voltage", 6553.5), t0.Add(time.Second))
	if !slices.Equal(wrong, []string{"battery_voltage"}) || number(t, u, "battery_voltage", t0) != 50 {
		t.Errorf("implausible %v, value %v", wrong, u.Get("battery_voltage").Value)
	}
}

func TestFactorsAndLimitsOfTheUser(t *testing.T) {
	most := 60.0
	u := newBattery(map[string]Factor{"battery_voltage": {Scale: 1.01, Offset: -0.1, Max: &most}})
	u.Apply(sample("battery_voltage", 50.0), t0)
	if got := number(t, u, "battery_voltage", t0); got != 50*1.01-0.1 {
		t.Errorf("50 V is published as %v", got)
	}
	if _, wrong := u.Apply(sample("battery_voltage", 61.0), t0); len(wrong) != 1 {
		t.Error("61 V is believed above a limit of 60")
	}
}

func TestMeasurementsGrowOldTotalsAndNamesDoNot(t *testing.T) {
	u := newBattery(nil)
	s := append(sample("battery_voltage", 50.0, "pv_energy", 1234.5), drivers.Field{Key: "model", Value: drivers.Text("X")})
	u.Apply(s, t0)
	later := t0.Add(61 * time.Second)
	if u.Get("battery_voltage").Fresh(later) || !u.Get("pv_energy").Fresh(later) || !u.Get("model").Fresh(later) {
		t.Error("after a minute a voltage must be unknown, a total and a model name not")
	}
	if !u.Get("battery_voltage").Fresh(t0.Add(59 * time.Second)) {
		t.Error("a voltage is unknown before its minute is over")
	}
}

func TestRestrictLeavesOnlyWhatAnsweredQueriesGive(t *testing.T) {
	u := newBattery(nil)
	d := Restrict(u.Descriptor, func(q string) bool { return q == "live" })
	var keys []string
	for _, e := range d.Entities {
		keys = append(keys, e.Key)
	}
	want := []string{"battery_voltage", "battery_charge_current", "battery_discharge_current", "battery_current", "battery_power", "grid_power", "pv_energy"}
	if !slices.Equal(keys, want) {
		t.Errorf("announced %v, want %v", keys, want)
	}
}

func TestADescriptionAnewForgetsNoValue(t *testing.T) {
	old, u := newBattery(nil), newBattery(nil)
	old.Apply(sample("pv_energy", 1234.5), t0)
	u.Adopt(old)
	if number(t, u, "pv_energy", t0) != 1234.5 {
		t.Error("the meter is lost")
	}
}

func TestApplyDoesNotAllocate(t *testing.T) {
	u := newBattery(nil)
	s := sample("battery_voltage", 50.0, "battery_charge_current", 0.0, "battery_discharge_current", 20.0, "grid_power", 5.0)
	at := t0
	if n := testing.AllocsPerRun(100, func() { at = at.Add(time.Second); u.Apply(s, at) }); n > 0 {
		t.Errorf("%v allocations a sample", n)
	}
}

func pack() *Unit {
	return NewUnit(drivers.Descriptor{
		Entities: []drivers.Entity{
			{Key: "voltage", Role: drivers.BatteryVoltage, Quantity: drivers.Voltage, Max: 80},
			{Key: "current", Role: drivers.BatteryCurrent, Positive: drivers.Charging, Quantity: drivers.Current, Min: -300, Max: 300},
			{Key: "cell_01_voltage", Quantity: drivers.CellVoltage, Max: 5},
			{Key: "cell_02_voltage", Quantity: drivers.CellVoltage, Max: 5},
			{Key: "cell_03_voltage", Quantity: drivers.CellVoltage, Max: 5},
			{Key: "temperature_1", Quantity: drivers.Temperature, Max: 80},
		},
		Queries: []drivers.Query{{Name: "all", Keys: []string{"voltage", "current", "cell_01_voltage", "cell_02_voltage", "cell_03_voltage", "temperature_1"}}},
	}, [3]time.Duration{5 * time.Second, time.Minute, 24 * time.Hour}, nil)
}

func TestAPackHasItsExtremesAndItsPowerOnce(t *testing.T) {
	u := pack()
	u.Apply(sample("voltage", 10.0, "current", 2.0, "cell_01_voltage", 3.3, "cell_02_voltage", 3.2, "cell_03_voltage", 3.4), t0)
	for key, want := range map[string]float64{
		"power": -20, "cell_voltage_min": 3.2, "cell_voltage_max": 3.4, "lowest_cell": 2, "highest_cell": 3,
	} {
		if f, ok := u.Get(key).Value.Float(); !ok || f != want {
			t.Errorf("%s is %v, want %v", key, f, want)
		}
	}
	if delta := u.Get("cell_voltage_delta").Value.Format(3); delta != "0.200" {
		t.Errorf("the difference is %s", delta)
	}
	if u.Get("battery_power") != nil {
		t.Error("the power is there twice")
	}
}

func TestTheStateOfChargeFollowsFromTheCapacities(t *testing.T) {
	d := drivers.Descriptor{Entities: []drivers.Entity{{Key: "remaining_capacity", Max: 500}, {Key: "full_capacity", Max: 500}}}
	u := NewUnit(d, [3]time.Duration{}, nil)
	for i, c := range []struct {
		remaining, full float64
		want            string
	}{{37, 50, "74"}, {0, 50, "0"}, {50.4, 50, "100"}, {80, 50, ""}, {10, 0, ""}} {
		u.Apply(sample("remaining_capacity", c.remaining, "full_capacity", c.full), t0.Add(time.Duration(i)*time.Second))
		if got := u.Get("state_of_charge").Value.Format(0); got != c.want {
			t.Errorf("%v of %v Ah are %s %%, want %s", c.remaining, c.full, got, c.want)
		}
	}
	d.Entities = append(d.Entities, drivers.Entity{Key: "state_of_charge", Role: drivers.BatteryCharge, Max: 100})
	if c := NewUnit(d, [3]time.Duration{}, nil).Get("state_of_charge"); c.derived != nil {
		t.Error("the device's own state of charge is replaced")
	}
}

func TestAMissingCellLeavesTheExtremesAsOldAsItself(t *testing.T) {
	u := pack()
	u.Apply(sample("cell_01_voltage", 3.3, "cell_02_voltage", 3.2), t0)
	if v := u.Get("cell_voltage_min").Value; !v.Absent() {
		t.Errorf("two cells of three give a minimum of %s", v.Format(3))
	}
	u.Apply(sample("cell_03_voltage", 3.4), t0)
	u.Apply(sample("cell_01_voltage", 3.0), t0.Add(time.Second))
	if at := u.Get("cell_voltage_min").At; !at.Equal(t0) {
		t.Errorf("a minimum of old and new values is from %v", at)
	}
}
