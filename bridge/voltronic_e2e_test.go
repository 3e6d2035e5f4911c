//go:build e2e

package bridge

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sunwire/bridge/broker"
	"sunwire/bridge/broker/embedded"
	"sunwire/bridge/config"
	"sunwire/bridge/control"
	"sunwire/drivers"
	"sunwire/drivers/link/simulated"
	"sunwire/drivers/voltronic"
)

// ACK and NAK as inverters of PI30 say them.
const (
	ack = "(ACK9 \r"
	nak = "(NAKss\r"
)

// axpert is an inverter on a pseudo-terminal, the bridge that reads it, and a real Home Assistant.
type axpert struct {
	*world
	house
	bridge   *Bridge
	inverter *meddled
}

func (a *axpert) devices(control string) string {
	return fmt.Sprintf(`  - id: axpert
    driver: pi30max
    port: "serial:%s"
    interval: 500ms
    slow: 500ms
    control: %s
    writes: {pause: 3s, per_setting: 3}
    entities: {float_voltage: {disabled: false}, bulk_voltage: {disabled: false}, buzzer: {disabled: false}, backlight: {disabled: false}, power_saving: {disabled: false}}
`, filepath.Join(a.dir, "inverter"), control)
}

func serveAxpert(t *testing.T) *axpert {
	t.Helper()
	at := os.Getenv("SUNWIRE_HA_BROKER")
	if at == "" {
		t.Fatal("SUNWIRE_HA_BROKER is not set: .ci/ha prepares a Home Assistant and says how")
	}
	b, err := embedded.Start(at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	own := &shown{} // what is removed, Home Assistant gives its old entity ids when it returns: no other test may have its serial number
	own.set("serial_number", drivers.Text("92932004109001"))
	a := &axpert{
		world:    &world{t: t, broker: b, dir: t.TempDir(), last: map[string]string{}},
		house:    house{t, os.Getenv("SUNWIRE_HA_URL"), os.Getenv("SUNWIRE_HA_TOKEN")},
		inverter: &meddled{Simulator: voltronic.PI30MAX.Simulate(own, 0)},
	}
	a.ha = a.client("witness of axpert", []string{"sunwire/axpert/#"}, func(m broker.Message) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.last[m.Topic], a.all = string(m.Payload), append(a.all, m)
	})
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() {
		line := simulated.Line{Ends: simulated.EndsInCR}
		if err := line.ServePTY(ctx, filepath.Join(a.dir, "inverter"), a.inverter); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); serving.Wait() })
	a.bridge, _ = a.operate(a.devices("full"), Options{}, voltronic.PI30MAX)
	return a
}

// pass lets the time pass that nothing is written after a link is opened, once all settings have been read.
func (a *axpert) pass(float string) {
	a.world.t.Helper()
	a.shows("number.axpert_float_voltage", float)
	d := a.bridge.device("axpert")
	d.mu.Lock()
	d.link.since = d.link.since.Add(-time.Minute)
	d.mu.Unlock()
}

// result waits for the n-th result, and for Home Assistant to have heard of it as an event.
func (a *axpert) result(n int, want control.Outcome) control.Result {
	a.world.t.Helper()
	a.until(fmt.Sprint("result ", n, " ", want), func() bool { return len(a.results("axpert")) >= n })
	r := a.results("axpert")[n-1]
	if r.Result != want {
		a.world.t.Errorf("%s %s: %s because %q, want %s", r.Key, r.New, r.Result, r.Reason, want)
	}
	a.until("the event", func() bool {
		_, e := a.state("event.axpert_write")
		return e["event_type"] == string(r.Result) && e["key"] == r.Key && e["new"] == r.New
	})
	return r
}

