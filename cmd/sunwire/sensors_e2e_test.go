//go:build e2e

package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sunwire/bridge/config"
	"sunwire/drivers"
	"sunwire/drivers/all"
)

const sensorsPage = "127.0.0.1:18096"

// sensors is a sunwire of its own prefix in this process, at the broker that Home Assistant knows.
type sensors struct {
	t      *testing.T
	ha     homeAssistant
	broker *testBroker
	log    journal
}

// journal is a log that is read while it is written.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) has(words ...string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	for line := range strings.Lines(j.text.String()) {
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) }) {
			return true
		}
	}
	return false
}

// runSensors runs those devices until the test ends, and takes what they left from broker and Home Assistant then.
func runSensors(t *testing.T, devices string, known []drivers.Driver, models func(config.Device) drivers.Model) *sensors {
	t.Helper()
	s := &sensors{
		t: t, ha: homeAssistant{t, strings.TrimRight(need(t, "SUNWIRE_HA_URL"), "/"), need(t, "SUNWIRE_HA_TOKEN")},
		broker: &testBroker{t: t, addr: need(t, "SUNWIRE_HA_BROKER"), dir: t.TempDir()},
	}
	s.broker.start()
	s.ha.do("system_log/clear") // what other tests did to it
	text := fmt.Sprintf("mqtt: {url: \"mqtt://%s\", topic_prefix: demo}\nhttp: {listen: %q}\nstate_dir: %q\ndevices:\n%s", s.broker.addr, sensorsPage, t.TempDir(), devices)
	cfg, err := config.Parse("test", []byte(text), config.Env{Drivers: known})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		r := &running{log: slog.New(slog.NewTextHandler(&s.log, nil)), reopen: func() {}, models: models}
		if err := r.serve(ctx, cfg); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait(); s.forget() })
	return s
}

// forget takes everything that this sunwire announced from broker and Home Assistant: other tests have theirs.
func (s *sensors) forget() {
	host, port, _ := strings.Cut(s.broker.addr, ":")
	announced, _ := exec.Command("mosquitto_sub", "-h", host, "-p", port, "-t", "homeassistant/device/+/config", "--retained-only", "-W", "2", "-F", "%t").Output()
	for topic := range strings.FieldsSeq(string(announced)) {
		if out, err := exec.Command("mosquitto_pub", "-h", host, "-p", port, "-q", "1", "-r", "-n", "-t", topic).CombinedOutput(); err != nil {
			s.t.Errorf("%s: %v %s", topic, err, out)
		}
	}
	within(s.t, 10*time.Second, "nothing of it is left in Home Assistant", func() bool {
		for id := range s.ha.states() {
			if _, name, _ := strings.Cut(id, "."); strings.HasPrefix(name, "demo_") {
				return false
			}
		}
		return true
	})
}

// get is what the page's server answers.
func (s *sensors) get(path string) string {
	s.t.Helper()
	resp, err := http.Get("http://" + sensorsPage + path)
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return string(b)
}

