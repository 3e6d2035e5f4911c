package bridge

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"sunwire/bridge/broker"
	"sunwire/bridge/broker/embedded"
	"sunwire/bridge/config"
	"sunwire/bridge/store"
	"sunwire/drivers"
	"sunwire/drivers/all"
)

// world is an embedded broker, and Home Assistant's part played by a client that hears everything.
type world struct {
	t      *testing.T
	broker *embedded.Broker
	dir    string

	mu   sync.Mutex
	last map[string]string // by topic
	all  []broker.Message
	ha   *broker.Client
}

func newWorld(t *testing.T) *world {
	t.Helper()
	t.Parallel()
	b, err := embedded.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	w := &world{t: t, broker: b, dir: t.TempDir(), last: map[string]string{}}
	w.ha = w.client("homeassistant", []string{"#"}, func(m broker.Message) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.last[m.Topic] = string(m.Payload)
		w.all = append(w.all, m)
	})
	return w
}

func (w *world) client(id string, subscriptions []string, on func(broker.Message)) *broker.Client {
	w.t.Helper()
	up := make(chan struct{}, 9)
	c, err := broker.New(broker.Options{
		URLs: []*url.URL{{Scheme: "mqtt", Host: w.broker.Addr()}}, ClientID: id, Subscriptions: subscriptions,
		OnUp: func(context.Context) { up <- struct{}{} }, OnDown: func(error) {}, OnMessage: on, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = c.Run(ctx) })
	w.t.Cleanup(func() { cancel(); wg.Wait() })
	<-up
	return c
}

func (w *world) say(topic, payload string) {
	w.t.Helper()
	if _, err := w.ha.Publish(w.t.Context(), broker.Message{Topic: topic, Payload: []byte(payload)}); err != nil {
		w.t.Fatal(err)
	}
}

// heard is the last payload on topic, and how many there were.
func (w *world) heard(topic string) (last string, count int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range w.all {
		if m.Topic == topic {
			count++
		}
	}
	return w.last[topic], count
}

// until waits for what the bridge does in its own time.
func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	for start := time.Now(); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Since(start) > 10*time.Second {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.t.Fatalf("never: %s; heard %v", what, slices.Sorted(maps.Keys(w.last)))
		}
	}
}

func (w *world) value(id, key string) any {
	text, _ := w.heard("sunwire/" + id + "/state")
	var doc map[string]any
	_ = json.Unmarshal([]byte(text), &doc)
	return doc[key]
}

// shown is a model that can be changed while it is read.
type shown struct {
	mu     sync.Mutex
	values map[string]drivers.Value
}

func (s *shown) set(key string, v drivers.Value) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.values == nil {
		s.values = map[string]drivers.Value{}
	}
	s.values[key] = v
}

// Value implements drivers.Model.
func (s *shown) Value(_, key string) (drivers.Value, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.values[key]
	return v, ok
}

// run runs a bridge on dir with those devices until the returned function is called.
func (w *world) run(dir, settings string, models map[string]*shown) (b *Bridge, stop func()) {
	w.t.Helper()
	text := fmt.Sprintf("mqtt: {url: \"mqtt://%s\"}\nhttp: {listen: \"\"}\nstate_dir: %q\n%s", w.broker.Addr(), dir, settings)
	cfg, err := config.Parse("test", []byte(text), config.Env{Drivers: all.Drivers()})
	if err != nil {
		w.t.Fatal(err)
	}
	kept, err := store.Open(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		w.t.Fatal(err)
	}
	b, err = New(cfg, Options{Version: "1.2.3", Log: slog.New(slog.DiscardHandler), Store: kept, Models: func(d config.Device) drivers.Model {
		if m := models[d.ID]; m != nil {
			return m
		}
		return nil
	}})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := b.Run(ctx); err != nil {
			w.t.Error(err)
		}
	})
	once := sync.OnceFunc(func() { cancel(); wg.Wait(); _ = kept.Close() })
	w.t.Cleanup(once)
	return b, once
}

const inverterAndHouse = `
devices:
  - {id: inverter, name: Inverter, area: Garage, driver: pi30, port: "sim:", interval: 100ms, slow: 100ms, max_age: 1s}
  - {id: house, driver: bme280, port: "sim:", interval: 100ms, max_age: 1s, topics: "house/{key}"}
`

const inverterUID = "voltronic_92932004102443"

func configTopic(uid string) string { return "homeassistant/device/" + uid + "/config" }

func components(t *testing.T, payload string) map[string]map[string]any {
	t.Helper()
	var p struct {
		Components map[string]map[string]any `json:"cmps"`
	}
	if err := json.Unmarshal([]byte(payload), &p); err != nil {
		t.Fatalf("%v: %s", err, payload)
	}
	return p.Components
}
