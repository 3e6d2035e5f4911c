package daly_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/daly"
	"sunwire/drivers/link"
)

// wired hears what is written, and answers with what a board was heard to answer.
type wired struct {
	sim     link.Simulator
	answers map[string]string // by request
	written []string
}

func (*wired) Kind() link.Kind                                 { return link.Serial }
func (*wired) Close() error                                    { return nil }
func (*wired) Wait(ctx context.Context, _ time.Duration) error { return ctx.Err() }

func (w *wired) Transact(_ context.Context, r link.Request) ([]byte, error) {
	request := strings.ToUpper(hex.EncodeToString(r.Bytes))
	said := w.sim.Answer(r.Bytes)
	if a, ok := w.answers[request]; ok {
		said, _ = hex.DecodeString(a)
	}
	if r.Bytes[2] < 0x90 || r.Bytes[2] > 0x98 {
		w.written = append(w.written, request)
	}
	if said == nil {
		return nil, drivers.ErrNoReply
	}
	_, frame, err := r.Frame(bytes.Clone(said), true)
	if err == nil && frame == nil {
		err = drivers.ErrNoReply
	}
	return frame, err
}

// heard are exchanges between the maker's program and a board (dreadnought/python-daly-bms, issue 3; MIT).
var heard = map[string]string{
	"A540D9080100000000000000C7": "A501D908010D130D210D17C0BA",
	"A540D9080000000000000000C6": "A501D908000D130D210D17C0B9",
	"A540DA080100000000000000C8": "A501DA080101000002006CBEB6",
	"A540DA080000000000000000C7": "A501DA080001000002006C443B",
}

func board(t *testing.T, w *wired) drivers.Controller {
	t.Helper()
	w.sim = daly.Driver.Simulate(nil, 0)
	d, err := daly.Driver.Open(w, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Describe(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d.(drivers.Controller)
}

func TestTheSwitchesAreWrittenAsTheMakersProgramDoes(t *testing.T) {
	w := &wired{answers: heard}
	c := board(t, w)
	for _, x := range []struct {
		key  string
		on   bool
		want string
	}{
		{"discharging_allowed", true, "A540D9080100000000000000C7"},
		{"discharging_allowed", false, "A540D9080000000000000000C6"},
		{"charging_allowed", true, "A540DA080100000000000000C8"},
		{"charging_allowed", false, "A540DA080000000000000000C7"},
	} {
		w.written = nil
		if err := c.Set(t.Context(), "", x.key, drivers.Bool(x.on)); err != nil || len(w.written) != 1 || w.written[0] != x.want {
			t.Errorf("%s %v is written %q, want %s: %v", x.key, x.on, w.written, x.want, err)
		}
	}
}

func TestABoardThatAnswersTheOtherStateDidNotTakeIt(t *testing.T) {
	w := &wired{answers: map[string]string{"A540DA080000000000000000C7": "A501DA080101000002006CBEB6"}}
	if err := board(t, w).Set(t.Context(), "", "charging_allowed", drivers.Bool(false)); !errors.Is(err, drivers.ErrRefused) {
		t.Errorf("error %v", err)
	}
}

func TestTheAnswerOfOneSwitchIsNotTheOthers(t *testing.T) {
	w := &wired{answers: map[string]string{"A540DA080100000000000000C8": heard["A540D9080100000000000000C7"]}}
	if err := board(t, w).Set(t.Context(), "", "charging_allowed", drivers.Bool(true)); err == nil {
		t.Error("the discharge switch's answer counts for the charge switch")
	}
}
