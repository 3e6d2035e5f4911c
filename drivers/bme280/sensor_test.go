package bme280

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/link"
)

// resets counts the resets of the chip.
func resets(b *bus) *int {
	n := new(int)
	was := b.hook
	b.hook = func(i int, w, r []byte) error {
		if bytes.Equal(w, []byte{regReset, resetWord}) {
			*n++
		}
		if was != nil {
			return was(i, w, r)
		}
		return nil
	}
	return n
}

func TestAStuckSensorGivesNoValueUntilItIsSetUpAgain(t *testing.T) {
	b := onBus(living)
	stuck := true
	b.hook = func(_ int, w, r []byte) error {
		if stuck && w[0] == regData {
			copy(r, unhex(t, "4a52c08096c07a76"))
		}
		return nil
	}
	n := resets(b)
	d := device(t, b, nil)
	for i := range stuckAfter - 1 {
		if _, err := poll(t, d); err != nil || *n != 1 {
			t.Fatalf("poll %d: %v, %d resets", i, err, *n)
		}
	}
	if s, err := poll(t, d); !errors.Is(err, drivers.ErrFrame) || !strings.Contains(err.Error(), "stuck") {
		t.Fatalf("%v, %v", s, err)
	}
	if s, err := poll(t, d); !errors.Is(err, drivers.ErrFrame) || *n != 2 {
		t.Fatalf("the same after a reset: %v, %v, %d resets", s, err, *n)
	}
	stuck = false
	has(t, mustPoll(t, d), "temperature", "21.37")
	if *n != 3 {
		t.Errorf("%d resets, want 3", *n)
	}
}

func TestASampleTwiceTheSameIsNotStuck(t *testing.T) {
	b := onBus(living)
	n := 0
	b.hook = func(_ int, w, r []byte) error {
		if w[0] == regData {
			set(w, r, regData, 0x4A, byte(n/8)<<4, 0) // each measurement is read twice: four alike, then another
			n++
		}
		return nil
	}
	d := device(t, b, nil)
	for range 5 * stuckAfter {
		mustPoll(t, d)
	}
}

func TestAChipThatWasAwayIsSetUpAgain(t *testing.T) {
	b := onBus(living)
	n := resets(b)
	d := device(t, b, nil)
	mustPoll(t, d)
	away := b.chips
	b.chips = nil
	if _, err := d.Describe(t.Context()); err == nil {
		t.Error("described though away")
	}
	b.chips = away
	mustPoll(t, d)
	if *n != 2 {
		t.Errorf("%d resets, want 2", *n)
	}
	if _, err := d.Describe(t.Context()); err != nil {
		t.Error(err)
	}
	mustPoll(t, d)
	if *n != 2 {
		t.Errorf("%d resets after a mere description, want 2", *n)
	}
}

func TestAnotherRoomsSensorNeverStandsInForOneThatIsGone(t *testing.T) {
	b := onBus(living)
	d := device(t, b, nil)
	mustPoll(t, d)
	b.chips = map[uint16]link.Simulator{0x77: bme.simulate(room{"temperature": 5}, 0)}
	for range 3 {
		if s, err := poll(t, d); !errors.Is(err, drivers.ErrNoReply) {
			t.Errorf("%v, %v", s, err)
		}
	}
}

func TestTheImplausibleIsNotPublishedAndSetsTheSensorUpAgain(t *testing.T) {
	for name, damage := range map[string]func(w, r []byte){
		"all ones":     func(w, r []byte) { fill(w, r, regData, 0xFF) },
		"all zero":     func(w, r []byte) { fill(w, r, regData, 0) },
		"not measured": func(w, r []byte) { set(w, r, regData, 0x80, 0, 0, 0x80, 0, 0, 0x80, 0) },
		"200 hPa":      func(w, r []byte) { set(w, r, regData, 0xF0, 0, 0) },
		"1200 hPa":     func(w, r []byte) { set(w, r, regData, 0x20, 0, 0) },
		"90 °C":        func(w, r []byte) { set(w, r, regData, 0x4A, 0, 0, 0xC0) },
		"blank words":  func(w, r []byte) { fill(w, r, regCalibration1, 0) },
		"blank H":      func(w, r []byte) { fill(w, r, regCalibration2, 0xFF) },
		"settings":     func(w, r []byte) { set(w, r, regCtrlHum, 0) },
	} {
		b := onBus(living)
		damaged := false
		b.hook = func(_ int, w, r []byte) error {
			if damaged {
				damage(w, r)
			}
			return nil
		}
		n := resets(b)
		d := device(t, b, nil)
		mustPoll(t, d)
		damaged = true
		d.ready = !strings.HasPrefix(name, "blank") // those are read at set-up only
		for range 3 {
			if s, err := poll(t, d); !errors.Is(err, drivers.ErrFrame) {
				t.Errorf("%s: %v, %v", name, s, err)
			}
		}
		damaged = false
		before := *n
		has(t, mustPoll(t, d), "temperature", "21.37")
		if *n != before+1 {
			t.Errorf("%s: %d resets after it, want 1", name, *n-before)
		}
	}
}

func fill(w, r []byte, register, v byte) {
	if w[0] == register {
		for i := range r {
			r[i] = v
		}
	}
}