func TestARealInverterIsSetFromARealHomeAssistantAndShowsItsOwnTruth(t *testing.T) {
	a := serveAxpert(t)
	a.pass("54.0")
	n, frames := 0, []string(nil)
	for _, c := range []struct {
		what, take, reply        string // what the line does to the write
		service, entity, payload string // payload: the one datum of the service; of publish, what another client sends to the topic entity
		want                     control.Outcome
		frame                    string // that goes to the inverter; "": nothing may
		shows                    string // afterwards, by the entity ...
		at                       string // ... which is this one, where it is not the one that was set
	}{
		{what: "select", service: "select.select_option", entity: "select.axpert_output_source_priority", payload: "option=Utility first", want: control.Done, frame: "POP00", shows: "Utility first"},
		{what: "select of numbers", service: "select.select_option", entity: "select.axpert_max_grid_charge_current", payload: "option=10", want: control.Done, frame: "MUCHGC010", shows: "10"},
		{what: "number", service: "number.set_value", entity: "number.axpert_float_voltage", payload: "value=53.5", want: control.Done, frame: "PBFT53.5", shows: "53.5"},
		{what: "switch", service: "switch.turn_off", entity: "switch.axpert_buzzer", want: control.Done, frame: "PDa", shows: "off"},
		{what: "button", service: "button.press", entity: "button.axpert_sync_clock", want: control.Done, frame: "DAT"},
		{what: "a NAK", take: "set", reply: nak, service: "select.select_option", entity: "select.axpert_charger_source_priority", payload: "option=Solar only", want: control.Rejected, frame: "PCP03", shows: "Solar first"},
		{what: "silence", take: "set", service: "switch.turn_off", entity: "switch.axpert_backlight", want: control.Failed, frame: "PDx", shows: "on"},
		{what: "an ACK of what is not done", take: "set", reply: ack, service: "wait+number.set_value", entity: "number.axpert_bulk_voltage", payload: "value=57", want: control.Contradicted, frame: "PCVV57.0", shows: "56.4"},
		{what: "above another setting", service: "number.set_value", entity: "number.axpert_float_voltage", payload: "value=57", want: control.Refused, shows: "53.5"},
		{what: "out of range, past Home Assistant", service: "publish", entity: "float_voltage", payload: "90", want: control.Refused, shows: "53.5", at: "number.axpert_float_voltage"},
		{what: "no option, past Home Assistant", service: "publish", entity: "output_source_priority", payload: "Moon", want: control.Refused, shows: "Utility first", at: "select.axpert_output_source_priority"},
		{what: "for the command line only", service: "publish", entity: "factory_reset", payload: "PRESS", want: control.Refused},
		{what: "equal", service: "number.set_value", entity: "number.axpert_float_voltage", payload: "value=53.5", want: control.Skipped, shows: "53.5"},
		{what: "the first of two", service: "switch.turn_on", entity: "switch.axpert_power_saving", want: control.Done, frame: "PEj", shows: "on"},
		{what: "repeated", service: "switch.turn_off", entity: "switch.axpert_power_saving", want: control.Refused, shows: "on"},
		{what: "the second of three", service: "wait+switch.turn_off", entity: "switch.axpert_power_saving", want: control.Done, frame: "PDj", shows: "off"},
		{what: "the third of three", service: "wait+switch.turn_on", entity: "switch.axpert_power_saving", want: control.Done, frame: "PEj", shows: "on"},
		{what: "capped", service: "wait+switch.turn_off", entity: "switch.axpert_power_saving", want: control.Refused, shows: "on"},
	} {
		service, wait := strings.CutPrefix(c.service, "wait+")
		if wait {
			time.Sleep(3 * time.Second) // writes: {pause: 3s}; and an ACK right after silence may be that of the write before
		}
		a.inverter.meddle(c.take, c.reply)
		key, value, _ := strings.Cut(c.payload, "=")
		switch {
		case service == "publish":
			a.say("sunwire/axpert/"+c.entity+"/set", c.payload)
		case key != "" && !a.call(service, c.entity, key, value), key == "" && !a.call(service, c.entity):
			t.Errorf("%s: Home Assistant refuses %s of %s", c.what, service, c.entity)
			continue
		}
		n++
		r := a.result(n, c.want)
		t.Logf("%s %+v", c.what, r)
		if c.frame != "" {
			frames = append(frames, c.frame)
		}
		if got := a.inverter.written(); !slices.EqualFunc(got, frames, strings.HasPrefix) {
			t.Errorf("%s: written %q, want %q; %+v", c.what, got, frames, r)
		}
		a.inverter.meddle("", "")
		if c.at == "" {
			c.at = c.entity
		}
		if c.shows != "" {
			a.shows(c.at, c.shows)
		}
		if c.want == control.Contradicted && r.Now != c.shows || c.want == control.Rejected && r.Reason == "" {
			t.Errorf("%s: %+v", c.what, r)
		}
	}
	if a.call("number.set_value", "number.axpert_float_voltage", "value", 90) || a.call("select.select_option", "select.axpert_output_source_priority", "option", "Moon") {
		t.Error("Home Assistant lets through what is out of bounds")
	}
	a.retainedIsIgnored(n, frames)
	a.leave()
}

// retainedIsIgnored: a subscription brings what is retained, at each start again.
func (a *axpert) retainedIsIgnored(results int, frames []string) {
	t := a.world.t
	t.Helper()
	retain := func(payload string) {
		t.Helper()
		m := broker.Message{Topic: "sunwire/axpert/output_source_priority/set", Payload: []byte(payload), Retain: true, QoS: 1}
		if _, err := a.ha.Publish(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	a.apply(a.devices("off"))
	a.shows("sensor.axpert_output_source_priority", "Utility first") // a mere reading in the control's place
	a.shows("select.axpert_output_source_priority", "")
	retain("Solar first")
	a.apply(a.devices("full"))
	a.shows("sensor.axpert_output_source_priority", "")
	a.pass("53.5")
	if !a.call("switch.turn_on", "switch.axpert_buzzer") {
		t.Error("Home Assistant refuses to switch on the buzzer")
	}
	if r := a.result(results+1, control.Done); r.Key != "buzzer" {
		t.Errorf("after the retained command: %+v", r)
	}
	if got := a.inverter.written(); !slices.EqualFunc(got, append(frames, "PEa"), strings.HasPrefix) {
		t.Errorf("written %q", got)
	}
	a.shows("select.axpert_output_source_priority", "Utility first")
	retain("")
}

func (a *axpert) apply(devices string) {
	a.world.t.Helper()
	text := fmt.Sprintf("mqtt: {url: \"mqtt://%s\"}\nhttp: {listen: \"\"}\nstate_dir: %q\ndevices:\n%s", a.broker.Addr(), a.dir, devices)
	cfg, err := config.Parse("test", []byte(text), config.Env{Drivers: []drivers.Driver{voltronic.PI30MAX}})
	if err == nil {
		err = a.bridge.Apply(cfg)
	}
	if err != nil {
		a.world.t.Fatal(err)
	}
}

// leave takes the inverter off Home Assistant, which should have had nothing to complain of.
func (a *axpert) leave() {
	t := a.world.t
	t.Helper()
	a.apply("  []\n")
	for _, entity := range []string{"number.axpert_float_voltage", "sensor.axpert_mode", "event.axpert_write", "binary_sensor.axpert_link"} {
		a.shows(entity, "")
	}
	if file := os.Getenv("SUNWIRE_HA_LOG"); file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if strings.Contains(line, "axpert") && (strings.Contains(line, " ERROR ") || strings.Contains(line, " WARNING ")) {
				t.Errorf("Home Assistant complains: %s", strings.TrimSpace(line))
			}
		}
	}
}
