package bridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sunwire/bridge/broker"
	"sunwire/bridge/config"
	"sunwire/bridge/control"
	"sunwire/bridge/store"
	"sunwire/discovery/discoverytest"
	"sunwire/drivers"
	"sunwire/drivers/link"
)

// plant is the made-up devices of a test: what each has, by unit/key.
type plant struct {
	mu     sync.Mutex
	has    map[string]map[string]drivers.Value // by address
	sent   []string
	answer error // to Set
	deaf   bool  // it acknowledges, and does nothing
	dead   bool  // it answers no query
	shy    bool  // it does not tell its settings
}

type nothing struct{}

func (nothing) Answer([]byte) []byte { return nil }

func (nothing) Push() iter.Seq2[time.Duration, []byte] {
	return func(func(time.Duration, []byte) bool) {}
}

// driver reads and writes a plant: a mode, a setting of each kind, a unit with one, and a clock.
func (p *plant) driver() drivers.Driver {
	return drivers.Driver{
		Name: "made_up", Title: "Made up", Family: "made", Class: drivers.Inverter, Links: []link.Kind{link.Serial},
		Paces:    [3]time.Duration{20 * time.Millisecond, 50 * time.Millisecond, time.Hour},
		Simulate: func(drivers.Model, uint16) link.Simulator { return nothing{} },
		Open: func(_ link.Conn, at uint16, _ any) (drivers.Device, error) {
			return &machine{p: p, at: fmt.Sprint(at)}, nil
		},
	}
}

type machine struct {
	p    *plant
	at   string
	read bool // its settings have been: only then it knows what they take
}

func (m *machine) values() map[string]drivers.Value {
	if m.p.has == nil {
		m.p.has = map[string]map[string]drivers.Value{}
	}
	if m.p.has[m.at] == nil {
		m.p.has[m.at] = map[string]drivers.Value{
			"priority": drivers.Text("Solar"), "limit": drivers.Num(60), "buzzer": drivers.Bool(true), "float": drivers.Num(54), "type": drivers.Text("AGM"),
			"two/buzzer": drivers.Bool(true), "clock": drivers.Text("2026-11-23 12:00:00"),
		}
	}
	return m.p.has[m.at]
}

func (m *machine) Describe(context.Context) (drivers.Descriptor, error) {
	m.p.mu.Lock()
	defer m.p.mu.Unlock()
	if m.p.dead {
		return drivers.Descriptor{}, drivers.ErrNoReply
	}
	buzzer := drivers.Entity{Key: "buzzer", Name: "Buzzer", Platform: drivers.Binary, Category: drivers.Config, Setting: &drivers.Setting{}}
	limit := &drivers.Setting{Min: 0, Max: 100, Step: 1}
	if !m.read {
		limit = nil
	}
	return drivers.Descriptor{
		Manufacturer: "Made up", Serial: "9293200410244" + m.at,
		Entities: []drivers.Entity{
			{Key: "mode", Name: "Mode", Platform: drivers.Enum, Options: []string{"Line"}},
			{Key: "priority", Name: "Priority", Platform: drivers.Enum, Options: []string{"Solar", "SBU"}, Category: drivers.Config, Setting: &drivers.Setting{}},
			{Key: "limit", Name: "Limit", Quantity: drivers.Current.At(0), Max: 200, Category: drivers.Config, Setting: limit},
			{Key: "float", Name: "Float voltage", Quantity: drivers.Voltage, Max: 70, Category: drivers.Config, Setting: &drivers.Setting{Min: 48, Max: 58, Risk: drivers.Full}},
			{Key: "type", Name: "Battery type", Platform: drivers.Enum, Options: []string{"AGM", "User"}, Setting: &drivers.Setting{Risk: drivers.CLIOnly}},
			{Key: "beep", Name: "Beep", Platform: drivers.Button, Setting: &drivers.Setting{}},
			{Key: "clock", Name: "Clock", Platform: drivers.Label, Quantity: drivers.Timestamp, Category: drivers.Diagnostic, Setting: &drivers.Setting{}},
			buzzer,
		},
		Queries: []drivers.Query{
			{Name: "live", Keys: []string{"mode"}},
			{Name: "settings", Pace: drivers.Slow, Keys: []string{"priority", "limit", "float", "type", "buzzer", "clock"}},
		},
		Units: []drivers.Descriptor{{
			Unit: "two", Entities: []drivers.Entity{buzzer}, Queries: []drivers.Query{{Name: "settings of two", Pace: drivers.Slow, Keys: []string{"buzzer"}}},
		}},
	}, nil
}

