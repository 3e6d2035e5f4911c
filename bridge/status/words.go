package status

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// settling is how long after connecting it may take until Home Assistant has taken the first discovery message.
const settling = 10 * time.Second

// summarize goes from the broker to the values: what is not green is explained, with the mend.
func summarize(s *Snapshot, now time.Time) summary {
	sum := summary{State: "ok", Headline: "All is well", Problems: s.Problems, Notes: s.Notes}
	sum.Checks = []check{checkBroker(&s.Broker), checkListener(&s.Broker, now), checkAnnounced(s), checkValues(s, now)}
	for _, c := range sum.Checks {
		if c.State == "bad" || (c.State == "wait" && sum.State == "ok") {
			sum.State = c.State
		}
	}
	if len(s.Problems) > 0 {
		sum.State = "bad"
	}
	switch sum.State {
	case "bad":
		sum.Headline = "Needs attention"
	case "wait":
		sum.Headline = "Not ready yet"
	}
	return sum
}

func checkBroker(b *Broker) check {
	if b.Connected {
		return check{State: "ok", Title: "Broker connected", Text: b.URL}
	}
	return check{
		State: "bad", Title: "Broker not connected", Text: join(": ", b.URL, b.Error),
		Mend: "Is the MQTT broker running? Do address, user and password in the configuration fit it? sunwire keeps trying, and keeps reading.",
	}
}

func checkListener(b *Broker, now time.Time) check {
	switch {
	case !b.Connected:
		return check{State: "wait", Title: "Home Assistant", Text: "known once the broker is connected"}
	case b.HomeAssistant:
		return check{State: "ok", Title: "Home Assistant listens"}
	case now.Sub(b.Since) < settling:
		return check{State: "wait", Title: "Home Assistant", Text: "no answer yet"}
	}
	return check{
		State: "bad", Title: "Home Assistant does not listen", Text: "Nobody on this broker takes what sunwire announces.",
		Mend: "In Home Assistant, under Settings, Devices & services, add the integration MQTT with this same broker. " +
			"Where its discovery prefix was changed, mqtt: discovery_prefix must be the same.",
	}
}

func checkAnnounced(s *Snapshot) check {
	var unseen []string
	for i := range s.Devices {
		if s.Devices[i].UID == "" {
			unseen = append(unseen, title(&s.Devices[i]))
		}
	}
	switch {
	case len(s.Devices) == 0:
		return check{State: "wait", Title: "No device is configured", Mend: "Tick below where to look, or name one under devices: in the configuration; sunwire drivers lists what can be read."}
	case !s.Broker.Connected:
		return check{State: "wait", Title: "Devices announced", Text: "once the broker is connected"}
	case len(unseen) > 0:
		return check{State: "wait", Title: "Not announced yet: " + strings.Join(unseen, ", "), Text: "A device is announced after its first answer."}
	case s.Broker.Announced == 0:
		return check{State: "wait", Title: "Devices announced", Text: "none yet"}
	}
	return check{State: "ok", Title: "Devices announced"}
}

func checkValues(s *Snapshot, now time.Time) check {
	var late []string
	state := "wait"
	for i := range s.Devices {
		d := &s.Devices[i]
		if d.healthy(now) {
			continue
		}
		late = append(late, title(d))
		if st, _, _ := deviceState(d, now); st == "bad" {
			state = "bad"
		}
	}
	switch {
	case len(s.Devices) == 0:
		return check{State: "wait", Title: "No values"}
	case len(late) == 0:
		return check{State: "ok", Title: "Values flow"}
	case state == "wait":
		return check{State: state, Title: "No values yet from " + strings.Join(late, ", "), Text: "waiting for the first answer"}
	}
	return check{State: state, Title: "No values from " + strings.Join(late, ", "), Mend: "Look at the device below: what it says of its port, and its last error."}
}

func title(d *Device) string {
	if d.Name != "" {
		return d.Name
	}
	return d.ID
}

// cabled: at that port is a device with a switch and a cable of its own, not a chip, a file of the kernel or a service.
func cabled(port string) bool {
	kind, _, _ := strings.Cut(port, ":")
	return !slices.Contains([]string{"i2c", "files", "http", "https", "mqtt", "ble"}, kind)
}

