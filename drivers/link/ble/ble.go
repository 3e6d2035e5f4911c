// Package ble reaches devices over Bluetooth Low Energy. The radio belongs to BlueZ, the system's Bluetooth service, which is asked over the
// D-Bus and needs no rights; this package never opens an adapter itself.
//
// A link is open as soon as there is an adapter that is on. The device is connected when it is asked something, and released a second after
// the last answer, so that the maker's app on a phone finds it free. What the device sends becomes one stream of bytes, in its order:
// notifications are as long as both sides happened to agree on, and only a driver's Framer knows where a frame begins and ends.
package ble

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/godbus/dbus/v5"

	"sunwire/drivers/link"
	"sunwire/drivers/link/stream"
)

// Options say which device, and how.
type Options struct {
	Address string // of the device: AA:BB:CC:DD:EE:FF
	Adapter string // such as hci0; "": the first that is on
	Keep    bool   // stay connected while no other device needs the adapter
	GATT    link.GATT
	Bus     string       // address of the D-Bus; "": the system's
	Radio   *Radio       // that of the process; nil: this device is the only one
	Log     *slog.Logger // at debug level every exchange
}

// Quality is how the connection fares, for diagnostics.
type Quality struct {
	RSSI     int       // dBm, when the device was last heard; 0: never
	Heard    time.Time // when that was
	Connects uint64    // connections that were made
	Failures uint64    // attempts that failed
	Drops    uint64    // connections that ended by themselves
	Took     time.Duration
}

// Conn is a Transactor and a Listener over a Bluetooth device.
type Conn struct {
	*stream.Conn
	o       Options
	name    string
	log     *slog.Logger
	bus     *bus
	adapter dbus.ObjectPath
	device  dbus.ObjectPath
	queue   *queue
	place   *place
	state   *state
	in      *io.PipeWriter          // what the device says
	hears   atomic.Pointer[source]  // whose notifications count; nil: nobody's
	current atomic.Pointer[session] // session, for whoever hears that it ended
	life    context.Context         // ends with the link; its cause is why
	end     context.CancelCauseFunc
	own     sync.WaitGroup

	use     chan struct{} // holds a token while somebody uses what is below
	session *session      // nil: not connected
	gatt    link.GATT
	fails   int // attempts since the last one that succeeded
	retry   time.Time
	why     error // of the last attempt that failed

	mu      sync.Mutex
	quality Quality
}

// source is a characteristic on one connection: what it said before that is no answer to anything.
type source struct {
	at    dbus.ObjectPath
	since dbus.Sequence
}

// Open checks that BlueZ runs and has an adapter that is on. It does not connect the device: see Connect.
func Open(ctx context.Context, o Options) (*Conn, error) {
	b, err := connectBus(o.Bus)
	if err != nil {
		return nil, explained(link.ErrLost, port(o), o.Address, "connect to the D-Bus", err)
	}
	c, err := open(ctx, b, o)
	if err != nil {
		return nil, errors.Join(err, b.close())
	}
	return c, nil
}

func port(o Options) string { return "ble:" + o.Address }

func open(ctx context.Context, b *bus, o Options) (*Conn, error) {
	all, asOf, err := b.objects(ctx)
	if err != nil {
		return nil, explained(link.ErrLost, port(o), o.Address, "ask BlueZ", err)
	}
	adapter, err := pick(all, o.Adapter)
	if err != nil {
		return nil, explained(link.ErrLost, port(o), o.Address, "look for an adapter", err)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Radio == nil {
		o.Radio = &Radio{}
	}
	c := &Conn{
		o: o, name: port(o), log: o.Log, bus: b, adapter: adapter, gatt: o.GATT,
		device: adapter + "/dev_" + dbus.ObjectPath(strings.ReplaceAll(strings.ToUpper(o.Address), ":", "_")),
		queue:  o.Radio.queue(path.Base(string(adapter))), place: newPlace(), state: newState(), use: make(chan struct{}, 1),
	}
	c.state.set(all[c.device][deviceFace], asOf)
	if err := b.watch(ctx, c.adapter, c.device); err != nil {
		return nil, explained(link.ErrLost, c.name, o.Address, "ask for BlueZ's signals", err)
	}
	c.life, c.end = context.WithCancelCause(context.WithoutCancel(ctx))
	out, in := io.Pipe()
	c.in = in
	c.Conn = stream.New(link.BLE, &pipe{out, c}, stream.Options{Name: c.name, Log: o.Log})
	c.own.Go(c.listenToBlueZ)
	return c, nil
}

// pick is the adapter of that name, or the first that is on.
func pick(all objects, name string) (dbus.ObjectPath, error) {
	var names []string
	for _, at := range slices.Sorted(maps.Keys(all)) {
		p, ok := all[at][adapterFace]
		if !ok {
			continue
		}
		names = append(names, path.Base(string(at)))
		on, _ := get[bool](p, "Powered")
		switch {
		case name == path.Base(string(at)) && !on:
			return "", errOff
		case on && (name == "" || name == path.Base(string(at))):
			return at, nil
		}
	}
	switch {
	case len(names) == 0:
		return "", errNone
	case name != "":
		return "", fmt.Errorf("%w: %s, but %s", errNone, name, strings.Join(names, ", "))
	}
	return "", errOff
}

// Use says where the bytes are from now on, for whoever tries several drivers on one device.
func (c *Conn) Use(g link.GATT) {
	c.use <- struct{}{}
	defer func() { <-c.use }()
	c.gatt, c.fails, c.retry = g, 0, time.Time{}
	if c.session != nil {
		c.unsubscribe(c.session)
	}
}

// Connect connects the device now, so that an exchange finds it ready.
func (c *Conn) Connect(ctx context.Context) error {
	_, err := c.hold(ctx)
	if err == nil {
		c.rest()
	}
	return err
}

// Transact implements link.Transactor. It connects where it has to. A connection that ends while a reply is awaited is link.ErrNoReply.
func (c *Conn) Transact(ctx context.Context, r link.Request) ([]byte, error) {
	s, err := c.hold(ctx)
	if err != nil {
		return nil, err
	}
	defer c.rest()
	both, stop := either(ctx, s.ctx)
	defer stop()
	reply, err := c.Conn.Transact(both, r)
	return reply, c.cause(ctx, s, err)
}

// Listen implements link.Listener. While nobody else needs the adapter the device stays connected. An attempt to connect that failed, and a
// connection that ended, are errors in the sequence, which goes on.
func (c *Conn) Listen(ctx context.Context, f link.Framer) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for ctx.Err() == nil {
			goOn, err := c.listen(ctx, f, yield)
			if !goOn || ctx.Err() != nil || err != nil && !yield(nil, err) || errors.Is(err, link.ErrLost) {
				return
			}
			if err != nil {
				_ = c.Wait(ctx, listenAgain) // the loop looks at ctx
			}
		}
	}
}

