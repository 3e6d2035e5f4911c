package bridge

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"sunwire/bridge/broker"
	"sunwire/bridge/config"
	"sunwire/bridge/control"
	"sunwire/discovery/discoverytest"
	"sunwire/drivers"
)

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
