package bridge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"sunwire/bridge/config"
	"sunwire/bridge/control"
	"sunwire/discovery"
	"sunwire/drivers"
	"sunwire/drivers/link"
)

var (
	errStopped = errors.New("sunwire no longer reads this device")
	errDown    = errors.New("the link is down")
	errReads   = errors.New("this driver only reads")
)

// rouse has the line look whether there is something to write; it never waits.
func (l *line) rouse() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// drop ends what waits to be written.
func (l *line) drop(reason error) {
	for _, d := range l.devices {
		if d.writer != nil {
			d.writer.Drop(reason, time.Now())
		}
	}
}

// glance is how long the line may wait until it has to look whether a timed setting or a clock is due.
func (l *line) glance() time.Duration {
	if slices.ContainsFunc(l.devices, (*device).controlled) {
		return time.Second
	}
	return time.Hour
}

// write makes one write that is due, on whichever device; it reports whether there was one. Only the end of the link or of ctx is an error.
// A device that streams has to be interrupted for it: that belongs here, once there is one.
func (l *line) write(ctx context.Context, p *plan) (bool, error) {
	for _, s := range p.sessions {
		w := s.device.writer
		if w == nil {
			continue
		}
		view := func() control.View { return s.view(time.Now()) }
		if w.Due(time.Now()) {
			w.Tick(view())
		}
		if job, ok := w.Next(view); ok {
			return true, l.perform(ctx, s, job)
		}
	}
	return false, nil
}

// perform sends a write once, and asks what the device shows since.
func (l *line) perform(ctx context.Context, s *session, w control.Write) error {
	_ = link.Sleep(ctx, time.Until(s.lastEnd.Add(s.device.cfg.Gap))) // ctx shows in the write itself
	reply, err := s.send(ctx, w)
	s.lastEnd = time.Now()
	if err != nil {
		l.failed(s.device, err)
	}
	lost := ctx.Err()
	if errors.Is(err, link.ErrLost) {
		lost = err
	}
	if q := s.holds(w.Unit, w.Key); q != nil && lost == nil {
		lost = l.ask(ctx, &task{session: s, query: q})
	}
	if w.Key == control.Raw { // it may have changed anything
		s.rereadSettings(time.Now())
	}
	s.device.writer.Finish(w, err, string(reply), s.view(time.Now()))
	return lost
}

func (s *session) send(ctx context.Context, w control.Write) (reply []byte, err error) {
	if w.Key == control.Raw {
		if c, ok := s.driver.(drivers.Commander); ok {
			return c.Command(ctx, w.Value)
		}
		return nil, errReads
	}
	if c, ok := s.driver.(drivers.Controller); ok {
		return nil, c.Set(ctx, w.Unit, w.Key, w.Set)
	}
	return nil, errReads
}

// holds is the query by which a setting is read; nil where there is none.
func (s *session) holds(unit, key string) *query {
	i := slices.IndexFunc(s.queries, func(q *query) bool { return q.unit == unit && !q.refused && slices.Contains(q.Keys, key) })
	if i < 0 {
		return nil
	}
	return s.queries[i]
}

func (s *session) rereadSettings(now time.Time) {
	for _, q := range s.queries {
		if q.Pace == drivers.Slow && !q.refused {
			q.due = now
		}
	}
}

// view is what is known of the device on an open link.
func (s *session) view(now time.Time) control.View {
	v := s.device.view(now)
	v.Present = v.Present && s.known && s.silent.IsZero()
	return v
}

// view is what is known of the device.
func (d *device) view(now time.Time) control.View {
	d.mu.Lock()
	defer d.mu.Unlock()
	v := control.View{
		Now: now, Confirm: cmp.Or(d.kept.Serial, d.kept.UID), Present: d.present && d.online, Delay: d.health.pollTime / 2,
		Look: func(unit, key string) (control.Seen, bool) { return d.look(unit, key, now) },
	}
	if d.link.up {
		v.Linked = d.link.since
	}
	return v
}

// look is what is known of one value; false where the device has none such, as far as it has answered.
func (d *device) look(unit, key string, now time.Time) (control.Seen, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	u := d.unit(unit)
	if u == nil || !slices.ContainsFunc(u.announce.Entities, func(e drivers.Entity) bool { return e.Key == key }) {
		return control.Seen{}, false
	}
	c := *u.Get(key)
	return control.Seen{Entity: &c.Entity, Value: c.Known(now), At: c.At, First: d.kept.First[settingPath(unit, key)]}, true
}

func settingPath(unit, key string) string { return strings.TrimPrefix(unit+"/"+key, "/") }

// controlled reports whether anything may be written.
func (d *device) controlled() bool {
	return d.cfg.Control == config.Safe || d.cfg.Control == config.Full
}

