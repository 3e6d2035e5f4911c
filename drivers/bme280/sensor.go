package bme280

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/link"
)

// The registers that are used; see the package's comment.
const (
	regCalibration1 = 0x88
	regChipID       = 0xD0
	regReset        = 0xE0
	regCalibration2 = 0xE1
	regCtrlHum      = 0xF2 // then status and ctrl_meas
	regCtrlMeas     = 0xF4
	regData         = 0xF7
)

// What is written to them, and read back. Single oversampling without a filter is what the datasheet wants for weather (3.5.1): a
// longer measurement has less noise, and warms the chip.
const (
	chipID    = 0x60
	resetWord = 0xB6
	humidity1 = 0x01                  // ctrl_hum: osrs_h x1
	others1   = 0x01<<5 | 0x01<<2     // ctrl_meas: osrs_t x1, osrs_p x1
	forced    = 0x01                  // ctrl_meas: measure once
	modeMask  = 0x03                  //
	busy      = 0x01<<3 | 0x01<<0     // status: measuring, or copying the calibration after a reset
	startUp   = 2 * time.Millisecond  // Table 1
	measuring = 10 * time.Millisecond // 9.3 ms at most: 9.1
	patience  = 10                    // more looks at the status, one a millisecond
)

// stuckAfter is how many measurements alike in all 56 bits are too many: with the noise of three values two are rare enough. A chip that
// says the same even after its reset stays silenced until it says something else.
const stuckAfter = 10

// otherChips answer at the same addresses; each is named as its driver is.
var otherChips = map[byte]string{0x55: "bmp180", 0x56: "bmp280", 0x57: "bmp280", 0x58: "bmp280", 0x61: "bme680"}

// sensor is one chip on a bus.
type sensor struct {
	bus       link.Bus
	options   Options
	addresses []uint16        // where it may be; once found, one
	address   uint16          // where it is; 0: not found yet
	ready     bool            // it has our settings and frame has its calibration
	frame     [frameSize]byte // calibration, then the last measurement
	alike     int             // how often the last measurement was the same as the one before
}

func (s *sensor) String() string { return fmt.Sprintf("bme280 at 0x%02x", s.address) }

func newSensor(c link.Conn, address uint16) (*sensor, error) {
	bus, ok := c.(link.Bus)
	if !ok {
		return nil, fmt.Errorf("open bme280: a %s link is no I2C bus: give a port such as i2c:1/0x76", c.Kind())
	}
	switch address {
	case 0:
		return &sensor{bus: bus, addresses: []uint16{0x76, 0x77}}, nil
	case 0x76, 0x77:
		return &sensor{bus: bus, addresses: []uint16{address}}, nil
	}
	// Not even looked at: to many another chip a register number is a value to be set.
	return nil, fmt.Errorf("open bme280: it can be at 0x76 or 0x77, never at 0x%02x: mend the port, such as i2c:1/0x76", address)
}

