package openmeteo

import (
	"encoding/json"
	"iter"
	"math"
	"strings"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/link"
)

// sky answers as the service does: the current values are the model's, the forecast is a day like the other.
type sky struct{ model drivers.Model }

func simulate(m drivers.Model, _ uint16) link.Simulator { return sky{m} }

// usual is what is shown where the model says nothing, by variable: the documentation's example.
var usual = map[string]any{
	"temperature_2m": 21.4, "relative_humidity_2m": 48, "surface_pressure": 1009.7, "pressure_msl": 1014.4, "shortwave_radiation": 612,
	"cloud_cover": 75, "wind_speed_10m": 11.2, "wind_gusts_10m": 24.5, "wind_direction_10m": 250, "precipitation": 0, "weather_code": 3,
}

const simulatedSpan = 15 * time.Minute

// Answer implements link.Simulator.
func (s sky) Answer(request []byte) []byte {
	now := s.now()
	latest := map[string]any{"time": written(now), "interval": simulatedSpan.Seconds()}
	latestUnits := map[string]string{"time": "iso8601", "interval": "seconds"}
	hours := map[string]any{}
	hourUnits := map[string]string{"time": "iso8601"}
	var times []string
	start := now.Truncate(24*time.Hour).AddDate(0, 0, -1)
	for t := start; t.Before(start.AddDate(0, 0, 4)); t = t.Add(time.Hour) {
		times = append(times, written(t))
	}
	hours["time"] = times
	if strings.Contains(string(request), tilted) {
		latest[tilted], latestUnits[tilted] = sunAt(now), "W/m²"
		hours[tilted], hourUnits[tilted] = through(start, len(times), sunAt), "W/m²"
	} else {
		for i := range current {
			latest[current[i].variable], latestUnits[current[i].variable] = s.current(&current[i]), current[i].unit
		}
		for _, f := range hourly {
			hours[f.variable], hourUnits[f.variable] = through(start, len(times), ordinary[f.variable]), f.unit
		}
	}
	b, err := json.Marshal(map[string]any{
		"latitude": 52.52, "longitude": 13.419998, "elevation": 38, "generationtime_ms": 0.06,
		"utc_offset_seconds": 0, "timezone": "GMT", "timezone_abbreviation": "GMT",
		"current_units": latestUnits, "current": latest, "hourly_units": hourUnits, "hourly": hours,
	})
	if err != nil {
		return nil // numbers and texts always marshal
	}
	return b
}

// Push implements link.Simulator: nothing is said unasked.
func (s sky) Push() iter.Seq2[time.Duration, []byte] { return nil }

func (s sky) value(key string) (drivers.Value, bool) {
	if s.model == nil {
		return drivers.Value{}, false
	}
	return s.model.Value("", key)
}

// now is the model's time, on the quarter of an hour before it.
func (s sky) now() time.Time {
	v, _ := s.value(lastUpdate.Key)
	text, _ := v.Text()
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t = time.Date(2026, 6, 1, 12, 15, 0, 0, time.UTC)
	}
	return t.UTC().Truncate(simulatedSpan)
}

func (s sky) current(r *row) any {
	v, ok := s.value(r.Key)
	if !ok {
		return usual[r.variable]
	}
	if name, is := v.Text(); is {
		for _, c := range conditions {
			if c.name == name {
				return c.code
			}
		}
		return nil
	}
	f, _ := v.Float()
	if r.Quantity == drivers.PrecipitationIntensity {
		f *= simulatedSpan.Hours()
	}
	return f
}

// ordinary is how a variable goes through a day.
var ordinary = map[string]func(time.Time) float64{
	"temperature_2m":      func(t time.Time) float64 { return 16 + 6*wave(t, 15) },
	"cloud_cover":         func(t time.Time) float64 { return 50 + 30*wave(t, 4) },
	"shortwave_radiation": func(t time.Time) float64 { return 0.85 * sunAt(t) },
	"wind_speed_10m":      func(t time.Time) float64 { return 11 + 4*wave(t, 17) },
	"precipitation":       func(t time.Time) float64 { return math.Floor(max(0, 0.5+0.8*wave(t, 4))) },
}

func sunAt(t time.Time) float64 { return math.Round(900 * max(0, wave(t, 12.5)-0.1)) }

// wave is 1 at that hour of the day and -1 twelve hours from it.
func wave(t time.Time, hour float64) float64 {
	t = t.In(time.Local)
	return math.Cos((float64(t.Hour()) + float64(t.Minute())/60 - hour) / 12 * math.Pi)
}

func through(start time.Time, n int, f func(time.Time) float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = math.Round(10*f(start.Add(time.Duration(i)*time.Hour))) / 10
	}
	return out
}

func written(t time.Time) string { return t.Format("2006-01-02T15:04") }
