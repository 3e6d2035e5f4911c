package status

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// quantity is the metric of all values of one kind. Prometheus wants its base units in the name and ratios from 0 to 1; kilowatt-hours
// and ampere-hours stay, for nobody reads a meter in joules. Values of a kind that is not here go to sunwire_value with their unit as a label.
type quantity struct {
	class, unit string // as in Snapshot
	name, help  string
	times, by   float64 // to the metric's unit: times, divided by (a division by 100 rounds better than a multiplication by 0.01)
}

var quantities = []quantity{
	{"voltage", "V", "sunwire_voltage_volts", "Voltage.", 1, 1},
	{"current", "A", "sunwire_current_amperes", "Current; of a battery + is discharging, of the grid + is importing.", 1, 1},
	{"power", "W", "sunwire_power_watts", "Power; of a battery + is discharging, of the grid + is importing.", 1, 1},
	{"apparent_power", "VA", "sunwire_apparent_power_voltamperes", "Apparent power.", 1, 1},
	{"reactive_power", "var", "sunwire_reactive_power_vars", "Reactive power.", 1, 1},
	{"power_factor", "", "sunwire_power_factor_ratio", "Power factor.", 1, 1},
	{"energy", "kWh", energyTotal, "Energy counted by the device or by sunwire.", 1, 1},
	{"energy", "kWh", energyExpected, "Energy that is expected: an estimate.", 1, 1},
	{"energy_storage", "kWh", "sunwire_stored_energy_kilowatthours", "Energy held.", 1, 1},
	{"frequency", "Hz", "sunwire_frequency_hertz", "Frequency.", 1, 1},
	{"temperature", "°C", "sunwire_temperature_celsius", "Temperature.", 1, 1},
	{"temperature_delta", "°C", "sunwire_temperature_delta_celsius", "Difference of temperatures.", 1, 1},
	{"battery", "%", "sunwire_state_of_charge_ratio", "State of charge, 0 to 1.", 1, 100},
	{"humidity", "%", "sunwire_humidity_ratio", "Relative humidity, 0 to 1.", 1, 100},
	{"", "%", "sunwire_share_ratio", "Any other percentage, 0 to 1.", 1, 100},
	{"", "Ah", "sunwire_charge_amperehours", "Electric charge.", 1, 1},
	{"absolute_humidity", "g/m³", "sunwire_absolute_humidity_grams_per_cubic_meter", "Absolute humidity.", 1, 1},
	{"atmospheric_pressure", "hPa", "sunwire_pressure_pascals", "Air pressure.", 100, 1},
	{"pressure", "kPa", "sunwire_pressure_pascals", "Air pressure.", 1000, 1},
	{"irradiance", "W/m²", "sunwire_irradiance_watts_per_square_meter", "Irradiance.", 1, 1},
	{"", "kWh/m²", "sunwire_irradiation_kilowatthours_per_square_meter", "Irradiance of a day, added up.", 1, 1},
	{"wind_speed", "km/h", "sunwire_wind_speed_meters_per_second", "Wind speed.", 1, 3.6},
	{"precipitation_intensity", "mm/h", "sunwire_precipitation_meters_per_hour", "Precipitation at this moment.", 1, 1000},
	{"precipitation", "mm", "sunwire_precipitation_meters", "Precipitation of a day.", 1, 1000},
	{"", "Ω", "sunwire_resistance_ohms", "Resistance.", 1, 1},
	{"aqi", "", "sunwire_air_quality_index", "Air quality index.", 1, 1},
	{"carbon_dioxide", "ppm", "sunwire_carbon_dioxide_ratio", "Carbon dioxide in air, 0 to 1.", 1, 1e6},
	{"volatile_organic_compounds_parts", "ppb", "sunwire_volatile_organic_compounds_ratio", "Volatile organic compounds in air, 0 to 1.", 1, 1e9},
	{"illuminance", "lx", "sunwire_illuminance_lux", "Illuminance.", 1, 1},
	{"duration", "s", "sunwire_duration_seconds", "Duration.", 1, 1},
	{"duration", "min", "sunwire_duration_seconds", "Duration.", 60, 1},
	{"duration", "ms", "sunwire_duration_seconds", "Duration.", 1, 1000},
	{"signal_strength", "dBm", "sunwire_signal_strength_decibel_milliwatts", "Strength of a radio signal.", 1, 1},
}

const (
	energyTotal    = "sunwire_energy_kilowatthours_total"
	energyExpected = "sunwire_expected_energy_kilowatthours"
)

// other is the metric of what has no row; its unit is a label.
var other = quantity{name: "sunwire_value", help: "A number without a unit, or in the one of the label unit_of_measurement.", times: 1, by: 1}

// quantityOf is the metric that v belongs to.
func quantityOf(v *Value) quantity {
	for _, q := range quantities {
		fits := q.class == v.DeviceClass && q.unit == v.Unit
		switch q.name {
		case energyTotal:
			fits = fits && v.StateClass == "total_increasing"
		case energyExpected:
			fits = fits && v.StateClass == ""
		}
		if fits {
			return q
		}
	}
	return other
}

// convert is a JSON number in the unit of q; false where raw is none: unknown, too old, or a text. The device's own decimals stay where
// nothing is to convert.
func (q *quantity) convert(raw []byte) (string, bool) {
	text := string(raw)
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return "", false
	}
	if q.times != q.by {
		text = strconv.FormatFloat(f*q.times/q.by, 'g', 12, 64)
	}
	return text, true
}