// find looks where the chip is. What else answers there is named. Once found it is looked for nowhere else: at the other address would
// be the sensor of another room.
func (s *sensor) find(ctx context.Context) error {
	known := s.ready
	s.ready = false
	var failed error
	for _, s.address = range s.addresses {
		err := s.identify(ctx)
		if err == nil {
			s.addresses, s.ready = []uint16{s.address}, known
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

func (s *sensor) identify(ctx context.Context) error {
	var id [1]byte
	if err := s.read(ctx, regChipID, id[:]); err != nil {
		return err
	}
	if id[0] == chipID {
		return nil
	}
	if name := otherChips[id[0]]; name != "" {
		return fmt.Errorf("the chip at 0x%02x is a %s (chip id 0x%02x), not a BME280: its driver is %s: %w",
			s.address, strings.ToUpper(name), id[0], name, drivers.ErrFrame)
	}
	return fmt.Errorf("what answers at 0x%02x is no BME280 (chip id 0x%02x instead of 0x%02x): check the address and the wires: %w",
		s.address, id[0], chipID, drivers.ErrFrame)
}

// setUp resets the chip, reads its calibration and throws its first measurement away, unless that is done already.
func (s *sensor) setUp(ctx context.Context) error {
	if s.ready {
		return nil
	}
	if err := s.find(ctx); err != nil {
		return err
	}
	if err := s.write(ctx, regReset, resetWord); err != nil {
		return err
	}
	if _, err := s.idle(ctx, startUp); err != nil {
		return err
	}
	if err := s.read(ctx, regCalibration1, s.frame[:block2]); err != nil {
		return err
	}
	if err := s.read(ctx, regCalibration2, s.frame[block2:data]); err != nil {
		return err
	}
	if _, err := parseCalibration(s.frame[:data]); err != nil {
		return fmt.Errorf("%s: %w", s, err)
	}
	// Here only, not before each measurement: a chip that lost power or was exchanged in between has forgotten it, and measure sees that.
	if err := s.write(ctx, regCtrlHum, humidity1); err != nil {
		return err
	}
	if err := s.measure(ctx); err != nil {
		return err
	}
	s.ready = true
	return nil
}

// measure makes one measurement and reads it into the frame.
func (s *sensor) measure(ctx context.Context) error {
	if err := s.write(ctx, regCtrlMeas, others1|forced); err != nil {
		return err
	}
	control, err := s.idle(ctx, measuring)
	if err != nil {
		return err
	}
	if control.hum != humidity1 || control.meas != others1 {
		return fmt.Errorf("%s: it has lost its settings and is set up again; check its power if that goes on: %w", s, drivers.ErrFrame)
	}
	last := [frameSize - data]byte(s.frame[data:])
	if err := s.read(ctx, regData, s.frame[data:]); err != nil {
		return err
	}
	if last != [frameSize - data]byte(s.frame[data:]) {
		s.alike = 0
		return nil
	}
	if s.alike++; s.alike >= stuckAfter {
		return fmt.Errorf("%s: stuck, %d measurements were the same to the last bit; it is set up again: %w", s, s.alike+1, drivers.ErrFrame)
	}
	return nil
}

// control is what the chip says of its own settings.
type control struct{ hum, meas byte }

// idle waits for so long, and then until the chip has nothing to do.
func (s *sensor) idle(ctx context.Context, first time.Duration) (control, error) {
	var r [3]byte // ctrl_hum, status, ctrl_meas
	for wait, n := first, 0; n <= patience; wait, n = time.Millisecond, n+1 {
		if err := s.bus.Wait(ctx, wait); err != nil {
			return control{}, err
		}
		if err := s.tx(ctx, []byte{regCtrlHum}, r[:]); err != nil {
			return control{}, err
		}
		if r[1]&busy == 0 && r[2]&modeMask == 0 {
			return control{hum: r[0], meas: r[2]}, nil
		}
	}
	return control{}, fmt.Errorf("%s: it is still busy (status 0x%02x) long after it should have measured; check its power: %w", s, r[1], drivers.ErrNoReply)
}

// read fills b with what lies from a register on. It reads twice and believes only what comes alike.
func (s *sensor) read(ctx context.Context, register byte, b []byte) error {
	again := make([]byte, len(b))
	for _, b := range [][]byte{b, again} {
		if err := s.tx(ctx, []byte{register}, b); err != nil {
			return err
		}
	}
	if !bytes.Equal(b, again) {
		return fmt.Errorf("%s: register 0x%02x read twice gave two answers; shorten the wires or slow the bus down if that goes on: %w", s, register, drivers.ErrFrame)
	}
	return nil
}

func (s *sensor) write(ctx context.Context, register, v byte) error {
	return s.tx(ctx, []byte{register, v}, nil)
}

func (s *sensor) tx(ctx context.Context, w, r []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := s.bus.Tx(s.address, w, r)
	if err == nil {
		return nil
	}
	if !errors.Is(err, link.ErrLost) && !errors.Is(err, drivers.ErrNoReply) {
		err = fmt.Errorf("%w: %w", drivers.ErrNoReply, err) // on this bus, not acknowledged
	}
	return fmt.Errorf("%s: register 0x%02x: %w (check its power, its wires and its address: i2cdetect shows it)", s, w[0], err)
}
