package control

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"sunwire/bridge/config"
	"sunwire/drivers"
)

// pass lets time pass as the line does: it looks each second.
func (r *rig) pass(d time.Duration) {
	for end := now26().Add(d); now26().Before(end); {
		time.Sleep(time.Second)
		if r.w.Due(now26()) {
			r.w.Tick(r.view())
			r.work()
		}
	}
}

func (r *rig) setFor(key, value string, d time.Duration) Result {
	r.t.Helper()
	return r.do(Command{Key: key, Value: value, For: d, Source: MQTT})
}

func (r *rig) shows(key, want string) {
	r.t.Helper()
	if got := r.device[key].Format(-1); got != want {
		r.t.Errorf("%s is %s, want %s", key, got, want)
	}
}

func TestATimedSettingGoesBack(t *testing.T) {
	run(t, settings(config.Safe), func(r *rig) {
		r.expect(r.setFor("priority", "SBU", 2*time.Hour), Done, "")
		r.pass(2*time.Hour - 2*time.Second)
		r.shows("priority", "SBU")
		r.pass(3 * time.Second)
		r.shows("priority", "Solar")
		if last := r.w.Recent()[0]; last.Source != Schedule || last.Result != Done || len(r.kept.Timed) != 0 {
			t.Errorf("%+v, kept %+v", last, r.kept.Timed)
		}
		r.pass(3 * time.Hour)
		r.wrote("priority=SBU", "priority=Solar")
		for _, c := range []struct {
			key, value string
			d          time.Duration
		}{{"priority", "SBU", time.Second}, {"priority", "SBU", 169 * time.Hour}, {"beep", "PRESS", time.Hour}, {"clock", "now", time.Hour}} {
			r.expect(r.setFor(c.key, c.value, c.d), Refused, "cannot be set for")
		}
	})
}

func TestATimedSettingSurvivesARestart(t *testing.T) {
	cfg := settings(config.Safe)
	cfg.Arm = true
	run(t, cfg, func(r *rig) {
		r.set(AllowWrites, "ON")
		r.expect(r.setFor("charge_current", "50", time.Hour), Done, "")
		b, err := json.Marshal(r.kept) // as the store does
		if err != nil {
			t.Fatal(err)
		}
		r.kept = State{}
		if err := json.Unmarshal(b, &r.kept); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour) // sunwire was off when it was due
		r.start(cfg)
		r.pass(settle - 2*time.Second)
		r.shows("charge_current", "50")
		r.pass(3 * time.Second) // the way back was allowed with the way there: the switch is off now
		r.shows("charge_current", "60")
		r.wrote("charge_current=50", "charge_current=60")
	})
}

func TestAChangeByTheUserEndsATimedSetting(t *testing.T) {
	for name, change := range map[string]func(r *rig){
		"another value":     func(r *rig) { r.expect(r.set("priority", "Solar"), Done, "") },
		"the same for good": func(r *rig) { r.expect(r.set("priority", "SBU"), Skipped, "") },
		"at the device": func(r *rig) {
			r.values["priority"], r.device["priority"] = drivers.Text("Utility"), drivers.Text("Utility")
		},
		"control turned off": func(r *rig) { r.start(settings(config.Off)) },
	} {
		t.Run(name, func(t *testing.T) {
			run(t, settings(config.Safe), func(r *rig) {
				r.expect(r.setFor("priority", "SBU", time.Hour), Done, "")
				r.pass(time.Minute)
				change(r)
				n, shown := len(r.sent), r.device["priority"].Format(0)
				r.pass(2 * time.Hour)
				if r.shows("priority", shown); len(r.sent) != n || len(r.kept.Timed) != 0 {
					t.Errorf("sent %v, kept %v", r.sent, r.kept.Timed)
				}
			})
		})
	}
	run(t, settings(config.Safe), func(r *rig) { // of another setting does not
		r.expect(r.setFor("priority", "SBU", time.Hour), Done, "")
		r.expect(r.set("buzzer", "OFF"), Done, "")
		r.pass(61 * time.Minute)
		r.shows("priority", "Solar")
	})
}

func TestATimedSettingIsExtendedAndKeepsItsWayBack(t *testing.T) {
	run(t, settings(config.Safe), func(r *rig) {
		r.expect(r.setFor("charge_current", "50", time.Hour), Done, "")
		r.pass(30 * time.Minute)
		r.expect(r.setFor("charge_current", "50", time.Hour), Skipped, "")
		r.pass(50 * time.Minute)
		r.shows("charge_current", "50")
		r.expect(r.setFor("charge_current", "40", 5*time.Minute), Done, "")
		r.pass(6 * time.Minute)
		r.shows("charge_current", "60")
	})
}