// exposition is the Prometheus text format under way. Samples of one family stand together, whatever the order they are added in.
type exposition struct {
	order    []string
	families map[string]*strings.Builder
}

// add adds a sample; labels are names and values in turn, those with an empty value are left out.
func (e *exposition) add(name, help, value string, labels ...string) {
	b := e.families[name]
	if b == nil {
		kind := "gauge"
		if strings.HasSuffix(name, "_total") {
			kind = "counter"
		}
		b = &strings.Builder{}
		b.WriteString("# HELP " + name + " " + help + "\n# TYPE " + name + " " + kind + "\n")
		e.families[name] = b
		e.order = append(e.order, name)
	}
	b.WriteString(name)
	next := byte('{')
	for i := 0; i+1 < len(labels); i += 2 {
		if labels[i+1] == "" {
			continue
		}
		b.WriteByte(next)
		b.WriteString(labels[i])
		b.WriteString(`="`)
		_, _ = labelText.WriteString(b, strings.ToValidUTF8(labels[i+1], "\uFFFD"))
		b.WriteByte('"')
		next = ','
	}
	if next == ',' {
		b.WriteByte('}')
	}
	b.WriteByte(' ')
	b.WriteString(value)
	b.WriteByte('\n')
}

var labelText = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func (e *exposition) values(device, unit string, values []Value) {
	for i := range values {
		v := &values[i]
		if on := string(v.Value) == `"ON"`; on || string(v.Value) == `"OFF"` {
			e.add("sunwire_on", "Whether something is on: 1, or off: 0.", truth(on), "device", device, "unit", unit, "key", v.Key)
			continue
		}
		q := quantityOf(v)
		text, ok := q.convert(v.Value)
		if !ok {
			continue
		}
		measured := ""
		if q.name == other.name {
			measured = v.Unit
		}
		e.add(q.name, q.help, text, "device", device, "unit", unit, "key", v.Key, "unit_of_measurement", measured)
	}
}

func (e *exposition) device(d *Device) {
	e.add("sunwire_device_info", "What a device is.", "1", "device", d.ID, "name", d.Name, "driver", d.Driver,
		"manufacturer", d.Manufacturer, "model", d.Model, "firmware", d.Firmware)
	e.add("sunwire_device_online", "Whether a device answers.", truth(d.Online), "device", d.ID)
	if len(d.Members) == 0 {
		e.add("sunwire_link_up", "Whether a device's port is open.", truth(d.Link.Up), "device", d.ID)
	}
	e.add("sunwire_device_max_age_seconds", "Age of the last answer above which a device is unhealthy.", seconds(d.MaxAge), "device", d.ID)
	if !d.LastUpdate.IsZero() {
		e.add("sunwire_device_last_update_timestamp_seconds", "When a device last answered a live query.", unix(d.LastUpdate), "device", d.ID)
	}
	if len(d.Members) > 0 {
		e.add("sunwire_group_members_missing", "Members of a group that do not count at present.", strconv.Itoa(d.missing()), "device", d.ID)
		return
	}
	e.add("sunwire_polls_total", "Exchanges with a device.", strconv.FormatUint(d.Polls, 10), "device", d.ID)
	for _, reason := range slices.Sorted(maps.Keys(d.Failures)) {
		e.add("sunwire_failures_total", "What failed at a device, by reason.", strconv.FormatUint(d.Failures[reason], 10), "device", d.ID, "reason", reason)
	}
	if d.Polls > 0 {
		e.add("sunwire_poll_success_ratio", "Answered ones of the last hundred exchanges, 0 to 1.", strconv.FormatFloat(d.SuccessRatio, 'g', -1, 64), "device", d.ID)
	}
	if d.PollTime > 0 {
		e.add("sunwire_poll_duration_seconds", "The last live exchange, from request to reply.", seconds(d.PollTime), "device", d.ID)
	}
}

// exposeAll is s in the Prometheus text format. What is unknown or too old has no sample; it is never 0.
func exposeAll(s *Snapshot) []byte {
	e := exposition{families: map[string]*strings.Builder{}}
	e.add("sunwire_build_info", "The running version.", "1", "version", s.Version)
	e.add("sunwire_start_time_seconds", "When sunwire started.", unix(s.Started))
	e.add("sunwire_broker_connected", "Whether the MQTT broker is connected.", truth(s.Broker.Connected))
	e.add("sunwire_home_assistant_listening", "Whether Home Assistant takes discovery messages on that broker.", truth(s.Broker.HomeAssistant))
	e.add("sunwire_devices_announced", "Devices announced on this connection.", strconv.Itoa(s.Broker.Announced))
	e.add("sunwire_messages_published_total", "MQTT messages published.", strconv.FormatUint(s.Broker.Published, 10))
	for i := range s.Devices {
		e.device(&s.Devices[i])
	}
	for i := range s.Devices {
		d := &s.Devices[i]
		e.values(d.ID, "", d.Values)
		for _, u := range d.Units {
			e.values(d.ID, u.Unit, u.Values)
		}
	}
	var b []byte
	for _, name := range e.order {
		b = append(b, e.families[name].String()...)
	}
	return b
}

func (h *handler) metrics(w http.ResponseWriter, _ *http.Request) {
	s := h.src.Snapshot()
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = w.Write(exposeAll(&s))
}

func truth(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'g', -1, 64) }

func unix(t time.Time) string { return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', 3, 64) }
