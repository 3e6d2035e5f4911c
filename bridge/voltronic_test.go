package bridge

import (
	"bytes"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"sunwire/bridge/config"
	"sunwire/bridge/control"
	"sunwire/bridge/status"
	"sunwire/drivers"
	"sunwire/drivers/link"
	"sunwire/drivers/voltronic"
)

// meddled is an inverter on a line that somebody meddles with.
type meddled struct {
	link.Simulator
	mu    sync.Mutex
	asked []string
	take  string // what is meddled with: requests that begin so, or "set" for all that are no question; "": nothing
	reply []byte // to those; nil: none
}

func (m *meddled) Answer(request []byte) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked = append(m.asked, string(request))
	if m.take != "" && bytes.HasPrefix(request, []byte(m.take)) || m.take == "set" && sets(string(request)) {
		return m.reply
	}
	return m.Simulator.Answer(request)
}

// meddle answers requests by reply instead of the inverter, which never hears of them.
func (m *meddled) meddle(requests, reply string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.take, m.reply = requests, nil
	if reply != "" {
		m.reply = []byte(reply)
	}
}

// sets tells a request of PI30 that sets something.
func sets(request string) bool {
	return request != "" && request[0] != 'Q' && !strings.HasPrefix(request, "VERFW")
}

// written are the requests that set something, without checksum and end.
func (m *meddled) written() (commands []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.asked {
		if sets(r) {
			commands = append(commands, r[:max(0, len(r)-3)])
		}
	}
	return commands
}

// between is a driver with m between it and the inverter that it simulates.
func (m *meddled) between(d drivers.Driver) drivers.Driver {
	simulate := d.Simulate
	d.Simulate = func(model drivers.Model, address uint16) link.Simulator {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.Simulator = simulate(model, address)
		return m
	}
	return d
}

// trio is a parallel system of three.
type trio struct{}

func (trio) Value(unit, key string) (drivers.Value, bool) {
	n := strings.Index("012", strings.TrimPrefix(unit, "unit_"))
	switch key {
	case "unit_present":
		return drivers.Bool(n >= 0), true
	case "serial_number":
		return drivers.Text(fmt.Sprint(92932004102443 + max(n, 0))), n >= 0
	case "output_mode":
		return drivers.Text("Parallel"), true
	case "output_power":
		return drivers.Num(float64(500 + 100*n)), unit != "" && n >= 0
	case "total_output_power":
		return drivers.Num(1800), true
	}
	return drivers.Value{}, false
}

func TestOfThreeInvertersInParallelOneThatFallsSilentTakesNothingWithItButTheSums(t *testing.T) {
	w, m := newWorld(t), &meddled{}
	b, _ := w.operate("  - {id: inverter, driver: pi30, port: \"sim:\", interval: 100ms, slow: 100ms}\n", Options{
		Models: func(config.Device) drivers.Model { return trio{} },
	}, m.between(voltronic.PI30))
	for topic, power := range map[string]float64{"unit_1": 600, "unit_2": 700} {
		w.until(topic, func() bool { return w.value("inverter/"+topic, "output_power") == power })
		w.until(topic+" online", func() bool { s, _ := w.heard("sunwire/inverter/" + topic + "/status"); return s == "online" })
	}
	w.until("the sums", func() bool {
		return w.value("inverter", "total_output_power") == 1800.0 && w.value("inverter", "parallel_units") == 3.0
	})
	for n := range 3 {
		uid := fmt.Sprint("voltronic_", 92932004102443+n)
		payload, count := w.heard(configTopic(uid))
		if cs := components(t, payload); count == 0 || cs["output_power"] == nil || (cs["total_output_power"] != nil) != (n == 0) {
			t.Errorf("%s is announced with %v", uid, cs)
		}
	}

	m.meddle("QPGS1", "")
	w.until("the silent one is unavailable", func() bool { s, _ := w.heard("sunwire/inverter/unit_1/status"); return s == "offline" })
	w.until("two answer", func() bool { return w.value("inverter", "parallel_units") == 2.0 })
	for _, at := range []string{"inverter", "inverter/unit_2"} {
		if s, _ := w.heard("sunwire/" + at + "/status"); s != "online" {
			t.Errorf("%s is %s", at, s)
		}
	}
	d := b.device("inverter")
	d.mu.Lock() // the age at which a value no longer counts
	for _, u := range d.units {
		for i := range u.Cells {
			u.Cells[i].At = u.Cells[i].At.Add(-time.Hour)
		}
	}
	d.mu.Unlock()
	w.until("the sums are gone, and the rest is there again", func() bool {
		return w.value("inverter", "total_output_power") == nil && w.value("inverter/unit_1", "output_power") == nil &&
			w.value("inverter", "output_power") != nil && w.value("inverter/unit_2", "output_power") == 700.0
	})

	m.meddle("", "")
	w.until("it is back, with the sums", func() bool {
		s, _ := w.heard("sunwire/inverter/unit_1/status")
		return s == "online" && w.value("inverter/unit_1", "output_power") == 600.0 && w.value("inverter", "total_output_power") == 1800.0
	})
}

