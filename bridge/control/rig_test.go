package control

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sunwire/bridge/config"
	"sunwire/drivers"
)

// rig is a writer with a made-up device, in fake time. 26 years are added: in a bubble time begins in 2000, and such a clock was never set.
type rig struct {
	t       *testing.T
	w       *Writer
	kept    State
	results []Result
	linked  time.Time
	present bool
	silent  map[string]bool          // keys that are not known at present
	values  map[string]drivers.Value // what was last read
	device  map[string]drivers.Value // what the device has
	first   map[string]string
	sent    []string
	answer  func(key string, v drivers.Value) error // nil: it takes everything
	mute    bool                                    // it cannot be read back
	old     time.Duration                           // how old what is known is
}

func now26() time.Time { return time.Now().AddDate(26, 0, 0) }

func entities() map[string]*drivers.Entity {
	volt := drivers.Voltage
	es := []drivers.Entity{
		{Key: "mode", Platform: drivers.Enum, Options: []string{"Line"}},
		{Key: "priority", Platform: drivers.Enum, Options: []string{"Solar", "Utility", "SBU"}, Setting: &drivers.Setting{Options: []string{"Solar", "SBU"}}},
		{Key: "buzzer", Platform: drivers.Binary, Setting: &drivers.Setting{}},
		{Key: "charge_current", Quantity: drivers.Current.At(0), Min: 0, Max: 200, Setting: &drivers.Setting{Min: 0, Max: 120, Step: 10}},
		{Key: "grid_current", Quantity: drivers.Current.At(0), Min: 0, Max: 200, Setting: &drivers.Setting{Options: []string{"2", "10", "20"}}},
		{Key: "cut_off", Quantity: volt, Min: 0, Max: 70, Setting: &drivers.Setting{Min: 40, Max: 48, Step: 0.1, Risk: drivers.Full}},
		{Key: "float", Quantity: volt, Min: 0, Max: 70, Setting: &drivers.Setting{Min: 48, Max: 58.4, Step: 0.1, MinKey: "cut_off", MaxKey: "bulk", Risk: drivers.Full}},
		{Key: "bulk", Quantity: volt, Min: 0, Max: 70, Setting: &drivers.Setting{Min: 48, Max: 58.4, Risk: drivers.Full}},
		{Key: "battery_type", Platform: drivers.Enum, Options: []string{"AGM", "User"}, Setting: &drivers.Setting{Risk: drivers.CLIOnly}},
		{Key: "reset", Platform: drivers.Button, Setting: &drivers.Setting{Risk: drivers.CLIOnly}},
		{Key: "beep", Platform: drivers.Button, Setting: &drivers.Setting{}},
		{Key: "slot", Platform: drivers.Label, Setting: &drivers.Setting{Risk: drivers.Full}},
		{Key: "clock", Platform: drivers.Label, Setting: &drivers.Setting{}},
		{Key: "clock_offset", Quantity: drivers.Duration},
		{Key: "unlimited", Quantity: volt, Setting: &drivers.Setting{}},
	}
	m := map[string]*drivers.Entity{}
	for i := range es {
		m[es[i].Key] = &es[i]
	}
	return m
}

// settings is what a user wrote, at the defaults of what he did not.
func settings(control string) config.Device {
	return config.Device{
		ID: "inverter", Control: control, Writes: config.Writes{PerSetting: 50, PerDevice: 100, Pause: 10 * time.Second},
		Clock: config.Clock{Sync: config.Off, Threshold: time.Minute},
	}
}

func newRig(t *testing.T, cfg config.Device) *rig {
	r := &rig{t: t, silent: map[string]bool{}, present: true, linked: now26(), device: map[string]drivers.Value{
		"mode": drivers.Text("Line"), "priority": drivers.Text("Solar"), "buzzer": drivers.Bool(true), "charge_current": drivers.Num(60),
		"grid_current": drivers.Num(10), "cut_off": drivers.Num(44), "float": drivers.Num(54), "bulk": drivers.Num(56.4), "battery_type": drivers.Text("AGM"),
		"slot": drivers.Text("00:00-00:00"), "clock": drivers.Text("x"), "clock_offset": drivers.Num(-90), "unlimited": drivers.Num(1),
	}, first: map[string]string{"charge_current": "60", "grid_current": "10"}}
	r.start(cfg)
	time.Sleep(settle)
	return r
}

// start is a start of sunwire with what was kept.
func (r *rig) start(cfg config.Device) {
	r.values = map[string]drivers.Value{}
	maps.Copy(r.values, r.device)
	r.linked = now26()
	r.w = New(cfg, r.kept, func(s State) { r.kept = s }, func(res Result) { r.results = append(r.results, res) })
}

func (r *rig) view() View {
	es := entities()
	return View{Now: now26(), Confirm: "92932004102443", Present: r.present, Linked: r.linked, Look: func(unit, key string) (Seen, bool) {
		e := es[key]
		if e == nil || unit != "" {
			return Seen{}, false
		}
		s := Seen{Entity: e, Value: r.values[key], At: now26().Add(-r.old), First: r.first[key]}
		if r.mute { // what is known is from before the write
			s.At = s.At.Add(-time.Second)
		}
		if r.silent[key] {
			s.Value = drivers.Value{}
		}
		return s, true
	}}
}

// do submits a command and lets the line do its part; what came of it is returned.
func (r *rig) do(c Command) Result {
	r.t.Helper()
	n := len(r.results)
	r.w.Submit(c, r.view())
	r.work()
	if len(r.results) != n+1 {
		r.t.Fatalf("%d results of %+v: %+v", len(r.results)-n, c, r.results[n:])
	}
	return r.results[n]
}

func (r *rig) set(key, value string) Result {
	r.t.Helper()
	return r.do(Command{Key: key, Value: value, Source: MQTT})
}

func (r *rig) work() {
	for {
		write, ok := r.w.Next(r.view)
		if !ok {
			return
		}
		var err error
		if r.answer != nil {
			err = r.answer(write.Key, write.Set)
		}
		r.sent = append(r.sent, path(write.Unit, write.Key)+"="+write.Set.Format(-1))
		if err == nil && r.answer == nil {
			r.device[write.Key] = write.Set
			if write.Key == ClockKey {
				r.device[OffsetKey] = drivers.Num(0.5)
			}
		}
		if !r.mute {
			maps.Copy(r.values, r.device)
		}
		r.w.Finish(write, err, "", r.view())
	}
}

func (r *rig) expect(got Result, want Outcome, reason string) {
	r.t.Helper()
	if got.Result != want || !strings.Contains(got.Reason, reason) || (want == Refused) != (got.Reason != "") && want == Refused {
		r.t.Errorf("%s=%s: %s (%s), want %s (%s)", got.Key, got.New, got.Result, got.Reason, want, reason)
	}
}

func (r *rig) wrote(want ...string) {
	r.t.Helper()
	if fmt.Sprint(r.sent) != fmt.Sprint(want) {
		r.t.Errorf("sent %v, want %v", r.sent, want)
	}
}

func run(t *testing.T, cfg config.Device, f func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(newRig(t, cfg)) })
}