// demoShows is what Home Assistant must know of the demo's sensors, and of one that is sampled: entity, class, unit, precision; - is none.
// What begins with * is off by default.
const demoShows = `
*attic_absolute_humidity absolute_humidity g/m³ 1
*attic_absolute_humidity_deviation - g/m³ 2
*attic_absolute_humidity_maximum absolute_humidity g/m³ 1
*attic_absolute_humidity_mean absolute_humidity g/m³ 1
*attic_absolute_humidity_minimum absolute_humidity g/m³ 1
attic_dew_point temperature °C 1
*attic_dew_point_deviation temperature_delta °C 2
*attic_dew_point_maximum temperature °C 1
*attic_dew_point_mean temperature °C 1
*attic_dew_point_minimum temperature °C 1
attic_humidity humidity % 1
*attic_humidity_deviation - % 2
*attic_humidity_maximum humidity % 1
*attic_humidity_mean humidity % 1
*attic_humidity_minimum humidity % 1
attic_temperature temperature °C 2
*attic_temperature_deviation temperature_delta °C 3
*attic_temperature_maximum temperature °C 2
*attic_temperature_mean temperature °C 2
*attic_temperature_minimum temperature °C 2
*attic_vapour_pressure_deficit pressure kPa 2
*attic_vapour_pressure_deficit_deviation - kPa 3
*attic_vapour_pressure_deficit_maximum pressure kPa 2
*attic_vapour_pressure_deficit_mean pressure kPa 2
*attic_vapour_pressure_deficit_minimum pressure kPa 2
boiler_temperature temperature °C 2
*house_absolute_humidity absolute_humidity g/m³ 1
house_dew_point temperature °C 1
house_humidity humidity % 1
house_pressure atmospheric_pressure hPa 1
house_sea_level_pressure atmospheric_pressure hPa 1
house_temperature temperature °C 2
*house_vapour_pressure_deficit pressure kPa 2
*kitchen_absolute_humidity absolute_humidity g/m³ 1
*kitchen_air_quality_index aqi - 0
kitchen_dew_point temperature °C 1
kitchen_gas_resistance - Ω 0
kitchen_humidity humidity % 1
kitchen_pressure atmospheric_pressure hPa 1
kitchen_temperature temperature °C 2
*kitchen_vapour_pressure_deficit pressure kPa 2
*weather_absolute_humidity absolute_humidity g/m³ 1
weather_cloud_cover - % 0
*weather_cloud_cover_today - % 0
*weather_cloud_cover_tomorrow - % 0
weather_condition enum - -
weather_dew_point temperature °C 1
weather_estimated_pv_energy_rest_of_today energy kWh 2
weather_estimated_pv_energy_today energy kWh 2
weather_estimated_pv_energy_tomorrow energy kWh 2
weather_estimated_pv_power power W 0
*weather_forecast timestamp - -
weather_humidity humidity % 0
weather_irradiance irradiance W/m² 0
*weather_irradiation_today - kWh/m² 2
*weather_irradiation_tomorrow - kWh/m² 2
weather_last_update timestamp - -
weather_precipitation_intensity precipitation_intensity mm/h 1
*weather_precipitation_today precipitation mm 1
*weather_precipitation_tomorrow precipitation mm 1
weather_pressure atmospheric_pressure hPa 1
*weather_pv_forecast timestamp - -
*weather_sea_level_pressure atmospheric_pressure hPa 1
weather_temperature temperature °C 1
*weather_temperature_max_today temperature °C 1
*weather_temperature_max_tomorrow temperature °C 1
*weather_temperature_min_today temperature °C 1
*weather_temperature_min_tomorrow temperature °C 1
*weather_vapour_pressure_deficit pressure kPa 2
*weather_wind_direction - ° 0
*weather_wind_gusts wind_speed km/h 1
weather_wind_speed wind_speed km/h 1
*weather_wind_speed_max_today wind_speed km/h 1
*weather_wind_speed_max_tomorrow wind_speed km/h 1
`

// facts are what Home Assistant knows of an entity, in the form of demoShows.
func (h homeAssistant) facts(ids []string) map[string]string {
	h.t.Helper()
	var registry map[string]struct {
		Options struct {
			Sensor struct {
				Precision *int `json:"suggested_display_precision"`
			} `json:"sensor"`
		} `json:"options"`
	}
	h.ws(map[string]any{"type": "config/entity_registry/get_entries", "entity_ids": ids}, &registry)
	facts, states := map[string]string{}, h.states()
	for id, e := range registry {
		words := []string{}
		for _, k := range []string{"device_class", "unit_of_measurement"} {
			word, _ := states[id].Attributes[k].(string)
			words = append(words, cmp.Or(word, "-"))
		}
		precision := "-"
		if p := e.Options.Sensor.Precision; p != nil {
			precision = fmt.Sprint(*p)
		}
		facts[id] = strings.Join(append(words, precision), " ")
	}
	return facts
}

