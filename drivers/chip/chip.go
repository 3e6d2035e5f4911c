// Package chip reads small sensors on an I2C bus. Chip is what all of them need: finding, reading and plain words for what goes wrong.
// Table (table.go) is a whole driver made of data, for the many chips that need no more than that.
package chip

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/link"
)

// Chip is one chip on a bus.
type Chip struct {
	Address uint16 // where it is; 0: not found yet

	name      string
	bus       link.Bus
	addresses []uint16 // where it may be; once found, one
}

// On is the chip of that driver at an address; 0: wherever it is found first of the possible ones, at which alone anything is asked.
func On(c link.Conn, name string, address uint16, possible []uint16) (*Chip, error) {
	bus, ok := c.(link.Bus)
	if !ok {
		return nil, fmt.Errorf("open %s: a %s link is no I2C bus: give a port such as i2c:1/0x%02x", name, c.Kind(), possible[0])
	}
	if address == 0 {
		return &Chip{name: name, bus: bus, addresses: possible}, nil
	}
	if !slices.Contains(possible, address) {
		// Not even looked at: to many another chip a register number is a value to be set.
		return nil, fmt.Errorf("open %s: it can be at %s, never at 0x%02x: mend the port, such as i2c:1/0x%02x", name, list(possible), address, possible[0])
	}
	return &Chip{name: name, bus: bus, addresses: []uint16{address}}, nil
}

func list(addresses []uint16) string {
	var texts []string
	for _, a := range addresses {
		texts = append(texts, fmt.Sprintf("0x%02x", a))
	}
	if n := len(texts); n > 2 {
		return strings.Join(texts[:n-1], ", ") + " or " + texts[n-1]
	}
	return strings.Join(texts, " or ")
}

func (c *Chip) String() string { return fmt.Sprintf("%s at 0x%02x", c.name, c.Address) }

// Find looks for the chip where it may be, by identify. Once found it is looked for nowhere else: at another address would be the sensor
// of another room.
func (c *Chip) Find(ctx context.Context, identify func(context.Context) error) error {
	var failed error
	for _, c.Address = range c.addresses {
		err := identify(ctx)
		if err == nil {
			c.addresses = []uint16{c.Address}
			return nil
		}
		if ctx.Err() != nil || errors.Is(err, link.ErrLost) {
			return err
		}
		if failed != nil {
			err = fmt.Errorf("%w; %w", failed, err)
		}
		failed = err
	}
	return failed
}

// The chips that can be told by the number in register 0xD0, at 0x76 or 0x77: each is named as its driver is.
var bosch = map[byte]string{0x55: "bmp180", 0x56: "bmp280", 0x57: "bmp280", 0x58: "bmp280", 0x60: "bme280", 0x61: "bme680"}

// IdentifyBosch checks register 0xD0, the chip id of all of Bosch's air sensors. What else answers there is named.
func (c *Chip) IdentifyBosch(ctx context.Context) error {
	var id [1]byte
	if err := c.Read(ctx, []byte{0xD0}, id[:]); err != nil {
		return err
	}
	switch name := bosch[id[0]]; name {
	case c.name:
		return nil
	case "":
		return fmt.Errorf("what answers at 0x%02x is no %s (chip id 0x%02x): check the address and the wires: %w", c.Address, strings.ToUpper(c.name), id[0], drivers.ErrFrame)
	default:
		return fmt.Errorf("the chip at 0x%02x is a %s (chip id 0x%02x), not a %s: its driver is %s: %w",
			c.Address, strings.ToUpper(name), id[0], strings.ToUpper(c.name), name, drivers.ErrFrame)
	}
}

// Read writes w and fills b with what is read then. It believes only what comes alike twice in a row, and reads three times at most.
func (c *Chip) Read(ctx context.Context, w, b []byte) error {
	last := make([]byte, len(b))
	if err := c.Tx(ctx, w, last); err != nil {
		return err
	}
	for range 2 {
		if err := c.Tx(ctx, w, b); err != nil {
			return err
		}
		if bytes.Equal(b, last) {
			return nil
		}
		copy(last, b)
	}
	return fmt.Errorf("%s: %s read again and again gave another answer each time; shorten the wires or slow the bus down if that goes on: %w", c, what(w), drivers.ErrFrame)
}

// Write writes to the chip.
func (c *Chip) Write(ctx context.Context, w ...byte) error { return c.Tx(ctx, w, nil) }

// Wait is the link's.
func (c *Chip) Wait(ctx context.Context, d time.Duration) error { return c.bus.Wait(ctx, d) }

// Tx writes w, where there is any, and reads r, once and without any check. Nothing acknowledged is ErrNoReply.
func (c *Chip) Tx(ctx context.Context, w, r []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := c.bus.Tx(c.Address, w, r)
	if err == nil {
		return nil
	}
	if !errors.Is(err, link.ErrLost) && !errors.Is(err, drivers.ErrNoReply) {
		err = fmt.Errorf("%w: %w", drivers.ErrNoReply, err) // on this bus, not acknowledged
	}
	return fmt.Errorf("%s: %s: %w (check its power, its wires and its address: i2cdetect shows it)", c, what(w), err)
}

func what(w []byte) string {
	switch len(w) {
	case 0:
		return "the reply"
	case 1:
		return fmt.Sprintf("register 0x%02x", w[0])
	}
	return fmt.Sprintf("command % x", w)
}
