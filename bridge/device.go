package bridge

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"sunwire/bridge/config"
	"sunwire/bridge/control"
	"sunwire/bridge/pipeline"
	"sunwire/bridge/store"
	"sunwire/discovery"
	"sunwire/drivers"
	"sunwire/drivers/link"
)

// device is one configured device: what it is, what it last said, how it fares. The goroutine of its link writes to it; publisher and
// page read it. Its lock is held for microseconds, never during I/O.
type device struct {
	cfg    config.Device
	paces  [3]time.Duration
	outlet *outlet         // the publisher's side of it
	writer *control.Writer // the write path; nil: nothing can be written. Never called under mu: it takes mu itself
	group  *group          // it is made of other devices, and has no line; nil: it is one of its own

	mu             sync.Mutex
	kept           store.Device // identity, descriptor and answered queries, as in the store
	settled        bool         // kept has an identity
	present        bool         // described since the start, and it is the one we know
	units          []*unit      // the device itself first, then those it reports
	shape          int          // counts changes of what there is to announce
	link           linkState
	health         health
	online         bool
	problem        string // why nothing of it is published, for people
	liveSeen       time.Time
	published, due time.Time // of a sampled device: the last publication and the next
	silent         bool      // for longer than its grace
	lasting        time.Time // until when something that it said outlives its silence
}

// unit is a device in Home Assistant: the configured one, or one that it reports.
type unit struct {
	*pipeline.Unit
	name     string // "" is the device itself
	announce drivers.Descriptor
	shown    []int                        // cells that are in the document: those of queries that have been answered
	offers   map[string]discovery.Control // what of it may be written, by key
	seen     time.Time                    // when one of its own live queries was last answered
	silent   bool                         // that was too long ago, although the device that reports it answers
}

type linkState struct {
	up    bool
	since time.Time
	err   string
}

func newDevice(cfg config.Device, kept store.Device, known bool) *device {
	d := &device{cfg: cfg, paces: paces(cfg), kept: kept, settled: known, health: newHealth()}
	if kept.Answered == nil {
		d.kept.Answered = map[string]bool{}
	}
	if known {
		d.build()
	}
	return d
}

// open makes the driver's device on conn, and tells it what it was the last time.
func (d *device) open(conn link.Conn) (drivers.Device, error) {
	dev, err := d.cfg.Spec.Open(conn, d.cfg.Address, d.cfg.Options)
	if r, ok := dev.(drivers.Rememberer); ok && err == nil {
		d.mu.Lock()
		last := d.kept.Descriptor
		d.mu.Unlock()
		if last.Serial = Serial(last.Serial); last.Variant != "" && last.Serial != "" {
			r.Remember(last)
		}
	}
	return dev, err
}

func paces(cfg config.Device) [3]time.Duration {
	p := cfg.Spec.Paces
	if cfg.Interval.Set {
		p[drivers.Live] = cfg.Interval.D
	}
	if cfg.Slow.Set {
		p[drivers.Slow] = cfg.Slow.D
	}
	return p
}

// build makes the units anew from the kept descriptor; values that were read before stay.
func (d *device) build() {
	factors := map[string]pipeline.Factor{}
	for key, e := range d.cfg.Entities {
		factors[key] = pipeline.Factor{Scale: e.Scale, Offset: e.Offset, Min: e.Min, Max: e.Max}
	}
	old := d.units
	d.units = nil
	for _, desc := range append([]drivers.Descriptor{d.kept.Descriptor}, d.kept.Descriptor.Units...) {
		u := &unit{Unit: d.newUnit(desc, factors), name: desc.Unit}
		if i := slices.IndexFunc(old, func(o *unit) bool { return o.name == u.name }); i >= 0 {
			u.Adopt(old[i].Unit)
			u.seen, u.silent = old[i].seen, old[i].silent
		}
		d.units = append(d.units, u)
	}
	d.reshape()
}

// reshape settles what is announced and published: the entities of queries that have been answered.
func (d *device) reshape() {
	d.shape++
	for _, u := range d.units {
		u.announce = pipeline.Restrict(u.Descriptor, func(q string) bool { return d.kept.Answered[q] })
		u.announce.Units = nil
		u.shown = u.shown[:0]
		for _, e := range u.announce.Entities {
			if e.Platform == drivers.Button {
				continue
			}
			u.shown = append(u.shown, slices.IndexFunc(u.Cells, func(c pipeline.Cell) bool { return c.Entity.Key == e.Key }))
		}
		d.offer(u)
	}
}

// errForeign is another device on this port than the one that was there.
var errForeign = errors.New("another device")

