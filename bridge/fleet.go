package bridge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"time"

	"sunwire/bridge/config"
	"sunwire/bridge/control"
	"sunwire/bridge/output"
	"sunwire/bridge/store"
	"sunwire/drivers/all"
)

// fleet is the devices as they are configured now, and the lines they share. It is replaced as a whole and never changed, so that page
// and publisher may read it while another one is being made.
type fleet struct {
	devices []*device
	lines   []*line
}

// ErrAnew is what Apply returns for a change that a running bridge cannot make: of the broker, of topics or of the state folder.
var ErrAnew = errors.New("the bridge has to be made anew")

// Apply goes over to another configuration. Devices that are configured as before, on a line that is shared by the same devices as
// before, notice nothing; what leaves is removed from Home Assistant. An error means that nothing was changed.
func (b *Bridge) Apply(cfg *config.Config) error {
	b.applying.Lock()
	defer b.applying.Unlock()
	if cfg.StateDir != b.cfg.StateDir || !reflect.DeepEqual(cfg.MQTT, b.cfg.MQTT) {
		return ErrAnew
	}
	was := b.fleet.Load()
	next, err := b.makeFleet(cfg, was)
	if err != nil {
		return err
	}
	for _, l := range was.lines {
		if !slices.Contains(next.lines, l) {
			l.stop()
		}
	}
	b.disown(was, next)
	b.keepAll.Store(false)
	b.fleet.Store(next)
	b.pub.renew(next.devices)
	for _, l := range next.lines {
		if !slices.Contains(was.lines, l) {
			b.start(l)
		}
	}
	b.changed()
	b.subscribe()
	b.log.LogAttrs(context.Background(), slog.LevelInfo, "configuration applied", difference(was, next)...)
	return nil
}

// makeFleet makes the devices of cfg and their lines, and takes over from was what stays as it is. Nothing is opened.
func (b *Bridge) makeFleet(cfg *config.Config, was *fleet) (*fleet, error) {
	next := &fleet{}
	for _, c := range cfg.Devices {
		d := was.same(c)
		if d == nil {
			d = b.makeDevice(c)
		}
		next.devices = append(next.devices, d)
	}
	shared, err := share(next.devices)
	if err != nil {
		return nil, err
	}
	for _, devices := range shared {
		i := slices.IndexFunc(was.lines, func(l *line) bool { return slices.Equal(l.devices, devices) })
		if i >= 0 {
			next.lines = append(next.lines, was.lines[i])
			continue
		}
		next.lines = append(next.lines, b.makeLine(devices))
	}
	members := next.devices
	for _, c := range cfg.Groups {
		next.devices = append(next.devices, b.makeGroup(c, members, was))
	}
	return next, nil
}

// same is the device that is configured as c is; nil where there is none.
func (f *fleet) same(c config.Device) *device {
	for _, d := range f.devices {
		old := d.cfg
		old.Form, old.Line = c.Form, c.Line // where it is written says nothing of what it is
		if old.ID == c.ID && old.Spec.Name == c.Spec.Name {
			old.Spec = c.Spec // of one name there is one driver
			if reflect.DeepEqual(old, c) {
				return d
			}
		}
	}
	return nil
}

func (b *Bridge) makeDevice(c config.Device) *device {
	kept, known := b.store.Get(c.ID)
	if kept.UID == "" {
		known = false
	}
	if known && !sameFamily(kept, c) { // another kind of device under an old name: what was announced of the old one is still to be removed
		kept, known = store.Device{ID: c.ID, Announced: kept.Announced}, false
	}
	d := newDevice(c, kept, known)
	d.outlet = &outlet{device: d, status: map[string]string{}, document: map[string][]byte{}, sent: map[string]time.Time{}}
	d.writer = control.New(c, kept.Control, func(s control.State) { b.remember(d, s) }, func(r control.Result) { b.told(d, r) })
	if c.Topics != "" {
		d.outlet.topics = output.NewTopics(output.Options{
			Pattern: c.Topics, ID: c.ID, Sensor: c.Spec.Name, Format: output.Format(c.TopicFormat), Fahrenheit: c.TopicTemperature == "F",
		})
	}
	return d
}

