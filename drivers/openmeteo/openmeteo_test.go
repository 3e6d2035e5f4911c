package openmeteo

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/drivertest"
	"sunwire/drivers/link"
	"sunwire/drivers/link/simulated"
)

func TestMain(m *testing.M) {
	time.Local = time.UTC // the golden files' days are those of Greenwich
	os.Exit(m.Run())
}

// house stands where the recordings were made: at the default place, so that they play without options too.
func house() *Options {
	return &Options{Performance: 0.8, Planes: []Plane{{Peak: 5000, Tilt: 30}, {Peak: 2500, Tilt: 15, Azimuth: 90}}}
}

func TestConformance(t *testing.T) {
	var derived []string
	for _, e := range append(weatherEntities(), solarEntities()...) {
		derived = append(derived, e.Key)
	}
	drivertest.Run(t, Driver, drivertest.Facts{Options: house(), Derived: derived[len(current):]})
}

// hours is an hourly series from the beginning of the day before now.
func hours(unit, variable, now, from string, offset, n int, value func(i int) string) string {
	start, _ := time.Parse("2006-01-02T15:04", from)
	var times, values []string
	for i := range n {
		times = append(times, `"`+start.Add(time.Duration(i)*time.Hour).Format("2006-01-02T15:04")+`"`)
		values = append(values, value(i))
	}
	return fmt.Sprintf(`{"utc_offset_seconds":%d,"current_units":{%q:%q},"current":{"time":%q,"interval":900,%q:500},"hourly_units":{%q:%q},"hourly":{"time":[%s],%q:[%s]}}`,
		offset, variable, unit, now, variable, variable, unit, strings.Join(times, ","), variable, strings.Join(values, ","))
}

func tiltedHours(now, from string, n int, value func(i int) string) string {
	return hours("W/m²", tilted, now, from, 0, n, value)
}

func estimated(t *testing.T, zone *time.Location, bodies ...string) map[string]drivers.Value {
	t.Helper()
	o := house()
	o.Planes = o.Planes[:len(bodies)]
	var as []*answer
	for _, b := range bodies {
		a, err := parse([]byte(b))
		if err != nil {
			t.Fatal(err)
		}
		as = append(as, a)
	}
	rs, err := o.estimate(as, zone)
	if err != nil {
		t.Fatal(err)
	}
	return values0(rs)
}

func values0(rs []drivers.Reading) map[string]drivers.Value {
	out := map[string]drivers.Value{}
	for _, r := range rs {
		for _, f := range r.Sample {
			out[f.Key] = f.Value
		}
	}
	return out
}

func want(t *testing.T, got map[string]drivers.Value, key string, f float64) {
	t.Helper()
	if v, ok := got[key].Float(); !ok || math.Abs(v-f) > 1e-9 {
		t.Errorf("%s is %q, want %g", key, got[key].Format(-1), f)
	}
}

func TestTheEstimateIsIrradianceTimesPeakTimesPerformance(t *testing.T) {
	all := func(f string) func(int) string { return func(int) string { return f } }
	one := tiltedHours("2026-06-01T12:15", "2026-05-31T00:00", 96, all("100"))
	got := estimated(t, time.UTC, one)
	want(t, got, "estimated_pv_power", 500*5*0.8)
	want(t, got, "estimated_pv_energy_today", 24*0.1*5*0.8)
	want(t, got, "estimated_pv_energy_tomorrow", 24*0.1*5*0.8)
	want(t, got, "estimated_pv_energy_rest_of_today", 11.75*0.1*5*0.8) // of the present hour three quarters are left
	both := estimated(t, time.UTC, one, one)
	want(t, both, "estimated_pv_power", 500*7.5*0.8)
	want(t, both, "estimated_pv_energy_today", 24*0.1*7.5*0.8)
}