func set(w, r []byte, register byte, b ...byte) {
	if w[0] == register {
		copy(r, b)
	}
}

func TestAByteDamagedOnTheBusIsNeverBelieved(t *testing.T) {
	b := onBus(living)
	want := mustPoll(t, device(t, b, nil))
	whole := b.count
	for at := 1; at <= whole; at++ {
		for _, bit := range []byte{0x01, 0x10, 0x80} {
			b := onBus(living)
			b.hook = func(n int, _, r []byte) error {
				if n == at && len(r) > 0 {
					r[len(r)/2] ^= bit
				}
				return nil
			}
			if s, err := poll(t, device(t, b, nil)); err == nil && fmt.Sprint(s) != fmt.Sprint(want) {
				t.Errorf("bit %#x of exchange %d gives %v, want %v or an error", bit, at, s, want)
			}
		}
	}
}

func TestAnotherChipPluggedInBetweenIsReadWithItsOwnCalibration(t *testing.T) {
	b := onBus(living)
	d := device(t, b, nil)
	mustPoll(t, d)
	other := bme.simulate(living, 0).(*registers)
	dump := unhex(t, spiCapture)
	copy(other.At[regCalibration1:], dump[:block2])
	copy(other.At[regCalibration2:], dump[block2:data])
	other.calibration, _ = bme.parse(dump)
	b.chips[0x76] = other
	s, err := poll(t, d)
	if !errors.Is(err, drivers.ErrFrame) {
		t.Fatalf("%v, %v", s, err)
	}
	has(t, mustPoll(t, d), "temperature", "21.37")
}

func TestABusErrorSaysTheMendAndSetsUpAgain(t *testing.T) {
	b := onBus(living)
	whole := *onBus(living)
	mustPoll(t, device(t, &whole, nil))
	broken := errors.New("remote I/O error")
	for at := 1; at <= whole.count; at++ {
		b := onBus(living)
		b.hook = func(n int, _, _ []byte) error {
			if n == at {
				return broken
			}
			return nil
		}
		d := device(t, b, nil)
		s, err := poll(t, d)
		if at <= 2 && err == nil {
			t.Errorf("exchange %d: %v", at, s)
		}
		if !errors.Is(err, broken) || !errors.Is(err, drivers.ErrNoReply) || !strings.Contains(err.Error(), "check its power") || !strings.Contains(err.Error(), "0x76") {
			t.Errorf("exchange %d: %v", at, err)
		}
		has(t, mustPoll(t, d), "temperature", "21.37")
	}
	b.hook = func(int, []byte, []byte) error { return link.ErrLost }
	if _, err := poll(t, device(t, b, nil)); !errors.Is(err, link.ErrLost) || errors.Is(err, drivers.ErrNoReply) || b.count != 1 {
		t.Errorf("lost: %v after %d exchanges", err, b.count)
	}
}

func TestAChipThatNeverFinishesIsGivenUp(t *testing.T) {
	b := onBus(living)
	b.hook = func(_ int, w, r []byte) error {
		if w[0] == regCtrlHum && len(r) > 1 {
			r[1] |= 0x08
		}
		return nil
	}
	if s, err := poll(t, device(t, b, nil)); !errors.Is(err, drivers.ErrNoReply) || !strings.Contains(err.Error(), "busy") {
		t.Errorf("%v, %v", s, err)
	}
	if b.waited > 50*time.Millisecond {
		t.Errorf("waited %v", b.waited)
	}
}

func TestACancelledContextIsObeyedAtOnce(t *testing.T) {
	b := onBus(living)
	d := device(t, b, nil)
	for waits := 1; waits <= 3; waits++ { // in the reset, the first measurement and the second
		ctx, cancel := context.WithCancel(t.Context())
		left := waits
		b.wait = func() {
			if left--; left == 0 {
				cancel()
			}
		}
		d.ready = false
		s, err := d.Poll(ctx, drivers.Query{Name: burst})
		if !errors.Is(err, context.Canceled) || s != nil {
			t.Errorf("cancelled in wait %d: %v, %v", waits, s, err)
		}
		if d.ready != (waits == 3) {
			t.Errorf("cancelled in wait %d: ready is %v", waits, d.ready)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b.count = 0
	if _, err := d.Poll(ctx, drivers.Query{Name: burst}); !errors.Is(err, context.Canceled) || b.count != 0 {
		t.Errorf("%v after %d exchanges", err, b.count)
	}
	if _, err := d.Describe(ctx); !errors.Is(err, context.Canceled) || b.count != 0 {
		t.Errorf("describe: %v after %d exchanges", err, b.count)
	}
}

func TestAMeasurementCostsTenMillisecondsAndFourExchanges(t *testing.T) {
	b := onBus(living)
	d := device(t, b, nil)
	mustPoll(t, d)
	b.count, b.waited = 0, 0
	mustPoll(t, d)
	if b.count != 4 || b.waited != 10*time.Millisecond {
		t.Errorf("%d exchanges and %v", b.count, b.waited)
	}
}

func TestAnUnknownQueryIsUnsupported(t *testing.T) {
	if _, err := device(t, onBus(living), nil).Poll(t.Context(), drivers.Query{Name: "QPIGS"}); !errors.Is(err, drivers.ErrUnsupported) {
		t.Error(err)
	}
}
