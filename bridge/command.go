package bridge

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"sunwire/bridge/broker"
	"sunwire/bridge/control"
	"sunwire/drivers"
)

// subscribe brings the subscriptions up to date. One at a time, or what was wanted before would be wanted last.
func (b *Bridge) subscribe() {
	b.wanting.Lock()
	defer b.wanting.Unlock()
	if err := b.client.Want(b.life, b.filters()); err != nil && b.life.Err() == nil {
		b.log.Warn("messages may not reach this sunwire until the next connection", "error", err)
	}
}

// filters are the subscriptions for commands, none of a device that nothing may be written to, and of devices that speak over MQTT.
func (b *Bridge) filters() (fs []string) {
	for _, d := range b.devices() {
		if d.controlled() {
			base := b.cfg.MQTT.TopicPrefix + "/" + d.cfg.ID
			fs = append(fs, base+"/+/set", base+"/+/+/set", base+"/+/set_for", base+"/+/+/set_for")
		}
	}
	return append(fs, b.feed.Filters()...)
}

// device is the configured device with that id; nil where there is none.
func (b *Bridge) device(id string) *device {
	devices := b.devices()
	if i := slices.IndexFunc(devices, func(d *device) bool { return d.cfg.ID == id }); i >= 0 {
		return devices[i]
	}
	return nil
}

// command takes in what is to be written; false: it is something else.
func (b *Bridge) command(m broker.Message) bool {
	rest, ours := strings.CutPrefix(m.Topic, b.cfg.MQTT.TopicPrefix+"/")
	parts := strings.Split(rest, "/")
	last := parts[len(parts)-1]
	if !ours || len(parts) < 3 || len(parts) > 4 || last != "set" && last != "set_for" {
		return false
	}
	d := b.device(parts[0])
	b.pub.mu.Lock()
	speaking := b.pub.up
	b.pub.mu.Unlock()
	switch {
	case d == nil || !d.controlled():
		b.log.Warn("command ignored: nothing may be written to this device", "topic", m.Topic)
		return true
	case m.Retain: // it was said once, who knows when, and would be said again at each start
		b.log.Warn("command ignored: it is retained; remove it from the broker and publish without retain", "topic", m.Topic)
		return true
	case !speaking:
		b.log.Warn("command ignored: another sunwire has this topic prefix", "topic", m.Topic)
		return true
	}
	c := control.Command{Key: parts[len(parts)-2], Value: string(m.Payload), Source: control.MQTT, Done: b.answer(m)}
	if len(parts) == 4 {
		c.Unit = parts[1]
	}
	if last == "set_for" {
		if err := timed(m.Payload, &c); err != nil {
			d.writer.Refuse(c, err, time.Now())
			return true
		}
	}
	d.writer.Submit(c, d.view(time.Now()))
	return true
}

// timed reads {"value": "SBU first", "for": "2h"}.
func timed(payload []byte, c *control.Command) error {
	var wish struct {
		Value any    `json:"value"`
		For   string `json:"for"`
	}
	form := errors.New(`a timed setting is written {"value": "SBU first", "for": "2h"}`)
	dec := json.NewDecoder(bytes.NewReader(payload))
	dec.UseNumber()
	if err := dec.Decode(&wish); err != nil {
		return form
	}
	t, err := time.ParseDuration(wish.For)
	if err != nil || t <= 0 || c.Key == control.Raw || c.Key == control.AllowWrites || c.Key == control.SyncClock {
		return form
	}
	switch v := wish.Value.(type) {
	case string:
		c.Value = v
	case json.Number:
		c.Value = v.String()
	case bool:
		c.Value = map[bool]string{true: "ON", false: "OFF"}[v]
	default:
		return form
	}
	c.For = t
	return nil
}

// answer sends the result to whoever asked by MQTT 5, but never to a topic that somebody else acts on.
func (b *Bridge) answer(m broker.Message) func(control.Result) {
	to := m.ResponseTopic
	mine := func(prefix string) bool { return to == prefix || strings.HasPrefix(to, prefix+"/") }
	if to == "" || mine(b.cfg.MQTT.TopicPrefix) || mine(b.cfg.MQTT.DiscoveryPrefix) {
		return nil
	}
	return func(r control.Result) {
		b.pub.say(broker.Message{Topic: to, Payload: encode(r), CorrelationData: m.CorrelationData, QoS: 1})
	}
}

