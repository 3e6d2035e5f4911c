package bridge

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"sunwire/bridge/broker"
	"sunwire/bridge/control"
	"sunwire/discovery"
	"sunwire/drivers"
)

// announceAll says everything on a new connection and to a Home Assistant that has just started: the bridge first, since the devices
// name it.
func (p *publisher) announceAll(ctx context.Context) {
	p.bury(ctx)
	p.heard(p.bridge.announce(ctx, p))
	for _, o := range p.devices {
		o.session = 0
		clear(o.status)
		clear(o.document)
		p.flush(ctx, o, true)
	}
	p.tally()
}

// bury removes what has left the configuration from Home Assistant.
func (p *publisher) bury(ctx context.Context) {
	for _, o := range p.orphans() {
		gone := p.send(ctx, broker.Message{Topic: p.options.TopicPrefix + "/" + o.id + "/status", Retain: true, QoS: 1})
		for _, uid := range o.uids {
			gone = p.send(ctx, retained(discovery.Forget(uid, p.options))) && gone
		}
		if gone {
			p.log.Info("removed from Home Assistant: no longer configured", "device", o.id)
			p.forget(o.id)
		}
	}
}

// comeback is how long Home Assistant may take to come back to a broker that was restarted, before the log calls it away.
const comeback = 20 * time.Second

// heard notes whether Home Assistant takes our announcements: MQTT 5 says so when nobody does.
func (p *publisher) heard(heard bool, err error) {
	if err != nil {
		return
	}
	was := p.listening
	p.listening = heard
	if heard {
		if !was {
			p.log.Info("Home Assistant is listening", "discovery_prefix", p.options.DiscoveryPrefix)
		}
		p.unheard, p.said = time.Time{}, false
		return
	}
	now := time.Now()
	p.probeAt = now.Add(time.Second)
	if p.unheard.IsZero() {
		p.unheard = now
	}
	if !p.said && now.Sub(p.unheard) >= comeback {
		p.said = true
		p.log.Warn("nobody takes the announcements on this broker: add the MQTT integration in Home Assistant with this same broker, or set mqtt.discovery_prefix to its own",
			"discovery_prefix", p.options.DiscoveryPrefix)
	}
}

// probe looks whether Home Assistant is back, by the bridge's own small state: once somebody takes it, everything is said again.
func (p *publisher) probe(ctx context.Context) {
	heard, err := p.bridge.state(ctx, p, time.Now(), 1)
	p.probeAt = time.Now().Add(time.Second)
	if p.heard(heard, err); p.listening {
		p.announceAll(ctx)
	}
}

// announce sends the discovery of a device that has something new to announce, once per connection and when its shape has settled.
func (p *publisher) announce(ctx context.Context, o *outlet, now time.Time) {
	d := o.device
	d.mu.Lock()
	shape, ready := d.shape, d.settled && len(d.kept.Answered) > 0
	d.mu.Unlock()
	switch {
	case !ready, o.session == p.session && o.shape == shape:
		return
	case o.session == p.session:
		if o.changed.IsZero() {
			o.changed = now
		}
		if now.Sub(o.changed) < settle {
			return
		}
	}
	d.mu.Lock()
	dev, desc, before := p.describe(d)
	extra := append(Diagnostics(d.cfg.Port.Kind), d.switches()...)
	if d.group != nil {
		extra = GroupDiagnostics()
	}
	d.mu.Unlock()
	msgs, announced := discovery.Announce(dev, desc, extra, before, p.options)
	for uid := range announced { // it had another identity before
		if uid != dev.UID && !strings.HasPrefix(uid, dev.UID+"_") && !slices.Contains(slices.Collect(maps.Values(dev.Units)), uid) {
			msgs = append([]discovery.Message{discovery.Forget(uid, p.options)}, msgs...)
			delete(announced, uid)
		}
	}
	// It is noted before it is said: a reload or a power cut between the two would leave behind in Home Assistant what nobody knows of.
	both := discovery.Announced{}
	merge(both, before)
	merge(both, announced)
	if !p.keep(d, both) {
		return
	}
	for _, m := range msgs {
		heard, err := p.client.Publish(ctx, retained(m))
		if err != nil {
			return
		}
		p.heard(heard, nil)
		if !heard {
			merge(announced, before) // what leaves is still to be removed, once somebody takes it
		}
	}
	o.session, o.shape, o.changed = p.session, shape, time.Time{}
	o.again = now.Add(3 * time.Second)
	clear(o.document)
	p.keep(d, announced)
}

// merge adds to a what b has and a has not.
func merge(a, b discovery.Announced) {
	for uid, components := range b {
		if a[uid] == nil {
			a[uid] = map[string]string{}
		}
		for key, platform := range components {
			if _, has := a[uid][key]; !has {
				a[uid][key] = platform
			}
		}
	}
}

// describe is d as discovery wants it. d is locked.
func (p *publisher) describe(d *device) (discovery.Device, drivers.Descriptor, discovery.Announced) {
	dev := discovery.Device{
		ID: d.cfg.ID, UID: d.kept.UID, Name: d.cfg.Name, Area: d.cfg.Area, Paces: d.paces, Heartbeat: heartbeat,
		Disabled: map[string]bool{}, Units: map[string]string{}, Controls: d.controls(),
	}
	if d.controlled() {
		dev.Results = control.Outcomes()
	}
	for key, e := range d.cfg.Entities {
		if e.Disabled != nil {
			dev.Disabled[key] = *e.Disabled
		}
	}
	desc := d.units[0].announce
	for _, u := range d.units[1:] {
		desc.Units = append(desc.Units, u.announce)
		if s := Serial(u.announce.Serial); s != "" {
			dev.Units[u.name] = d.cfg.Spec.Family + "_" + slug(s)
		}
	}
	return dev, desc, d.kept.Announced
}

func retained(m discovery.Message) broker.Message {
	return broker.Message{Topic: m.Topic, Payload: m.Payload, Retain: m.Retain, QoS: 1}
}