func TestADayIsThatOfTheHouse(t *testing.T) {
	// Only the hour that ends at 23:00 in Greenwich has sun: in Berlin it belongs to the day after.
	sun := func(i int) string {
		if i == 24+23 {
			return "1000"
		}
		return "0"
	}
	body := tiltedHours("2026-06-01T12:15", "2026-05-31T00:00", 96, sun)
	greenwich := estimated(t, time.UTC, body)
	want(t, greenwich, "estimated_pv_energy_today", 4)
	berlin := estimated(t, time.FixedZone("", 2*3600), body)
	want(t, berlin, "estimated_pv_energy_today", 0)
	want(t, berlin, "estimated_pv_energy_tomorrow", 4)
	// Half an hour of it where zones differ by halves.
	want(t, estimated(t, time.FixedZone("", 3600+1800), body), "estimated_pv_energy_today", 2)
}

func TestADayHasItsMeanCloudsAndHighestWind(t *testing.T) {
	at := func(variable, unit string, unknown int) map[string]drivers.Value {
		a, err := parse([]byte(hours(unit, variable, "2026-06-01T12:15", "2026-05-31T00:00", 0, 96, func(i int) string {
			if i == unknown {
				return "null"
			}
			return strconv.Itoa(i % 24)
		})))
		if err != nil {
			t.Fatal(err)
		}
		rs, err := readWeather(a, time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		return values0(rs)
	}
	clouds := at("cloud_cover", "%", 48+7)
	want(t, clouds, "cloud_cover_today", 12) // 0 to 23: 11.5
	if !clouds["cloud_cover_tomorrow"].Absent() {
		t.Error("a day with an unknown hour has a mean")
	}
	wind := at("wind_speed_10m", "km/h", -1)
	want(t, wind, "wind_speed_max_today", 23)
	want(t, wind, "wind_speed_max_tomorrow", 23)
}

func TestADayOfWhichAnHourIsMissingHasNoEnergy(t *testing.T) {
	got := estimated(t, time.UTC, tiltedHours("2026-06-01T12:15", "2026-05-31T00:00", 96, func(i int) string {
		if i == 24+5 {
			return "null"
		}
		return "100"
	}))
	if !got["estimated_pv_energy_today"].Absent() {
		t.Error("a day with an unknown hour has an energy")
	}
	want(t, got, "estimated_pv_energy_tomorrow", 9.6)
	want(t, got, "estimated_pv_energy_rest_of_today", 4.7)
	got = estimated(t, time.UTC, tiltedHours("2026-06-01T12:15", "2026-05-31T00:00", 60, func(int) string { return "100" }))
	if !got["estimated_pv_energy_tomorrow"].Absent() {
		t.Error("a forecast that ends tomorrow at noon gives tomorrow's energy")
	}
}

func TestLessThanNoLightIsNone(t *testing.T) {
	want(t, estimated(t, time.UTC, tiltedHours("2026-06-01T12:15", "2026-05-31T00:00", 96, func(int) string { return "-84" })), "estimated_pv_energy_today", 0)
}

func TestWhatIsSaidOfADayEndsAtMidnight(t *testing.T) {
	a, err := parse([]byte(tiltedHours("2026-06-01T20:15", "2026-05-31T00:00", 96, func(int) string { return "100" })))
	if err != nil {
		t.Fatal(err)
	}
	o := house()
	o.Planes = o.Planes[:1]
	rs, err := o.estimate([]*answer{a}, time.FixedZone("", 2*3600))
	if err != nil {
		t.Fatal(err)
	}
	midnight := time.Date(2026, 6, 1, 22, 0, 0, 0, time.UTC)
	for _, r := range rs {
		for _, f := range r.Sample {
			switch lasts := r.Until; f.Key {
			case "estimated_pv_energy_today", "estimated_pv_energy_tomorrow":
				if !lasts.Equal(midnight) {
					t.Errorf("%s counts until %v, want %v", f.Key, lasts, midnight)
				}
			default:
				if !lasts.IsZero() {
					t.Errorf("%s outlives an outage: it changes by the minute", f.Key)
				}
			}
		}
	}
}

func TestAnotherUnitIsAnErrorAndNoValue(t *testing.T) {
	sim := simulate(nil, 0)
	for _, c := range [][2]string{{`"temperature_2m":"°C"`, `"temperature_2m":"°F"`}, {`"wind_speed_10m":"km/h"`, `"wind_speed_10m":"mph"`}, {`"precipitation":"mm"`, `"precipitation":"inch"`}} {
		for n := range 2 { // of current, of hourly
			body := string(sim.Answer([]byte("/v1/forecast?")))
			parts := strings.SplitN(body, c[0], 3)
			if len(parts) != 3 {
				t.Fatalf("%s is not there twice", c[0])
			}
			seps := []string{c[0], c[0]}
			seps[n] = c[1]
			if _, err := decode(weather, []byte(parts[0]+seps[0]+parts[1]+seps[1]+parts[2])); !errors.Is(err, drivers.ErrFrame) {
				t.Errorf("%s: %v", c[1], err)
			}
		}
	}
	if _, err := parse([]byte(hours("kW/m²", tilted, "2026-06-01T12:15", "2026-05-31T00:00", 0, 96, func(int) string { return "1" }))); err != nil {
		t.Fatal(err)
	}
}

// The captures: a time without a zone is local to the offset, and null is not known.
const nullAndOffset = `{"latitude":52.52,"longitude":13.419998,"utc_offset_seconds":7200,"timezone":"Europe/Berlin",
"current_units":{"time":"iso8601","interval":"seconds","temperature_2m":"°C","relative_humidity_2m":"%","surface_pressure":"hPa","cloud_cover":"%","wind_speed_10m":"km/h","shortwave_radiation":"W/m²","weather_code":"wmo code","is_day":""},
"current":{"time":"2026-06-01T12:15","interval":900,"temperature_2m":-3.0,"relative_humidity_2m":48,"surface_pressure":1009.7,"cloud_cover":75,"wind_speed_10m":11.2,"shortwave_radiation":null,"weather_code":3,"is_day":0}}`

func TestNullIsNotKnownAndTheTimeIsLocalToTheOffset(t *testing.T) {
	fields, err := decode(weather, []byte(nullAndOffset))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]drivers.Value{}
	for _, f := range fields {
		got[f.Entity.Key] = f.Value
	}
	if v, there := got["irradiance"]; there {
		t.Errorf("null W/m² is %q", v.Format(-1))
	}
	want(t, got, "temperature", -3)
	if got["last_update"] != drivers.Text("2026-06-01T10:15:00Z") {
		t.Errorf("observed at %q", got["last_update"].Format(-1))
	}
}

