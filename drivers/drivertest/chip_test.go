package drivertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/link"
)

// chip is a made-up thermometer on a bus: register 0 has its id, 1 is 1 once it was switched on, 2 and 3 the temperature in 0.1 °C.
type chip struct{ bug string }

var chipTemperature = drivers.Entity{
	Key: "temperature", Name: "Temperature", Quantity: drivers.Temperature, Role: drivers.AirTemperature, Min: 1, Max: 80,
}

const chipID = 0x42

func (c chip) driver() drivers.Driver {
	return drivers.Driver{
		Name: "chip", Title: "A made-up chip", Family: "chip", Class: drivers.Climate, Links: []link.Kind{link.I2C},
		Paces: [3]time.Duration{time.Second, time.Minute, time.Hour},
		Open: func(l link.Conn, _ uint16, _ any) (drivers.Device, error) {
			return &chipDevice{chip: c, bus: l.(link.Bus)}, nil
		},
		Decode:   func(string, []byte) ([]drivers.Decoded, error) { return nil, drivers.ErrUnsupported },
		Simulate: func(m drivers.Model, _ uint16) link.Simulator { return &chipSimulator{model: m} },
	}
}

type chipSimulator struct {
	model drivers.Model
	on    byte
}

func (s *chipSimulator) Push() iter.Seq2[time.Duration, []byte] { return nil }

func (s *chipSimulator) Answer(written []byte) []byte {
	if len(written) == 2 && written[0] == 1 {
		s.on = written[1]
	}
	r := [4]byte{chipID, s.on}
	if v, ok := s.model.Value("", "temperature"); ok && s.on == 1 {
		f, _ := v.Float()
		word := uint16(f*10 + 0.5)
		r[2], r[3] = byte(word>>8), byte(word)
	}
	return r[min(int(written[0]), 3):]
}

type chipDevice struct {
	chip
	bus link.Bus
}

func (d *chipDevice) Describe(ctx context.Context) (drivers.Descriptor, error) {
	id, err := d.read(ctx, 0, 1)
	if err == nil && id[0] != chipID && d.bug != "id unchecked" {
		err = fmt.Errorf("chip id %#02x: %w", id[0], drivers.ErrFrame)
	}
	return drivers.Descriptor{
		Manufacturer: "Nobody", Model: "C1", Entities: []drivers.Entity{chipTemperature},
		Queries: []drivers.Query{{Name: "read", Keys: []string{"temperature"}}},
	}, err
}

func (d *chipDevice) Poll(ctx context.Context, q drivers.Query) ([]drivers.Reading, error) {
	if q.Name != "read" {
		return nil, drivers.ErrUnsupported
	}
	r, err := d.read(ctx, 0, 4)
	switch {
	case err != nil:
		return nil, err
	case r[0] != chipID && d.bug != "id unchecked":
		return nil, fmt.Errorf("chip id %#02x: %w", r[0], drivers.ErrFrame)
	case r[1] != 1:
		if err := d.tx(ctx, []byte{1, 1}, nil); err != nil {
			return nil, err
		}
		if d.bug != "believed before it is on" {
			r, err = d.read(ctx, 0, 4)
		}
	}
	if err != nil {
		return nil, err
	}
	t := drivers.Num(float64(int(r[2])<<8|int(r[3])) / 10)
	return []drivers.Reading{{Sample: drivers.Sample{{Key: "temperature", Value: t}}}}, nil
}

func (d *chipDevice) read(ctx context.Context, register byte, n int) ([]byte, error) {
	once, again := make([]byte, n), make([]byte, n)
	err := errors.Join(d.tx(ctx, []byte{register}, once), d.tx(ctx, []byte{register}, again))
	if err == nil && !bytes.Equal(once, again) && d.bug != "read once" {
		err = fmt.Errorf("two answers: %w", drivers.ErrFrame)
	}
	return once, err
}

func (d *chipDevice) tx(ctx context.Context, w, r []byte) error {
	if err := ctx.Err(); err != nil && d.bug != "deaf" {
		return err
	}
	err := d.bus.Tx(0x40, w, r)
	if err != nil && d.bug != "error without a reason" {
		return fmt.Errorf("%w: %w", drivers.ErrNoReply, err)
	}
	return err
}

func TestBugsOnABusAreCaught(t *testing.T) {
	dir := folder(t)
	for bug, law := range map[string]string{
		"":                         "",
		"id unchecked":             "bus",
		"believed before it is on": "bus",
		"read once":                "bus",
		"error without a reason":   "bus",
		"deaf":                     "calls",
	} {
		found := findingsOf(chip{bug}.driver(), Facts{}, dir, true)
		delete(found, "recordings") // it has none
		if law == "" && len(found) > 0 || law != "" && len(found[law]) == 0 {
			t.Errorf("%q: %v", bug, found)
		}
	}
}
