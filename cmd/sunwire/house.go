package main

import (
	"fmt"
	"math"
	"sync"
	"time"

	"sunwire/bridge/config"
	"sunwire/drivers"
)

// house is the demo's simulated house: a sun that goes by the clock, clouds, a load, and a battery that fills and empties. It is the
// state behind the simulated devices; what is published goes through the real drivers all the same.
type house struct {
	mu      sync.Mutex
	at      time.Time
	charge  float64 // of the battery, 0 to 1
	sun     float64 // W from the panels
	load    float64 // W
	battery float64 // W, + = discharging
	grid    float64 // W, + = importing
}

// The demo house: 5 kWp, 10 kWh, a 48 V battery of 16 cells, 5 kW inverter.
const (
	cells      = 16.0
	panelPeak  = 5000.0
	capacityWh = 10000.0
	chargeMax  = 3000.0
)

func newHouse(now time.Time) *house {
	h := &house{at: now, charge: 0.62}
	h.step(now)
	return h
}

// model is the part of the house that a device sees.
func (h *house) model(d config.Device) drivers.Model {
	switch d.Spec.Class {
	case drivers.Climate:
		if d.Spec.Name == "ds18b20" {
			return modelFunc(h.boiler)
		}
		room := float64(len(d.ID) % 5) // no two rooms are alike
		return modelFunc(func(key string) (float64, bool) { return h.climate(key, room) })
	case drivers.Battery:
		return modelFunc(h.pack)
	case drivers.Weather:
		return sky{h}
	default:
		return modelFunc(h.inverter)
	}
}

type modelFunc func(key string) (float64, bool)

// Value implements drivers.Model.
func (f modelFunc) Value(_, key string) (drivers.Value, bool) {
	v, ok := f(key)
	return drivers.Num(v), ok
}

// step moves the house on to now.
func (h *house) step(now time.Time) {
	hours := now.Sub(h.at).Hours()
	day := float64(now.Hour()) + float64(now.Minute())/60 + float64(now.Second())/3600
	clouds := 0.75 + 0.25*wave(now, 7*time.Minute)*wave(now, 97*time.Second)
	h.sun = panelPeak * 0.8 * max(0, math.Sin((day-6)/12*math.Pi)) * clouds
	h.load = 380 + 120*wave(now, 11*time.Minute) + 60*wave(now, 53*time.Second) + 15*wave(now, 7*time.Second)
	if day > 17 && day < 22 {
		h.load += 700
	}
	want := h.load - h.sun
	switch {
	case want < 0 && h.charge >= 1, want > 0 && h.charge <= 0.1:
		h.battery = 0
	default:
		h.battery = min(max(want, -chargeMax), chargeMax)
	}
	h.grid = max(0, want-h.battery)
	h.sun = min(h.sun, h.load-h.battery) // what is not needed is not taken
	h.charge = min(max(h.charge-h.battery*hours/capacityWh, 0), 1)
	h.at = now
}

func wave(now time.Time, period time.Duration) float64 {
	return math.Sin(2 * math.Pi * float64(now.UnixMilli()) / float64(period.Milliseconds()))
}

func (h *house) look() house {
	h.mu.Lock()
	defer h.mu.Unlock()
	if now := time.Now(); now.Sub(h.at) > 100*time.Millisecond {
		h.step(now)
	}
	return house{at: h.at, charge: h.charge, sun: h.sun, load: h.load, battery: h.battery, grid: h.grid}
}

// volts are those between the battery's poles, under its load.
func (h *house) volts() float64 { return 48 + 6*h.charge - h.battery/3000 }

