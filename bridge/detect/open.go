package detect

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"sunwire/bridge/config"
	"sunwire/drivers/link"
	"sunwire/drivers/link/ble"
	"sunwire/drivers/link/hid"
	"sunwire/drivers/link/i2c"
	"sunwire/drivers/link/serial"
	"sunwire/drivers/link/tcp"
)

// Find is the port that a user means by text: one of those listed, by its device file or by what the configuration would say, or any
// other that can be looked at.
func Find(text string, listed []Port) (Port, error) {
	at, _, err := config.ParsePort(text, nil)
	if err != nil {
		return Port{}, fmt.Errorf("%q %w", text, err)
	}
	switch at.Kind {
	case link.Serial, link.HID, link.I2C, link.TCP, link.BLE:
	default:
		return Port{}, fmt.Errorf("%q: there is nothing to find on such a port; name its driver in the configuration", text)
	}
	real := at.Address
	if r, err := filepath.EvalSymlinks(real); err == nil {
		real = r
	}
	if at.Kind == link.I2C {
		real = "/dev/i2c-" + at.Address
	}
	i := slices.IndexFunc(listed, func(p Port) bool { return p.Text == text || p.Path != "" && p.Path == real })
	if i < 0 {
		return Port{Text: text, Kind: at.Kind, Title: at.Address}, nil
	}
	p := listed[i]
	_, query, _ := strings.Cut(text, "?")
	switch {
	case at.Kind == link.I2C: // with the address of the chip
		p.Text = text
	case query != "" && p.Kind == link.Serial: // with the settings of the line
		p.Text += "?" + query
	}
	return p, nil
}

// opener opens the real ports. DTR and RTS are left as the system sets them.
func opener(log *slog.Logger) func(context.Context, Port, int) (link.Conn, error) {
	radio := &ble.Radio{}
	return func(ctx context.Context, p Port, baud int) (link.Conn, error) {
		at, _, err := config.ParsePort(p.Text, nil)
		if err != nil {
			return nil, err
		}
		switch echo, _ := strconv.ParseBool(at.Params.Get("echo")); at.Kind {
		case link.Serial:
			return serial.Open(serial.Options{
				Path: at.Address, Baud: baud, Parity: at.Params.Get("parity"), Stop: at.Params.Get("stop"), Echo: echo, Log: log,
			})
		case link.TCP:
			return tcp.Open(ctx, at.Address, echo, log)
		case link.I2C:
			return i2c.Open(at.Address)
		case link.BLE:
			return ble.Open(ctx, ble.Options{Address: at.Address, Adapter: at.Params.Get("adapter"), Radio: radio, Log: log})
		}
		return openHID(at.Address, log)
	}
}

func openHID(address string, log *slog.Logger) (link.Conn, error) {
	a, err := hid.ParseAddress(address)
	if err != nil {
		return nil, err
	}
	paths, err := hid.Find("/sys", a)
	if err != nil {
		return nil, err
	}
	if len(paths) > 1 {
		return nil, fmt.Errorf("%d devices are hid:%s: look at one, such as hid:%s", len(paths), address, paths[0])
	}
	return hid.Open(paths[0], log)
}

// settings are those that the port's text names: the speed of the line, the address of the chip; 0: none.
func (p *Port) settings() (baud int, chip uint16) {
	at, chip, err := config.ParsePort(p.Text, nil)
	if err != nil {
		return 0, 0
	}
	baud, _ = strconv.Atoi(at.Params.Get("baud"))
	return baud, chip
}

// withBaud is the port as the configuration has it where the line has that speed.
func (p *Port) withBaud(baud int) string {
	if written, _ := p.settings(); written != 0 || cmp.Or(baud, serial.DefaultBaud) == serial.DefaultBaud {
		return p.Text
	}
	sign := "?"
	if strings.Contains(p.Text, "?") {
		sign = "&"
	}
	return fmt.Sprintf("%s%sbaud=%d", p.Text, sign, baud)
}