func (m *machine) Poll(_ context.Context, q drivers.Query) ([]drivers.Reading, error) {
	m.p.mu.Lock()
	defer m.p.mu.Unlock()
	if m.p.dead || m.p.shy && q.Pace == drivers.Slow {
		return nil, drivers.ErrNoReply
	}
	r := drivers.Reading{Sample: drivers.Sample{{Key: "mode", Value: drivers.Text("Line")}}}
	switch q.Name {
	case "settings of two":
		r = drivers.Reading{Unit: "two", Sample: drivers.Sample{{Key: "buzzer", Value: m.values()["two/buzzer"]}}}
	case "settings":
		r.Sample, m.read = nil, true
		for _, k := range q.Keys {
			r.Sample = append(r.Sample, drivers.Field{Key: k, Value: m.values()[k]})
		}
	}
	return []drivers.Reading{r}, nil
}

func (m *machine) Set(_ context.Context, unit, key string, v drivers.Value) error {
	m.p.mu.Lock()
	defer m.p.mu.Unlock()
	here := settingPath(unit, key)
	m.p.sent = append(m.p.sent, m.at+":"+here+"="+v.Format(-1))
	if m.p.answer == nil && !m.p.deaf {
		m.values()[here] = v
	}
	return m.p.answer
}

func (m *machine) Command(_ context.Context, command string) ([]byte, error) {
	m.p.mu.Lock()
	defer m.p.mu.Unlock()
	m.p.sent = append(m.p.sent, m.at+":"+command)
	return []byte("(" + command + ")"), nil
}

func (p *plant) change(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

func (p *plant) writes() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return fmt.Sprint(p.sent)
}

// plug runs a bridge on p's devices, and lets the time pass that nothing is written after a start.
func (w *world) plug(p *plant, devices string) (*Bridge, func()) {
	w.t.Helper()
	b, stop := w.begin(p, devices)
	w.until("the settings are announced", func() bool { _, n := w.heard("sunwire/inverter/two/state"); return n > 0 })
	w.until("and published", func() bool { return w.value("inverter", "limit") != nil })
	for _, d := range b.devices() {
		w.until("with what they take", func() bool {
			s, err := b.Settings(d.cfg.ID)
			return err == nil && slices.ContainsFunc(s, func(s control.Setting) bool { return s.Key == "limit" && s.First != "" })
		})
		d.mu.Lock()
		d.link.since = d.link.since.Add(-time.Minute)
		d.mu.Unlock()
	}
	return b, stop
}

func (w *world) begin(p *plant, devices string) (*Bridge, func()) {
	w.t.Helper()
	return w.operate(devices, Options{}, p.driver())
}

// operate runs a bridge on devices that have those drivers, until the returned function is called.
func (w *world) operate(devices string, o Options, ds ...drivers.Driver) (*Bridge, func()) {
	w.t.Helper()
	text := fmt.Sprintf("mqtt: {url: \"mqtt://%s\"}\nhttp: {listen: \"\"}\nstate_dir: %q\ndevices:\n%s", w.broker.Addr(), w.dir, devices)
	cfg, err := config.Parse("test", []byte(text), config.Env{Drivers: ds})
	if err != nil {
		w.t.Fatal(err)
	}
	o.Version = "1.2.3"
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Store, err = store.Open(w.dir, o.Log); err != nil {
		w.t.Fatal(err)
	}
	b, err := New(cfg, o)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = b.Run(ctx) })
	once := sync.OnceFunc(func() { cancel(); wg.Wait(); _ = o.Store.Close() })
	w.t.Cleanup(once)
	return b, once
}

func with(more string) string {
	return "  - {id: inverter, driver: made_up, port: \"sim:\", " + more + "}\n"
}

