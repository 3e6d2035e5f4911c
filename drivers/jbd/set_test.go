package jbd_test

import (
	"context"
	"encoding/hex"
	"errors"
	"testing"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/jbd"
	"sunwire/drivers/link"
)

// cable leads to a board that shows a made-up state of its switches and alarms.
type cable struct {
	sim     link.Simulator
	mos     byte
	alarms  uint16
	answer  string // to a write; "": the simulator's
	written []string
}

func (*cable) Kind() link.Kind                                 { return link.Serial }
func (*cable) Close() error                                    { return nil }
func (*cable) Wait(ctx context.Context, _ time.Duration) error { return ctx.Err() }

func (c *cable) Transact(_ context.Context, r link.Request) ([]byte, error) {
	said := c.sim.Answer(r.Bytes)
	switch {
	case r.Bytes[1] == 0x5A:
		c.written = append(c.written, hex.EncodeToString(r.Bytes))
		if c.answer != "" {
			said, _ = hex.DecodeString(c.answer)
		}
	case r.Bytes[2] == 3:
		said[4+16], said[4+17], said[4+20] = byte(c.alarms>>8), byte(c.alarms), c.mos
		said = jbd.Driver.Reseal(said)
	}
	if said == nil {
		return nil, drivers.ErrNoReply
	}
	_, frame, err := r.Frame(said, true)
	if err == nil && frame == nil {
		err = drivers.ErrNoReply
	}
	return frame, err
}

func set(t *testing.T, c *cable, key string, on bool) error {
	t.Helper()
	c.sim = jbd.Driver.Simulate(nil, 0)
	d, err := jbd.Driver.Open(c, 0, nil)
	if err == nil {
		_, err = d.Describe(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return d.(drivers.Controller).Set(t.Context(), "", key, drivers.Bool(on))
}

// The frames are those of syssi/esphome-jbd-bms (Apache-2.0): four of its tests, and the answer heard from a JBD-SP04S034.
const (
	bothOn, chargeOff, dischargeOff, bothOff = "dd5ae1020000ff1d77", "dd5ae1020001ff1c77", "dd5ae1020002ff1b77", "dd5ae1020003ff1a77"
	taken                                    = "dde10000000077"
)

func TestOneSwitchLeavesTheOtherAsSomebodySetIt(t *testing.T) {
	const charge, discharge = "charging_allowed", "discharging_allowed"
	for _, c := range []struct {
		name   string
		mos    byte
		alarms uint16
		key    string
		on     bool
		want   string // "": it cannot be told, and nothing is written
	}{
		{"both are on", 3, 0, charge, false, chargeOff},
		{"both are on", 3, 0, discharge, false, dischargeOff},
		{"charge was turned off", 2, 1 << 12, charge, true, bothOn},
		{"charge was turned off", 2, 1 << 12, discharge, false, bothOff},
		{"discharge was turned off", 1, 1 << 12, charge, false, bothOff},
		{"both were turned off", 0, 1 << 12, charge, true, dischargeOff},
		{"both were turned off", 0, 1 << 12, discharge, true, chargeOff},
		{"the battery is full", 2, 1 << 0, discharge, false, dischargeOff},
		{"the battery is empty", 1, 1 << 3, charge, false, chargeOff},
		{"empty, and charge was turned off too", 0, 1<<12 | 1<<3, charge, true, ""},
		{"empty, and discharge was turned off too", 1, 1<<12 | 1<<3, charge, false, bothOff},
		{"off, and nobody says why", 2, 0, discharge, false, ""},
		{"off, with an alarm that does not open it", 2, 1 << 1, discharge, false, ""},
	} {
		x := &cable{mos: c.mos, alarms: c.alarms, answer: taken}
		err := set(t, x, c.key, c.on)
		switch {
		case c.want == "" && (err == nil || len(x.written) > 0):
			t.Errorf("%s: %s %v is written %q, error %v", c.name, c.key, c.on, x.written, err)
		case c.want != "" && (err != nil || len(x.written) != 1 || x.written[0] != c.want):
			t.Errorf("%s: %s %v is written %q, want %s: %v", c.name, c.key, c.on, x.written, c.want, err)
		}
	}
}

func TestABoardThatRefusesIsNotObeyed(t *testing.T) {
	if err := set(t, &cable{mos: 3, answer: "dde18000ff8077"}, "charging_allowed", false); !errors.Is(err, drivers.ErrRefused) {
		t.Errorf("status 80: %v", err)
	}
	if err := set(t, &cable{mos: 3, answer: "dd000000000077"}, "charging_allowed", false); err == nil || errors.Is(err, drivers.ErrRefused) {
		t.Errorf("an answer to another register: %v", err)
	}
}
