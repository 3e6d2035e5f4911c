package control

import (
	"errors"
	"strings"
	"testing"
	"time"

	"sunwire/bridge/config"
	"sunwire/drivers"
)

func TestAWriteIsAcknowledgedReadBackAndTold(t *testing.T) {
	run(t, settings(config.Safe), func(r *rig) {
		got := r.set("priority", "SBU")
		want := Result{Time: now26(), Device: "inverter", Key: "priority", Source: MQTT, Old: "Solar", New: "SBU", Now: "SBU", Result: Done}
		if got != want {
			t.Errorf("%+v\nwant %+v", got, want)
		}
		r.expect(r.set("buzzer", "OFF"), Done, "")
		r.expect(r.set("charge_current", "50"), Done, "")
		r.expect(r.set("grid_current", "2"), Done, "")
		r.expect(r.set("beep", "PRESS"), Done, "")
		r.wrote("priority=SBU", "buzzer=OFF", "charge_current=50", "grid_current=2", "beep=")
		if n := r.w.Today(now26()); n != 5 || len(r.w.Recent()) != 5 || r.w.Recent()[4] != want {
			t.Errorf("%d today, recent %+v", n, r.w.Recent())
		}
	})
}

func TestWhatTheDeviceSaysDecidesWhatIsTold(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer error
		shows  string // afterwards; "" it cannot be read
		want   Outcome
		reason string
	}{
		{"refused", drivers.ErrRefused, "Solar", Rejected, "does not take it"},
		{"silent", drivers.ErrNoReply, "Solar", Failed, "no reply"},
		{"silent for good", drivers.ErrNoReply, "", Failed, "no reply"},
		{"silent but taken", drivers.ErrNoReply, "SBU", Unconfirmed, "did not acknowledge"},
		{"damaged", drivers.ErrFrame, "Solar", Failed, ""},
		{"acknowledged, another value", nil, "Utility", Contradicted, "another value"},
		{"acknowledged, the old value", nil, "Solar", Contradicted, "another value"},
		{"acknowledged, not read", nil, "", Unconfirmed, "could not be asked"},
		{"acknowledged and read back", nil, "SBU", Done, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, settings(config.Safe), func(r *rig) {
				r.answer = func(string, drivers.Value) error {
					if r.mute = c.shows == ""; !r.mute {
						r.device["priority"] = drivers.Text(c.shows)
					}
					return c.answer
				}
				got := r.set("priority", "SBU")
				r.expect(got, c.want, c.reason)
				if got.Now != c.shows {
					t.Errorf("shows %q, want %q", got.Now, c.shows)
				}
				r.wrote("priority=SBU") // once: there is no second try
			})
		})
	}
}

func TestWhatIsOutOfBoundsIsRefused(t *testing.T) {
	cfg := settings(config.Full)
	lo, hi := 20.0, 80.0
	cfg.Limits = map[string]config.Limit{"charge_current": {Min: &lo, Max: &hi}, "bulk": {Max: new(57.0)}, "cut_off": {Min: new(1.0), Max: new(99.0)}}
	cfg.Entities = map[string]config.Entity{"beep": {Scale: 2}, "buzzer": {Scale: 1, Offset: -1}}
	run(t, cfg, func(r *rig) {
		for _, c := range []struct{ key, value, reason string }{
			{"priority", "Utility", "none of"}, // this unit has no such choice
			{"priority", "", "none of"},
			{"buzzer", "OFF", "scale or offset"},
			{"cut_off", "48.1", "above 48.0"}, // a limit of the user's widens nothing
			{"cut_off", "39.9", "below 40.0"},
			{"charge_current", "90", "above 80"},
			{"charge_current", "10", "below 20"},
			{"charge_current", "25", "steps of 10"},
			{"charge_current", "NaN", "not a number"},
			{"charge_current", "0x20", "not a number"},
			{"charge_current", "60 A", "not a number"},
			{"charge_current", "1e999", "not a number"},
			{"grid_current", "3", "none of"},
			{"float", "56.5", "above 56.4"}, // bulk
			{"float", "47", "below 48.0"},
			{"bulk", "57.1", "above 57.0"},
			{"slot", "a\nb", "in one line"},
			{"slot", strings.Repeat("x", 256), "in one line"},
			{"clock", "2020-01-01 00:00:00", "only be set to now"},
			{"unlimited", "5", "not known yet"},
			{"beep", "PRESS", "scale or offset"},
			{"mode", "Line", "no setting"},
			{"nothing", "1", "there is no nothing"},
		} {
			r.expect(r.set(c.key, c.value), Refused, c.reason)
		}
		for _, key := range []string{"priority", Raw, AllowWrites, SyncClock} {
			r.expect(r.do(Command{Unit: "two", Key: key, Value: "SBU", Source: MQTT}), Refused, "there is no two/")
		}
		r.silent["bulk"] = true
		r.expect(r.set("float", "50"), Refused, "hangs on bulk")
		r.wrote()
		if r.w.Today(now26()) != 0 {
			t.Error("what was not sent was counted")
		}
	})
}

