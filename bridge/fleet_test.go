package bridge

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"sunwire/bridge/config"
	"sunwire/drivers/all"
)

// reload applies settings to a running bridge.
func (w *world) reload(b *Bridge, settings string) error {
	w.t.Helper()
	text := fmt.Sprintf("mqtt: {url: \"mqtt://%s\"}\nhttp: {listen: \"\"}\nstate_dir: %q\n%s", w.broker.Addr(), b.cfg.StateDir, settings)
	cfg, err := config.Parse("test", []byte(text), config.Env{Drivers: all.Drivers()})
	if err != nil {
		w.t.Fatal(err)
	}
	return b.Apply(cfg)
}

func (w *world) live(id, key string) {
	w.t.Helper()
	w.until(id+" is live", func() bool { return w.value(id, key) != nil })
}

const (
	oneInverter = "devices:\n  - {id: inverter, driver: pi30, port: \"sim:\", interval: 50ms}\n"
	oneHouse    = "  - {id: house, driver: bme280, port: \"sim:\", interval: 50ms}\n"
)

func TestAReloadLeavesWhatDidNotChangeAlone(t *testing.T) {
	w := newWorld(t)
	b, _ := w.run(w.dir, "\n\n"+oneInverter+oneHouse, nil)
	w.live("inverter", "pv_power")
	w.live("house", "temperature")
	inverter, house := b.devices()[0], b.devices()[1]
	since := b.Snapshot().Devices[0].Link.Since

	if err := w.reload(b, oneInverter+strings.Replace(oneHouse, "50ms", "40ms", 1)+
		"  - {id: cellar, driver: bme280, port: \"sim:\", interval: 50ms}\n"); err != nil {
		t.Fatal(err)
	}
	w.live("cellar", "temperature")
	if b.devices()[0] != inverter || !b.Snapshot().Devices[0].Link.Since.Equal(since) {
		t.Error("the inverter was disturbed")
	}
	if b.devices()[1] == house {
		t.Error("the house kept its old interval")
	}
}

func TestADeviceThatLeavesTheConfigurationLeavesHomeAssistant(t *testing.T) {
	w := newWorld(t)
	b, _ := w.run(w.dir, oneInverter+oneHouse, nil)
	w.live("house", "temperature")
	w.live("inverter", "pv_power")
	if err := w.reload(b, oneInverter); err != nil {
		t.Fatal(err)
	}
	const topic = "homeassistant/device/sunwire_house/config"
	w.until("its discovery is emptied", func() bool { text, n := w.heard(topic); return n > 0 && text == "" })
	if _, kept := b.store.Get("house"); kept {
		t.Error("it is still in the store")
	}
	_, before := w.heard("sunwire/house/state")
	_, polls := w.heard("sunwire/inverter/state")
	w.until("the inverter goes on", func() bool { _, n := w.heard("sunwire/inverter/state"); return n > polls })
	if _, after := w.heard("sunwire/house/state"); after != before {
		t.Error("it still publishes")
	}
}

func TestARefusedReloadChangesNothing(t *testing.T) {
	w := newWorld(t)
	b, _ := w.run(w.dir, oneInverter, nil)
	w.live("inverter", "pv_power")
	was := b.fleet.Load()
	cfg := *b.cfg
	cfg.MQTT.TopicPrefix = "other"
	if err := b.Apply(&cfg); !errors.Is(err, ErrAnew) {
		t.Errorf("another topic prefix: %v", err)
	}
	if b.fleet.Load() != was {
		t.Error("the fleet changed")
	}
}

func TestANameThatPassesToAnotherKindOfDeviceStartsAnew(t *testing.T) {
	w := newWorld(t)
	b, _ := w.run(w.dir, oneInverter, nil)
	w.live("inverter", "pv_power")
	if err := w.reload(b, strings.Replace(oneInverter, "pi30", "bme280", 1)); err != nil {
		t.Fatal(err)
	}
	w.live("inverter", "temperature")
	if p := b.problems(b.started); len(p) > 0 {
		t.Errorf("problems: %v", p)
	}
	w.until("the old device is removed", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		for topic, text := range w.last {
			if strings.HasPrefix(topic, "homeassistant/device/voltronic_") && text == "" {
				return true
			}
		}
		return false
	})
}

func TestAStormOfReloadsLeavesNothingBehind(t *testing.T) {
	w := newWorld(t)
	b, stop := w.run(w.dir, oneInverter, nil)
	w.live("inverter", "pv_power")
	goroutines := runtime.NumGoroutine()
	for i := range 100 {
		settings := oneInverter + oneHouse + fmt.Sprintf("  - {id: extra_%d, driver: bme280, port: \"sim:\", interval: 10ms}\n", i%7)
		if i%3 == 0 {
			settings = oneInverter
		}
		if err := w.reload(b, settings); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.reload(b, oneInverter); err != nil {
		t.Fatal(err)
	}
	w.until("all others are forgotten", func() bool { return len(b.store.All()) == 2 }) // the inverter and the bridge
	defer func() {
		if t.Failed() {
			stacks := make([]byte, 1<<20)
			t.Logf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), goroutines, stacks[:runtime.Stack(stacks, true)])
		}
	}()
	w.until("all goroutines have ended", func() bool { return runtime.NumGoroutine() <= goroutines+2 })
	w.mu.Lock()
	for topic, text := range w.last {
		if strings.HasPrefix(topic, "homeassistant/device/sunwire_extra") && text != "" {
			t.Errorf("%s is left behind", topic)
		}
	}
	w.mu.Unlock()
	stop()
}
