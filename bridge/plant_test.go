package bridge

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"sunwire/bridge/config"
	"sunwire/bridge/control"
	"sunwire/bridge/store"
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
