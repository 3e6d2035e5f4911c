package ble

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/godbus/dbus/v5"

	"sunwire/drivers/link"
)

// Why a connection ended, or was not made.
var (
	errSlow     = errors.New("it took too long")
	errBroken   = errors.New("the connection broke off")
	errReleased = errors.New("released")
	errOff      = errors.New("the Bluetooth of this machine is off")
	errUnheard  = errors.New("it is not heard")
	errNoBlueZ  = errors.New("BlueZ, the system's Bluetooth service, does not run")
	errNoBus    = errors.New("the D-Bus connection ended")
	errRemoved  = errors.New("the Bluetooth adapter was unplugged")
	errDeaf     = errors.New("this device takes no requests")
	errNone     = errors.New("this machine has no such Bluetooth adapter")
)

// advice is what the user can do about a failure: the first row whose error, name or text fits. Names are of the D-Bus, texts are in what
// BlueZ says; the codes are those of the attribute protocol (Core Specification, volume 3, part F, 3.4.1.1). %s is the device.
var advice = []struct {
	err  error
	name string
	text []string
	mend string
	lost bool // it is not this device alone
}{
	{err: errOff, mend: offMend, lost: true},
	{err: errNoBlueZ, mend: noBlueZMend, lost: true},
	{err: errRemoved, mend: "plug it in again", lost: true},
	{err: errNone, mend: "bluetoothctl list shows what there is; a USB adapter for Bluetooth 4.0 or newer will do", lost: true},
	{err: errNoBus, mend: "sunwire connects again by itself", lost: true},
	{err: fs.ErrNotExist, mend: "there is no D-Bus here: in a container mount /run/dbus into it, in the Home Assistant app update it (host_dbus)", lost: true},
	{err: fs.ErrPermission, mend: refusedMend, lost: true},
	{
		err:  errUnheard,
		mend: "is it on, and near? is a phone connected to it? most devices are silent then: close their app",
	},
	{name: "org.freedesktop.DBus.Error.ServiceUnknown", mend: noBlueZMend, lost: true},
	{name: "org.freedesktop.DBus.Error.NameHasNoOwner", mend: noBlueZMend, lost: true},
	{name: "org.freedesktop.DBus.Error.AccessDenied", mend: refusedMend, lost: true},
	{name: "org.bluez.Error.NotReady", mend: offMend, lost: true},
	{name: "org.bluez.Error.Authentication", mend: pairMend},
	{name: "org.bluez.Error.NotAuthorized", mend: pairMend},
	{text: []string{"ATT error: 0x05", "ATT error: 0x08", "ATT error: 0x0c", "ATT error: 0x0e", "ATT error: 0x0f", "Insufficient", "Not paired"}, mend: pairMend},
	{text: []string{"Notify acquired", "Write acquired"}, mend: "another program on this machine is using it: stop that one"},
	{text: []string{"abort-by-local", "connection abort", "Page Timeout", "Host is down", errSlow.Error()}, mend: farMend},
	{err: errBroken, mend: farMend},
}

const (
	offMend     = "turn it on: rfkill unblock bluetooth, then bluetoothctl power on"
	noBlueZMend = "sudo apt install bluez, then sudo systemctl enable --now bluetooth"
	refusedMend = "the system does not let this user speak to BlueZ: sudo usermod -aG bluetooth with sunwire's user, then start it again"
	pairMend    = "it wants to be paired: bluetoothctl pair %s, with the code in the maker's app if it asks for one"
	farMend     = "it may be too far away, or its other connection is taken: go nearer, close the maker's app on the phone, look for another adapter"
)

// explained is a failure in plain words: where it happened, what was attempted, what the user can do. It wraps link.ErrLost where
// Bluetooth itself is gone, else kind.
func explained(kind error, port, device, attempt string, err error) error {
	var said dbus.Error
	name, text := "", err.Error()
	if errors.As(err, &said) {
		name = said.Name
	}
	mend := ""
	for _, a := range advice {
		if a.err != nil && errors.Is(err, a.err) || a.name != "" && strings.HasPrefix(name, a.name) ||
			slices.ContainsFunc(a.text, func(t string) bool { return strings.Contains(text, t) }) {
			mend = ": " + strings.ReplaceAll(a.mend, "%s", device)
			if a.lost {
				kind = link.ErrLost
			}
			break
		}
	}
	return fmt.Errorf("%s: %w: %s: %w%s", port, kind, attempt, err, mend)
}
