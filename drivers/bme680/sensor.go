package bme680

import (
	"context"
	"fmt"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/chip"
)

// The registers that are used; see the package's comment.
const (
	regHeater       = 0x00
	regStatus       = 0x1D
	regData         = 0x1F
	regResHeat0     = 0x5A
	regGasWait0     = 0x64
	regCtrlGas0     = 0x70 // then ctrl_gas_1, ctrl_hum, status, ctrl_meas, config
	regCtrlGas1     = 0x71
	regCtrlHum      = 0x72
	regCtrlMeas     = 0x74
	regConfig       = 0x75
	regCalibration1 = 0x8A
	regChipID       = 0xD0
	regReset        = 0xE0
	regCalibration2 = 0xE1
	regVariant      = 0xF0
)

// What is written to them, and read back. Single oversampling without a filter, as for weather: see package bme280.
const (
	chipID    = 0x61
	resetWord = 0xB6
	humidity1 = 0x01              // ctrl_hum: osrs_h x1
	others1   = 0x01<<5 | 0x01<<2 // ctrl_meas: osrs_t x1, osrs_p x1
	forced    = 0x01              // ctrl_meas: measure once
	modeMask  = 0x03              //
	heaterOff = 0x08              // ctrl_gas_0
	newData   = 0x80              // meas_status_0
	busy      = 0x60              // meas_status_0: measuring, the gas too
	startUp   = 2 * time.Millisecond
	measuring = 15 * time.Millisecond // 3 x 1.963 ms, 9 x 0.477 ms and 1 ms (the worst case that Bosch's own driver waits), and some
	patience  = 20                    // more looks at the status, one in 5 ms
)

// runGas is what turns the gas measurement on in ctrl_gas_1, by variant.
var runGas = map[byte]byte{0: 0x10, 1: 0x20}

// stuckAfter is how many measurements alike to the last bit are too many.
const stuckAfter = 10

// sensor is one chip on a bus.
type sensor struct {
	*chip.Chip
	air     chip.Air
	heater  float64 // °C; 0: off
	heating time.Duration
	quality quality

	ready       bool            // it has our settings and frame has its calibration
	frame       [frameSize]byte // calibration, then the last measurement
	calibration *calibration
	ambient     float64 // the last temperature, which the heater's word depends on
	alike       int     // how often the last measurement was the same as the one before
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
	if err := s.Wait(ctx, startUp); err != nil {
		return err
	}
	for _, b := range []struct {
		register byte
		to       []byte
	}{
		{regHeater, s.frame[:variantAt]},
		{regVariant, s.frame[variantAt:block1]},
		{regCalibration1, s.frame[block1:block2]},
		{regCalibration2, s.frame[block2:data]},
	} {
		if err := s.Read(ctx, []byte{b.register}, b.to); err != nil {
			return err
		}
	}
	c, err := parse(s.frame[:])
	if err != nil {
		return fmt.Errorf("%s: %w", s, err)
	}
	if s.calibration == nil || *s.calibration != *c { // another chip, of which nothing is known
		s.calibration, s.quality = c, quality{}
	}
	control := s.control()
	for i, register := range []byte{regCtrlGas0, regCtrlGas1, regCtrlHum} {
		if err := s.Write(ctx, register, control[i]); err != nil {
			return err
		}
	}
	if err := s.Write(ctx, regGasWait0, gasWait(s.heating)); err != nil {
		return err
	}
	if err := s.measure(ctx); err != nil {
		return err
	}
	s.ready = true
	return nil
}

// control is what the registers from ctrl_gas_0 on must be after a measurement; the fourth is none of ours.
func (s *sensor) control() [6]byte {
	if s.heater == 0 {
		return [6]byte{heaterOff, 0, humidity1, 0, others1, 0}
	}
	return [6]byte{0, runGas[s.frame[variantAt]], humidity1, 0, others1, 0}
}

// gasWait is the word for gas_wait_0: milliseconds of six bits times 4^f.
func gasWait(d time.Duration) byte {
	ms, factor := d.Milliseconds(), byte(0)
	for ms > 63 {
		ms /= 4
		factor++
	}
	return factor<<6 | byte(ms)
}

// measure makes one measurement and reads it into the frame.
func (s *sensor) measure(ctx context.Context) error {
	wait, heat := measuring, byte(0)
	if s.heater != 0 {
		wait, heat = wait+s.heating, s.calibration.heat(s.heater, s.ambient)
	}
	if err := s.Write(ctx, regResHeat0, heat); err != nil {
		return err
	}
	if err := s.Write(ctx, regCtrlMeas, others1|forced); err != nil {
		return err
	}
	if err := s.idle(ctx, wait); err != nil {
		return err
	}
	if err := s.kept(ctx, heat); err != nil {
		return err
	}
	last := s.frame
	if err := s.Read(ctx, []byte{regData}, s.frame[data:]); err != nil {
		return err
	}
	if _, t, _, _ := words(s.frame[variantAt], s.frame[data:]); t != skipped20 {
		s.ambient = float64(celsius100(s.calibration.fine(int64(t)))) / 100
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

// idle waits for so long, and then until the chip has something new and nothing to do.
func (s *sensor) idle(ctx context.Context, first time.Duration) error {
	var r [1]byte
	for wait, n := first, 0; n <= patience; wait, n = 5*time.Millisecond, n+1 {
		if err := s.Wait(ctx, wait); err != nil {
			return err
		}
		if err := s.Tx(ctx, []byte{regStatus}, r[:]); err != nil {
			return err
		}
		if r[0]&(busy|newData) == newData {
			return nil
		}
	}
	return fmt.Errorf("%s: it is still busy (status 0x%02x) long after it should have measured; check its power: %w", s, r[0], drivers.ErrNoReply)
}

// kept checks that the chip measured by our settings: one that lost its power or was exchanged has forgotten them.
func (s *sensor) kept(ctx context.Context, heat byte) error {
	var r [6]byte
	if err := s.Tx(ctx, []byte{regCtrlGas0}, r[:]); err != nil {
		return err
	}
	r[3] = 0
	var profile [regGasWait0 - regResHeat0 + 1]byte
	if err := s.Tx(ctx, []byte{regResHeat0}, profile[:]); err != nil {
		return err
	}
	if r != s.control() || profile[0] != heat || profile[len(profile)-1] != gasWait(s.heating) {
		return fmt.Errorf("%s: it has lost its settings and is set up again; check its power if that goes on: %w", s, drivers.ErrFrame)
	}
	return nil
}