// without are those of ids that have no value in Home Assistant.
func (s *sensors) without(ids []string) []string {
	states := s.ha.states()
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
		return !slices.Contains([]string{"", "unavailable", "unknown"}, states[id].State)
	})
}

// live waits until all of ids have a value.
func (s *sensors) live(limit time.Duration, what string, ids []string) {
	s.t.Helper()
	var last []string
	took := within(s.t, limit, what, func() bool {
		if last = s.without(ids); len(last) > 0 && len(last) < 5 {
			s.t.Logf("waiting for %q", last)
		}
		return len(last) == 0
	})
	s.t.Logf("%s: %d entities after %.1f s", what, len(ids), took.Seconds())
}

// The demo's inverter and battery are in other tests.
func TestHomeAssistantShowsTheDemosSensors(t *testing.T) {
	var devices strings.Builder
	for line := range strings.Lines(demoHouse) {
		if strings.Contains(line, "{id: ") && !strings.Contains(line, "driver: pi30") && !strings.Contains(line, "driver: jk_ttl") {
			devices.WriteString(strings.Replace(line, "id: ", "id: demo_", 1))
		}
	}
	devices.WriteString("  - {id: demo_attic, driver: sht4x, port: \"sim:\", interval: 5s, samples: 1s}\n")
	s := runSensors(t, devices.String(), all.Drivers(), newHouse(time.Now()).model)

	want := map[string]string{}
	var on, off, every []string
	for line := range strings.Lines(strings.TrimSpace(demoShows)) {
		name, facts, _ := strings.Cut(strings.TrimSpace(line), " ")
		name, isOff := strings.CutPrefix(name, "*")
		id := "sensor.demo_" + name
		want[id], every = facts, append(every, id)
		switch {
		case !isOff:
			on = append(on, id)
		case name != "kitchen_air_quality_index": // it burns in for half an hour
			off = append(off, id)
		}
	}
	s.live(60*time.Second, "what is on by default has a value", on)
	// What is off is switched on as a user does it. Half a minute after the last one Home Assistant loads its MQTT integration anew.
	for _, e := range s.ha.entities() {
		if e.DisabledBy != "" && want[e.ID] != "" {
			s.ha.ws(map[string]any{"type": "config/entity_registry/update", "entity_id": e.ID, "disabled_by": nil}, &struct{}{})
		} else if slices.Contains(off, e.ID) {
			t.Errorf("%s is on by default", e.ID)
		}
	}
	s.live(90*time.Second, "what is off by default, switched on", off)
	s.live(30*time.Second, "and the rest again", on)
	facts := s.ha.facts(every)
	for id, w := range want {
		if facts[id] != w {
			t.Errorf("%s: class, unit and precision are %s, want %s", id, facts[id], w)
		}
	}
	for _, e := range s.ha.entities() {
		_, name, _ := strings.Cut(e.ID, "sensor.demo_")
		own := slices.ContainsFunc([]string{"_link", "_last_error", "_poll_time", "_success_ratio"}, func(end string) bool { return strings.HasSuffix(name, end) })
		if strings.Contains(name, "_") && !strings.HasPrefix(name, "devices_") && !own && want[e.ID] == "" {
			t.Errorf("%s is not listed here", e.ID)
		}
	}
	s.noComplaints()
}

// noComplaints: Home Assistant has said nothing of it. Of the broker's own coming and going it does.
func (s *sensors) noComplaints() {
	s.t.Helper()
	lines := slices.DeleteFunc(s.ha.complaints(), func(l string) bool {
		return strings.Contains(l, "The connection was lost") || strings.Contains(l, "The client is not currently connected")
	})
	if len(lines) > 0 {
		s.t.Errorf("Home Assistant's log:\n%s", strings.Join(lines, "\n"))
	}
}