// remember keeps the state of d's write path.
func (b *Bridge) remember(d *device, s control.State) {
	d.mu.Lock()
	d.kept.Control = s
	d.mu.Unlock()
	b.save(d)
}

// told tells what came of a command, to the log, to Home Assistant and on the result topic.
func (b *Bridge) told(d *device, r control.Result) {
	level := slog.LevelInfo
	switch r.Result {
	case control.Done, control.Skipped, control.DryRun:
	default:
		level = slog.LevelWarn
	}
	b.log.LogAttrs(context.Background(), level, "write", attributes(r)...)
	if d.controlled() {
		base := b.cfg.MQTT.TopicPrefix + "/" + d.cfg.ID
		b.pub.say(broker.Message{Topic: base + "/result", Payload: encode(r), QoS: 1})
		b.pub.say(broker.Message{Topic: base + "/event", Payload: encode(event{r.Result, r}), QoS: 1})
		if r.Key == control.Raw && r.Result == control.Done {
			b.pub.say(broker.Message{Topic: base + "/" + control.Raw, Payload: []byte(r.Reply), QoS: 1})
		}
	}
	if d.outlet != nil {
		b.touch(d)
	}
}

// attributes are what a result says: what it does not know is left out.
func attributes(r control.Result) (as []slog.Attr) {
	add := func(key, value string) {
		if value != "" {
			as = append(as, slog.String(key, value))
		}
	}
	add("device", r.Device)
	add("unit", r.Unit)
	add("key", r.Key)
	add("source", string(r.Source))
	add("old", r.Old)
	add("new", r.New)
	add("now", r.Now)
	add("result", string(r.Result))
	if !r.Until.IsZero() {
		as = append(as, slog.Time("until", r.Until))
	}
	add("reason", r.Reason)
	return as
}

// event is a result as an event entity takes it.
type event struct {
	Type control.Outcome `json:"event_type"`
	control.Result
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		return []byte("{}") // texts and times always marshal
	}
	return b
}

// Writes are the last commands of all devices and what came of them, the newest first.
func (b *Bridge) Writes() []control.Result {
	all := []control.Result{}
	for _, d := range b.devices() {
		all = append(all, d.writer.Recent()...)
	}
	slices.SortStableFunc(all, func(x, y control.Result) int { return y.Time.Compare(x.Time) })
	return all
}

// Write takes a command from the command line and waits for what comes of it.
func (b *Bridge) Write(ctx context.Context, id string, c control.Command) (control.Result, error) {
	d := b.device(id)
	if d == nil {
		return control.Result{}, fmt.Errorf("no device %s in the configuration", id)
	}
	result := make(chan control.Result, 1)
	c.Source, c.Done = control.CLI, func(r control.Result) { result <- r }
	d.writer.Submit(c, d.view(time.Now()))
	select {
	case r := <-result:
		return r, nil
	case <-ctx.Done():
		return control.Result{}, fmt.Errorf("no answer yet: see the log for what came of it: %w", ctx.Err())
	}
}

// Settings are those of the device with that id.
func (b *Bridge) Settings(id string) ([]control.Setting, error) {
	d := b.device(id)
	if d == nil {
		return nil, fmt.Errorf("no device %s in the configuration", id)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	all, now := []control.Setting{}, time.Now()
	for _, u := range d.units {
		for i := range u.announce.Entities {
			e := &u.announce.Entities[i]
			if e.Setting == nil {
				continue
			}
			s := control.Setting{
				Unit: u.name, Key: e.Key, Name: e.Name, First: d.kept.First[settingPath(u.name, e.Key)], Measured: e.Quantity.Unit,
				Options: e.Setting.Options, Min: e.Setting.Min, Max: e.Setting.Max, Writable: "yes",
			}
			if c := u.Get(e.Key); c != nil {
				s.Value = c.Known(now).Format(e.Quantity.Decimals)
			}
			if len(s.Options) == 0 {
				s.Options = e.Options
			}
			if err := control.Allowed(&d.cfg, e); err != nil {
				s.Writable = err.Error()
			} else if e.Setting.Risk == drivers.CLIOnly {
				s.Writable = "with --serial"
			}
			all = append(all, s)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s has no settings, or has not told them yet (%s)", id, cmp.Or(d.problem, "it has to answer first"))
	}
	return all, nil
}