// settings notes what the settings that a query gave were when they were first seen, and offers them anew where what the device has now is
// not among what is offered. It reports whether something is to be kept. d is locked.
func (d *device) settings(u *unit, q drivers.Query, now time.Time) (keep bool) {
	stale := false
	for _, key := range q.Keys {
		c := u.Get(key)
		if c == nil || c.Entity.Setting == nil || c.Known(now).Absent() {
			continue
		}
		here := settingPath(u.name, key)
		if _, known := d.kept.First[here]; !known && key != control.ClockKey {
			first := maps.Clone(d.kept.First)
			if first == nil {
				first = map[string]string{}
			}
			first[here] = c.Value.Format(c.Entity.Quantity.Decimals)
			d.kept.First, keep, stale = first, true, true
		}
		if was := u.offers[key]; d.controlled() && !stale && !offered(was, c.Value, c.Entity.Quantity.Decimals) {
			offer, _ := control.Offer(&d.cfg, &c.Entity, d.kept.First[here], c.Value)
			stale = !reflect.DeepEqual(offer, was)
		}
	}
	if stale && d.controlled() && d.kept.Answered[q.Name] {
		d.reshape()
	}
	return keep
}

// withSettings is desc with what settings took when the same device was described before: a driver knows it only once it has read it again,
// and an entity that were a mere sensor until then would lose its place in Home Assistant at each start.
func withSettings(desc, was drivers.Descriptor) drivers.Descriptor {
	if desc.Serial != was.Serial || desc.Firmware != was.Firmware {
		return desc
	}
	desc.Entities, desc.Units = slices.Clone(desc.Entities), slices.Clone(desc.Units)
	for i := range desc.Entities {
		e := &desc.Entities[i]
		j := slices.IndexFunc(was.Entities, func(o drivers.Entity) bool { return o.Key == e.Key && o.Platform == e.Platform })
		if e.Setting == nil && j >= 0 {
			e.Setting = was.Entities[j].Setting
		}
	}
	for i := range desc.Units {
		j := slices.IndexFunc(was.Units, func(o drivers.Descriptor) bool { return o.Unit == desc.Units[i].Unit })
		if j >= 0 {
			desc.Units[i] = withSettings(desc.Units[i], was.Units[j])
		}
	}
	return desc
}

// offered reports whether a control can show v.
func offered(c discovery.Control, v drivers.Value, decimals int) bool {
	f, _ := v.Float()
	switch c.Platform {
	case "number":
		return f >= c.Min && f <= c.Max
	case "select":
		return slices.Contains(c.Options, v.Format(decimals))
	}
	return true
}

// offer settles what of u may be written. d is locked.
func (d *device) offer(u *unit) {
	u.offers = nil
	if !d.controlled() {
		return
	}
	u.offers = map[string]discovery.Control{}
	for i := range u.announce.Entities {
		e := &u.announce.Entities[i]
		var now drivers.Value
		if c := u.Get(e.Key); c != nil {
			now = c.Value
		}
		if c, ok := control.Offer(&d.cfg, e, d.kept.First[settingPath(u.name, e.Key)], now); ok {
			u.offers[e.Key] = c
		}
	}
}

// controls are the offers of all units, with what the bridge adds. d is locked.
func (d *device) controls() map[string]map[string]discovery.Control {
	if !d.controlled() {
		return nil
	}
	all := map[string]map[string]discovery.Control{}
	for _, u := range d.units {
		all[u.name] = maps.Clone(u.offers)
	}
	for _, e := range d.switches() {
		switch e.Platform {
		case drivers.Binary:
			all[""][e.Key] = discovery.Control{Platform: "switch"}
		case drivers.Button:
			all[""][e.Key] = discovery.Control{Platform: "button"}
		default:
		}
	}
	return all
}

// switches are the values that the bridge adds to a device that may be written to. d is locked.
func (d *device) switches() []drivers.Entity {
	if !d.controlled() {
		return nil
	}
	es := []drivers.Entity{{Key: "writes_today", Name: "Writes today", Quantity: drivers.Count, Category: drivers.Diagnostic}}
	if d.cfg.Arm {
		es = append(es, drivers.Entity{Key: control.AllowWrites, Name: "Allow writes", Platform: drivers.Binary, Setting: &drivers.Setting{}})
	}
	if len(d.units) > 0 {
		if c := d.units[0].Get(control.ClockKey); c != nil && control.Allowed(&d.cfg, &c.Entity) == nil {
			es = append(es, drivers.Entity{Key: control.SyncClock, Name: "Sync clock", Platform: drivers.Button, Setting: &drivers.Setting{}})
		}
	}
	return es
}

// withWrites adds what the write path tells to the document of the device itself. d is not locked.
func (d *device) withWrites(b []byte, now time.Time) []byte {
	if !d.controlled() {
		return b
	}
	b = fmt.Appendf(b[:len(b)-1], `,"writes_today":%d`, d.writer.Today(now))
	if d.cfg.Arm {
		b = drivers.Bool(d.writer.Armed()).AppendJSON(appendKey(b, control.AllowWrites), 0)
	}
	return append(b, '}')
}