func sameFamily(kept store.Device, c config.Device) bool {
	if kept.Driver == groupDriver || c.Driver == groupDriver {
		return kept.Driver == c.Driver
	}
	before, err := all.Find(kept.Driver)
	return err != nil || before.Family == c.Spec.Family
}

// share gathers the devices that share a port, in the order of the configuration.
func share(devices []*device) (shared [][]*device, err error) {
	at := map[string]int{}
	for _, d := range devices {
		key := portKey(d.cfg)
		i, found := at[key]
		if !found {
			at[key] = len(shared)
			shared = append(shared, []*device{d})
			continue
		}
		if first := shared[i][0]; first.cfg.Port.Params.Encode() != d.cfg.Port.Params.Encode() {
			return nil, fmt.Errorf("devices %s and %s share the line %s but want different settings of it: %s and %s; write the same for both",
				first.cfg.ID, d.cfg.ID, d.cfg.Port.Address, first.cfg.Port.Text, d.cfg.Port.Text)
		}
		shared[i] = append(shared[i], d)
	}
	return shared, nil
}

func (b *Bridge) makeLine(devices []*device) *line {
	p := &port{devices: devices, models: b.models, log: b.log, serial: b.serialOf, known: b.knownSerial, feed: &b.feed, radio: &b.radio}
	c := devices[0].cfg
	l := &line{
		name: c.Port.Text, again: lookAgain(c.Port), log: b.log, devices: devices, open: p.open,
		meet: b.meet, took: b.took, touch: b.touch, wake: make(chan struct{}, 1),
	}
	for _, d := range devices {
		d.writer.Attach(l.rouse)
	}
	return l
}

// start lets l run until it is stopped or the bridge ends.
func (b *Bridge) start(l *line) {
	ctx, cancel := context.WithCancel(b.life)
	done := make(chan struct{})
	l.stop = func() { cancel(); <-done }
	go func() {
		defer close(done)
		l.run(ctx)
	}()
}

// disown frees the identities of devices that are not in next: a device may come back under another id.
func (b *Bridge) disown(was, next *fleet) {
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.twins) // whoever still is one finds out again
	for uid, id := range b.owners {
		if !slices.ContainsFunc(next.devices, func(d *device) bool { return d.cfg.ID == id && slices.Contains(was.devices, d) }) {
			delete(b.owners, uid)
		}
	}
	for _, d := range next.devices {
		if !slices.Contains(was.devices, d) && d.settled && b.owners[d.kept.UID] == "" { // not running yet: its lock is not needed
			b.owners[d.kept.UID] = d.cfg.ID
		}
	}
}

// difference says what Apply changed, by id.
func difference(was, next *fleet) []slog.Attr {
	var added, changed, removed []string
	for _, d := range next.devices {
		switch {
		case slices.Contains(was.devices, d):
		case slices.ContainsFunc(was.devices, func(o *device) bool { return o.cfg.ID == d.cfg.ID }):
			changed = append(changed, d.cfg.ID)
		default:
			added = append(added, d.cfg.ID)
		}
	}
	for _, d := range was.devices {
		if !slices.ContainsFunc(next.devices, func(n *device) bool { return n.cfg.ID == d.cfg.ID }) {
			removed = append(removed, d.cfg.ID)
		}
	}
	attrs := []slog.Attr{slog.Int("devices", len(next.devices))}
	for _, what := range []struct {
		name string
		ids  []string
	}{{"added", added}, {"changed", changed}, {"removed", removed}} {
		if len(what.ids) > 0 {
			attrs = append(attrs, slog.Any(what.name, what.ids))
		}
	}
	return attrs
}
