package bridge

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"sunwire/bridge/pipeline"
	"sunwire/bridge/status"
	"sunwire/drivers"
)

// Snapshot is everything that page, API, health and metrics show.
func (b *Bridge) Snapshot() status.Snapshot {
	now, devices := time.Now(), b.devices()
	s := status.Snapshot{
		Schema: 1, Timestamp: now, Version: b.version, Host: b.host, Started: b.started,
		Broker: b.brokerState(), Problems: b.problems(now), Devices: make([]status.Device, 0, len(devices)),
	}
	if b.notices != nil {
		_, s.Notes = b.notices()
	}
	for _, d := range devices {
		if d.group != nil {
			d.group.refresh(d, now)
		}
		s.Devices = append(s.Devices, d.snapshot(now))
	}
	return s
}

func (b *Bridge) brokerState() status.Broker {
	c := b.client.State()
	p := b.pub.counts()
	return status.Broker{
		URL: c.URL, Connected: c.Connected, Since: c.Since, Error: c.Error,
		HomeAssistant: c.Connected && p.listening, Announced: p.announced, Published: p.published,
	}
}

func (d *device) snapshot(now time.Time) status.Device {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := status.Device{
		ID: d.cfg.ID, Name: d.cfg.Name, Driver: d.cfg.Spec.Name, Variant: variant(d.kept.Descriptor), Port: d.cfg.Port.Text, UID: d.kept.UID,
		Manufacturer: d.kept.Descriptor.Manufacturer, Model: d.kept.Descriptor.Model, Serial: d.kept.Serial, Firmware: d.kept.Descriptor.Firmware,
		Online: d.online, LastUpdate: d.liveSeen, Critical: d.cfg.Critical, MaxAge: d.cfg.MaxAge,
		Link:      status.Link{Up: d.link.up, Since: d.link.since, Error: d.link.err},
		LastError: d.health.lastError, LastErrorAt: d.health.lastAt, Polls: d.health.polls, Failures: d.health.counts(),
		SuccessRatio: d.health.ratio(), PollTime: d.health.pollTime, Values: []status.Value{},
	}
	if d.problem != "" {
		out.LastError = d.problem
	}
	if d.group != nil {
		d.group.snapshot(&out, d)
	}
	for i, u := range d.units {
		vs := make([]status.Value, 0, len(u.shown))
		for _, c := range u.shown {
			vs = append(vs, value(&u.Cells[c], now))
		}
		if i == 0 {
			out.Values = vs
		} else {
			out.Units = append(out.Units, status.Unit{Unit: u.name, Serial: u.Descriptor.Serial, Values: vs})
		}
	}
	return out
}

func value(c *pipeline.Cell, now time.Time) status.Value {
	e := &c.Entity
	v := status.Value{
		Key: e.Key, Name: e.Name, Unit: e.Quantity.Unit, DeviceClass: e.Quantity.DeviceClass, StateClass: e.Quantity.StateClass,
		Value: json.RawMessage(c.Known(now).AppendJSON(nil, e.Quantity.Decimals)), Updated: c.At, Note: note(c.Factor),
	}
	if e.Category != drivers.Primary || e.Disabled || e.Attribute != "" {
		v.Category = "diagnostic"
	}
	return v
}

// note says what the configuration does to a value.
func note(f pipeline.Factor) string {
	var parts []string
	if f.Scale != 0 && f.Scale != 1 {
		parts = append(parts, fmt.Sprintf("times %g", f.Scale))
	}
	if f.Offset != 0 {
		parts = append(parts, fmt.Sprintf("%+g", f.Offset))
	}
	return strings.Join(parts, ", ")
}

// Changes signals that a snapshot would differ from the last.
func (b *Bridge) Changes(ctx context.Context) <-chan struct{} {
	c := make(chan struct{}, 1)
	b.mu.Lock()
	b.readers[c] = true
	b.mu.Unlock()
	context.AfterFunc(ctx, func() {
		b.mu.Lock()
		delete(b.readers, c)
		close(c)
		b.mu.Unlock()
	})
	return c
}

func (b *Bridge) changed() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range b.readers {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// variant is the dialect that a driver found its device to speak, with the reason.
func variant(d drivers.Descriptor) string {
	if d.Why == "" {
		return d.Variant
	}
	return d.Variant + ": " + d.Why
}
