package output

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"sunwire/bridge/pipeline"
	"sunwire/drivers"
)

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// house is a unit whose humidity has not been read.
func house() *pipeline.Unit {
	d := drivers.Descriptor{
		Entities: []drivers.Entity{
			{Key: "temperature", Quantity: drivers.Temperature},
			{Key: "humidity", Quantity: drivers.Humidity},
			{Key: "sea_level_pressure", Quantity: drivers.AirPressure},
			{Key: "temperature_deviation", Quantity: drivers.TemperatureDelta.At(2)},
			{Key: "raw", Category: drivers.Diagnostic},
		},
		Queries: []drivers.Query{{Keys: []string{"temperature", "humidity", "sea_level_pressure", "temperature_deviation", "raw"}}},
	}
	u := pipeline.NewUnit(d, [3]time.Duration{time.Second, time.Minute, time.Hour}, nil)
	u.Apply(drivers.Sample{
		{Key: "temperature", Value: drivers.Num(-0.04)},
		{Key: "sea_level_pressure", Value: drivers.Num(1014.2)},
		{Key: "temperature_deviation", Value: drivers.Num(0.5)},
		{Key: "raw", Value: drivers.Num(1)},
	}, noon)
	return u
}

func said(o Options, at time.Time) (out []string) {
	u := house()
	for _, m := range NewTopics(o).Messages(u.Cells, []int{0, 1, 2, 3, 4}, at) {
		out = append(out, fmt.Sprintf("%s %s", m.Topic, m.Payload))
	}
	return out
}

func TestOnlyPrimaryValuesThatAreKnownAreSaid(t *testing.T) {
	for _, c := range []struct {
		o    Options
		want []string
	}{
		{
			Options{Pattern: "house/{id}/{key}", ID: "attic"},
			[]string{"house/attic/temperature 0.0", "house/attic/sea_level_pressure 1014.2", "house/attic/temperature_deviation 0.50"},
		},
		{
			Options{Pattern: "house/{key}", Fahrenheit: true},
			[]string{"house/temperature 31.9", "house/sea_level_pressure 1014.2", "house/temperature_deviation 0.90"},
		},
		{
			Options{Pattern: "house/{id}", ID: "attic", Format: JSON},
			[]string{`house/attic {"temperature":0.0,"sea_level_pressure":1014.2,"temperature_deviation":0.50}`},
		},
		{
			Options{Pattern: "tele/{id}", ID: "attic", Sensor: "bme280", Format: Tasmota, Fahrenheit: true},
			[]string{`tele/attic/SENSOR {"Time":"2026-06-01T12:00:00","BME280":{"Temperature":31.9,"SeaPressure":1014.2,"TemperatureDeviation":0.90},"PressureUnit":"hPa","TempUnit":"F"}`},
		},
	} {
		if got := said(c.o, noon); !slices.Equal(got, c.want) {
			t.Errorf("%+v says\n%q, want\n%q", c.o, got, c.want)
		}
		if late := said(c.o, noon.Add(2*time.Minute)); len(late) != 0 {
			t.Errorf("two minutes later %+v still says %q", c.o, late)
		}
	}
}

func TestAnObjectIsJSON(t *testing.T) {
	u := house()
	for _, f := range []Format{JSON, Tasmota} {
		for _, m := range NewTopics(Options{Pattern: "x", Sensor: `a"b`, Format: f}).Messages(u.Cells, []int{0, 2}, noon) {
			if !json.Valid(m.Payload) {
				t.Errorf("%s is not JSON", m.Payload)
			}
		}
	}
}
