package bridge

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"sunwire/bridge/control"
	"sunwire/discovery/discoverytest"
	"sunwire/drivers/jk"
	"sunwire/drivers/link"
	"sunwire/drivers/link/simulated"
)

// rack is the packs on one RS485 bus, each with an address. The first digits of their serial numbers differ, unless they are twins.
type rack struct {
	packs []link.Simulator // from address 1
	twins bool
}

func (r *rack) Push() iter.Seq2[time.Duration, []byte] { return nil }

func (r *rack) Answer(request []byte) []byte {
	for i, p := range r.packs {
		reply := bytes.Clone(p.Answer(request))
		if reply == nil {
			continue
		}
		if len(reply) > 86 && reply[4] == 3 && !r.twins {
			reply[86] = byte('1' + i)
			reply = jk.PB.Reseal(reply)
		}
		return reply
	}
	return nil
}

// serve lets r answer behind a serial server, and gives its port.
func (r *rack) serve(t *testing.T) string {
	t.Helper()
	for address := range uint16(2) {
		r.packs = append(r.packs, jk.PB.Simulate(nil, address+1))
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				stop := context.AfterFunc(ctx, func() { _ = c.Close() })
				defer stop()
				_ = simulated.Line{}.Serve(ctx, c, r)
				_ = c.Close()
			})
		}
	})
	t.Cleanup(func() { cancel(); _ = l.Close(); serving.Wait() })
	return "tcp:" + l.Addr().String()
}

func packs(port, more string) string {
	return fmt.Sprintf(`
devices:
  - {id: one, driver: jk_pb, port: %q, address: 1, interval: 100ms, slow: 200ms, %s}
  - {id: two, driver: jk_pb, port: %q, address: 2, interval: 100ms, slow: 200ms, %s}
`, port, more, port, more)
}

// settle waits until the settings are published, and lets the time pass that nothing is written after a start.
func (w *world) settle(b *Bridge) {
	w.t.Helper()
	for _, d := range b.devices() {
		w.until("settings of "+d.cfg.ID, func() bool { return w.value(d.cfg.ID, "charge_switch") == "ON" })
		d.mu.Lock()
		d.link.since = d.link.since.Add(-time.Minute)
		d.mu.Unlock()
	}
}

func TestTwoPacksOnOneBusWithOneSerialNumberAreAnErrorOfBoth(t *testing.T) {
	w := newWorld(t)
	r := &rack{twins: true}
	b, _ := w.run(w.dir, packs(r.serve(t), "control: full"), nil)
	w.until("both are told of", func() bool {
		of := map[string]bool{}
		for _, p := range b.Snapshot().Problems {
			id, _, _ := strings.Cut(p, ": ")
			of[id] = true
		}
		return of["one"] && of["two"]
	})
	_, one := w.heard("sunwire/one/state")
	_, two := w.heard("sunwire/two/state")
	if one > 0 && two > 0 {
		t.Error("both are published")
	}
}

func TestABatteryOfWhichNothingMayBeWrittenHasNoControl(t *testing.T) {
	w := newWorld(t)
	b, _ := w.run(w.dir, "\ndevices:\n  - {id: one, driver: jk_pb, port: \"sim:\", interval: 100ms, slow: 200ms}\n", nil)
	w.settle(b)
	w.until("discovery of the settings", func() bool {
		text, _ := w.heard(configTopic("jk_31213480085"))
		return strings.Contains(text, "balance_switch")
	})
	text, _ := w.heard(configTopic("jk_31213480085"))
	discoverytest.Check(t, []byte(text))
	for key, c := range components(t, text) {
		if c["cmd_t"] != nil || c["ent_cat"] == "config" {
			t.Errorf("%s: %v", key, c)
		}
	}
	if c := components(t, text)["charge_switch"]; c["p"] != "binary_sensor" {
		t.Errorf("charge_switch: %v", c)
	}
}

func TestOfABatteryOnlyTheSwitchesAreSafe(t *testing.T) {
	w := newWorld(t)
	r := &rack{}
	b, _ := w.run(w.dir, packs(r.serve(t), "control: safe"), nil)
	w.settle(b)
	uid := "jk_11213480085" // the first character is the pack's own
	w.until("the switches", func() bool {
		text, _ := w.heard(configTopic(uid))
		return strings.Contains(text, "balance_switch/set")
	})
	text, _ := w.heard(configTopic(uid))
	discoverytest.Check(t, []byte(text))
	controls := map[string]any{}
	for key, c := range components(t, text) {
		if c["cmd_t"] != nil {
			controls[key] = c["p"]
		}
	}
	if fmt.Sprint(controls) != "map[balance_switch:switch charge_switch:switch discharge_switch:switch]" {
		t.Errorf("offered: %v", controls)
	}
	if got := w.ask("one/charge_switch/set", "OFF"); got.Result != control.Done || got.Old != "ON" || got.Now != "OFF" {
		t.Errorf("%+v", got)
	}
	if got := w.ask("one/cell_overvoltage_protection/set", "3.6"); got.Result != control.Refused {
		t.Errorf("%+v", got)
	}
	w.until("the other pack is as it was", func() bool {
		return w.value("one", "charge_switch") == "OFF" && w.value("two", "charge_switch") == "ON"
	})
}

func TestLimitsOfABatteryAreHeldAgainstEachOther(t *testing.T) {
	w := newWorld(t)
	b, _ := w.run(w.dir, "\ndevices:\n  - {id: one, driver: jk_pb, port: \"sim:\", interval: 100ms, slow: 200ms, control: full}\n", nil)
	w.settle(b)
	for _, c := range []struct {
		key, value string
		want       control.Outcome
	}{
		{"cell_overvoltage_protection", "3.6", control.Done},
		{"cell_overvoltage_protection", "3.4", control.Refused}, // it recovers at 3.498
		{"cell_undervoltage_protection", "2.8", control.Refused},
		{"max_charge_current", "601", control.Refused},
		{"charge_undertemperature_protection", "-12.5", control.Done},
	} {
		d := b.devices()[0]
		d.writer.Forget() // the pause between two writes
		if got := w.ask("one/"+c.key+"/set", c.value); got.Result != c.want {
			t.Errorf("%s to %s: %+v", c.key, c.value, got)
		}
	}
	w.until("the device's truth", func() bool { return w.value("one", "cell_overvoltage_protection") == 3.6 })
}
