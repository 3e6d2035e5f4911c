//go:build e2e

package bridge

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"sunwire/bridge/broker"
	"sunwire/bridge/broker/embedded"
	"sunwire/bridge/config"
	"sunwire/drivers"
)

// house is a real Home Assistant; .ci/ha prepares one.
type house struct {
	t          *testing.T
	url, token string
}

func (h house) ask(method, path string, body any) (answer map[string]any, code int) {
	h.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		h.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(h.t.Context(), method, h.url+path, bytes.NewReader(b))
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+h.token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, 0
	}
	defer resp.Body.Close()
	_ = json.NewDecoder(resp.Body).Decode(&answer)
	return answer, resp.StatusCode
}

func (h house) state(entity string) (state string, attributes map[string]any) {
	a, _ := h.ask(http.MethodGet, "/api/states/"+entity, nil)
	state, _ = a["state"].(string)
	attributes, _ = a["attributes"].(map[string]any)
	return state, attributes
}

func (h house) shows(entity, want string) {
	h.t.Helper()
	got := ""
	for start := time.Now(); time.Since(start) < 30*time.Second; time.Sleep(100 * time.Millisecond) {
		if got, _ = h.state(entity); got == want {
			return
		}
	}
	h.t.Fatalf("%s is %q, want %q", entity, got, want)
}

// call has Home Assistant do something and tells whether it did.
func (h house) call(service, entity string, more ...any) bool {
	h.t.Helper()
	data := map[string]any{"entity_id": entity}
	for i := 0; i+1 < len(more); i += 2 {
		data[more[i].(string)] = more[i+1]
	}
	_, code := h.ask(http.MethodPost, "/api/services/"+strings.Replace(service, ".", "/", 1), data)
	return code == http.StatusOK
}

func TestEachKindOfSettingIsWrittenFromARealHomeAssistant(t *testing.T) {
	at := os.Getenv("SUNWIRE_HA_BROKER")
	if at == "" {
		t.Fatal("SUNWIRE_HA_BROKER is not set: .ci/ha prepares a Home Assistant and says how")
	}
	h := house{t, os.Getenv("SUNWIRE_HA_URL"), os.Getenv("SUNWIRE_HA_TOKEN")}
	b, err := embedded.Start(at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	w := &world{t: t, broker: b, dir: t.TempDir(), last: map[string]string{}}
	var heard sync.Mutex
	var types []string
	w.ha = w.client("witness", []string{"sunwire/inverter/#"}, func(m broker.Message) {
		w.mu.Lock()
		w.last[m.Topic], w.all = string(m.Payload), append(w.all, m)
		w.mu.Unlock()
		var e event
		if m.Topic == "sunwire/inverter/event" && json.Unmarshal(m.Payload, &e) == nil {
			heard.Lock()
			types = append(types, string(e.Type))
			heard.Unlock()
		}
	})
	p := &plant{}
	bridge, _ := w.plug(p, with("control: full, writes: {pause: 1s}"))
	h.shows("number.inverter_limit", "60")
	for _, c := range []struct {
		service, entity string
		data            []any
		want            string
	}{
		{"number.set_value", "number.inverter_limit", []any{"value", 50}, "50"},
		{"number.set_value", "number.inverter_float", []any{"value", 53.5}, "53.5"},
		{"select.select_option", "select.inverter_priority", []any{"option", "SBU"}, "SBU"},
		{"switch.turn_off", "switch.inverter_buzzer", nil, "off"},
		{"switch.turn_off", "switch.inverter_two_buzzer", nil, "off"},
		{"button.press", "button.inverter_beep", nil, ""},
		{"button.press", "button.inverter_sync_clock", nil, ""},
	} {
		if !h.call(c.service, c.entity, c.data...) {
			t.Errorf("%s %s is refused by Home Assistant", c.service, c.entity)
		} else if c.want != "" {
			h.shows(c.entity, c.want)
		}
	}
	h.shows("sensor.inverter_writes_today", "7")
	time.Sleep(time.Second) // the pause between two writes of one setting
	p.change(func() { p.answer = drivers.ErrRefused })
	h.call("select.select_option", "select.inverter_priority", "option", "Solar")
	last := func(want string) {
		t.Helper()
		w.until(want, func() bool { heard.Lock(); defer heard.Unlock(); return len(types) > 0 && types[len(types)-1] == want })
		w.until("the event "+want, func() bool { _, a := h.state("event.inverter_write"); return a["event_type"] == want })
	}
	last("rejected")
	p.change(func() { p.answer, p.deaf = nil, true })
	time.Sleep(time.Second)
	h.call("number.set_value", "number.inverter_limit", "value", 40)
	last("contradicted")
	if h.call("number.set_value", "number.inverter_limit", "value", 500) || h.call("select.select_option", "select.inverter_priority", "option", "Moon") {
		t.Error("Home Assistant lets through what is out of bounds")
	}
	h.shows("select.inverter_priority", "SBU")
	h.shows("number.inverter_limit", "50")

	text := fmt.Sprintf("mqtt: {url: \"mqtt://%s\"}\nhttp: {listen: \"\"}\nstate_dir: %q\ndevices:\n%s", at, w.dir, with("control: off"))
	cfg, err := config.Parse("test", []byte(text), config.Env{Drivers: []drivers.Driver{p.driver()}})
	if err != nil {
		t.Fatal(err)
	}
	if err := bridge.Apply(cfg); err != nil {
		t.Fatal(err)
	}
	h.shows("sensor.inverter_limit", "50")
	h.shows("number.inverter_limit", "")
	h.shows("button.inverter_beep", "")
	if log := os.Getenv("SUNWIRE_HA_LOG"); log != "" {
		text, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if strings.Contains(line, "inverter") && (strings.Contains(line, " ERROR ") || strings.Contains(line, " WARNING ")) {
				t.Errorf("Home Assistant complains: %s", strings.TrimSpace(line))
			}
		}
	}
	// The next test has an inverter of its own: this one leaves, and its entity ids with it.
	gone := *cfg
	gone.Devices = nil
	if err := bridge.Apply(&gone); err != nil {
		t.Fatal(err)
	}
	for _, entity := range []string{"sensor.inverter_limit", "sensor.inverter_mode", "binary_sensor.inverter_link"} {
		h.shows(entity, "")
	}
}
