package ble

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/godbus/dbus/v5"

	"sunwire/drivers/link"
)

// baseUUID ends the UUIDs that the Bluetooth standard writes with four digits.
const baseUUID = "-0000-1000-8000-00805f9b34fb"

func longUUID(u string) string {
	u = strings.ToLower(u)
	if len(u) == 4 {
		return "0000" + u + baseUUID
	}
	return u
}

func shortUUID(u string) string {
	u = strings.ToLower(u)
	if short, ok := strings.CutSuffix(u, baseUUID); ok {
		return strings.TrimPrefix(short, "0000")
	}
	return u
}

// attributes are the characteristics of a device that are spoken to.
type attributes struct {
	notify, write dbus.ObjectPath // write "": nothing can be written
	hailed        dbus.ObjectPath // "": nothing is said to it on connecting
	hail          string          // the kind of that write
	acknowledged  bool            // every write is answered: where the device has no other kind
	chunk         int             // what fits into one write
}

// leastChunk is what fits into a write where nothing else was agreed on: an MTU of 23 less three bytes.
const leastChunk = 20

// choose finds the characteristics of g. A UUID that is there twice is told apart by what each can do.
func choose(all objects, device dbus.ObjectPath, g link.GATT) (a attributes, err error) {
	var wanted, services []string
	for _, s := range g.Services {
		wanted = append(wanted, longUUID(s))
	}
	a.chunk = leastChunk
	for _, at := range slices.Sorted(maps.Keys(all)) {
		if !strings.HasPrefix(string(at), string(device)+"/") {
			continue
		}
		if p, ok := all[at][serviceFace]; ok {
			uuid, _ := get[string](p, "UUID")
			services = append(services, shortUUID(uuid))
		}
		p := all[at][characterFace]
		service, _ := get[string](all[dbus.ObjectPath(path.Dir(string(at)))][serviceFace], "UUID")
		if p == nil || !slices.Contains(wanted, longUUID(service)) {
			continue
		}
		uuid, _ := get[string](p, "UUID")
		flags, _ := get[[]string](p, "Flags")
		can := func(names ...string) bool {
			return slices.ContainsFunc(names, func(n string) bool { return slices.Contains(flags, n) })
		}
		if a.notify == "" && longUUID(uuid) == longUUID(g.Notify) && can("notify", "indicate") {
			a.notify = at
		}
		if g.Hailed != "" && longUUID(uuid) == longUUID(g.Hailed) && can("write-without-response", "write") {
			a.hailed, a.hail = at, "command"
			if can("write") {
				a.hail = "request"
			}
		}
		if a.write == "" && g.Write != "" && longUUID(uuid) == longUUID(g.Write) && can("write-without-response", "write") {
			a.write, a.acknowledged = at, !can("write-without-response")
			if mtu, ok := get[uint16](p, "MTU"); ok && mtu > leastChunk+3 {
				a.chunk = int(mtu) - 3
			}
		}
	}
	switch {
	case a.notify == "":
		err = absent(g.Notify, "talks", services)
	case a.write == "" && g.Write != "":
		err = absent(g.Write, "can be written to", services)
	}
	return a, err
}

func absent(uuid, what string, services []string) error {
	return fmt.Errorf("it has no characteristic %s that %s: it is another device than this driver is for (its services: %s)",
		shortUUID(uuid), what, strings.Join(services, ", "))
}

// Fits reports whether a device that calls itself name, and advertises these services, may be one that g is for.
func Fits(g link.GATT, name string, services []string) bool {
	for _, pattern := range g.Names {
		if ok, err := path.Match(pattern, name); ok && err == nil {
			return true
		}
	}
	return len(g.Names) == 0 && slices.ContainsFunc(g.Services, func(want string) bool {
		return slices.ContainsFunc(services, func(has string) bool { return longUUID(has) == longUUID(want) })
	})
}
