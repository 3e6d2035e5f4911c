package bridge

import (
	"bytes"
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"sunwire/bridge/broker"
	"sunwire/bridge/output"
	"sunwire/discovery"
)

// heartbeat is the longest time between two state documents of a device whose values do not change.
const heartbeat = 30 * time.Second

// settle is how long changes of what there is to announce are gathered: at first contact a device answers one query after another.
const settle = 2 * time.Second

// look is how often a device that says nothing is looked at: whether values grew old or the heartbeat is due.
const look = 3 * time.Second

// outgoing is how many messages may wait to be said.
const outgoing = 256

// client is what the publisher needs of the broker's.
type client interface {
	Publish(ctx context.Context, m broker.Message) (heard bool, err error)
}

// publisher sends everything that goes to the broker, in one goroutine: the devices' goroutines only touch it, so that a broker that
// hangs holds up no poll.
type publisher struct {
	client  client
	log     *slog.Logger
	options discovery.Options
	devices []*outlet
	bridge  *bridgeDevice
	keep    func(*device, discovery.Announced) bool // remember what is announced; false: the device has left
	orphans func() []orphan                         // what is to be removed from Home Assistant now
	forget  func(id string)

	wake chan struct{}
	mu   sync.Mutex
	// what the other goroutines told, under mu
	touched  []*outlet
	next     []*outlet // another fleet; nil: none
	tidy     bool      // something may be left to remove from Home Assistant
	sessions int       // counts connections
	up       bool
	outbox   []broker.Message // to be sent once, or not at all
	birth    bool             // Home Assistant said that it is online
	away     bool             // Home Assistant said that it leaves
	counted  counts

	// the rest belongs to the publisher's goroutine
	session    int       // the connection that was announced on
	listening  bool      // somebody takes what we say
	unheard    time.Time // since when nobody does; zero: somebody does
	said       bool      // the log has been told so
	announceAt time.Time
	probeAt    time.Time
}

// counts are what the page shows of the publisher.
type counts struct {
	listening bool
	announced int
	published uint64
}

func (p *publisher) counts() counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counted
}

// outlet is a device as the publisher sees it.
type outlet struct {
	device   *device
	queued   bool // in touched, under the publisher's mu
	topics   *output.Topics
	session  int       // connection on which it was last announced
	shape    int       // shape that was last announced
	changed  time.Time // when another shape was seen
	again    time.Time // when the state is sent once more
	status   map[string]string
	document map[string][]byte
	sent     map[string]time.Time
	buffer   []byte
	flushed  time.Time
}

// touch tells that something about o changed; it never waits.
func (p *publisher) touch(o *outlet) {
	p.mu.Lock()
	if !o.queued {
		o.queued = true
		p.touched = append(p.touched, o)
	}
	p.mu.Unlock()
	p.rouse()
}

// say has m sent soon. What cannot be sent now is not sent at all: it would be no news any more.
func (p *publisher) say(m broker.Message) {
	p.mu.Lock()
	if len(p.outbox) < outgoing {
		p.outbox = append(p.outbox, m)
	}
	p.mu.Unlock()
	p.rouse()
}

func (p *publisher) rouse() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// renew gives the publisher another fleet.
func (p *publisher) renew(devices []*device) {
	next := make([]*outlet, len(devices))
	for i, d := range devices {
		next[i] = d.outlet
	}
	p.mu.Lock()
	p.next = next
	p.mu.Unlock()
	p.rouse()
}

// sweep has what nobody configures any more removed soon.
func (p *publisher) sweep() {
	p.mu.Lock()
	p.tidy = true
	p.mu.Unlock()
	p.rouse()
}

// run publishes until ctx ends.
func (p *publisher) run(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
		case <-tick.C:
			p.tick(ctx)
		}
		touched := p.news(ctx)
		for _, o := range touched {
			p.flush(ctx, o, false)
		}
	}
}

// news takes in what the other goroutines told.
func (p *publisher) news(ctx context.Context) []*outlet {
	p.mu.Lock()
	touched, sessions, up, birth, away := p.touched, p.sessions, p.up, p.birth, p.away
	next, tidy := p.next, p.tidy || p.next != nil
	outbox := p.outbox
	p.outbox = nil
	p.touched, p.next, p.tidy, p.birth, p.away = nil, nil, false, false, false
	for _, o := range touched {
		o.queued = false
	}
	p.mu.Unlock()
	now := time.Now()
	if next != nil && up {
		for _, o := range p.devices {
			if !slices.Contains(next, o) {
				p.sendPresence(ctx, o.device, "offline")
			}
		}
	}
	for _, m := range outbox {
		if up {
			p.send(ctx, m)
		}
	}
	if next != nil { // whoever left was touched before; several fleets may have come and gone since
		p.devices = next
	}
	touched = slices.DeleteFunc(touched, func(o *outlet) bool { return !slices.Contains(p.devices, o) })
	if tidy && up && p.session == sessions { // a new connection does it anyway
		p.bury(ctx)
	}
	switch {
	case !up:
		p.session, p.unheard = 0, time.Time{}
	case p.session != sessions:
		p.session, p.announceAt = sessions, time.Time{}
		p.announceAll(ctx)
	case birth: // a moment, so that it has subscribed by the time the states come; not the same for all who heard it
		p.announceAt = now.Add(500*time.Millisecond + rand.N(500*time.Millisecond))
	case away:
		p.listening, p.probeAt, p.said = false, now.Add(time.Second), true // nobody need be told
	}
	return touched
}

