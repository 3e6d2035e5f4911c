// Package bridge is the running service: it opens the links, asks the devices, and publishes what they say. docs/ARCHITECTURE.md draws
// a reading's way through it.
package bridge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"sunwire/bridge/broker"
	"sunwire/bridge/config"
	"sunwire/bridge/release"
	"sunwire/bridge/status"
	"sunwire/bridge/store"
	"sunwire/discovery"
	"sunwire/drivers"
	"sunwire/drivers/link/ble"
)

// Options are what New needs besides the configuration.
type Options struct {
	Version string
	Log     *slog.Logger
	Store   *store.Store
	Models  func(config.Device) drivers.Model // state of the simulated devices; nil: the drivers' own defaults
	// Keep: nothing is removed from Home Assistant until Apply is called, since the configuration is not all that was meant.
	Keep bool
	// Login asks for the broker's address and credentials, where the configuration leaves that to the Supervisor; nil: nobody does.
	Login func(context.Context) (broker.Login, error)
	// Notices are problems of the configuration, each with its mend, and what else people should know of it; nil: none.
	Notices func() (problems, notes []string)
}

// Bridge is a configured service. Run it once.
type Bridge struct {
	cfg     *config.Config // as New got it: Apply changes the fleet alone
	log     *slog.Logger
	store   *store.Store
	models  func(config.Device) drivers.Model
	login   func(context.Context) (broker.Login, error)
	notices func() (problems, notes []string)
	version string
	host    string
	started time.Time

	pub    *publisher
	client *broker.Client
	feed   broker.Feed // to devices that speak over MQTT

	wanting sync.Mutex // held while subscriptions change
	claim   *claim
	radio   ble.Radio // Bluetooth devices take turns

	applying sync.Mutex // one at a time: New, Apply, the start and end of Run
	life     context.Context
	end      context.CancelFunc
	fleet    atomic.Pointer[fleet]
	keepAll  atomic.Bool

	mu      sync.Mutex
	readers map[chan struct{}]bool // of Changes
	owners  map[string]string      // id by uid
	twins   map[string]string      // of two devices with one serial number: the id of the one that is not published, by the other's
}

// New prepares everything; nothing is opened yet.
func New(cfg *config.Config, o Options) (*Bridge, error) {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	b := &Bridge{
		cfg: cfg, log: o.Log, store: o.Store, models: o.Models, version: o.Version, host: host, started: time.Now(),
		readers: map[chan struct{}]bool{}, owners: map[string]string{}, twins: map[string]string{}, notices: o.Notices,
	}
	if cfg.MQTT.Ask {
		b.login = o.Login
	}
	b.life, b.end = context.WithCancel(context.Background())
	b.keepAll.Store(o.Keep)
	none := &fleet{}
	first, err := b.makeFleet(cfg, none)
	if err != nil {
		return nil, err
	}
	b.disown(none, first)
	b.fleet.Store(first)
	b.makePublisher()
	b.pub.renew(first.devices)
	return b, b.connect()
}

// devices are those of now.
func (b *Bridge) devices() []*device { return b.fleet.Load().devices }

func (b *Bridge) makePublisher() {
	m := b.cfg.MQTT
	b.pub = &publisher{
		log: b.log, wake: make(chan struct{}, 1), keep: b.keep, orphans: b.orphans, forget: b.store.Forget,
		options: discovery.Options{TopicPrefix: m.TopicPrefix, DiscoveryPrefix: m.DiscoveryPrefix, Version: b.version},
	}
	kept, _ := b.store.Get(bridgeID)
	b.pub.bridge = &bridgeDevice{
		version: b.version, started: b.started, problems: b.problems, announced: kept.Announced,
		online: func() (online, all int) {
			for _, d := range b.devices() {
				if d.group != nil {
					continue
				}
				all++
				d.mu.Lock()
				if d.online {
					online++
				}
				d.mu.Unlock()
			}
			return online, all
		},
		keep: func(a discovery.Announced) {
			b.store.Put(store.Device{ID: bridgeID, UID: b.pub.options.BridgeUID(), Announced: a})
		},
	}
	if b.cfg.UpdateCheck && release.Is(b.version) {
		b.pub.bridge.releases = release.New(b.version, nil, b.pub.rouse, b.log)
	}
}

