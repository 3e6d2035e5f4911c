package bmp180

import (
	"context"
	"encoding/hex"
	"errors"
	"testing"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/drivertest"
	"sunwire/drivers/link"
)

func TestConformance(t *testing.T) { drivertest.Run(t, Driver, drivertest.Facts{}) }

// The worked example of 3.5: 15.0 °C and 69964 Pa.
func TestTheDatasheetsExampleComesOutToTheLastDigit(t *testing.T) {
	b, _ := hex.DecodeString(boschCalibration)
	c, err := parse(b)
	if err != nil {
		t.Fatal(err)
	}
	b5, ok := c.fine(27898)
	if got := celsius10(b5); !ok || got != 150 {
		t.Errorf("%d in 0.1 °C, want 150", got)
	}
	if got := c.pascal(23843, b5, 0); got != 69964 {
		t.Errorf("%d Pa, want 69964", got)
	}
}

func TestWhatWasNotMeasuredGivesNothing(t *testing.T) {
	for _, words := range []string{"8000" + "5d2300", "6cfa" + "800000"} {
		b, _ := hex.DecodeString(boschCalibration + words)
		if fields, err := decode(burst, b); !errors.Is(err, drivers.ErrFrame) {
			t.Errorf("%s: %v, %v", words, fields, err)
		}
	}
}

func TestABlankCalibrationIsAnError(t *testing.T) {
	for word := range words {
		for _, fill := range []byte{0, 0xFF} {
			b, _ := hex.DecodeString(boschCalibration + "6cfa5d2300")
			b[2*word], b[2*word+1] = fill, fill
			if fields, err := decode(burst, b); !errors.Is(err, drivers.ErrFrame) {
				t.Errorf("word %d all %#x: %v, %v", word, fill, fields, err)
			}
		}
	}
}

// bus carries one simulated chip, whose control register is spoilt.
type bus struct {
	link.Simulator
	control byte
}

func (b *bus) Kind() link.Kind                                 { return link.I2C }
func (b *bus) Close() error                                    { return nil }
func (b *bus) Wait(ctx context.Context, _ time.Duration) error { return ctx.Err() }
func (b *bus) Tx(_ uint16, w, r []byte) error {
	copy(r, b.Answer(w))
	if len(r) > 0 && w[0] == regCtrlMeas {
		r[0] ^= b.control
	}
	return nil
}

func TestAConversionThatWasNotMadeIsNotBelieved(t *testing.T) {
	for _, spoilt := range []byte{0x20, 0x10, 0x80, 0x0E} { // still converting, the other one, other oversampling, none
		b := &bus{simulate(nil, 0), spoilt}
		d, err := open(b, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		if r, err := d.Poll(t.Context(), drivers.Query{Name: burst}); !errors.Is(err, drivers.ErrFrame) {
			t.Errorf("control ^ %#x: %v, %v", spoilt, r, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	b, _ := hex.DecodeString(boschCalibration + "6cfa5d2300")
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		if fields, err := decode(burst, b); (err == nil) != (len(fields) == len(entities)) {
			t.Fatalf("%d fields, %v", len(fields), err)
		}
	})
}