func TestWhatIsSafeStaysWithinWhatWasFoundOrAllowed(t *testing.T) {
	run(t, settings(config.Safe), func(r *rig) {
		r.expect(r.set("charge_current", "70"), Refused, "above 60")
		r.expect(r.set("grid_current", "20"), Refused, "above 10")
		delete(r.first, "grid_current")
		r.expect(r.set("grid_current", "2"), Refused, "first contact")
	})
	cfg := settings(config.Safe)
	cfg.Limits = map[string]config.Limit{"charge_current": {Max: new(80.0)}}
	run(t, cfg, func(r *rig) {
		r.expect(r.set("charge_current", "80"), Done, "")
		r.expect(r.set("charge_current", "90"), Refused, "above 80")
	})
	run(t, settings(config.Full), func(r *rig) {
		r.expect(r.set("charge_current", "120"), Done, "")
		r.expect(r.set("buzzer", "maybe"), Refused, "neither ON nor OFF")
		r.expect(r.set("beep", "hold"), Refused, "does not press")
	})
}

func TestSafeLetsNothingThroughThatCanDoHarm(t *testing.T) {
	for key, e := range entities() {
		if e.Setting == nil || e.Setting.Risk == drivers.Safe {
			continue
		}
		value := map[string]string{"battery_type": "User", "slot": "01:00-02:00", "cut_off": "42", "float": "52", "bulk": "57"}[key]
		for _, source := range []Source{MQTT, CLI, Schedule, Clock} {
			command := Command{Key: key, Value: value, Source: source, Serial: "92932004102443"}
			run(t, settings(config.Safe), func(r *rig) {
				r.expect(r.do(command), Refused, "needs control: full")
				r.wrote()
			})
			run(t, settings(config.Off), func(r *rig) { r.expect(r.do(command), Refused, "control is off") })
			run(t, settings(config.Full), func(r *rig) {
				if got := r.do(command); (got.Result == Done) != (e.Setting.Risk == drivers.Full || source == CLI) {
					t.Errorf("%s by %s: %+v", key, source, got)
				}
			})
		}
		if e.Setting.Risk == drivers.CLIOnly {
			run(t, settings(config.Full), func(r *rig) {
				for _, serial := range []string{"", "92932004102444"} {
					r.expect(r.do(Command{Key: key, Value: value, Source: CLI, Serial: serial}), Refused, "serial number")
				}
				r.wrote()
			})
		}
	}
}

func TestEqualIsSkippedAndRepeatedIsRefused(t *testing.T) {
	run(t, settings(config.Safe), func(r *rig) {
		r.expect(r.set("priority", "Solar"), Skipped, "")
		r.expect(r.set("charge_current", "60.0"), Skipped, "")
		r.wrote()
		r.expect(r.set("priority", "SBU"), Done, "")
		time.Sleep(9 * time.Second)
		r.expect(r.set("priority", "Solar"), Refused, "wait for another 1s")
		r.expect(r.set("buzzer", "OFF"), Done, "") // another setting
		time.Sleep(time.Second)
		r.expect(r.set("priority", "Solar"), Done, "")
		r.wrote("priority=SBU", "buzzer=OFF", "priority=Solar")
	})
}