// pack is the battery as its BMS sees it, whose current is + while it is charged.
func (h *house) pack(key string) (float64, bool) {
	n := h.look()
	var cell int
	if _, err := fmt.Sscanf(key, "cell_%d_voltage", &cell); err == nil { // the best is 8 mV above the worst
		return n.volts()/cells + 0.004*math.Sin(float64(cell)), true
	}
	switch key {
	case "voltage":
		return n.volts(), true
	case "current":
		return -n.battery / n.volts(), true
	case "state_of_charge":
		return 100 * n.charge, true
	case "full_capacity":
		return capacityWh / 51.2, true
	case "temperature_1", "temperature_2":
		return 19 + math.Abs(n.battery)/1000, true
	case "mosfet_temperature":
		return 22 + math.Abs(n.battery)/300, true
	}
	return 0, false
}

func (h *house) inverter(key string) (float64, bool) {
	n := h.look()
	volts := n.volts()
	switch key {
	case "grid_voltage":
		return 230 + 2*wave(n.at, 41*time.Second), true
	case "grid_frequency":
		return 50 + 0.05*wave(n.at, 13*time.Second), true
	case "output_voltage":
		return 230, true
	case "output_frequency":
		return 50, true
	case "output_power":
		return n.load, true
	case "output_apparent_power":
		return n.load * 1.08, true
	case "load_percent":
		return n.load / 50, true
	case "battery_voltage", "battery_voltage_scc":
		return volts, true
	case "battery_charge_current":
		return max(0, -n.battery) / volts, true
	case "battery_discharge_current":
		return max(0, n.battery) / volts, true
	case "state_of_charge":
		return 100 * n.charge, true
	case "heatsink_temperature":
		return 31 + n.load/100 + n.sun/300, true
	case "pv_voltage":
		if n.sun < 1 {
			return 0, true
		}
		return 320 + 20*wave(n.at, 3*time.Minute), true
	case "pv_current":
		return n.sun / volts, true
	case "pv_power":
		return n.sun, true
	}
	v, ok := plate[key]
	return v, ok
}

// plate is what the demo's inverter is, and how it is set.
var plate = map[string]float64{
	"rated_grid_voltage": 230, "rated_grid_current": 21.7, "rated_output_voltage": 230, "rated_output_frequency": 50, "rated_output_current": 21.7,
	"rated_output_apparent_power": 5000, "rated_output_power": 5000, "rated_battery_voltage": 48, "bus_voltage": 390,
	"battery_recharge_voltage": 49, "battery_redischarge_voltage": 52, "battery_cut_off_voltage": 46, "bulk_voltage": 55.2, "float_voltage": 54,
	"max_charge_current": 60, "max_grid_charge_current": 30,
}

// climate is the air of a room, 0 to 4.
func (h *house) climate(key string, room float64) (float64, bool) {
	n := h.look()
	switch key {
	case "temperature":
		return 20.2 + 0.6*room + 0.8*wave(n.at, time.Duration(23+room)*time.Minute), true
	case "humidity":
		return 52 - 2*room + 3*wave(n.at, time.Duration(31-room)*time.Minute), true
	case "pressure":
		return 1011 + 2*wave(n.at, 47*time.Minute), true
	case "gas_resistance":
		return 90000 + 40000*wave(n.at, 19*time.Minute), true
	}
	return 0, false
}

func (h *house) boiler(key string) (float64, bool) {
	return 54 + 3*wave(h.look().at, 37*time.Minute), key == "temperature"
}

// sky is the weather over the house: the present moment, under its sun.
type sky struct{ *house }

// Value implements drivers.Model.
func (s sky) Value(_, key string) (drivers.Value, bool) {
	n := s.look()
	switch key {
	case "last_update":
		return drivers.Text(n.at.UTC().Format(time.RFC3339)), true
	case "temperature":
		return drivers.Num(16 + 6*wave(n.at, 24*time.Hour)), true
	case "irradiance":
		return drivers.Num(n.sun / panelPeak * 1000), true
	case "cloud_cover":
		return drivers.Num(50 + 40*wave(n.at, 7*time.Minute)), true
	case "wind_speed":
		return drivers.Num(12 + 5*wave(n.at, 17*time.Minute)), true
	}
	return drivers.Value{}, false
}
