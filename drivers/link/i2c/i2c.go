// Package i2c opens the I2C buses of the machine.
package i2c

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"periph.io/x/host/v3/sysfs"

	"sunwire/drivers/link"
)

// Conn is an open bus.
type Conn struct {
	bus  *sysfs.I2C
	name string
}

// Open opens bus number "1", which is /dev/i2c-1. Several may have it open: the kernel keeps their transfers apart.
func Open(bus string) (*Conn, error) {
	n, err := strconv.Atoi(strings.TrimPrefix(bus, "/dev/i2c-"))
	if err != nil {
		return nil, fmt.Errorf("open I2C bus %q: give its number, such as i2c:1/0x76", bus)
	}
	name := fmt.Sprintf("/dev/i2c-%d", n)
	f, err := os.OpenFile(name, os.O_RDWR, 0) // periph's error is a text only
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, explain(err))
	}
	_ = f.Close()
	b, err := sysfs.NewI2C(n)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	return &Conn{b, name}, nil
}

func explain(err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return errors.New("permission denied: add the user that sunwire runs as to the group i2c, then log in again")
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: there is no such bus: turn I2C on (Raspberry Pi: sudo raspi-config, Interface Options, I2C) and restart", link.ErrLost)
	}
	return err
}

// Kind implements link.Conn.
func (c *Conn) Kind() link.Kind { return link.I2C }

// Tx implements link.Bus. A chip that does not acknowledge is an error that the driver explains; a bus that is gone is ErrLost.
func (c *Conn) Tx(addr uint16, w, r []byte) error {
	err := c.bus.Tx(addr, w, r)
	if err == nil {
		return nil
	}
	if _, gone := os.Stat(c.name); gone != nil { // a bus on a USB adapter; periph's error is a text only
		return fmt.Errorf("%s: %w: %w", c.name, link.ErrLost, err)
	}
	return fmt.Errorf("%s: %w", c.name, err)
}

// Wait implements link.Conn.
func (c *Conn) Wait(ctx context.Context, d time.Duration) error {
	return link.Sleep(ctx, d)
}

// Close implements link.Conn.
func (c *Conn) Close() error { return c.bus.Close() }