// results are those that were published, oldest first.
func (w *world) results(id string) (rs []control.Result) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range w.all {
		if m.Topic == "sunwire/"+id+"/result" {
			var r control.Result
			if err := json.Unmarshal(m.Payload, &r); err != nil {
				w.t.Error(err)
			}
			rs = append(rs, r)
		}
	}
	return rs
}

// ask publishes a command and waits for the result.
func (w *world) ask(topic, payload string) control.Result {
	w.t.Helper()
	id, _, _ := strings.Cut(topic, "/")
	n := len(w.results(id))
	w.say("sunwire/"+topic, payload)
	w.until("result of "+topic, func() bool { return len(w.results(id)) > n })
	return w.results(id)[n]
}

func TestACommandOfHomeAssistantIsWrittenReadBackAndAnswered(t *testing.T) {
	w, p := newWorld(t), &plant{}
	_, _ = w.plug(p, with("control: safe"))
	w.until("the limit as a number", func() bool {
		payload, _ := w.heard(configTopic("made_92932004102440"))
		return components(t, payload)["limit"]["p"] == "number"
	})
	payload, _ := w.heard(configTopic("made_92932004102440"))
	discoverytest.Check(t, []byte(payload))
	cs := components(t, payload)
	for key, platform := range map[string]string{
		"priority": "select", "limit": "number", "buzzer": "switch", "float": "sensor", "type": "sensor", "beep": "button", "clock": "sensor",
		"clock_offset": "sensor", "sync_clock": "button", "writes_today": "sensor", "write": "event",
	} {
		if cs[key]["p"] != platform || (cs[key]["cmd_t"] != nil) != (platform != "sensor" && platform != "event") {
			t.Errorf("%s: %v, want a %s", key, cs[key], platform)
		}
	}
	if cs["limit"]["max"] != 60.0 || cs["allow_writes"] != nil { // what was found at first contact
		t.Errorf("limit %v, switch %v", cs["limit"], cs["allow_writes"])
	}
	if r := w.ask("inverter/priority/set", "SBU"); r.Result != control.Done || r.Old != "Solar" || r.New != "SBU" || r.Now != "SBU" || r.Source != control.MQTT {
		t.Errorf("%+v", r)
	}
	w.until("the device's truth", func() bool {
		return w.value("inverter", "priority") == "SBU" && w.value("inverter", "writes_today") == 1.0
	})
	if r := w.ask("inverter/two/buzzer/set", "OFF"); r.Result != control.Done || r.Unit != "two" {
		t.Errorf("%+v", r)
	}
	if r := w.ask("inverter/beep/set", "PRESS"); r.Result != control.Done {
		t.Errorf("%+v", r)
	}
	if r := w.ask("inverter/limit/set", "61"); r.Result != control.Refused {
		t.Errorf("%+v", r)
	}
	if r := w.ask("inverter/float/set", "52"); r.Result != control.Refused {
		t.Errorf("%+v", r)
	}
	if r := w.ask("inverter/priority/set", "SBU"); r.Result != control.Skipped {
		t.Errorf("%+v", r)
	}
	if r := w.ask("inverter/raw/set", "PF"); r.Result != control.Refused {
		t.Errorf("%+v", r)
	}
	if got := p.writes(); got != "[0:priority=SBU 0:two/buzzer=OFF 0:beep=]" {
		t.Errorf("sent %s", got)
	}
	w.until("seven events", func() bool {
		e, n := w.heard("sunwire/inverter/event")
		return n == 7 && strings.HasPrefix(e, `{"event_type":"refused"`)
	})
}