func TestTheWayBackWaitsForTheDeviceAndIsTriedOnce(t *testing.T) {
	run(t, settings(config.Safe), func(r *rig) {
		r.expect(r.setFor("priority", "SBU", time.Hour), Done, "")
		r.present = false
		r.pass(2 * time.Hour)
		r.wrote("priority=SBU")
		r.present = true
		r.answer = func(string, drivers.Value) error { return drivers.ErrRefused }
		r.pass(time.Hour)
		r.wrote("priority=SBU", "priority=Solar")
		if last := r.w.Recent()[0]; last.Result != Rejected || last.Source != Schedule || len(r.results) != 2 {
			t.Errorf("%+v", r.results)
		}
	})
}

func TestWhatWasNotTakenDoesNotGoBack(t *testing.T) {
	run(t, settings(config.Safe), func(r *rig) {
		r.answer = func(string, drivers.Value) error { return drivers.ErrRefused }
		r.expect(r.setFor("priority", "SBU", time.Hour), Rejected, "")
		r.pass(2 * time.Hour)
		r.wrote("priority=SBU")
	})
}

func TestTheClockIsSetToNow(t *testing.T) {
	run(t, settings(config.Safe), func(r *rig) {
		got := r.do(Command{Key: SyncClock, Value: "PRESS", Source: MQTT})
		r.expect(got, Done, "")
		r.wrote("clock=" + now26().Format("2006-01-02T15:04:05"))
		time.Sleep(time.Minute)
		r.expect(r.do(Command{Key: SyncClock, Source: MQTT}), Skipped, "") // half a second off
		v := r.view()
		v.Delay = 1200 * time.Millisecond
		if c, err := clockValue(now, v); err != nil || c != drivers.Text(now26().Add(time.Second).Format(layout)) {
			t.Errorf("%v, %v: the delay of the wire is not made good", c, err)
		}
		v.Now = time.Date(2025, 12, 31, 23, 0, 0, 0, time.UTC)
		if _, err := clockValue(now, v); err == nil {
			t.Error("set from a clock that was never set")
		}
	})
	run(t, settings(config.Safe), func(r *rig) {
		r.answer = func(string, drivers.Value) error { return nil } // it says that it took it
		r.expect(r.do(Command{Key: SyncClock, Source: MQTT}), Contradicted, "")
	})
}

func TestTheClockIsSetByItselfOnceADayAtMost(t *testing.T) {
	cfg := settings(config.Safe)
	cfg.Clock.Sync = config.Auto
	run(t, cfg, func(r *rig) {
		r.pass(2 * time.Minute)
		if len(r.sent) != 1 || r.results[0].Source != Clock || r.results[0].Result != Done {
			t.Fatalf("%v, %+v", r.sent, r.results)
		}
		set := func(off float64) { r.device[OffsetKey], r.values[OffsetKey] = drivers.Num(off), drivers.Num(off) }
		set(-3600)
		r.start(cfg)
		r.pass(23 * time.Hour)
		if len(r.sent) != 1 {
			t.Errorf("%d times in a day", len(r.sent))
		}
		set(59)
		r.pass(2 * time.Hour)
		if len(r.sent) != 1 {
			t.Error("set although it is right enough")
		}
		set(61)
		r.pass(2 * time.Minute)
		if len(r.sent) != 2 {
			t.Error("not set after a day")
		}
	})
	synctest.Test(t, func(t *testing.T) { // this machine thinks that it is 2000
		r := newRig(t, cfg)
		early := func() View {
			v := r.view()
			v.Now = time.Now().Add(settle)
			v.Linked = time.Now().Add(-settle)
			return v
		}
		r.w.Tick(early())
		r.w.Submit(Command{Key: SyncClock, Source: MQTT}, early())
		if len(r.results) != 1 || r.results[0].Result != Refused {
			t.Errorf("%+v", r.results)
		}
		r.wrote()
	})
}

func TestWhatTheClockCannotBeSetToIsSaidOnceADay(t *testing.T) {
	cfg := settings(config.Safe)
	cfg.Clock.Sync, cfg.Arm = config.Auto, true
	run(t, cfg, func(r *rig) {
		r.pass(25 * time.Hour)
		if len(r.results) != 2 || r.results[0].Result != Refused {
			t.Errorf("%d results: %+v", len(r.results), r.results[0])
		}
	})
}

func TestAnotherDeviceInItsPlaceGetsNoWayBack(t *testing.T) {
	run(t, settings(config.Safe), func(r *rig) {
		r.expect(r.setFor("priority", "SBU", time.Hour), Done, "")
		r.w.Forget()
		r.pass(2 * time.Hour)
		if r.wrote("priority=SBU"); len(r.kept.Timed) != 0 {
			t.Errorf("%+v", r.kept.Timed)
		}
	})
}
