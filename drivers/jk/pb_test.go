package jk_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/jk"
	"sunwire/drivers/link"
)

// bus has packs with addresses of their own and, where it speaks, a master.
type bus struct {
	packs  map[byte]link.Simulator
	master bool
	asked  int
}

func (*bus) Kind() link.Kind                                 { return link.Serial }
func (*bus) Close() error                                    { return nil }
func (*bus) Wait(ctx context.Context, _ time.Duration) error { return ctx.Err() }
func question(a byte, register byte) []byte {
	b := []byte{a, 0x10, 0x16, register, 0, 1, 2, 0, 0}
	crc := uint16(0xFFFF)
	for _, x := range b {
		crc ^= uint16(x)
		for range 8 {
			low := crc & 1
			crc >>= 1
			if low == 1 {
				crc ^= 0xA001
			}
		}
	}
	return append(b, byte(crc), byte(crc>>8))
}

func (b *bus) Transact(ctx context.Context, r link.Request) ([]byte, error) {
	var said []byte
	switch {
	case len(r.Bytes) > 0:
		b.asked++
		if sim := b.packs[r.Bytes[0]]; sim != nil {
			said = sim.Answer(r.Bytes)
		}
	case b.master: // one turn of its round
		for a, sim := range b.packs {
			for _, register := range []byte{0x1C, 0x20} {
				q := question(a, register)
				said = append(append(said, q...), sim.Answer(q)...)
			}
		}
	}
	for silent := false; len(said) > 0; silent = true {
		skip, frame, err := r.Frame(said, silent)
		if frame != nil || err != nil {
			return frame, err
		}
		if said = said[skip:]; silent {
			break
		}
	}
	return nil, fmt.Errorf("%w", drivers.ErrNoReply)
}

func TestPacksOnOneBusAreToldByTheirAddress(t *testing.T) {
	for _, master := range []bool{false, true} {
		b := &bus{master: master, packs: map[byte]link.Simulator{1: jk.PB.Simulate(charge(20), 1), 2: jk.PB.Simulate(charge(70), 2)}}
		for address, want := range map[uint16]float64{1: 20, 2: 70} {
			d, err := jk.PB.Open(b, address, nil)
			if err != nil {
				t.Fatal(err)
			}
			desc, err := d.Describe(t.Context())
			if err != nil {
				t.Fatalf("master %v, address %d: %v", master, address, err)
			}
			rs, err := d.Poll(t.Context(), desc.Queries[0])
			if err != nil {
				t.Fatal(err)
			}
			if f, _ := rs[0].Sample.Get("state_of_charge").Float(); f != want {
				t.Errorf("master %v: pack %d has %v %%, want %v", master, address, f, want)
			}
		}
		if master != (b.asked == 0) {
			t.Errorf("master %v: asked %d times", master, b.asked)
		}
		d, _ := jk.PB.Open(b, 3, nil)
		if _, err := d.Describe(t.Context()); !errors.Is(err, drivers.ErrNoReply) {
			t.Errorf("master %v: a pack that is not there: %v", master, err)
		}
	}
}

// charge is a model with that state of charge.
type charge float64

func (c charge) Value(_, key string) (drivers.Value, bool) {
	return drivers.Num(float64(c)), key == "state_of_charge"
}

func TestASecondVoiceIsNotRaisedOverNoise(t *testing.T) {
	d, _ := jk.PB.Open(noisy{&bus{}}, 1, nil)
	if _, err := d.Describe(t.Context()); !errors.Is(err, drivers.ErrFrame) {
		t.Errorf("error %v", err)
	}
}

type noisy struct{ *bus }

func (n noisy) Transact(_ context.Context, r link.Request) ([]byte, error) {
	if len(r.Bytes) > 0 {
		return nil, errors.New("it speaks into the noise")
	}
	_, frame, err := r.Frame([]byte("what is this?"), true)
	return frame, err
}
