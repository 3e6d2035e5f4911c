package ble

import (
	"cmp"
	"context"
	"errors"
	"os"
	"time"

	"github.com/godbus/dbus/v5"
)

// The names of BlueZ on the D-Bus, from its documentation (org.bluez.Adapter, Device, GattService and GattCharacteristic).
const (
	bluezName      = "org.bluez"
	adapterFace    = "org.bluez.Adapter1"
	deviceFace     = "org.bluez.Device1"
	serviceFace    = "org.bluez.GattService1"
	characterFace  = "org.bluez.GattCharacteristic1"
	managerFace    = "org.freedesktop.DBus.ObjectManager"
	propertiesFace = "org.freedesktop.DBus.Properties"
	busFace        = "org.freedesktop.DBus"
)

// callTime is for what BlueZ answers out of its head.
const callTime = 5 * time.Second

// properties are those of one interface of an object.
type properties = map[string]dbus.Variant

// objects is all that BlueZ has: adapters, devices, their services and characteristics.
type objects = map[dbus.ObjectPath]map[string]properties

// bus is a connection of its own to the D-Bus: when it is closed, BlueZ forgets whatever was asked for on it.
type bus struct {
	conn    *dbus.Conn
	signals chan *dbus.Signal // in the order in which they were sent; closed with the connection
}

// systemBus is where the system's bus is; in a container /var/run may be missing.
const systemBus = "unix:path=/run/dbus/system_bus_socket"

// connectBus connects to the D-Bus at address; "" is the system's.
func connectBus(address string) (*bus, error) {
	address = cmp.Or(address, os.Getenv("DBUS_SYSTEM_BUS_ADDRESS"), systemBus)
	conn, err := dbus.Connect(address, ordered())
	if err != nil {
		return nil, err
	}
	return newBus(conn), nil
}

// ordered hands over the signals in the order in which they were sent, which is not what the library does by itself.
func ordered() dbus.ConnOption { return dbus.WithSignalHandler(dbus.NewSequentialSignalHandler()) }

func newBus(conn *dbus.Conn) *bus {
	b := &bus{conn, make(chan *dbus.Signal, 64)}
	conn.Signal(b.signals)
	return b
}

func (b *bus) close() error { return b.conn.Close() }

// call calls a method of BlueZ and waits for its answer, for at most limit.
func (b *bus) call(ctx context.Context, limit time.Duration, path dbus.ObjectPath, method string, args ...any) error {
	ctx, stop := context.WithTimeoutCause(ctx, limit, errSlow)
	defer stop()
	err := b.conn.Object(bluezName, path).CallWithContext(ctx, method, dbus.FlagNoAutoStart, args...).Err
	if err != nil && errors.Is(context.Cause(ctx), errSlow) {
		return errSlow
	}
	return err
}

// objects asks for all there is; what signals said before asOf is older.
func (b *bus) objects(ctx context.Context) (all objects, asOf dbus.Sequence, err error) {
	ctx, stop := context.WithTimeoutCause(ctx, callTime, errSlow)
	defer stop()
	call := b.conn.Object(bluezName, "/").CallWithContext(ctx, managerFace+".GetManagedObjects", dbus.FlagNoAutoStart)
	if err := call.Store(&all); err != nil {
		return nil, 0, err
	}
	return all, call.ResponseSequence, nil
}

// watch has the signals sent that tell of a device and of its adapter.
func (b *bus) watch(ctx context.Context, adapter, device dbus.ObjectPath) error {
	for _, rule := range [][]dbus.MatchOption{
		{dbus.WithMatchSender(bluezName), dbus.WithMatchInterface(propertiesFace), dbus.WithMatchPathNamespace(device)},
		{dbus.WithMatchSender(bluezName), dbus.WithMatchInterface(propertiesFace), dbus.WithMatchObjectPath(adapter)},
		{dbus.WithMatchSender(bluezName), dbus.WithMatchInterface(managerFace), dbus.WithMatchArgPath(0, string(device))},
		{dbus.WithMatchSender(bluezName), dbus.WithMatchInterface(managerFace), dbus.WithMatchArgPath(0, string(adapter))},
		{dbus.WithMatchSender(busFace), dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, bluezName)},
	} {
		if err := b.conn.AddMatchSignalContext(ctx, rule...); err != nil {
			return err
		}
	}
	return nil
}

// get reads a property; what is not there, or of another type, leaves the zero value.
func get[T any](p properties, name string) (value T, ok bool) {
	v, ok := p[name]
	if !ok {
		return value, false
	}
	value, ok = v.Value().(T)
	return value, ok
}