func TestAControlStaysOneAcrossARestart(t *testing.T) {
	w, p := newWorld(t), &plant{}
	limit := func() any {
		payload, _ := w.heard(configTopic("made_92932004102440"))
		return components(t, payload)["limit"]["p"]
	}
	_, stop := w.plug(p, with("control: safe"))
	w.until("the limit as a number", func() bool { return limit() == "number" })
	stop()
	w.mu.Lock()
	w.all = nil
	w.mu.Unlock()
	p.change(func() { p.shy = true })
	_, stop = w.begin(p, with("control: safe"))
	w.until("it is described again", func() bool { s, _ := w.heard("sunwire/inverter/status"); return s == "online" })
	time.Sleep(settle + time.Second) // whatever there is to announce has been by then
	stop()
	p.change(func() { p.dead = true })
	_, before := w.heard(configTopic("made_92932004102440"))
	w.begin(p, with("control: safe"))
	w.until("it is announced from memory", func() bool { _, n := w.heard(configTopic("made_92932004102440")); return n > before })
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range w.all {
		if m.Topic != configTopic("made_92932004102440") {
			continue
		}
		if c := components(t, string(m.Payload))["limit"]; c["p"] != "number" || c["cmd_t"] == nil {
			t.Errorf("in between it was %v", c)
		}
	}
}

func TestWhatTheDeviceMakesOfAWriteIsShown(t *testing.T) {
	w, p := newWorld(t), &plant{}
	w.plug(p, with("control: safe, writes: {pause: 1s}"))
	p.change(func() { p.answer = drivers.ErrRefused })
	if r := w.ask("inverter/buzzer/set", "OFF"); r.Result != control.Rejected {
		t.Errorf("%+v", r)
	}
	p.change(func() { p.answer, p.deaf = nil, true })
	if r := w.ask("inverter/priority/set", "SBU"); r.Result != control.Contradicted || r.Now != "Solar" {
		t.Errorf("%+v", r)
	}
	p.change(func() { p.answer = drivers.ErrNoReply })
	if r := w.ask("inverter/limit/set", "50"); r.Result != control.Failed {
		t.Errorf("%+v", r)
	}
	if w.value("inverter", "buzzer") != "ON" || w.value("inverter", "priority") != "Solar" || w.value("inverter", "limit") != 60.0 {
		t.Error("what was asked for is shown, not what is")
	}
	if got := p.writes(); got != "[0:buzzer=OFF 0:priority=SBU 0:limit=50]" {
		t.Errorf("sent %s", got)
	}
	p.change(func() { p.dead = true })
	w.until("silence", func() bool { s, _ := w.heard("sunwire/inverter/status"); return s == "offline" })
	if r := w.ask("inverter/limit/set", "40"); r.Result != control.Refused {
		t.Errorf("to a device that is silent: %+v", r)
	}
}

func TestRetainedCommandsAreIgnored(t *testing.T) {
	w, p := newWorld(t), &plant{}
	if _, err := w.ha.Publish(t.Context(), broker.Message{Topic: "sunwire/inverter/priority/set", Payload: []byte("SBU"), Retain: true, QoS: 1}); err != nil {
		t.Fatal(err)
	}
	w.plug(p, with("control: safe"))
	if r := w.ask("inverter/buzzer/set", "OFF"); r.Result != control.Done || len(w.results("inverter")) != 1 {
		t.Errorf("%+v", w.results("inverter"))
	}
	if got := p.writes(); got != "[0:buzzer=OFF]" {
		t.Errorf("sent %s", got)
	}
}

func TestWithoutControlNothingIsHeardNorShownAsWritable(t *testing.T) {
	w, p := newWorld(t), &plant{}
	b, _ := w.plug(p, with("control: off"))
	heard, err := w.ha.Publish(t.Context(), broker.Message{Topic: "sunwire/inverter/priority/set", Payload: []byte("SBU"), QoS: 1})
	if err != nil {
		t.Fatal(err)
	}
	_ = heard // the test's own client hears everything
	if f := b.filters(); len(f) != 0 {
		t.Errorf("subscribed to %v", f)
	}
	if !b.command(broker.Message{Topic: "sunwire/inverter/priority/set", Payload: []byte("SBU")}) || len(b.Writes()) != 0 {
		t.Errorf("taken: %+v", b.Writes())
	}
	r, err := b.Write(t.Context(), "inverter", control.Command{Key: "priority", Value: "SBU"})
	if err != nil || r.Result != control.Refused {
		t.Errorf("%+v, %v", r, err)
	}
	payload, _ := w.heard(configTopic("made_92932004102440"))
	for key, c := range components(t, payload) {
		if c["cmd_t"] != nil || c["p"] != "sensor" && c["p"] != "binary_sensor" {
			t.Errorf("%s can be written: %v", key, c)
		}
	}
	if p.writes() != "[]" {
		t.Errorf("sent %s", p.writes())
	}
}

