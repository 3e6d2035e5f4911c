package status

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"
)

// house is a Source of two devices that a test can change.
type house struct {
	mu      sync.Mutex
	snap    Snapshot
	readers map[chan struct{}]bool
}

func (h *house) Snapshot() Snapshot {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.snap
	s.Devices = append([]Device(nil), s.Devices...)
	for i := range s.Devices {
		s.Devices[i].Values = append([]Value(nil), s.Devices[i].Values...)
	}
	return s
}

func (h *house) Changes(ctx context.Context) <-chan struct{} {
	c := make(chan struct{}, 1)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.readers == nil {
		h.readers = map[chan struct{}]bool{}
	}
	h.readers[c] = true
	context.AfterFunc(ctx, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.readers, c)
		close(c)
	})
	return c
}

func (h *house) change(f func(*Snapshot)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f(&h.snap)
	for c := range h.readers {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

func (h *house) open() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.readers)
}

func num(key, name, text, unit, class, state, category string) Value {
	return Value{Key: key, Name: name, Value: json.RawMessage(text), Unit: unit, DeviceClass: class, StateClass: state, Category: category}
}

// twoDevices is an inverter with a unit and a house sensor, as they are at now.
func twoDevices(now time.Time) *house {
	started := now.Add(-3 * time.Hour)
	inverter := []Value{
		num("grid_voltage", "Grid voltage", "230.1", "V", "voltage", "measurement", ""),
		num("grid_frequency", "Grid frequency", "50.0", "Hz", "frequency", "measurement", ""),
		num("output_power", "Output power", "552", "W", "power", "measurement", ""),
		num("output_apparent_power", "Output apparent power", "575", "VA", "apparent_power", "measurement", ""),
		num("load_percent", "Load", "11", "%", "", "measurement", ""),
		num("battery_voltage", "Battery voltage", "52.40", "V", "voltage", "measurement", ""),
		num("battery_power", "Battery power", "-367", "W", "power", "measurement", ""),
		num("state_of_charge", "State of charge", "76", "%", "battery", "measurement", ""),
		num("heatsink_temperature", "Heat sink temperature", "41", "°C", "temperature", "measurement", ""),
		num("pv_power", "PV power", "958", "W", "power", "measurement", ""),
		num("pv_energy", "PV energy", "1234.567", "kWh", "energy", "total_increasing", ""),
		num("mode", "Mode", `"Battery"`, "", "", "", ""),
		num("charging", "Charging", `"ON"`, "", "battery_charging", "", ""),
		num("battery_current", "Battery current", "null", "A", "current", "measurement", ""),
		num("rated_output_power", "Rated output power", "5000", "W", "power", "measurement", "diagnostic"),
		num("problem", "Problem", `"OFF"`, "", "problem", "", "diagnostic"),
		num("warnings", "Warnings", `"None"`, "", "", "", "diagnostic"),
		num("field_18", "Field 18", "0", "", "", "", "diagnostic"),
	}
	inverter[9].Note = "times 1.02, -4"
	climate := []Value{
		num("temperature", "Temperature", "21.6", "°C", "temperature", "measurement", ""),
		num("humidity", "Humidity", "48.3", "%", "humidity", "measurement", ""),
		num("pressure", "Pressure", "1008.3", "hPa", "atmospheric_pressure", "measurement", ""),
		num("dew_point", "Dew point", "10.2", "°C", "temperature", "measurement", ""),
	}
	for _, values := range [][]Value{inverter, climate} {
		for i := range values {
			values[i].Updated = now.Add(-3 * time.Second)
		}
	}
	return &house{snap: Snapshot{
		Schema: 1, Timestamp: now, Version: "1.0.0", Host: "raspberrypi", Started: started,
		Broker: Broker{URL: "mqtt://192.168.1.10:1883", Connected: true, Since: started, HomeAssistant: true, Announced: 3, Published: 4711},
		Devices: []Device{
			{
				ID: "inverter", Name: "Inverter", Driver: "pi30", Port: "serial:/dev/ttyUSB0", UID: "voltronic_92932004102443",
				Manufacturer: "Voltronic", Model: "MKS2-5000", Serial: "92932004102443", Firmware: "00072.70", Online: true,
				LastUpdate: now.Add(-3 * time.Second), Critical: true, MaxAge: 5 * time.Minute, Link: Link{Up: true, Since: started},
				LastError: "QPIGS: no reply within 500 ms", LastErrorAt: now.Add(-40 * time.Minute), Polls: 2160,
				Failures: map[string]uint64{"no_reply": 7, "frame": 1}, SuccessRatio: 0.996, PollTime: 543 * time.Millisecond, Values: inverter,
				Units: []Unit{{Unit: "unit_1", Serial: "92932004102444", Values: []Value{
					num("output_power", "Output power", "271", "W", "power", "measurement", ""),
				}}},
			},
			{
				ID: "house", Name: "House", Driver: "bme280", Port: "i2c:1/0x76", UID: "sunwire_house", Manufacturer: "Bosch", Model: "BME280", Online: true,
				LastUpdate: now.Add(-12 * time.Second), MaxAge: 5 * time.Minute, Link: Link{Up: true, Since: started},
				Polls: 180, Failures: map[string]uint64{}, SuccessRatio: 1, PollTime: 11 * time.Millisecond, Values: climate,
			},
		},
		Problems: []string{},
	}}
}

// manyValues is two devices of n values each.
func manyValues(n int) *house {
	h := twoDevices(time.Now())
	for d := range h.snap.Devices {
		var values []Value
		for i := range n {
			v := h.snap.Devices[0].Values[i%18]
			v.Key = fmt.Sprintf("%s_%d", v.Key, i)
			values = append(values, v)
		}
		h.snap.Devices[d].Values, h.snap.Devices[d].Units = values, nil
	}
	return h
}

// heavy makes answers of 6 MB: more than the buffers of a connection to an idle client take.
func heavy() *house {
	h := twoDevices(time.Now())
	h.snap.Devices[0].Values[0].Value = json.RawMessage(`"` + strings.Repeat("x", 6<<20) + `"`)
	return h
}
