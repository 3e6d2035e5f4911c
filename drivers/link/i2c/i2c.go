// Package i2c opens the I2C buses of the machine.
package i2c

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"periph.io/x/host/v3/sysfs"

	"sunwire/drivers/link"
)

// Conn is an open bus, or one channel of a multiplexer on it.
type Conn struct {
	bus     bus
	lock    locker
	name    string
	mux     uint16 // the multiplexer's address; 0: none
	channel byte   // its bit
}

// bus is what periph's bus is.
type bus interface {
	Tx(addr uint16, w, r []byte) error
	Close() error
}

// locker keeps transfers apart that belong together: those of all that have the bus open, in other processes too.
type locker interface {
	Lock() error
	Unlock() error
	Close() error
}

var address = regexp.MustCompile(`^(?:/dev/i2c-)?([0-9]{1,5})(?:/0x(7[0-7])\.([0-7]))?$`)

// Open opens bus number "1", which is /dev/i2c-1, or "1/0x70.3", what hangs on channel 3 of a multiplexer at 0x70 (TCA9548A and its kind).
// Several may have a bus open: their transfers are kept apart.
func Open(at string) (*Conn, error) {
	m := address.FindStringSubmatch(at)
	if m == nil {
		return nil, fmt.Errorf("open I2C bus %q: give its number, such as i2c:1/0x76, or behind a multiplexer i2c:1/0x70.3/0x76", at)
	}
	n, _ := strconv.Atoi(m[1])
	name := fmt.Sprintf("/dev/i2c-%d", n)
	f, err := os.OpenFile(name, os.O_RDWR, 0) // periph's error is a text only
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, explain(err))
	}
	b, err := sysfs.NewI2C(n)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", name, err), f.Close())
	}
	c := &Conn{bus: b, lock: &fileLock{f}, name: name}
	if m[2] != "" {
		mux, _ := strconv.ParseUint(m[2], 16, 8)
		channel, _ := strconv.Atoi(m[3])
		c.mux, c.channel = uint16(mux), 1<<channel
	}
	return c, nil
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
	if err := c.lock.Lock(); err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	err := errors.Join(c.transfer(addr, w, r), c.lock.Unlock())
	if err == nil {
		return nil
	}
	if _, gone := os.Stat(c.name); gone != nil { // a bus on a USB adapter; periph's error is a text only
		return fmt.Errorf("%s: %w: %w", c.name, link.ErrLost, err)
	}
	return fmt.Errorf("%s: %w", c.name, err)
}

// transfer makes one transfer, behind the multiplexer where there is one. Afterwards its channels are closed: a chip behind it may have
// the address of one on the bus itself.
func (c *Conn) transfer(addr uint16, w, r []byte) error {
	if c.mux == 0 {
		return c.once(addr, w, r)
	}
	var open [1]byte
	if err := c.bus.Tx(c.mux, []byte{c.channel}, nil); err != nil {
		return fmt.Errorf("the multiplexer at 0x%02x does not answer: check its power, its wires and its address (A0 to A2): %w", c.mux, mended(err))
	}
	err := c.bus.Tx(c.mux, nil, open[:])
	switch {
	case err != nil:
		err = fmt.Errorf("multiplexer at 0x%02x: %w", c.mux, mended(err))
	case open[0] != c.channel:
		err = fmt.Errorf("what answers at 0x%02x opens the channels %08b instead of %08b: it is no TCA9548A, or the wires are too long: %w", c.mux, open[0], c.channel, link.ErrFrame)
	default:
		err = c.once(addr, w, r)
	}
	if closing := c.bus.Tx(c.mux, []byte{0}, nil); closing != nil {
		err = errors.Join(err, fmt.Errorf("multiplexer at 0x%02x: its channel stays open: %w", c.mux, closing))
	}
	return err
}

// nobody is an address that no chip has: it is reserved (UM10204, 3.1.12).
const nobody = 0x7F

// once makes one transfer. Nothing but zeros may be what the chip says, or a data line that is held to ground: then everybody answers,
// even nobody.
func (c *Conn) once(addr uint16, w, r []byte) error {
	if err := c.bus.Tx(addr, w, r); err != nil {
		return mended(err)
	}
	for _, b := range r {
		if b != 0 {
			return nil
		}
	}
	if len(r) > 0 && c.bus.Tx(nobody, nil, make([]byte, 1)) == nil {
		return fmt.Errorf("the data line (SDA) is held to ground: every address answers, with zeros; look for a short, or turn all that hangs on the bus off and on: %w", link.ErrNoReply)
	}
	return nil
}

// mended adds to the kernel's word for what went wrong what it means and what to do. periph's error is a text only.
func mended(err error) error {
	for _, known := range []struct {
		errno syscall.Errno
		mend  string
	}{
		{syscall.ETIMEDOUT, "the bus hangs, something holds its clock: turn all that hangs on it off and on, and check the wires and their pull-ups"},
		{syscall.EAGAIN, "somebody else speaks on the bus, or a wire is loose"},
		{syscall.EBUSY, "a driver of the kernel has this chip: use it by Linux's own files, or unload it"},
		{syscall.ENODEV, "the adapter is gone"},
	} {
		if strings.Contains(err.Error(), known.errno.Error()) {
			return fmt.Errorf("%s: %w", known.mend, err)
		}
	}
	return err
}

// Wait implements link.Conn.
func (c *Conn) Wait(ctx context.Context, d time.Duration) error {
	return link.Sleep(ctx, d)
}

// Close implements link.Conn.
func (c *Conn) Close() error { return errors.Join(c.bus.Close(), c.lock.Close()) }
