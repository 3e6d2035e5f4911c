//go:build e2e

package main

import (
	"encoding/json"
	"iter"
	"math"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/bme280"
	"sunwire/drivers/bme680"
	"sunwire/drivers/chip"
	"sunwire/drivers/link"
	"sunwire/drivers/sysfs"
)

// spoilt is a simulated sensor that can be spoilt while it is read, and healed.
type spoilt struct {
	link.Simulator
	mu    sync.Mutex
	fault func(written []byte) []byte // answers in its place; nil: it answers itself
}

func (s *spoilt) driver(d drivers.Driver) drivers.Driver {
	simulate := d.Simulate
	d.Simulate = func(m drivers.Model, address uint16) link.Simulator {
		s.Simulator = simulate(m, address)
		return s
	}
	return d
}

func (s *spoilt) set(fault func([]byte) []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = fault
}

// Answer implements link.Simulator.
func (s *spoilt) Answer(written []byte) []byte {
	s.mu.Lock()
	fault := s.fault
	s.mu.Unlock()
	if fault != nil {
		return fault(written)
	}
	return s.Simulator.Answer(written)
}

// Push implements link.Simulator.
func (s *spoilt) Push() iter.Seq2[time.Duration, []byte] { return nil }

// published follows what is published of a device, until the test ends.
func (s *sensors) published(id string) *documents {
	s.t.Helper()
	host, port, _ := strings.Cut(s.broker.addr, ":")
	sub := exec.Command("mosquitto_sub", "-h", host, "-p", port, "-t", "demo/"+id+"/state")
	out, err := sub.StdoutPipe()
	if err == nil {
		err = sub.Start()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = sub.Process.Kill(); _ = sub.Wait() })
	docs := new(documents)
	go docs.read(out) // ends with its input
	return docs
}

// lastError is what the page's server says of a device.
func (s *sensors) lastError(id string) string {
	var snap struct {
		Devices []struct {
			ID        string `json:"id"`
			LastError string `json:"last_error"`
		} `json:"devices"`
	}
	_ = json.Unmarshal([]byte(s.get("/api/devices")), &snap)
	for _, d := range snap.Devices {
		if d.ID == id {
			return d.LastError
		}
	}
	return ""
}

func TestWhatIsWrongWithASensorIsToldAndGivesNoValue(t *testing.T) {
	var checked, unchecked, wire spoilt
	devices := `
  - {id: demo_porch, driver: sht3x, port: "sim:", interval: 1s}
  - {id: demo_attic, driver: bme280, port: "sim:", interval: 1s}
  - {id: demo_boiler, driver: ds18b20, port: "sim:", interval: 1s}
  - {id: demo_pantry, driver: bmp280, port: "sim:", interval: 1s}
`
	bmp280 := bme280.BMP280
	bmp280.Simulate = bme280.Driver.Simulate // the wrong driver was written for it
	s := runSensors(t, devices, []drivers.Driver{checked.driver(chip.SHT3x), unchecked.driver(bme280.Driver), wire.driver(sysfs.DS18B20), bmp280}, nil)
	every := []string{"demo_porch", "demo_attic", "demo_boiler"}
	docs := map[string]*documents{}
	var all []string
	for _, id := range every {
		docs[id], all = s.published(id), append(all, "sensor."+id+"_temperature")
	}
	s.live(60*time.Second, "all sensors have a value", all)
	time.Sleep(3 * time.Second)
	truth := map[string]map[string]any{}
	for _, id := range every {
		seen := docs[id].take()
		if len(seen) == 0 || seen[len(seen)-1]["temperature"] == nil {
			t.Fatalf("nothing is published of %s", id)
		}
		truth[id] = seen[len(seen)-1]
	}

	another := bme680.Driver.Simulate(nil, 0)
	for _, c := range []struct {
		name, id string
		sensor   *spoilt
		fault    func(written []byte) []byte
		told     string
	}{
		{"a bad checksum", "demo_porch", &checked, func(w []byte) []byte {
			b := checked.Simulator.Answer(w)
			if len(b) == 6 { // the measurement, 43 °C from the truth
				b[0] ^= 0x40
			}
			return b
		}, "checksum"},
		{"a bad checksum on 1-Wire", "demo_boiler", &wire, func(path []byte) []byte {
			b := wire.Simulator.Answer(path)
			return []byte(strings.Replace(string(b), "YES", "NO", 1))
		}, "checksum"},
		{"a chip of another kind", "demo_attic", &unchecked, another.Answer, "BME680"},
		{"a bus that hangs", "demo_porch", &checked, func([]byte) []byte { time.Sleep(time.Second); return nil }, "check its power"},
		{"a sensor that was pulled", "demo_attic", &unchecked, func([]byte) []byte { return nil }, "check its power"},
		{"one that was pulled off 1-Wire", "demo_boiler", &wire, func(path []byte) []byte {
			if strings.Contains(string(path), "28-") {
				return nil
			}
			return []byte("w1_bus_master1\n")
		}, "no sensor"},
	} {
		c.sensor.set(c.fault)
		entity := "sensor." + c.id + "_temperature"
		gone := within(t, 30*time.Second, c.name+": unavailable", func() bool { return s.ha.states()[entity].State == "unavailable" })
		within(t, 5*time.Second, c.name+": Home Assistant shows why", func() bool {
			return strings.Contains(s.ha.states()["sensor."+c.id+"_last_error"].State, c.told)
		})
		if why := s.lastError(c.id); !strings.Contains(why, c.told) || !strings.Contains(s.get("/"), c.told) {
			t.Errorf("%s: the page says %q", c.name, why)
		}
		if !s.log.has("device gives nothing", "device="+c.id, c.told) {
			t.Errorf("%s: the log does not say so:\n%s", c.name, &s.log.text)
		}
		for _, id := range every {
			if state := s.ha.states()["sensor."+id+"_temperature"].State; id != c.id && state == "unavailable" {
				t.Errorf("%s: %s went away with %s", c.name, id, c.id)
			}
		}
		t.Logf("%s: unavailable after %.1f s: %s", c.name, gone.Seconds(), s.lastError(c.id))
		c.sensor.set(nil)
		back := within(t, 20*time.Second, c.name+": back", func() bool { return !strings.HasPrefix(s.ha.states()[entity].State, "un") })
		t.Logf("%s: back after %.1f s", c.name, back.Seconds())
		for _, id := range every {
			for _, doc := range docs[id].take() {
				for key, v := range doc {
					if was, is := number(truth[id][key]), number(v); v != nil && !(math.Abs(was-is) <= 0.05) {
						t.Errorf("%s: %s of %s was published as %v, and is %v", c.name, key, id, v, truth[id][key])
					}
				}
			}
		}
	}

	// What never was that device has nothing in Home Assistant but a word of the bridge.
	if why := s.lastError("demo_pantry"); !strings.Contains(why, "is a BME280") || !strings.Contains(s.get("/"), "its driver is bme280") {
		t.Errorf("the wrong driver: %q", why)
	}
	for id, state := range s.ha.states() {
		if strings.Contains(id, "demo_pantry") {
			t.Errorf("the wrong driver: %s is %s", id, state.State)
		}
	}
	within(t, 10*time.Second, "the bridge tells of it", func() bool {
		now := s.ha.states()
		return now["binary_sensor.demo_problem"].State == "on" && strings.Contains(now["sensor.demo_problems"].State, "demo_pantry: the chip at 0x76 is a BME280")
	})
	s.noComplaints()
}

func number(v any) float64 {
	f, ok := v.(float64)
	if !ok {
		return math.NaN()
	}
	return f
}
