package bluez

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/godbus/dbus/v5"
)

const (
	bluezName      = "org.bluez"
	adapterFace    = "org.bluez.Adapter1"
	deviceFace     = "org.bluez.Device1"
	serviceFace    = "org.bluez.GattService1"
	characterFace  = "org.bluez.GattCharacteristic1"
	managerFace    = "org.freedesktop.DBus.ObjectManager"
	propertiesFace = "org.freedesktop.DBus.Properties"
	busFace        = "org.freedesktop.DBus"
	busPath        = dbus.ObjectPath("/org/freedesktop/DBus")
)

type properties = map[string]dbus.Variant

// characteristics are those of d, with their paths.
func (d *Device) characteristics() iter.Seq2[dbus.ObjectPath, *Characteristic] {
	return func(yield func(dbus.ObjectPath, *Characteristic) bool) {
		for i, s := range d.Services {
			for k := range s.Characteristics {
				if !yield(d.service(i)+dbus.ObjectPath(fmt.Sprintf("/char%04x", 16*i+2*k+1)), &s.Characteristics[k]) {
					return
				}
			}
		}
	}
}

func (d *Device) service(i int) dbus.ObjectPath {
	return d.path() + dbus.ObjectPath(fmt.Sprintf("/service%04x", 16*i))
}

// objects is what GetManagedObjects says.
func (f *Fake) objects() map[dbus.ObjectPath]map[string]properties {
	all := map[dbus.ObjectPath]map[string]properties{}
	for _, a := range f.adapters {
		all[a.path()] = map[string]properties{adapterFace: {"Powered": dbus.MakeVariant(!a.off), "Discovering": dbus.MakeVariant(len(a.scanning) > 0)}}
		for _, d := range f.on(a) {
			if !d.known {
				continue
			}
			all[d.path()] = map[string]properties{deviceFace: d.properties()}
			if !d.resolved {
				continue
			}
			for i, s := range d.Services {
				all[d.service(i)] = map[string]properties{serviceFace: {"UUID": dbus.MakeVariant(s.UUID), "Device": dbus.MakeVariant(d.path())}}
			}
			for at, c := range d.characteristics() {
				all[at] = map[string]properties{characterFace: {
					"UUID": dbus.MakeVariant(c.UUID), "Flags": dbus.MakeVariant(c.Flags), "MTU": dbus.MakeVariant(uint16(d.MTU)),
				}}
			}
		}
	}
	return all
}

// handle answers a call of BlueZ's methods. done may be called later.
func (f *Fake) handle(c *client, at dbus.ObjectPath, method string, args []any, done func(error, ...any)) {
	if f.gone {
		done(dbus.Error{Name: "org.freedesktop.DBus.Error.ServiceUnknown", Body: []any{"The name org.bluez was not provided by any .service files"}})
		return
	}
	if method == managerFace+".GetManagedObjects" {
		done(nil, f.objects())
		return
	}
	for _, a := range f.adapters {
		if a.path() == at {
			done(a.handle(c, method))
			return
		}
		for _, d := range f.on(a) {
			if d.path() == at || strings.HasPrefix(string(at), string(d.path())+"/") {
				d.handle(c, at, method, args, func(err error) { done(err) })
				return
			}
		}
	}
	done(dbus.Error{Name: "org.freedesktop.DBus.Error.UnknownObject", Body: []any{"no such object"}})
}

func (a *Adapter) handle(c *client, method string) error {
	name, ok := strings.CutPrefix(method, adapterFace+".")
	switch {
	case !ok:
	case a.off:
		return dbus.Error{Name: "org.bluez.Error.NotReady", Body: []any{"Resource Not Ready"}}
	case name == "SetDiscoveryFilter":
		return nil
	case name == "StartDiscovery":
		a.scanning[c] = true
		for _, d := range a.fake.on(a) {
			a.fake.after(advertising, d.advertise)
		}
		return nil
	case name == "StopDiscovery":
		a.stopScan(c)
		return nil
	}
	return unknown(method)
}

func (a *Adapter) stopScan(c *client) {
	delete(a.scanning, c)
	if len(a.scanning) == 0 {
		for _, d := range a.fake.on(a) {
			d.unheard()
		}
	}
}

func (d *Device) handle(c *client, at dbus.ObjectPath, method string, args []any, done func(error)) {
	name := method[strings.LastIndexByte(method, '.')+1:]
	if d.Refuse != nil {
		if err := d.Refuse(name); err != nil {
			done(err)
			return
		}
	}
	switch method {
	case deviceFace + ".Connect":
		d.connect(done)
		return
	case deviceFace + ".Disconnect":
		d.disconnect()
		done(nil)
		return
	}
	for path, it := range d.characteristics() {
		if path == at && d.resolved {
			d.attribute(c, it, method, args, done)
			return
		}
	}
	done(unknown(method))
}

func (d *Device) attribute(c *client, it *Characteristic, method string, args []any, done func(error)) {
	can := func(flag string) bool { return slices.Contains(it.Flags, flag) }
	switch method {
	case characterFace + ".StartNotify":
		switch {
		case !can("notify") && !can("indicate"):
			done(dbus.Error{Name: "org.bluez.Error.NotSupported", Body: []any{"Operation is not supported"}})
		case it.notifying[c]:
			done(dbus.Error{Name: "org.bluez.Error.InProgress", Body: []any{"In Progress"}})
		default:
			if it.notifying == nil {
				it.notifying = map[*client]bool{}
			}
			it.notifying[c] = true
			done(nil)
		}
	case characterFace + ".StopNotify":
		delete(it.notifying, c)
		done(nil)
	case characterFace + ".WriteValue":
		var text []byte
		var options properties
		if err := dbus.Store(args, &text, &options); err != nil {
			done(err)
			return
		}
		flag := map[string]string{"command": "write-without-response", "request": "write"}
		kind, _ := options["type"].Value().(string)
		switch {
		case !can(flag[kind]):
			done(dbus.Error{Name: "org.bluez.Error.NotSupported", Body: []any{"Operation is not supported"}})
		case len(text) > d.MTU-3:
			done(failed("Failed to initiate write"))
		default:
			done(nil)
			d.written(text)
		}
	default:
		done(unknown(method))
	}
}

func unknown(method string) error {
	return dbus.Error{Name: "org.freedesktop.DBus.Error.UnknownMethod", Body: []any{"no method " + method + " here"}}
}
