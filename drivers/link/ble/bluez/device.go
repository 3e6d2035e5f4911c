package bluez

import (
	"slices"
	"strings"

	"github.com/godbus/dbus/v5"
)

// Device is a device in the air. Its fields are set before it is added, later by Change.
type Device struct {
	Address, Name string
	RSSI          int16
	Services      []Service
	MTU           int                          // 0: 23, the least
	Answer        func(write []byte) []byte    // what it says when it is written to; nil: nothing
	Fragments     func(said [][]byte) [][]byte // what becomes of its notifications on their way; nil: they arrive
	Refuse        func(method string) error    // an error of a method such as Connect, a dbus.Error; nil: none
	Silent        bool                         // out of range, or connected to a phone
	Lost          bool                         // it was forgotten: BlueZ does so half a minute after it last heard it
	Breaks        bool                         // connections end right when it is written to

	adapter   *Adapter
	known     bool // BlueZ has an object for it
	heard     bool // since somebody looks for devices
	connected bool
	resolved  bool
	epoch     int // counts connections
}

// Service is a group of characteristics.
type Service struct {
	UUID            string
	Characteristics []Characteristic
}

// Characteristic is a place that can be written to, or talks.
type Characteristic struct {
	UUID  string
	Flags []string // notify, write, write-without-response ...

	notifying map[*client]bool
}

// Device is the one with that address, nil where there is none.
func (f *Fake) Device(address string) *Device {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, d := range f.devices {
		if d.Address == address {
			return d
		}
	}
	return nil
}

// Change changes d.
func (f *Fake) Change(d *Device, change func(d *Device)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(d)
	if d.Lost && !d.connected {
		d.Lost = false
		d.forget()
	}
}

// Drop ends the connection as a device does that goes out of reach.
func (f *Fake) Drop(d *Device) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d.disconnect()
}

// Remove takes d out of BlueZ as "bluetoothctl remove" does, whether it is connected or not.
func (f *Fake) Remove(d *Device) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d.epoch++
	d.connected, d.resolved = false, false
	d.forget()
}

// Say has d say something unasked.
func (f *Fake) Say(d *Device, text []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d.say(text)
}

func (d *Device) path() dbus.ObjectPath {
	return d.adapter.path() + "/dev_" + dbus.ObjectPath(strings.ReplaceAll(d.Address, ":", "_"))
}

func (d *Device) properties() properties {
	p := properties{
		"Address": dbus.MakeVariant(d.Address), "Connected": dbus.MakeVariant(d.connected), "ServicesResolved": dbus.MakeVariant(d.resolved),
		"Alias": dbus.MakeVariant(d.Name), "Adapter": dbus.MakeVariant(d.adapter.path()),
	}
	if d.Name != "" {
		p["Name"] = dbus.MakeVariant(d.Name)
	}
	var uuids []string
	for _, s := range d.Services {
		uuids = append(uuids, s.UUID)
	}
	p["UUIDs"] = dbus.MakeVariant(uuids)
	if d.heard {
		p["RSSI"] = dbus.MakeVariant(d.RSSI)
	}
	return p
}

// advertise is heard where somebody looks for devices.
func (d *Device) advertise() {
	f := d.adapter.fake
	if d.Silent || d.connected || d.adapter.off || len(d.adapter.scanning) == 0 || d.heard {
		return
	}
	d.heard = true
	if d.known {
		f.changed(d.path(), deviceFace, properties{"RSSI": dbus.MakeVariant(d.RSSI)})
		return
	}
	d.known = true
	f.emit("/", managerFace, "InterfacesAdded", d.path(), map[string]properties{deviceFace: d.properties()})
}

// unheard is how it is when nobody looks for devices any more.
func (d *Device) unheard() {
	if d.heard {
		d.heard = false
		d.adapter.fake.changed(d.path(), deviceFace, properties{}, "RSSI")
	}
}

func (d *Device) forget() {
	if d.known {
		d.known, d.heard = false, false
		d.adapter.fake.removed(d.path(), deviceFace)
	}
}

// connect answers Connect when it is done.
func (d *Device) connect(done func(error)) {
	f := d.adapter.fake
	epoch := d.epoch
	switch {
	case !d.known:
		done(dbus.Error{Name: "org.freedesktop.DBus.Error.UnknownObject", Body: []any{"no such device"}})
	case d.connected:
		done(nil)
	case d.Silent:
		f.after(givingUp, func() {
			if d.epoch == epoch {
				done(failed("le-connection-abort-by-local"))
			}
		})
	default:
		f.after(connecting, func() {
			if d.epoch != epoch || d.Silent {
				done(failed("le-connection-abort-by-local"))
				return
			}
			d.connected = true
			n := 0
			for _, o := range f.on(d.adapter) {
				if o.connected {
					n++
				}
			}
			f.worst = max(f.worst, n)
			f.changed(d.path(), deviceFace, properties{"Connected": dbus.MakeVariant(true)})
			done(nil)
			f.after(resolving, func() {
				if d.epoch == epoch && d.connected {
					d.resolved = true
					f.changed(d.path(), deviceFace, properties{"ServicesResolved": dbus.MakeVariant(true)})
				}
			})
		})
	}
}

// disconnect ends a connection, or an attempt to make one.
func (d *Device) disconnect() {
	d.epoch++
	if !d.connected {
		return
	}
	d.connected, d.resolved = false, false
	for _, s := range d.Services {
		for i := range s.Characteristics {
			s.Characteristics[i].notifying = nil
		}
	}
	f := d.adapter.fake
	f.changed(d.path(), deviceFace, properties{"ServicesResolved": dbus.MakeVariant(false), "Connected": dbus.MakeVariant(false)})
	if d.Lost {
		d.Lost = false
		d.forget()
	}
}

// say notifies, in pieces as long as the MTU allows, in their order.
func (d *Device) say(text []byte) {
	var pieces [][]byte
	for piece := range slices.Chunk(text, d.MTU-3) {
		pieces = append(pieces, piece)
	}
	if d.Fragments != nil {
		pieces = d.Fragments(pieces)
	}
	for at, c := range d.characteristics() {
		if len(c.notifying) == 0 {
			continue
		}
		for _, piece := range pieces {
			d.adapter.fake.changed(at, characterFace, properties{"Value": dbus.MakeVariant(piece)})
		}
	}
}

func (d *Device) written(text []byte) {
	if d.Breaks {
		d.disconnect()
		return
	}
	if d.Answer != nil {
		if reply := d.Answer(text); len(reply) > 0 {
			d.say(reply)
		}
	}
}

func failed(text string) error { return dbus.Error{Name: "org.bluez.Error.Failed", Body: []any{text}} }