func TestOneWriteAtATimeAndOneOfASetting(t *testing.T) {
	run(t, settings(config.Safe), func(r *rig) {
		for _, c := range [][2]string{{"priority", "SBU"}, {"buzzer", "OFF"}, {"priority", "SBU"}} {
			r.w.Submit(Command{Key: c[0], Value: c[1], Source: MQTT}, r.view())
		}
		if len(r.results) != 1 || r.results[0].Result != Refused {
			t.Fatalf("%+v", r.results)
		}
		r.work()
		r.wrote("priority=SBU", "buzzer=OFF")
	})
}

func TestTheDaysWritesAreLimitedAlsoAcrossARestart(t *testing.T) {
	cfg := settings(config.Safe)
	cfg.Writes.PerSetting, cfg.Writes.PerDevice = 3, 5
	run(t, cfg, func(r *rig) {
		toggle := func(key string) Result {
			time.Sleep(time.Minute)
			on, _ := r.device[key].Bool()
			return r.set(key, drivers.Bool(!on).Format(0))
		}
		for range 2 {
			r.expect(toggle("buzzer"), Done, "")
		}
		r.answer = func(string, drivers.Value) error { return drivers.ErrRefused }
		r.expect(toggle("buzzer"), Rejected, "") // counts: what the device made of it is not known
		r.answer = nil
		r.expect(toggle("buzzer"), Refused, "3 are allowed")
		r.start(cfg)
		r.expect(r.set("priority", "SBU"), Refused, "just been opened")
		time.Sleep(settle)
		r.expect(toggle("buzzer"), Refused, "3 are allowed")
		r.expect(r.set("priority", "SBU"), Done, "")
		r.expect(r.do(Command{Key: "charge_current", Value: "50", For: time.Hour, Source: MQTT}), Refused, "5 are allowed") // it would be two
		r.expect(r.set("charge_current", "50"), Done, "")
		r.expect(r.set("grid_current", "2"), Refused, "5 are allowed")
		if r.w.Today(now26()) != 5 {
			t.Errorf("%d today", r.w.Today(now26()))
		}
		time.Sleep(24 * time.Hour)
		if r.w.Today(now26()) != 0 {
			t.Errorf("%d the day after", r.w.Today(now26()))
		}
		r.expect(toggle("buzzer"), Done, "")
	})
}

func TestAClockThatGoesBackForgetsNoWrites(t *testing.T) {
	s := State{Day: "2026-11-23", Total: 7, Wrote: map[string]Wrote{"a": {Count: 7}}}
	for _, now := range []time.Time{
		time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC), time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 11, 23, 23, 0, 0, 0, time.UTC),
	} {
		if got := s.on(now, time.Second); got.Total != 7 || got.Wrote["a"].Count != 7 {
			t.Errorf("at %v: %+v", now, got)
		}
	}
	if got := s.on(time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC), time.Second); got.Total != 0 || got.Wrote["a"].Count != 0 {
		t.Errorf("the day after: %+v", got)
	}
}