func TestControlComesAndGoesWithTheConfiguration(t *testing.T) {
	w, p := newWorld(t), &plant{}
	b, _ := w.plug(p, with("control: off"))
	apply := func(devices string) {
		text := fmt.Sprintf("mqtt: {url: \"mqtt://%s\"}\nhttp: {listen: \"\"}\nstate_dir: %q\ndevices:\n%s", w.broker.Addr(), w.dir, devices)
		cfg, err := config.Parse("test", []byte(text), config.Env{Drivers: []drivers.Driver{p.driver()}})
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Apply(cfg); err != nil {
			t.Fatal(err)
		}
	}
	platform := func(want string) func() bool {
		return func() bool {
			payload, _ := w.heard(configTopic("made_92932004102440"))
			return components(t, payload)["limit"]["p"] == want
		}
	}
	if _, err := w.ha.Publish(t.Context(), broker.Message{Topic: "sunwire/inverter/priority/set", Payload: []byte("SBU"), Retain: true, QoS: 1}); err != nil {
		t.Fatal(err)
	}
	apply(with("control: safe")) // the subscription brings what is retained, while everything is up
	w.until("the number", platform("number"))
	if r := w.ask("inverter/limit/set", "50"); r.Result != control.Refused || !strings.Contains(r.Reason, "just been opened") {
		t.Errorf("right after the link was opened: %+v", r)
	}
	if rs := w.results("inverter"); len(rs) != 1 {
		t.Errorf("the retained command was taken: %+v", rs)
	}
	apply(with("control: off"))
	w.until("the sensor", platform("sensor"))
	var removed bool
	w.mu.Lock()
	for _, m := range w.all {
		removed = removed || m.Topic == configTopic("made_92932004102440") && strings.Contains(string(m.Payload), `"limit":{"p":"number"}`)
	}
	w.mu.Unlock()
	if !removed {
		t.Error("the number was not removed before the sensor came")
	}
}

func TestWhoAsksByMQTT5IsAnsweredThere(t *testing.T) {
	w, p := newWorld(t), &plant{}
	w.plug(p, with(`control: safe, raw: ["QP.*"]`))
	ask := func(topic, payload, to string) {
		if _, err := w.ha.Publish(t.Context(), broker.Message{Topic: topic, Payload: []byte(payload), ResponseTopic: to, CorrelationData: []byte("7"), QoS: 1}); err != nil {
			t.Fatal(err)
		}
	}
	ask("sunwire/inverter/priority/set", "SBU", "app/answers")
	w.until("the answer", func() bool { _, n := w.heard("app/answers"); return n == 1 })
	w.mu.Lock()
	for _, m := range w.all {
		if m.Topic == "app/answers" && (string(m.CorrelationData) != "7" || !strings.Contains(string(m.Payload), `"result":"done"`)) {
			t.Errorf("%s %s", m.Payload, m.CorrelationData)
		}
	}
	w.mu.Unlock()
	ask("sunwire/inverter/raw/set", "QPIGS", "sunwire/inverter/limit/set") // no way around anything
	w.until("the raw reply", func() bool { v, _ := w.heard("sunwire/inverter/raw"); return v == "(QPIGS)" })
	w.ask("inverter/buzzer/set", "ON")
	if rs := w.results("inverter"); len(rs) != 3 {
		t.Errorf("an answer was taken for a command: %+v", rs)
	}
	if got := p.writes(); got != "[0:priority=SBU 0:QPIGS]" {
		t.Errorf("sent %s", got)
	}
}

