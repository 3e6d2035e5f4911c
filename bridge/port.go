package bridge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"sunwire/bridge/broker"
	"sunwire/bridge/config"
	"sunwire/drivers"
	"sunwire/drivers/link"
	"sunwire/drivers/link/ble"
	"sunwire/drivers/link/files"
	"sunwire/drivers/link/hid"
	"sunwire/drivers/link/http"
	"sunwire/drivers/link/i2c"
	"sunwire/drivers/link/replay"
	"sunwire/drivers/link/serial"
	"sunwire/drivers/link/simulated"
	"sunwire/drivers/link/tcp"
)

// portKey is the same for devices that share a line: ports that resolve to the same place.
func portKey(c config.Device) string {
	if c.Port.Sim || c.Port.Replay || c.Port.Kind == link.MQTT {
		return "own " + c.ID
	}
	place := c.Port.Address
	if real, err := filepath.EvalSymlinks(place); err == nil {
		place = real
	}
	return string(c.Port.Kind) + " " + place
}

// lookAgain is the pause between two looks for a port that is not there: on this machine it costs nothing, over the network and the D-Bus it does.
func lookAgain(p config.Port) time.Duration {
	if p.Kind == link.TCP || p.Kind == link.UDP || p.Kind == link.HTTP || p.Kind == link.BLE {
		return time.Second
	}
	return 200 * time.Millisecond
}

// port opens the link of the devices that share it.
type port struct {
	devices []*device
	models  func(config.Device) drivers.Model
	log     *slog.Logger
	serial  func(*device) string       // the serial number by which a device is known, or ""
	known   func(string, *device) bool // whether another device is known by it
	feed    *broker.Feed               // what comes from the broker; nil: no broker
	radio   *ble.Radio                 // shared by all Bluetooth devices; nil: this one is alone
}

func (p *port) open(ctx context.Context) (link.Conn, error) {
	c := p.devices[0].cfg
	switch at := c.Port; {
	case at.Sim:
		return p.simulate(c)
	case at.Replay:
		text, err := os.ReadFile(at.Address)
		if err != nil {
			return nil, fmt.Errorf("open recording: %w", err)
		}
		r, err := replay.File(text)
		if err != nil {
			return nil, fmt.Errorf("recording %s: %w", at.Address, err)
		}
		return simulated.New(c.Spec.Links[0], r, simulated.Options{})
	case at.Kind == link.HID || isHidraw(at):
		return p.openHID(ctx, c)
	case at.Kind == link.TCP:
		return tcp.Open(ctx, at.Address, isSet(at, "echo"), p.log)
	case at.Kind == link.I2C:
		return i2c.Open(at.Address)
	case at.Kind == link.File:
		return files.Open(at.Address)
	case at.Kind == link.MQTT && p.feed != nil:
		return p.feed.Conn(), nil
	case at.Kind == link.HTTP:
		return http.Open(at.Address, p.log)
	case at.Kind == link.BLE:
		return ble.Open(ctx, ble.Options{
			Address: at.Address, Adapter: at.Params.Get("adapter"), Keep: isSet(at, "keep"), GATT: c.Spec.GATT, Radio: p.radio, Log: p.log,
		})
	case at.Kind == link.Serial:
		return serial.Open(serial.Options{
			Path: at.Address, Baud: number(at, "baud"), Parity: at.Params.Get("parity"), Stop: at.Params.Get("stop"), Echo: isSet(at, "echo"), Log: p.log,
		})
	}
	return nil, fmt.Errorf("open %s: sunwire has no %s links", c.Port.Text, c.Port.Kind)
}

func (p *port) simulate(c config.Device) (link.Conn, error) {
	var model drivers.Model
	switch {
	case p.models != nil:
		model = p.models(c)
	case c.Address != 0:
		model = numbered(c.Address)
	}
	return simulated.New(c.Spec.Links[0], c.Spec.Simulate(model, c.Address), simulated.Options{Baud: number(c.Port, "baud"), Address: c.Address})
}

// numbered is a simulated device among several: as its driver has it, but for the serial number.
type numbered uint16

// Value implements drivers.Model.
func (n numbered) Value(_, key string) (drivers.Value, bool) {
	return drivers.Text(fmt.Sprintf("92932%09d", 4102443+int(n))), key == "serial_number"
}

// isHidraw: a plain path, or a link to one, may turn out to be a HID device only when it is there.
func isHidraw(at config.Port) bool {
	if at.Kind != link.Serial {
		return false
	}
	real, err := filepath.EvalSymlinks(at.Address)
	if err != nil {
		return false
	}
	hidraw, _ := filepath.Match("/dev/hidraw*", real)
	return hidraw
}

// openHID opens the device at the address. Where several match, it is the one with the serial number that is known; for a device never
// seen, the first that belongs to no other.
func (p *port) openHID(ctx context.Context, c config.Device) (link.Conn, error) {
	a, err := hid.ParseAddress(c.Port.Address)
	if err != nil {
		return nil, err
	}
	paths, err := hid.Find("/sys", a)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", c.Port.Text, err)
	}
	if len(paths) == 1 {
		return hid.Open(paths[0], p.log)
	}
	want := p.serial(p.devices[0])
	failed := []error{fmt.Errorf("open %s: %d devices match, none of them is the right one", c.Port.Text, len(paths))}
	for _, path := range slices.Sorted(slices.Values(paths)) {
		conn, err := hid.Open(path, p.log)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		serial, err := askSerial(ctx, p.devices[0], conn)
		if err == nil && (serial == want || want == "" && !p.known(serial, p.devices[0])) {
			return conn, nil
		}
		failed = append(failed, fmt.Errorf("%s: serial number %s", path, orNone(serial)), err, conn.Close())
	}
	return nil, errors.Join(failed...)
}

func askSerial(ctx context.Context, of *device, conn link.Conn) (string, error) {
	dev, err := of.open(conn)
	if err != nil {
		return "", err
	}
	d, err := twice(func() (drivers.Descriptor, error) { return dev.Describe(ctx) })
	return Serial(d.Serial), err
}

// number and isSet read a parameter that the configuration has checked.
func number(at config.Port, name string) int {
	n, _ := strconv.Atoi(at.Params.Get(name))
	return n
}

func isSet(at config.Port, name string) bool {
	on, _ := strconv.ParseBool(at.Params.Get(name))
	return on
}
