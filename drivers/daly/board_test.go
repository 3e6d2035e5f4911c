package daly_test

import (
	"bytes"
	"errors"
	"testing"

	"sunwire/drivers"
	"sunwire/drivers/daly"
	"sunwire/drivers/link"
	"sunwire/drivers/link/simulated"
)

func sealed(b ...byte) []byte { return daly.Driver.Reseal(append(b, 0)) }

func TestACurrentBeyond276AIsRight(t *testing.T) {
	got, err := daly.Driver.Decode("soc", sealed(0xA5, 1, 0x90, 8, 2, 0x14, 0, 0, 0x80, 0xE8, 3, 0x78)) // 33000: + 300 A
	if err != nil {
		t.Fatal(err)
	}
	if f, _ := got[1].Value.Float(); got[1].Entity.Key != "current" || f != 300 || got[1].Entity.Positive != drivers.Discharging {
		t.Errorf("%s is %v", got[1].Entity.Key, f)
	}
}

func TestASleepingBoardHasNoCurrentOf3000A(t *testing.T) {
	if got, err := daly.Driver.Decode("soc", sealed(0xA5, 1, 0x90, 8, 0, 0, 0, 0, 0, 0, 0, 0)); !errors.Is(err, drivers.ErrNoReply) {
		t.Errorf("%d fields, error %v", len(got), err)
	}
}

func TestABoardThatListensToTheOtherHostIsFound(t *testing.T) {
	c, err := simulated.New(link.Serial, daly.Driver.Simulate(nil, 0x80), simulated.Options{})
	if err != nil {
		t.Fatal(err)
	}
	d, err := daly.Driver.Open(c, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Describe(t.Context()); !errors.Is(err, drivers.ErrNoReply) {
		t.Fatalf("host 40 is answered: %v", err)
	}
	desc, err := d.Describe(t.Context())
	if err != nil || len(desc.Entities) < 20 {
		t.Errorf("%d entities, error %v", len(desc.Entities), err)
	}
}

func TestASeriesWithAFrameMissingIsNone(t *testing.T) {
	sim := daly.Driver.Simulate(nil, 0)
	series := sim.Answer(sealed(0xA5, 0x40, 0x95, 8, 0, 0, 0, 0, 0, 0, 0, 0))
	if len(series) != 6*13 {
		t.Fatalf("%d bytes", len(series))
	}
	for n := range 5 {
		holed := append(bytes.Clone(series[:n*13]), series[(n+1)*13:]...)
		if got, err := daly.Driver.Decode("cells", holed); err == nil && n > 0 {
			t.Errorf("without frame %d: %d fields", n+1, len(got))
		}
	}
}