func (b *Bridge) connect() error {
	m := b.cfg.MQTT
	b.claim = newClaim(m.TopicPrefix, b.store.Instance, b.host, b.version, b.started, b.log)
	var err error
	b.client, err = broker.New(broker.Options{
		Login: b.login, URLs: m.URL, Username: m.Username, Password: string(m.Password), CAFile: m.CA, CertFile: m.Cert, KeyFile: m.Key,
		ClientID:      "sunwire_" + b.store.Instance,
		Will:          broker.Message{Topic: m.TopicPrefix + "/status", Payload: []byte("offline"), Retain: true, QoS: 1},
		Subscriptions: append(b.claim.filters(), unique("homeassistant/status", m.DiscoveryPrefix+"/status")...),
		OnUp:          b.up, OnDown: b.down,
		OnMessage: func(msg broker.Message) {
			b.feed.Message(msg)
			if !b.claim.message(msg) && !b.command(msg) {
				b.pub.message(msg)
			}
		},
		Log: b.log,
	})
	b.pub.client = b.client
	if err != nil {
		return err
	}
	b.feed.Changed = b.subscribe
	return b.client.Want(b.life, b.filters())
}

// up claims the topic prefix on a new connection, then lets the publisher speak. It is called in its own goroutine.
func (b *Bridge) up(ctx context.Context) {
	for b.claim.win(ctx, b.client) {
		b.speak(true)
		b.claim.defend(ctx, b.client)
		b.speak(false)
	}
}

func (b *Bridge) down(error) {
	b.claim.reset()
	b.speak(false)
}

func (b *Bridge) speak(may bool) {
	b.pub.mu.Lock()
	if may && !b.pub.up {
		b.pub.sessions++
	}
	b.pub.up = may
	b.pub.mu.Unlock()
	b.pub.rouse()
	b.changed()
}

// Run serves until ctx ends, then says offline, saves and returns. Trouble with devices, broker or disk never ends it.
func (b *Bridge) Run(ctx context.Context) error {
	var rest sync.WaitGroup
	late, stop := context.WithCancel(context.WithoutCancel(ctx)) // outlives ctx until the last word is said
	defer stop()
	defer context.AfterFunc(ctx, b.end)()
	b.applying.Lock()
	for _, l := range b.fleet.Load().lines {
		b.start(l)
	}
	b.applying.Unlock()
	rest.Go(func() { b.store.Run(late) })
	if w := b.pub.bridge.releases; w != nil {
		rest.Go(func() { w.Run(ctx) })
	}
	var broken error
	rest.Go(func() { broken = b.client.Run(late) })
	b.pub.run(ctx)
	b.farewell(late)
	b.applying.Lock()
	for _, l := range b.fleet.Load().lines {
		l.stop()
	}
	b.applying.Unlock()
	stop()
	rest.Wait()
	if errors.Is(broken, context.Canceled) {
		broken = nil
	}
	return broken
}

// farewell says that everything is offline; one topic does, since every entity hangs on it.
func (b *Bridge) farewell(ctx context.Context) {
	b.pub.mu.Lock()
	up := b.pub.up
	b.pub.mu.Unlock()
	if !up {
		return
	}
	b.claim.leave()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	b.pub.sendStatus(ctx, b.cfg.MQTT.TopicPrefix, "offline")
	for _, d := range b.devices() {
		b.pub.sendPresence(ctx, d, "offline")
	}
}

// meet checks and keeps a device's identity.
func (b *Bridge) meet(d *device, desc drivers.Descriptor) error {
	d.mu.Lock()
	was, settled, adopts := d.present, d.settled, d.kept.Adopt
	d.mu.Unlock()
	kept, err := d.meet(desc, b.cfg.MQTT.TopicPrefix, func(uid string) string { return b.owner(uid, d) })
	if err != nil {
		return err
	}
	b.save(d)
	if adopts && d.writer != nil {
		d.writer.Forget()
	}
	if !settled { // what was kept for whoever it might turn out to be may go
		b.pub.sweep()
	}
	if !was && d.group == nil {
		log := b.log
		if desc.Variant != "" {
			log = log.With("variant", desc.Variant, "because", desc.Why)
		}
		log.Info("device found", "device", d.cfg.ID, "port", d.cfg.Port.Text, "manufacturer", desc.Manufacturer, "model", desc.Model,
			"serial", orNone(kept.Serial), "uid", kept.UID)
	}
	return nil
}