// deviceState is one word for how d is, and what to do about it.
func deviceState(d *Device, now time.Time) (state, text, advice string) {
	switch {
	case len(d.Members) > 0:
		return groupState(d)
	case !d.Link.Up && d.Link.Error != "":
		return "bad", "No link", "" // the link's error has the advice
	case d.LastUpdate.IsZero() && d.LastError == "":
		return "wait", "Waiting", ""
	case (d.LastUpdate.IsZero() || !d.Online) && (cabled(d.Port) || d.LastError == ""):
		return "bad", "No answer", "Is it switched on, and does its cable sit well at both ends? sunwire keeps asking."
	case d.LastUpdate.IsZero() || !d.Online:
		return "bad", "No answer", d.LastError // it has the advice
	case !d.healthy(now):
		return "bad", "Late", "Its values are older than max_age."
	}
	return "ok", "Live", ""
}

// groupState is that of a device that is made of others.
func groupState(d *Device) (state, text, advice string) {
	missing := d.missing()
	switch {
	case d.Online && missing == 0:
		return "ok", "Live", ""
	case d.LastUpdate.IsZero() && d.LastError == "":
		return "wait", "Waiting", ""
	case !d.Online:
		return "bad", "No values", "What is wrong is said below, and at its members."
	}
	return "bad", fmt.Sprintf("%d of %d missing", missing, len(d.Members)), "What all together give is known once all of them answer."
}

// missing is how many of its members do not count.
func (d *Device) missing() (n int) {
	for _, m := range d.Members {
		if m.Missing != "" {
			n++
		}
	}
	return n
}

// foremost are the keys of the vocabulary that people look for, in the order in which they are shown large.
var foremost = []string{
	"pv_power", "output_power", "grid_power", "battery_power", "state_of_charge", "mode", "battery_voltage", // inverter
	"power", "voltage", "current", "temperature_1", "cell_voltage_delta", // battery
	"temperature", "humidity", "pressure", "air_quality_index", "co2", "gas_resistance", // climate
	"condition", "estimated_pv_power", "estimated_pv_energy_today", "estimated_pv_energy_tomorrow", // weather
}

const maxTiles = 8

// groupOf sorts values: large what people look for, then the rest, then diagnostics. A device of another kind shows its first four large.
func groupOf(title string, values []Value) group {
	g := group{Title: title}
	var tiles []int
	for _, key := range foremost {
		if i := slices.IndexFunc(values, func(v Value) bool { return v.Key == key && v.Category == "" }); i >= 0 && len(tiles) < maxTiles {
			tiles = append(tiles, i)
		}
	}
	for i := range values {
		if len(tiles) >= 4 {
			break
		}
		if values[i].Category == "" && !slices.Contains(tiles, i) {
			tiles = append(tiles, i)
		}
	}
	for _, i := range tiles {
		g.Tiles = append(g.Tiles, itemOf(&values[i]))
	}
	for i := range values {
		v := itemOf(&values[i])
		switch {
		case slices.Contains(tiles, i):
		case values[i].Category == "":
			g.More = append(g.More, v)
		default:
			g.Diagnostics = append(g.Diagnostics, v)
		}
	}
	g.Alert = alert(values)
	return g
}

// alert is the device's own complaint: the text of its warnings while one of its problem values is on.
func alert(values []Value) string {
	var names, texts []string
	for i := range values {
		v := itemOf(&values[i])
		switch {
		case v.State == "bad":
			names = append(names, v.Name)
		case (values[i].Key == "warnings" || values[i].Key == "alarms") && v.State == "":
			texts = append(texts, v.Text)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return join(": ", strings.Join(names, ", "), strings.Join(texts, "; "))
}

// states are an on and an off in words, by device class.
var states = map[string][2]string{
	"problem":          {"Problem", "OK"},
	"connectivity":     {"Connected", "Not connected"},
	"battery_charging": {"Charging", "Not charging"},
	"power":            {"Present", "Absent"},
	"running":          {"Running", "Not running"},
}

func itemOf(v *Value) item {
	it := item{Name: v.Name, Unit: v.Unit, Note: v.Note}
	if it.Name == "" {
		it.Name = v.Key
	}
	switch raw := string(v.Value); {
	case raw == "" || raw == "null":
		it.Text, it.Unit, it.State = "–", "", "none"
	case raw == `"ON"` || raw == `"OFF"`:
		words, ok := states[v.DeviceClass]
		if !ok {
			words = [2]string{"On", "Off"}
		}
		it.Text = words[1]
		if raw == `"ON"` {
			it.Text = words[0]
			if v.DeviceClass == "problem" {
				it.State = "bad"
			}
		}
	case raw[0] == '"':
		it.Text = plain(v)
	default:
		it.Text = raw
	}
	return it
}

// plain is a text value; a time is shown in this machine's zone.
func plain(v *Value) string {
	var s string
	if json.Unmarshal(v.Value, &s) != nil {
		return string(v.Value)
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil && v.DeviceClass == "timestamp" {
		return t.Local().Format("2006-01-02 15:04:05")
	}
	return s
}
