package pipeline

import (
	"math"
	"testing"
	"time"

	"sunwire/drivers"
)

func room() drivers.Descriptor {
	return drivers.Descriptor{
		Entities: []drivers.Entity{
			{Key: "temperature", Name: "Temperature", Quantity: drivers.Temperature, Role: drivers.AirTemperature, Min: -40, Max: 85},
			{Key: "humidity", Name: "Humidity", Quantity: drivers.Humidity, Role: drivers.AirHumidity, Max: 100},
			{Key: "energy", Name: "Energy", Quantity: drivers.Energy},
			{Key: "elevation", Name: "Elevation", Quantity: drivers.Count},
		},
		Queries: []drivers.Query{{Name: "live", Keys: []string{"temperature", "humidity", "energy"}}, {Name: "slow", Pace: drivers.Slow, Keys: []string{"elevation"}}},
	}
}

var minutely = [3]time.Duration{time.Minute, time.Hour, 24 * time.Hour}

// Psychrometric tables (ASHRAE Handbook, Fundamentals, ch. 1): saturation pressure 2.3393 kPa at 20 °C and 4.2467 kPa at 30 °C; dew point
// 13.9 °C at 25 °C and 50 %; saturated air of 20 °C has 17.3 g/m³ of water, of 30 °C 30.4 g/m³.
func TestMoistAirIsAsInTheTables(t *testing.T) {
	for _, c := range []struct {
		what             string
		got, want, close float64
	}{
		{"saturation at 20 °C", vapourPressure(20), 23.393, 0.08},
		{"saturation at 30 °C", vapourPressure(30), 42.467, 0.15},
		{"dew point at 25 °C, 50 %", dewPoint(25, 50), 13.9, 0.1},
		{"dew point of saturated air", dewPoint(-7, 100), -7, 1e-9},
		{"water in saturated air of 20 °C", absoluteHumidity(20, 100), 17.3, 0.1},
		{"water in saturated air of 30 °C", absoluteHumidity(30, 100), 30.4, 0.2},
		{"deficit at 20 °C, 50 %", deficit(20, 50), 1.17, 0.005},
		{"deficit of saturated air", deficit(20, 100), 0, 1e-9},
	} {
		if !(math.Abs(c.got-c.want) <= c.close) {
			t.Errorf("%s is %g, want %g", c.what, c.got, c.want)
		}
	}
}

func TestAirOfWhichHumidityIsUnknownHasNoDewPoint(t *testing.T) {
	u := NewUnit(room(), minutely, nil)
	u.Apply(sample("temperature", 20.0), t0)
	u.Apply(sample("humidity", 0.0), t0) // a broken sensor: of air without any water there is no dew point
	if v := u.Get("dew_point").Value; !v.Absent() {
		t.Errorf("the dew point is %v", v)
	}
	u.Apply(sample("temperature", 25.0, "humidity", 50.0), t0.Add(time.Second))
	if got := number(t, u, "dew_point", t0); math.Abs(got-13.9) > 0.1 {
		t.Errorf("the dew point is %v", got)
	}
}

func TestAggregatesAreThoseOfTheSamplesBetweenTwoPublications(t *testing.T) {
	u := NewSampledUnit(room(), minutely, map[string]Factor{"temperature": {Scale: 1, Offset: -1}})
	for i, f := range []float64{3, 5, 5, 5, 6, 6, 8, 10} {
		u.Apply(sample("temperature", f), t0.Add(time.Duration(i)*5*time.Second))
	}
	if c := u.Get("temperature_mean"); !c.Value.Absent() {
		t.Error("there is a mean before the window is closed")
	}
	at := t0.Add(time.Minute)
	u.Publish(at)
	for key, want := range map[string]float64{"temperature_mean": 5, "temperature_minimum": 2, "temperature_maximum": 9, "temperature_deviation": math.Sqrt(32.0 / 7)} {
		if got := number(t, u, key, at); math.Abs(got-want) > 1e-12 {
			t.Errorf("%s is %v, want %v", key, got, want)
		}
	}
	u.Apply(sample("temperature", 21.0), at.Add(5*time.Second))
	u.Publish(at.Add(time.Minute))
	if got := number(t, u, "temperature_mean", at.Add(time.Minute)); got != 20 {
		t.Errorf("the mean of the second window is %v: the first one is still in it", got)
	}
	if c := u.Get("temperature_deviation"); !c.Value.Absent() {
		t.Errorf("one sample has a deviation: %v", c.Value)
	}
	u.Publish(at.Add(2 * time.Minute)) // nothing was read
	if !u.Get("temperature_mean").At.Equal(at.Add(time.Minute)) {
		t.Error("a window without a sample has a mean")
	}
}

func TestOnlyLiveMeasurementsHaveAggregatesAndTheyAreOff(t *testing.T) {
	u := NewSampledUnit(room(), minutely, nil)
	for key, want := range map[string]bool{
		"temperature_mean": true, "dew_point_maximum": true, "humidity_deviation": true, "energy_mean": false, "elevation_mean": false, "temperature_mean_mean": false,
	} {
		c := u.Get(key)
		if (c != nil) != want || c != nil && !c.Entity.Disabled {
			t.Errorf("%s: there %v, want %v; off by default", key, c != nil, want)
		}
	}
	if q := u.Get("temperature_deviation").Entity.Quantity; q.DeviceClass != "temperature_delta" {
		t.Errorf("a deviation is a %+v: Home Assistant would add 32 to it for °F", q)
	}
	d := Restrict(u.Descriptor, func(q string) bool { return q == "slow" })
	if len(d.Entities) != 1 {
		t.Errorf("a query that was never answered has aggregates: %v", d.Entities)
	}
}

func TestAnImpossibleSampleIsInNoMean(t *testing.T) {
	u := NewSampledUnit(room(), minutely, nil)
	u.Apply(sample("temperature", 20.0), t0)
	u.Apply(sample("temperature", 6553.5), t0.Add(time.Second))
	u.Publish(t0.Add(time.Minute))
	if got := number(t, u, "temperature_mean", t0.Add(time.Minute)); got != 20 {
		t.Errorf("the mean is %v", got)
	}
}

func TestADerivedValueOutlivesNoPartOfIt(t *testing.T) {
	u := NewUnit(room(), minutely, nil)
	u.ApplyUntil(sample("temperature", 25.0), t0, t0.Add(3*time.Hour))
	u.ApplyUntil(sample("humidity", 50.0), t0, t0.Add(time.Hour))
	c := u.Get("dew_point")
	if !c.Fresh(t0.Add(59*time.Minute)) || c.Fresh(t0.Add(61*time.Minute)) {
		t.Errorf("the dew point counts until %v", c.Until)
	}
	u.Apply(sample("humidity", 51.0), t0.Add(time.Second))
	u.Apply(sample("temperature", 25.0), t0.Add(time.Second))
	if u.Get("dew_point").Fresh(t0.Add(30 * time.Minute)) {
		t.Error("what grows old as all do makes a dew point that does not")
	}
}