// serialOf is the serial number by which the device is known, "" where it is not.
func (b *Bridge) serialOf(d *device) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.kept.Serial
}

// knownSerial reports whether another device than but is known by that serial number.
func (b *Bridge) knownSerial(serial string, but *device) bool {
	return slices.ContainsFunc(b.devices(), func(d *device) bool { return d != but && serial != "" && b.serialOf(d) == serial })
}

func (b *Bridge) took(d *device, q drivers.Query, rs []drivers.Reading, at time.Time) {
	if d.take(q, rs, at) {
		b.save(d)
	}
}

// save keeps d as it is now. It is under d's lock that this is done: of two who save, the later has the newer state.
func (b *Bridge) save(d *device) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b.store.Put(d.kept)
}

func (b *Bridge) touch(d *device) {
	b.pub.touch(d.outlet)
	for _, o := range b.devices() {
		if o.group.has(d) {
			b.pub.touch(o.outlet)
		}
	}
	b.changed()
}

// keep remembers what is announced of d. It reports false for one that has left the configuration: who has its id now knows what is to be
// removed, and more must not come.
func (b *Bridge) keep(d *device, a discovery.Announced) bool {
	b.applying.Lock()
	defer b.applying.Unlock()
	if !slices.Contains(b.devices(), d) {
		return false
	}
	d.mu.Lock()
	d.kept.Announced = a
	d.mu.Unlock()
	b.save(d)
	return true
}

// orphans are what was announced for devices that have left the configuration, and that no configured device can still turn out to
// be: a renamed id finds its serial number only when it is first described.
func (b *Bridge) orphans() []orphan {
	if b.keepAll.Load() {
		return nil
	}
	devices := b.devices()
	live, ids := map[string]bool{b.pub.options.BridgeUID(): true}, map[string]bool{bridgeID: true}
	var unsettled []string // beginnings of the uids that may yet be claimed
	for _, d := range devices {
		ids[d.cfg.ID] = true
		d.mu.Lock()
		live[d.kept.UID] = true
		for uid := range d.kept.Announced {
			live[uid] = true
		}
		if !d.settled {
			unsettled = append(unsettled, d.cfg.Spec.Family+"_")
		}
		d.mu.Unlock()
	}
	var gone []orphan
	for id, k := range b.store.All() {
		if ids[id] || slices.ContainsFunc(unsettled, func(p string) bool { return strings.HasPrefix(k.UID, p) }) {
			continue
		}
		o := orphan{id: id}
		for uid := range k.Announced {
			if !live[uid] {
				o.uids = append(o.uids, uid)
			}
		}
		gone = append(gone, o)
	}
	return gone
}

// orphan is a device that has left the configuration, and what Home Assistant still knows of it.
type orphan struct {
	id   string
	uids []string
}

// Replace lets the device that is now at the port of id take the place of the one that was there: its entities, history and meters.
func (b *Bridge) Replace(id string) error {
	for _, d := range b.devices() {
		if d.cfg.ID != id {
			continue
		}
		d.mu.Lock()
		d.kept.Adopt = true
		d.mu.Unlock()
		b.save(d)
		return nil
	}
	return fmt.Errorf("no device %s in the configuration", id)
}

// problems are what a person should know, each with its mend.
func (b *Bridge) problems(now time.Time) []string {
	var ps []string
	if host := b.claim.rival(); host != "" {
		ps = append(ps, fmt.Sprintf("another sunwire on %s uses the topic prefix %s", host, b.cfg.MQTT.TopicPrefix))
	}
	if b.notices != nil {
		more, _ := b.notices()
		ps = append(ps, more...)
	}
	for _, d := range b.devices() {
		twin := b.twinOf(d)
		d.mu.Lock()
		switch {
		case d.problem != "" || twin == "" && d.missing(now):
			ps = append(ps, d.cfg.ID+": "+d.trouble())
		case twin != "":
			ps = append(ps, d.cfg.ID+": "+twin)
		}
		d.mu.Unlock()
	}
	return ps
}

func unique(topics ...string) []string {
	slices.Sort(topics)
	return slices.Compact(topics)
}

var _ status.Source = (*Bridge)(nil)