func TestNothingIsWrittenWhileAnythingIsUncertain(t *testing.T) {
	for name, c := range map[string]struct {
		make   func(r *rig)
		reason string
	}{
		"just linked":        {func(r *rig) { r.linked = now26().Add(-29 * time.Second) }, "another 1s"},
		"no link":            {func(r *rig) { r.linked = time.Time{} }, "link is down"},
		"not there":          {func(r *rig) { r.present = false }, "does not answer"},
		"mode not known":     {func(r *rig) { r.silent["mode"] = true }, "mode"},
		"values from before": {func(r *rig) { r.linked, r.old = now26().Add(-time.Minute), 61*time.Second }, "mode"},
		"value not known":    {func(r *rig) { r.silent["priority"] = true }, "what priority is"},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, settings(config.Safe), func(r *rig) {
				c.make(r)
				r.expect(r.set("priority", "SBU"), Refused, c.reason)
			})
			run(t, settings(config.Safe), func(r *rig) { // and also when it comes to be so while the command waits
				r.w.Submit(Command{Key: "priority", Value: "SBU", Source: MQTT}, r.view())
				c.make(r)
				r.work()
				r.expect(r.results[0], Refused, c.reason)
				r.wrote()
			})
		})
	}
	run(t, settings(config.Safe), func(r *rig) {
		r.w.Submit(Command{Key: "priority", Value: "SBU", Source: MQTT}, r.view())
		time.Sleep(patience + time.Second)
		r.work()
		r.expect(r.results[0], Refused, "busy for too long")
		r.w.Submit(Command{Key: "priority", Value: "SBU", Source: MQTT}, r.view())
		r.w.Drop(errors.New("the link went down"), now26())
		r.expect(r.results[1], Refused, "went down")
		r.work()
		r.wrote()
	})
}

func TestADryRunDoesAllButTheWrite(t *testing.T) {
	cfg := settings(config.Safe)
	cfg.DryRun = true
	run(t, cfg, func(r *rig) {
		r.expect(r.set("priority", "SBU"), DryRun, "")
		r.expect(r.set("priority", "Solar"), Skipped, "")
		r.expect(r.set("charge_current", "90"), Refused, "above")
		r.expect(r.do(Command{Key: "priority", Value: "SBU", For: time.Hour, Source: MQTT}), DryRun, "")
		if r.wrote(); len(r.kept.Timed) != 0 || r.w.Today(now26()) != 0 {
			t.Errorf("%+v", r.kept)
		}
	})
}

func TestTheSwitchIsOffAfterEachStart(t *testing.T) {
	cfg := settings(config.Safe)
	cfg.Arm = true
	run(t, cfg, func(r *rig) {
		r.expect(r.set("priority", "SBU"), Refused, "switched off")
		r.expect(r.set(AllowWrites, "maybe"), Refused, "neither")
		r.expect(r.set(AllowWrites, "ON"), Done, "")
		r.expect(r.set("priority", "SBU"), Done, "")
		r.start(cfg)
		if r.w.Armed() {
			t.Error("on after a start")
		}
	})
	run(t, settings(config.Safe), func(r *rig) { r.expect(r.set(AllowWrites, "ON"), Refused, "no such switch") })
}

func TestARawCommandIsOnTheListOrConfirmed(t *testing.T) {
	cfg := settings(config.Safe)
	cfg.Raw = []string{"QPIGS", "POP0[0-2]"}
	run(t, cfg, func(r *rig) {
		raw := func(command string, source Source, serial string) Result {
			time.Sleep(time.Minute)
			return r.do(Command{Key: Raw, Value: command, Source: source, Serial: serial})
		}
		r.expect(raw("QPIGS", MQTT, ""), Done, "")
		r.expect(raw("POP02", MQTT, ""), Done, "")
		for _, c := range []string{"QPIGS2", "POP03", "PF", "XQPIGS", "", "QPIGS\rPF"} {
			r.expect(raw(c, MQTT, "92932004102443"), Refused, "not on the list")
		}
		r.expect(raw("PF", CLI, ""), Refused, "confirm")
		r.expect(raw("PF", CLI, "92932004102443"), Done, "")
		r.expect(raw("POP01", CLI, ""), Done, "")
		r.answer = func(string, drivers.Value) error { return drivers.ErrNoReply }
		r.expect(raw("QPIGS", MQTT, ""), Failed, "")
		r.answer = nil
		r.expect(r.do(Command{Key: Raw, Value: "QPIGS", Source: MQTT}), Refused, "wait") // the pause
		if r.w.Today(now26()) != 5 {
			t.Errorf("%d counted", r.w.Today(now26()))
		}
	})
	run(t, settings(config.Full), func(r *rig) {
		r.expect(r.do(Command{Key: Raw, Value: "QPIGS", Source: MQTT}), Refused, "not on the list")
	})
}