// meet takes in what the device says of itself. The first time, its identity is settled; afterwards it must be the same. owner tells
// which configured device has a uid; who asks first has it.
func (d *device) meet(desc drivers.Descriptor, topicPrefix string, owner func(uid string) string) (store.Device, error) {
	serial := Serial(desc.Serial)
	byID := d.cfg.Identity == "id"
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.settled && d.kept.Adopt {
		d.kept.Serial, d.kept.Adopt, d.kept.First = serial, false, nil
	}
	if d.settled && d.kept.Serial != "" && !byID && serial != d.kept.Serial {
		d.present = false
		d.problem = fmt.Sprintf("the device at %s has the serial number %s, not %s: nothing of it is published; plug the right cable, or, if the device was replaced, run: sunwire replace %s",
			d.cfg.Port.Text, orNone(serial), d.kept.Serial, d.cfg.ID)
		return store.Device{}, fmt.Errorf("%w: %s", errForeign, d.problem)
	}
	if !d.settled || byID && d.kept.Serial != "" {
		kept := store.Device{First: d.kept.First, Control: d.kept.Control, ID: d.cfg.ID, Driver: d.cfg.Spec.Name, UID: topicPrefix + "_" + d.cfg.ID, Announced: d.kept.Announced, Answered: map[string]bool{}}
		if serial != "" && !byID {
			kept.UID, kept.Serial = d.cfg.Spec.Family+"_"+slug(serial), serial
		}
		if other := owner(kept.UID); other != d.cfg.ID {
			d.problem = fmt.Sprintf("it has the same serial number %s as the device %s: nothing of it is published; set identity: id for one of them", serial, other)
			return store.Device{}, fmt.Errorf("%w: %s", errForeign, d.problem)
		}
		d.kept, d.settled = kept, true
	}
	d.problem, d.present = "", true
	d.kept.Driver, d.kept.Descriptor = d.cfg.Spec.Name, withSettings(desc, d.kept.Descriptor)
	d.build()
	return d.kept, nil
}

// take takes in the readings that a query gave. It reports whether something is to be kept: a query that was answered for the first time,
// or a setting that was first seen.
func (d *device) take(q drivers.Query, rs []drivers.Reading, at time.Time) (keep bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range rs {
		for _, u := range d.units {
			if u.name == r.Unit {
				_, wrong := u.ApplyUntil(r.Sample, at, r.Until)
				d.health.implausible(wrong)
				d.lasting = later(d.lasting, r.Until)
				keep = d.settings(u, q, at) || keep
				if q.Pace == drivers.Live {
					u.seen, u.silent = at, false
				}
			}
		}
	}
	if q.Pace == drivers.Live {
		d.beat(at)
		d.liveSeen, d.online, d.silent = at, true, false
	}
	if d.kept.Answered[q.Name] {
		return keep
	}
	answered := map[string]bool{q.Name: true}
	for name := range d.kept.Answered {
		answered[name] = true
	}
	d.kept.Answered = answered
	d.reshape()
	return true
}

// grace is how long a device may be silent before it counts as away: it is noticed within two polls, and a slow reply is forgiven.
func (d *device) grace() time.Duration {
	return max(d.paces[drivers.Live]*3/2, d.paces[drivers.Live]+5*time.Second)
}

// age turns the device off when it has been silent for too long and nothing that it said outlives that.
func (d *device) age(now time.Time) {
	if d.group != nil {
		d.group.refresh(d, now)
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.silent = now.Sub(d.liveSeen) > d.grace()
	if !d.present || d.silent && !now.Before(d.lasting) {
		d.online = false
	}
	for _, u := range d.units {
		u.silent = now.Sub(u.seen) > d.grace() && slices.ContainsFunc(u.Descriptor.Queries, func(q drivers.Query) bool { return q.Pace == drivers.Live })
	}
}

// there reports whether u can be told of: a unit may be away while the device that reports it is not. d is locked.
func (d *device) there(u *unit) bool { return d.online && (u.name == "" || !u.silent) }

func (d *device) setLink(up bool, at time.Time, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if up != d.link.up || d.link.since.IsZero() {
		d.link.since = at
	}
	d.link.up, d.link.err = up, ""
	if err != nil {
		d.link.err = err.Error()
		d.health.fail(reasonOf(err), err.Error(), at)
	}
}

// reasons is the fixed vocabulary by which failures are counted; besides there are implausible and other.
var reasons = [...]struct {
	is   error
	name string
}{
	{link.ErrLost, "lost"},
	{drivers.ErrNoReply, "no_reply"},
	{drivers.ErrFrame, "frame"},
	{drivers.ErrUnsupported, "unsupported"},
	{drivers.ErrRefused, "refused"},
	{errForeign, "identity"},
}

func reasonOf(err error) string {
	for _, r := range reasons {
		if errors.Is(err, r.is) {
			return r.name
		}
	}
	return "other"
}

func orNone(serial string) string {
	if serial == "" {
		return "(none)"
	}
	return serial
}
