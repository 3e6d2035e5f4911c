// Package bluez is a BlueZ that does not exist: adapters, and devices in the air, behind a D-Bus that has nobody else on it. Tests connect
// to it instead of to the system's. It is bus and BlueZ in one, needs no other program, and can be served on anything that carries bytes:
// over net.Pipe it runs in the time of testing/synctest.
//
// It knows of org.bluez what a client for Low Energy devices needs, with the signals, errors and delays of the original.
package bluez

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"

	"sunwire/drivers/link"
)

// Delays of things that go well. What goes wrong takes longer.
const (
	advertising = 100 * time.Millisecond // from one advertisement to the next
	connecting  = 150 * time.Millisecond
	resolving   = 300 * time.Millisecond
	givingUp    = 25 * time.Second // until BlueZ gives up a connection
)

// Fake is a BlueZ with a bus.
type Fake struct {
	ctx  context.Context
	stop context.CancelFunc
	own  sync.WaitGroup

	mu       sync.Mutex
	adapters []*Adapter
	devices  []*Device
	clients  map[*client]bool
	names    int
	gone     bool
	worst    int // most devices that were connected on one adapter at a time
}

// Adapter is a radio of the machine.
type Adapter struct {
	fake     *Fake
	name     string
	off      bool
	scanning map[*client]bool
}

// New is a BlueZ with these adapters, all of them on. Close ends it.
func New(adapters ...string) *Fake {
	f := &Fake{clients: map[*client]bool{}}
	f.ctx, f.stop = context.WithCancel(context.Background())
	for _, name := range adapters {
		f.adapters = append(f.adapters, &Adapter{fake: f, name: name, scanning: map[*client]bool{}})
	}
	return f
}

// Close ends every connection and waits for all that it has begun.
func (f *Fake) Close() {
	f.stop()
	f.own.Wait()
}

// Listen serves at a Unix socket, until Close. address is that of the bus, for DBUS_SYSTEM_BUS_ADDRESS.
func (f *Fake) Listen(path string) (address string, err error) {
	l, err := (&net.ListenConfig{}).Listen(f.ctx, "unix", path)
	if err != nil {
		return "", fmt.Errorf("serve a bus at %s: %w", path, err)
	}
	f.own.Go(func() {
		<-f.ctx.Done()
		_ = l.Close()
	})
	f.own.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			f.own.Go(func() { f.Serve(c) })
		}
	})
	return "unix:path=" + path, nil
}

// Dial is a connection to the fake that needs no socket.
func (f *Fake) Dial() net.Conn {
	near, far := net.Pipe()
	f.own.Go(func() { f.Serve(far) })
	return near
}

// Switch turns an adapter on or off, as a user does.
func (f *Fake) Switch(adapter string, on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.adapter(adapter)
	a.off = !on
	if !on {
		for _, d := range f.on(a) {
			d.disconnect()
		}
	}
	f.changed(a.path(), adapterFace, properties{"Powered": dbus.MakeVariant(on)})
}

// Unplug takes an adapter away.
func (f *Fake) Unplug(adapter string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.adapter(adapter)
	f.adapters = slices.DeleteFunc(f.adapters, func(o *Adapter) bool { return o == a })
	f.removed(a.path(), adapterFace)
}

// Crash ends BlueZ; the bus goes on without it.
func (f *Fake) Crash() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gone = true
	f.emit(busPath, busFace, "NameOwnerChanged", bluezName, ":1.0", "")
}

// Return starts BlueZ again.
func (f *Fake) Return() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gone = false
	f.emit(busPath, busFace, "NameOwnerChanged", bluezName, "", ":1.0")
}

// Held is what clients have asked for and not given back.
type Held struct{ Clients, Matches, Scans, Notifying, Connected int }

// Held counts what clients hold.
func (f *Fake) Held() (h Held) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h.Clients = len(f.clients)
	for c := range f.clients {
		h.Matches += len(c.rules)
	}
	for _, a := range f.adapters {
		h.Scans += len(a.scanning)
	}
	for _, d := range f.devices {
		if d.connected {
			h.Connected++
		}
		for _, s := range d.Services {
			for i := range s.Characteristics {
				h.Notifying += len(s.Characteristics[i].notifying)
			}
		}
	}
	return h
}

// AtOnce is how many devices of one adapter were connected at the same time, at worst.
func (f *Fake) AtOnce() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.worst
}

func (f *Fake) adapter(name string) *Adapter {
	i := slices.IndexFunc(f.adapters, func(a *Adapter) bool { return a.name == name })
	return f.adapters[i]
}

func (f *Fake) on(a *Adapter) (ds []*Device) {
	for _, d := range f.devices {
		if d.adapter == a {
			ds = append(ds, d)
		}
	}
	return ds
}

func (a *Adapter) path() dbus.ObjectPath { return dbus.ObjectPath("/org/bluez/" + a.name) }

// Add puts a device in the air, in reach of that adapter.
func (f *Fake) Add(adapter string, d *Device) *Device {
	f.mu.Lock()
	defer f.mu.Unlock()
	d.adapter = f.adapter(adapter)
	if d.MTU == 0 {
		d.MTU = 23
	}
	f.devices = append(f.devices, d)
	return d
}

// Services are a device's for a driver's declaration: one service with what talks and what is written to.
func Services(g link.GATT) []Service {
	talks := Characteristic{UUID: uuid(g.Notify), Flags: []string{"notify"}}
	s := Service{UUID: uuid(g.Services[0]), Characteristics: []Characteristic{talks}}
	switch g.Write {
	case "":
	case g.Notify:
		s.Characteristics[0].Flags = []string{"write-without-response", "notify"}
	default:
		s.Characteristics = append(s.Characteristics, Characteristic{UUID: uuid(g.Write), Flags: []string{"write-without-response"}})
	}
	if g.Hailed != "" {
		s.Characteristics = append(s.Characteristics, Characteristic{UUID: uuid(g.Hailed), Flags: []string{"write"}})
	}
	return []Service{s}
}

func uuid(u string) string {
	if len(u) == 4 {
		return "0000" + strings.ToLower(u) + "-0000-1000-8000-00805f9b34fb"
	}
	return strings.ToLower(u)
}

// after does f's work after a while, unless the fake ends before.
func (f *Fake) after(d time.Duration, work func()) {
	f.own.Go(func() {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-f.ctx.Done():
		case <-t.C:
			f.mu.Lock()
			defer f.mu.Unlock()
			work()
		}
	})
}