func TestARefusalSaysWhyAndIsNotAskedAgainAtOnce(t *testing.T) {
	_, err := decode(weather, []byte(`{"error":true,"reason":"Cannot initialize SurfacePressureVariable"}`))
	if err == nil || !strings.Contains(err.Error(), "SurfacePressureVariable") || errors.Is(err, drivers.ErrFrame) {
		t.Errorf("said %v", err)
	}
}

func TestOptionsThatCannotBeAreRefused(t *testing.T) {
	conn, err := simulated.New(link.HTTP, simulate(nil, 0), simulated.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Options){
		"latitude":    func(o *Options) { o.Latitude = 91 },
		"longitude":   func(o *Options) { o.Longitude = math.NaN() },
		"performance": func(o *Options) { o.Performance = 80 },
		"kW":          func(o *Options) { o.Planes[0].Peak = 5 },
		"tilt":        func(o *Options) { o.Planes[0].Tilt = -30 },
		"azimuth":     func(o *Options) { o.Planes[1].Azimuth = 270 },
	} {
		o := house()
		change(o)
		if _, err := open(conn, 0, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a wrong %s: %v", want, err)
		}
	}
	if _, err := open(conn, 0, house()); err != nil {
		t.Error(err)
	}
}

func FuzzAnAnswerIsAnErrorOrPlausible(f *testing.F) {
	f.Add([]byte(nullAndOffset))
	f.Add(simulate(nil, 0).Answer([]byte("/v1/forecast?")))
	f.Add([]byte(tiltedHours("2026-06-01T12:15", "2026-05-31T00:00", 30, func(int) string { return "null" })))
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := parse(body)
		if err != nil {
			return
		}
		o := house()
		o.Planes = o.Planes[:1]
		_, _ = o.estimate([]*answer{a}, time.UTC)
		rs, err := readWeather(a, time.UTC)
		if err == nil && len(rs[0].Sample) < 2 {
			t.Errorf("neither a value nor an error: %v", rs)
		}
	})
}
