package ble

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"

	"sunwire/drivers/link"
)

// Advertiser is a device that is in the air.
type Advertiser struct {
	Address   string
	Adapter   string   // that heard it
	Name      string   // as it calls itself; "": it does not
	RSSI      int      // dBm; 0: it is connected, and silent
	Services  []string // that it advertises, in short
	Connected bool     // to this machine
}

// Scan listens for d to what is in the air, the nearest first, and connects nothing. adapter "" is the first that is on, busAddress "" the
// system's D-Bus.
func Scan(ctx context.Context, busAddress, adapter string, d time.Duration) (found []Advertiser, err error) {
	b, err := connectBus(busAddress)
	if err != nil {
		return nil, explained(link.ErrLost, "bluetooth", "", "connect to the D-Bus", err)
	}
	defer func() { err = errors.Join(err, b.close()) }()
	return scan(ctx, b, adapter, d)
}

func scan(ctx context.Context, b *bus, adapter string, d time.Duration) ([]Advertiser, error) {
	all, _, err := b.objects(ctx)
	if err != nil {
		return nil, explained(link.ErrLost, "bluetooth", "", "ask BlueZ", err)
	}
	at, err := pick(all, adapter)
	if err != nil {
		return nil, explained(link.ErrLost, "bluetooth", "", "look for an adapter", err)
	}
	if err := startScan(ctx, b, at); err != nil {
		return nil, explained(link.ErrLost, "bluetooth", "", "listen", err)
	}
	defer stopScan(ctx, b, at)
	if err := link.Sleep(ctx, d); err != nil {
		return nil, err
	}
	if all, _, err = b.objects(ctx); err != nil { // BlueZ has the strengths only while it listens
		return nil, explained(link.ErrLost, "bluetooth", "", "ask BlueZ", err)
	}
	return advertisers(all, at), nil
}

func advertisers(all objects, adapter dbus.ObjectPath) (found []Advertiser) {
	for _, at := range slices.Sorted(maps.Keys(all)) {
		p := all[at][deviceFace]
		dBm, heard := get[int16](p, "RSSI")
		connected, _ := get[bool](p, "Connected")
		if !strings.HasPrefix(string(at), string(adapter)+"/") || !heard && !connected {
			continue
		}
		a := Advertiser{RSSI: int(dBm), Connected: connected, Adapter: strings.TrimPrefix(string(adapter), "/org/bluez/")}
		a.Address, _ = get[string](p, "Address")
		a.Name, _ = get[string](p, "Name")
		uuids, _ := get[[]string](p, "UUIDs")
		for _, u := range uuids {
			a.Services = append(a.Services, shortUUID(u))
		}
		found = append(found, a)
	}
	slices.SortStableFunc(found, func(a, b Advertiser) int { return cmp.Compare(b.RSSI, a.RSSI) })
	return found
}

// startScan has BlueZ look for Low Energy devices, for us alone: it ends with stopScan, or with our connection to the D-Bus.
func startScan(ctx context.Context, b *bus, adapter dbus.ObjectPath) error {
	if err := b.call(ctx, callTime, adapter, adapterFace+".SetDiscoveryFilter", variants(map[string]any{"Transport": "le"})); err != nil {
		return err
	}
	err := b.call(ctx, callTime, adapter, adapterFace+".StartDiscovery")
	if isNamed(err, "org.bluez.Error.InProgress") {
		return nil
	}
	return err
}

// stopScan is done also where the caller has no time left. Where it fails there is no discovery any more.
func stopScan(ctx context.Context, b *bus, adapter dbus.ObjectPath) {
	_ = b.call(context.WithoutCancel(ctx), callTime, adapter, adapterFace+".StopDiscovery")
}