func TestWhatAnInverterSpeaksIsRememberedAcrossARestart(t *testing.T) {
	w, m := newWorld(t), &meddled{}
	inverter := "  - {id: inverter, driver: voltronic, port: \"sim:\", interval: 50ms}\n"
	for _, again := range []bool{false, true, true} {
		var log bytes.Buffer
		m.mu.Lock()
		m.asked = nil
		m.mu.Unlock()
		b, stop := w.operate(inverter, Options{Log: slog.New(slog.NewTextHandler(&log, nil))}, m.between(voltronic.Voltronic))
		w.until("it answers", func() bool { return b.Snapshot().Devices[0].Online })
		shown := b.Snapshot().Devices[0].Variant
		stop()
		m.mu.Lock()
		asked := strings.Join(m.asked, " ")
		m.mu.Unlock()
		if strings.Contains(asked, "QPIGS2") == again || strings.Contains(shown, "remembered") != again || strings.Contains(log.String(), "remembered") != again ||
			!strings.HasPrefix(shown, "pi30: ") || strings.Count(shown, "QPI: PI30") != 1 {
			t.Errorf("asked %q\nshown %s\nlog %s", asked, shown, log.String())
		}
	}
}

func TestAWrongChecksumThatTheUserWillHaveIsCountedOnThePage(t *testing.T) {
	w := newWorld(t)
	for options, counted := range map[string]bool{"crc: lenient": true, "crc: strict": false} {
		m := &meddled{}
		w.dir = t.TempDir()
		m.meddle("QMOD", "(Bxx\r")
		b, stop := w.operate("  - {id: inverter, driver: pi30, port: \"sim:\", interval: 50ms, options: {"+options+"}, entities: {battery_voltage: {scale: 1.02, offset: -0.5}}}\n",
			Options{}, m.between(voltronic.PI30))
		shown := map[string]status.Value{}
		w.until("several polls", func() bool {
			s := b.Snapshot().Devices[0]
			for _, v := range s.Values {
				shown[v.Key] = v
			}
			return s.Online && s.Polls > 50
		})
		stop()
		wrong, _ := strconv.Atoi(string(shown["wrong_checksums"].Value))
		if counted != (wrong > 1) || counted != (string(shown["mode"].Value) == `"Battery"`) {
			t.Errorf("%s: mode %s, %d wrong checksums", options, shown["mode"].Value, wrong)
		}
		if v := shown["battery_voltage"]; v.Note != "times 1.02, -0.5" || string(v.Value) != "52.95" {
			t.Errorf("%+v", v)
		}
	}
}

func TestTheLogOfAWriteLeavesOutWhatIsNotKnown(t *testing.T) {
	r := control.Result{Device: "inverter", Key: "buzzer", Source: control.MQTT, New: "OFF", Result: control.Done, Until: time.Unix(0, 0).UTC()}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).LogAttrs(t.Context(), slog.LevelInfo, "write", attributes(r)...)
	if !strings.HasSuffix(log.String(), "msg=write device=inverter key=buzzer source=mqtt new=OFF result=done until=1970-01-01T00:00:00.000Z\n") {
		t.Error(log.String())
	}
}
