package bme280

import (
	"context"
	"errors"
	"testing"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/chip"
	"sunwire/drivers/link"
)

// bus carries simulated chips, by address. hook may change what is read, or fail.
type bus struct {
	chips  map[uint16]link.Simulator
	hook   func(n int, w, r []byte) error
	count  int
	waited time.Duration
	wait   func() // called before each Wait returns
}

func (b *bus) Kind() link.Kind { return link.I2C }
func (b *bus) Close() error    { return nil }

func (b *bus) Wait(ctx context.Context, d time.Duration) error {
	b.waited += d
	if b.wait != nil {
		b.wait()
	}
	return ctx.Err()
}

func (b *bus) Tx(addr uint16, w, r []byte) error {
	b.count++
	c := b.chips[addr]
	if c == nil {
		return errors.New("remote I/O error")
	}
	copy(r, c.Answer(w))
	if b.hook != nil {
		return b.hook(b.count, w, r)
	}
	return nil
}

// room is a model; NaN is absent.
type room map[string]float64

func (m room) Value(_, key string) (drivers.Value, bool) {
	f, ok := m[key]
	return drivers.Num(f), ok
}

var living = room{"temperature": 21.37, "humidity": 48.6, "pressure": 1003.2}

func onBus(m drivers.Model) *bus {
	return &bus{chips: map[uint16]link.Simulator{0x76: bme.simulate(m, 0x76)}}
}

func device(t *testing.T, b link.Conn, o *chip.Air) *sensor {
	t.Helper()
	d, err := bme.open(b, 0, o)
	if err != nil {
		t.Fatal(err)
	}
	return d.(*sensor)
}

func poll(t *testing.T, d *sensor) (drivers.Sample, error) {
	t.Helper()
	readings, err := d.Poll(t.Context(), drivers.Query{Name: burst})
	if (err == nil) != (len(readings) == 1) {
		t.Fatalf("%d readings with error %v", len(readings), err)
	}
	if err != nil {
		return nil, err
	}
	return readings[0].Sample, nil
}

func mustPoll(t *testing.T, d *sensor) drivers.Sample {
	t.Helper()
	s, err := poll(t, d)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func has(t *testing.T, s drivers.Sample, key, want string) {
	t.Helper()
	for _, e := range append(entities[:], chip.SeaLevelPressure) {
		if e.Key == key {
			if got := s.Get(key).Format(e.Quantity.Decimals); got != want {
				t.Errorf("%s is %q, want %q", key, got, want)
			}
		}
	}
}