func TestATimedSettingIsAskedForInJSON(t *testing.T) {
	w, p := newWorld(t), &plant{}
	b, stop := w.plug(p, with("control: safe"))
	for _, wrong := range []string{"SBU", `{"value":"SBU"}`, `{"value":"SBU","for":"2"}`, `{"value":null,"for":"2h"}`, `{"value":"SBU","for":"-2h"}`} {
		if r := w.ask("inverter/priority/set_for", wrong); r.Result != control.Refused {
			t.Errorf("%s: %+v", wrong, r)
		}
	}
	if r := w.ask("inverter/limit/set_for", `{"value": 50, "for": "2h"}`); r.Result != control.Done || !r.Until.Equal(r.Time.Add(2*time.Hour)) {
		t.Errorf("%+v", r)
	}
	if r := w.ask("inverter/two/buzzer/set_for", `{"value": false, "for": "2h"}`); r.Result != control.Done {
		t.Errorf("%+v", r)
	}
	stop()
	kept, _ := b.store.Get("inverter")
	if n := kept.Control.Timed["limit"]; n.Back != "60" || kept.Control.Timed["two/buzzer"].Back != "ON" || kept.Control.Total != 2 || kept.First["limit"] != "60" {
		t.Errorf("%+v", kept)
	}
}

func TestTheSwitchHoldsBackUntilItIsOn(t *testing.T) {
	w, p := newWorld(t), &plant{}
	w.plug(p, with("control: safe, arm: true"))
	if r := w.ask("inverter/priority/set", "SBU"); r.Result != control.Refused || w.value("inverter", "allow_writes") != "OFF" {
		t.Errorf("%+v", r)
	}
	w.ask("inverter/allow_writes/set", "ON")
	w.until("the switch", func() bool { return w.value("inverter", "allow_writes") == "ON" })
	if r := w.ask("inverter/priority/set", "SBU"); r.Result != control.Done {
		t.Errorf("%+v", r)
	}
}

func TestTwoDevicesAreNotMixedInWriting(t *testing.T) {
	w, p := newWorld(t), &plant{}
	w.plug(p, "  - {id: other, driver: made_up, port: \"sim:\", address: 1, control: full}\n"+with("control: safe"))
	w.say("sunwire/other/limit/set", "90")
	if r := w.ask("inverter/limit/set", "50"); r.Device != "inverter" || r.Result != control.Done {
		t.Errorf("%+v", r)
	}
	for id, limit := range map[string]float64{"other": 90, "inverter": 50} {
		w.until(id+"'s own", func() bool { return w.value(id, "limit") == limit && w.value(id, "writes_today") == 1.0 })
	}
	if len(w.results("other")) != 1 || len(w.results("inverter")) != 1 {
		t.Errorf("%+v, %+v", w.results("other"), w.results("inverter"))
	}
}

func TestACommandLineConfirmsBySerialNumber(t *testing.T) {
	w, p := newWorld(t), &plant{}
	b, _ := w.plug(p, with("control: full"))
	write := func(c control.Command) control.Outcome {
		r, err := b.Write(t.Context(), "inverter", c)
		if err != nil {
			t.Fatal(err)
		}
		return r.Result
	}
	if got := write(control.Command{Key: "type", Value: "User"}); got != control.Refused {
		t.Error(got)
	}
	if got := write(control.Command{Key: "type", Value: "User", Serial: "92932004102440"}); got != control.Done {
		t.Error(got)
	}
	if got := write(control.Command{Key: control.Raw, Value: "PF"}); got != control.Refused {
		t.Error(got)
	}
	settings, err := b.Settings("inverter")
	if err != nil || len(settings) != 8 || settings[0].Key != "priority" || settings[0].First != "Solar" || settings[0].Writable != "yes" {
		t.Errorf("%v, %v", settings, err)
	}
	if _, err := b.Settings("nobody"); err == nil {
		t.Error("settings of nobody")
	}
	if _, err := b.Write(t.Context(), "nobody", control.Command{}); err == nil {
		t.Error("written to nobody")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Write(ctx, "inverter", control.Command{Key: "limit", Value: "50"}); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestTheClockIsSetByItsButton(t *testing.T) {
	w, p := newWorld(t), &plant{}
	w.plug(p, with("control: safe"))
	w.until("the offset", func() bool {
		off, is := w.value("inverter", "clock_offset").(float64)
		return is && off < -60 || off > 60
	})
	if r := w.ask("inverter/sync_clock/set", "PRESS"); r.Result != control.Done || r.Key != "clock" {
		t.Errorf("%+v", r)
	}
	w.until("right", func() bool {
		off, is := w.value("inverter", "clock_offset").(float64)
		return is && off > -3 && off < 3
	})
}
