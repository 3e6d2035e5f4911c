package httpjson

import (
	"encoding/json"
	"iter"
	"testing"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/drivertest"
	"sunwire/drivers/link"
	"sunwire/drivers/table"
)

// plug is a Tasmota's plug behind an inverter, as its owner would describe it.
var plug = Options{Values: []table.Row{
	{Key: "pv_power", Path: "StatusSNS.ENERGY.Power", Quantity: "power", Role: "pv_power"},
	{Key: "pv_energy", Path: "StatusSNS.ENERGY.Total", Quantity: "energy", Role: "pv_energy"},
	{Key: "voltage", Path: "StatusSNS.ENERGY.Voltage", Quantity: "voltage"},
	{Key: "temperature", Path: "StatusSNS.DS18B20.Temperature", Quantity: "temperature"},
}}

type page0 struct{ model drivers.Model }

// Answer implements link.Simulator: the page has what the model has.
func (p page0) Answer([]byte) []byte {
	value := func(key string) any {
		v, ok := p.model.Value("", key)
		if f, number := v.Float(); ok && number {
			return f
		}
		return nil
	}
	b, _ := json.Marshal(map[string]any{"StatusSNS": map[string]any{
		"Time":    "2026-06-01T12:15:00",
		"ENERGY":  map[string]any{"Power": value("pv_power"), "Total": value("pv_energy"), "Voltage": value("voltage")},
		"DS18B20": map[string]any{"Temperature": value("temperature")},
	}})
	return b
}

func (p page0) Push() iter.Seq2[time.Duration, []byte] { return nil }

func TestConformance(t *testing.T) {
	d := Driver
	d.Name = "tasmota" // of the recordings: they are nothing without a table
	d.Simulate = func(m drivers.Model, _ uint16) link.Simulator { return page0{m} }
	drivertest.Run(t, d, drivertest.Facts{Options: &plug})
}
