package bme280

import (
	"context"
	"fmt"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/chip"
)

// The registers that are used; see the package's comment.
const (
	regCalibration1 = 0x88
	regReset        = 0xE0
	regCalibration2 = 0xE1
	regCtrlHum      = 0xF2 // then status and ctrl_meas; without a meaning in the BMP280
	regCtrlMeas     = 0xF4
	regData         = 0xF7
)

// What is written to them, and read back. Single oversampling without a filter is what the datasheet wants for weather (3.5.1): a
// longer measurement has less noise, and warms the chip.
const (
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

// sensor is one chip on a bus.
type sensor struct {
	*chip.Chip
	*variant
	air   chip.Air
	ready bool            // it has our settings and frame has its calibration
	frame [frameSize]byte // calibration, then the last measurement
	alike int             // how often the last measurement was the same as the one before
}

// find looks where the chip is; what is known of it holds only if it is there.
func (s *sensor) find(ctx context.Context) error {
	known := s.ready
	s.ready = false
	err := s.Find(ctx, s.IdentifyBosch)
	s.ready = known && err == nil
	return err
}

// setUp resets the chip, reads its calibration and throws its first measurement away, unless that is done already.
func (s *sensor) setUp(ctx context.Context) error {
	if s.ready {
		return nil
	}
	if err := s.find(ctx); err != nil {
		return err
	}
	if err := s.Write(ctx, regReset, resetWord); err != nil {
		return err
	}
	if _, err := s.idle(ctx, startUp); err != nil {
		return err
	}
	if err := s.Read(ctx, []byte{regCalibration1}, s.frame[:s.block1]); err != nil {
		return err
	}
	if s.humidity() {
		if err := s.Read(ctx, []byte{regCalibration2}, s.frame[s.block1:s.data]); err != nil {
			return err
		}
	}
	if _, err := s.parse(s.frame[:s.data]); err != nil {
		return fmt.Errorf("%s: %w", s, err)
	}
	// Here only, not before each measurement: a chip that lost power or was exchanged in between has forgotten it, and measure sees that.
	if s.humidity() {
		if err := s.Write(ctx, regCtrlHum, humidity1); err != nil {
			return err
		}
	}
	if err := s.measure(ctx); err != nil {
		return err
	}
	s.ready = true
	return nil
}

// measure makes one measurement and reads it into the frame.
func (s *sensor) measure(ctx context.Context) error {
	if err := s.Write(ctx, regCtrlMeas, others1|forced); err != nil {
		return err
	}
	control, err := s.idle(ctx, measuring)
	if err != nil {
		return err
	}
	if s.humidity() && control.hum != humidity1 || control.meas != others1 {
		return fmt.Errorf("%s: it has lost its settings and is set up again; check its power if that goes on: %w", s, drivers.ErrFrame)
	}
	last := s.frame
	if err := s.Read(ctx, []byte{regData}, s.frame[s.data:s.size]); err != nil {
		return err
	}
	if last != s.frame {
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
		if err := s.Wait(ctx, wait); err != nil {
			return control{}, err
		}
		if err := s.Tx(ctx, []byte{regCtrlHum}, r[:]); err != nil {
			return control{}, err
		}
		if r[1]&busy == 0 && r[2]&modeMask == 0 {
			return control{hum: r[0], meas: r[2]}, nil
		}
	}
	return control{}, fmt.Errorf("%s: it is still busy (status 0x%02x) long after it should have measured; check its power: %w", s, r[1], drivers.ErrNoReply)
}
