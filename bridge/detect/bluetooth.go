package detect

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/all"
	"sunwire/drivers/link"
	"sunwire/drivers/link/ble"
)

// listens is long enough for devices that advertise every two seconds.
const listens = 8 * time.Second

// Radio is what a Bluetooth device says of itself in the air.
type Radio struct {
	RSSI     int      `json:"rssi"` // dBm; -50 is next to it, -90 is hardly there. 0: connected to this machine, and silent
	Services []string `json:"services"`
}

// Bluetooth lists what advertises, the nearest first: it listens for some seconds and connects nothing. None is ticked, as most of it is
// the neighbours'.
func Bluetooth(ctx context.Context) ([]Port, error) {
	found, err := ble.Scan(ctx, "", "", listens)
	if err != nil {
		return nil, err
	}
	return inTheAir(found, all.Drivers()), nil
}

func inTheAir(found []ble.Advertiser, ds []drivers.Driver) (ports []Port) {
	for _, a := range found {
		p := Port{
			Text: "ble:" + a.Address, Kind: link.BLE, Title: oneLine(a.Name), Guess: "no device that sunwire knows by its name",
			Radio: &Radio{RSSI: a.RSSI, Services: slices.Clone(a.Services)},
		}
		if p.Title == "" {
			p.Title = "without a name"
		}
		var titles []string
		for _, d := range candidates(link.BLE, ds, nil) {
			if ble.Fits(d.GATT, a.Name, a.Services) {
				p.Drivers, titles = append(p.Drivers, d.Name), append(titles, d.Title)
			}
		}
		if len(titles) > 0 {
			p.Guess = strings.Join(titles, " or ")
		}
		p.Note = fmt.Sprintf("%d dBm", a.RSSI)
		if a.Connected {
			p.Note = "connected to this machine"
		}
		if len(a.Services) > 0 {
			p.Note += "; services " + strings.Join(a.Services, ", ")
		}
		ports = append(ports, p)
	}
	slices.SortStableFunc(ports, func(a, b Port) int { return min(1, len(b.Drivers)) - min(1, len(a.Drivers)) })
	return ports
}