// tick is what happens without anybody saying so: devices grow silent, values old, and states are due again.
func (p *publisher) tick(ctx context.Context) {
	defer p.tally()
	now := time.Now()
	for _, o := range p.devices {
		o.device.age(now)
	}
	if p.session == 0 {
		return
	}
	if !p.announceAt.IsZero() && !now.Before(p.announceAt) {
		p.announceAt = time.Time{}
		p.announceAll(ctx)
		return
	}
	if !p.listening && !now.Before(p.probeAt) {
		p.probe(ctx)
	}
	p.bridge.refresh(ctx, p, now)
	for _, o := range p.devices {
		if now.Sub(o.flushed) >= look || !o.again.IsZero() || !o.changed.IsZero() {
			p.flush(ctx, o, false)
		}
	}
}

// flush publishes what changed about one device. all sends also what did not.
func (p *publisher) flush(ctx context.Context, o *outlet, all bool) {
	if p.session == 0 {
		return
	}
	now := time.Now()
	o.flushed = now
	if g := o.device.group; g != nil {
		g.refresh(o.device, now)
	}
	p.announce(ctx, o, now)
	if o.session == 0 {
		return
	}
	if !o.again.IsZero() && !now.Before(o.again) {
		o.again, all = time.Time{}, true
	}
	d := o.device
	d.mu.Lock()
	type out struct{ topic, status, name string }
	var outs []out
	for _, u := range d.units {
		t := p.options.TopicPrefix + "/" + d.cfg.ID
		if u.name != "" {
			t += "/" + u.name
		}
		outs = append(outs, out{t, availability(d.there(u)), u.name})
	}
	d.mu.Unlock()
	for _, u := range outs {
		if o.status[u.name] != u.status {
			p.sendStatus(ctx, u.topic, u.status)
			if u.name == "" {
				p.sendPresence(ctx, d, u.status)
			}
			o.status[u.name] = u.status
		}
		p.sendState(ctx, o, u.name, u.topic, now, all)
	}
}

func availability(online bool) string {
	if online {
		return "online"
	}
	return "offline"
}

func (p *publisher) sendStatus(ctx context.Context, topic, status string) {
	p.send(ctx, broker.Message{Topic: topic + "/status", Payload: []byte(status), Retain: true, QoS: 1})
}

// sendPresence says on a topic of the user's own whether d is there, in Tasmota's words.
func (p *publisher) sendPresence(ctx context.Context, d *device, status string) {
	if d.cfg.Presence == "" {
		return
	}
	word := map[string]string{"online": "Online", "offline": "Offline"}[status]
	p.send(ctx, broker.Message{Topic: strings.ReplaceAll(d.cfg.Presence, "{id}", d.cfg.ID), Payload: []byte(word), Retain: true, QoS: 1})
}

// sendState sends a unit's document when it differs from the last, or the heartbeat is due.
func (p *publisher) sendState(ctx context.Context, o *outlet, name, topic string, now time.Time, all bool) {
	d := o.device
	d.mu.Lock()
	u := d.unit(name)
	if u == nil || !all && d.held(o.sent[name], now) {
		d.mu.Unlock()
		return
	}
	o.buffer = u.document(o.buffer[:0], now)
	if name == "" {
		o.buffer = d.withDiagnostics(o.buffer, now)
	}
	d.mu.Unlock()
	if name == "" {
		o.buffer = d.withWrites(o.buffer, now)
	}
	if !all && bytes.Equal(o.buffer, o.document[name]) && now.Sub(o.sent[name]) < heartbeat {
		return
	}
	doc := bytes.Clone(o.buffer)
	if !p.send(ctx, broker.Message{Topic: topic + "/state", Payload: doc}) {
		return
	}
	o.document[name], o.sent[name] = doc, now
	if o.topics != nil && name == "" {
		d.mu.Lock()
		plain := o.topics.Messages(u.Cells, u.shown, now)
		d.mu.Unlock()
		for _, m := range plain {
			p.send(ctx, broker.Message{Topic: m.Topic, Payload: m.Payload, Retain: d.cfg.Retain})
		}
	}
}

func (d *device) unit(name string) *unit {
	for _, u := range d.units {
		if u.name == name {
			return u
		}
	}
	return nil
}

// send publishes m and reports whether it left.
func (p *publisher) send(ctx context.Context, m broker.Message) bool {
	_, err := p.client.Publish(ctx, m)
	if err == nil {
		p.mu.Lock()
		p.counted.published++
		p.mu.Unlock()
	}
	return err == nil
}

// tally brings up to date what the page shows.
func (p *publisher) tally() {
	n := 0
	for _, o := range p.devices {
		if p.session != 0 && o.session == p.session {
			n++
		}
	}
	p.mu.Lock()
	p.counted.listening, p.counted.announced = p.listening && p.session != 0, n
	p.mu.Unlock()
}

// message takes in what Home Assistant says of itself.
func (p *publisher) message(m broker.Message) {
	if m.Topic != "homeassistant/status" && m.Topic != p.options.DiscoveryPrefix+"/status" {
		return
	}
	p.mu.Lock()
	switch strings.TrimSpace(string(m.Payload)) {
	case "online":
		p.birth = true
	case "offline":
		p.away = true
	}
	p.mu.Unlock()
	p.rouse()
}