// listen hears the device until its turn is over.
func (c *Conn) listen(ctx context.Context, f link.Framer, yield func([]byte, error) bool) (goOn bool, err error) {
	s, err := c.hold(ctx)
	if err != nil {
		return true, err
	}
	defer c.rest()
	both, stop := either(ctx, s.turn)
	defer stop()
	for frame, err := range c.Conn.Listen(both, f) {
		if !yield(frame, err) || errors.Is(err, link.ErrLost) {
			return false, nil
		}
	}
	if s.ctx.Err() != nil && ctx.Err() == nil {
		return true, c.ended(s)
	}
	return true, nil
}

// cause replaces the end of a session by why it ended.
func (c *Conn) cause(ctx context.Context, s *session, err error) error {
	if err == nil || ctx.Err() != nil || s.ctx.Err() == nil {
		return err
	}
	return c.ended(s)
}

// ended is why the link ended, or else this session.
func (c *Conn) ended(s *session) error {
	if c.life.Err() != nil {
		return explained(link.ErrLost, c.name, c.o.Address, "use it", context.Cause(c.life))
	}
	return context.Cause(s.ctx)
}

// either ends with the first of two contexts.
func either(ctx, other context.Context) (context.Context, context.CancelFunc) {
	both, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(other, cancel)
	return both, func() { stop(); cancel() }
}

// Quality is how the connection has fared so far.
func (c *Conn) Quality() Quality {
	now, _ := c.state.view()
	c.mu.Lock()
	defer c.mu.Unlock()
	q := c.quality
	q.RSSI, q.Heard = now.rssi, now.rssiAt
	return q
}

// Close releases the device, and ends everything that the link has asked for at BlueZ.
func (c *Conn) Close() error {
	c.end(errReleased)
	c.use <- struct{}{} // an exchange that is going on ends with the link
	c.release()
	<-c.use
	err := c.bus.close()
	_ = c.in.Close()
	err = errors.Join(err, c.Conn.Close())
	c.own.Wait()
	return err
}

// listenToBlueZ takes its signals, in their order, until the D-Bus connection ends.
func (c *Conn) listenToBlueZ() {
	for s := range c.bus.signals {
		c.hear(s)
	}
	c.lose(errNoBus)
}

func (c *Conn) hear(s *dbus.Signal) {
	switch s.Name {
	case propertiesFace + ".PropertiesChanged":
		var face string
		var changed properties
		var invalid []string
		if dbus.Store(s.Body, &face, &changed, &invalid) == nil {
			c.hearChange(s, face, changed, invalid)
		}
	case managerFace + ".InterfacesAdded":
		var at dbus.ObjectPath
		var faces map[string]properties
		if dbus.Store(s.Body, &at, &faces) == nil && at == c.device && faces[deviceFace] != nil {
			c.state.hear(faces[deviceFace], nil, s.Sequence)
		}
	case managerFace + ".InterfacesRemoved":
		var at dbus.ObjectPath
		var faces []string
		switch err := dbus.Store(s.Body, &at, &faces); {
		case err != nil:
		case at == c.device && slices.Contains(faces, deviceFace):
			if c.state.forget(s.Sequence) {
				c.dropped()
			}
		case at == c.adapter && slices.Contains(faces, adapterFace):
			c.lose(errRemoved)
		}
	case busFace + ".NameOwnerChanged":
		c.lose(errNoBlueZ)
	}
}

func (c *Conn) hearChange(s *dbus.Signal, face string, changed properties, invalid []string) {
	switch {
	case face == characterFace:
		value, ok := get[[]byte](changed, "Value")
		if from := c.hears.Load(); ok && from != nil && from.at == s.Path && s.Sequence > from.since {
			_, _ = c.in.Write(value) // an error only at the end of the link
		}
	case face == deviceFace && s.Path == c.device:
		news := c.state.hear(changed, invalid, s.Sequence)
		if on, ok := get[bool](changed, "Connected"); news && ok && !on {
			c.dropped()
		}
	case face == adapterFace && s.Path == c.adapter:
		if on, ok := get[bool](changed, "Powered"); ok && !on {
			c.lose(errOff)
		}
	}
}

// lose ends the link: it is not this device alone.
func (c *Conn) lose(err error) {
	c.end(err)
	_ = c.in.CloseWithError(err)
}
