package voltronic

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sunwire/drivers"
)

// wired is p on a cable to its simulator.
func wired(t *testing.T, p *Protocol, m drivers.Model) (*device, *cable) {
	t.Helper()
	w := &cable{sim: p.simulate(m, 0), protocol: p, reply: map[string][][]byte{}}
	d, err := p.open(w, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d.(*device), w
}

// settled polls everything once, as the bridge does, and describes the device anew.
func settled(t *testing.T, d *device) drivers.Descriptor {
	t.Helper()
	desc, err := d.Describe(t.Context())
	for _, q := range desc.Queries {
		if _, perr := d.Poll(t.Context(), q); perr != nil {
			t.Fatalf("%s: %v", q.Name, perr)
		}
	}
	if err == nil {
		desc, err = d.Describe(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return desc
}

// another is a value of e that s takes and that is not now.
func another(e *drivers.Entity, now drivers.Value) drivers.Value {
	s := e.Setting
	switch e.Platform {
	case drivers.Binary:
		on, _ := now.Bool()
		return drivers.Bool(!on)
	case drivers.Enum:
		text, _ := now.Text()
		for _, o := range s.Options {
			if o != text {
				return drivers.Text(o)
			}
		}
	case drivers.Label:
		return drivers.Text("2031-12-24T18:30:15")
	case drivers.Sensor:
		for _, o := range s.Options {
			if n := numberOf(o); n != now && n != drivers.Num(0) {
				return n
			}
		}
		n, _ := now.Float()
		for _, step := range []float64{s.Step, -s.Step} {
			if v := decimals(n+step, 3); v >= s.Min && v <= s.Max {
				return drivers.Num(v)
			}
		}
		return drivers.Num(s.Min)
	default:
	}
	return drivers.Value{}
}

func numberOf(o string) drivers.Value {
	d, _ := parse([]byte(o))
	return d.value(0)
}

func TestEverySettingIsObeyedAndReadBack(t *testing.T) {
	written := 0
	for _, p := range tables() {
		d, _ := wired(t, p, nil)
		for _, e := range settled(t, d).Entities {
			if e.Setting == nil {
				continue
			}
			want := another(&e, d.value("", e.Key))
			if want.Absent() {
				continue
			}
			err := d.Set(t.Context(), "", e.Key, want)
			for _, other := range []string{e.Setting.MinKey, e.Setting.MaxKey} { // the simulator's example may leave no room
				if err != nil && other != "" && strings.Contains(err.Error(), other) {
					err = nil
					want = drivers.Value{}
				}
			}
			if err != nil {
				t.Errorf("%s: %s to %s: %v", p.Name, e.Key, want.Format(-1), err)
				continue
			}
			if want.Absent() {
				continue
			}
			written++
			readings, err := d.Poll(t.Context(), drivers.Query{Name: d.gives(e.Key)})
			if err != nil || readings[0].Sample.Get(e.Key) != want {
				t.Errorf("%s: %s was set to %s and reads %v, %v", p.Name, e.Key, want.Format(-1), readings, err)
			}
		}
	}
	t.Logf("%d settings of %d dialects written and read back", written, len(tables()))
	if written < 200 {
		t.Errorf("only %d settings", written)
	}
}

func TestASimulatorTakesEverySetterAndRefusesNonsense(t *testing.T) {
	setters := 0
	for _, p := range tables() {
		sim := p.simulate(nil, 0)
		for i := range p.Commands {
			c := &p.Commands[i]
			if len(c.Fields) > 0 {
				continue
			}
			setters++
			command := c.Code + sample(p, c)
			if found, _ := p.find(command); found != c {
				t.Errorf("%s %s is taken for %v", p.Name, command, found)
			}
			reply := sim.Answer(p.Wire.request(c, command))
			if body, _ := p.Wire.opened(c, reply, false); string(body) != "ACK" {
				t.Errorf("%s %s: %q", p.Name, command, reply)
			}
		}
		for _, nonsense := range []string{"POP99", "XYZ", "QPIGSX", "POP"} {
			reply := sim.Answer(p.Wire.request(nil, nonsense))
			if body, _ := p.Wire.opened(nil, reply, false); string(body) != "NAK" {
				t.Errorf("%s %s: %q", p.Name, nonsense, reply)
			}
		}
	}
	t.Logf("%d setters of %d dialects", setters, len(tables()))
}

// sample is an argument that c takes.
func sample(p *Protocol, c *Command) (arg string) {
	if c.args == nil {
		if c.On+c.Off != "" {
			return p.letter(c.On+c.Off, "buzzer")
		}
		return strings.NewReplacer("+", "-", "a", "G", "*", "1").Replace(c.Arg)
	}
	for _, a := range c.args {
		switch {
		case a.literal != "":
			arg += a.literal
		case a.codes != nil:
			arg += a.codes[len(a.codes)-1]
		case a.key == unitKey:
			arg += "0"
		case a.field != nil && a.field.Form == code:
			arg += string(pad(nil, a.field.Codes[0], len(a.picture)))
		default:
			arg += strings.NewReplacer("+", "-", "o", "0").Replace(a.picture)
		}
	}
	return arg
}

func TestWhatIsSentIsWhatTheManualSays(t *testing.T) {
	for _, c := range []struct {
		dialect, unit, key string
		v                  drivers.Value
		want               string
	}{
		{"pi30", "", "output_source_priority", drivers.Text("Solar, battery, utility (SBU)"), "POP02"},
		{"pi30", "", "charger_source_priority", drivers.Text("Solar only"), "PCP03"},
		{"pi30", unitPrefix + "2", "charger_source_priority", drivers.Text("Solar first"), "PPCP201"},
		{"pi30m045", "", "charger_source_priority", drivers.Text("Solar first"), "PCP00"},
		{"pi30m044", "", "charger_source_priority", drivers.Text("Solar first"), "PCP01"},
		{"pi30", "", "max_charge_current", drivers.Num(60), "MCHGC060"},
		{"pi30", "", "max_charge_current", drivers.Num(120), "MNCHGC0120"},
		{"pi30", unitPrefix + "1", "max_charge_current", drivers.Num(60), "MCHGC160"},
		{"pi30", "", "max_grid_charge_current", drivers.Num(2), "MUCHGC002"},
		{"pi30m045", "", "max_grid_charge_current", drivers.Num(30), "MUCHGC0030"},
		{"pi30", "", "bulk_voltage", drivers.Num(56.4), "PCVV56.4"},
		{"pi30", "", "battery_redischarge_voltage", drivers.Num(0), "PBDV00.0"},
		{"pi30", "", "buzzer", drivers.Bool(false), "PDa"},
		{"pi30", "", "backlight", drivers.Bool(true), "PEx"},
		{"pi30", "", "clock", drivers.Text("2026-03-01T12:34:56"), "DAT20260301123456"},
		{"pi30m045", "", "clock", drivers.Text("2026-03-01T12:34:56"), "DAT260301123456"},
		{"pi30", "", "factory_reset", drivers.Bool(true), "PF"},
		{"pi30", "", "rated_output_frequency", drivers.Num(50), "F50"},
		{"pi30", "", "battery_voltage_calibration", drivers.Text("-01"), "BTA-01"},
		{"pi30max", "", "led_brightness", drivers.Num(9), "PLEDB9"},
		{"pi18", "", "bulk_voltage", drivers.Num(55.2), "MCHGV552,540"},
		{"pi18", "", "float_voltage", drivers.Num(53.9), "MCHGV560,539"},
		{"pi18", "", "max_charge_current", drivers.Num(30), "MCHGC0,030"},
		{"pi18", "", "machine_type", drivers.Text("Grid tie"), "PEI"},
		{"pi18", "", "charger_source_priority", drivers.Text("Solar and utility"), "PCP0,1"},
		{"pi18sv", "", "buzzer", drivers.Bool(false), "PEA"}, // it mutes
		{"pi18sv", "", "overload_restart", drivers.Bool(false), "PDD"},
		{"pi17", "", "max_charge_current", drivers.Num(120), "MCHGC1200"},
		{"pi17", "", "buzzer", drivers.Bool(false), "PA1"},
		{"pi17infini", "", "buzzer", drivers.Bool(true), "PDA"},
		{"pi17", "", "max_feed_power", drivers.Num(15000), "GPMP015000"},
		{"pi17", "", "solar_priority", drivers.Text("Load, grid, battery"), "SEP02"},
	} {
		others := func(key string) drivers.Value {
			return map[string]drivers.Value{"bulk_voltage": drivers.Num(56), "float_voltage": drivers.Num(54)}[key]
		}
		if got, err := table(c.dialect).writing(c.unit, c.key, c.v, others); err != nil || got != c.want {
			t.Errorf("%s: %s = %s: %q, %v; want %s", c.dialect, c.key, c.v.Format(-1), got, err, c.want)
		}
	}
}

func TestWhatDoesNotFitIsNotSent(t *testing.T) {
	d, w := wired(t, table("pi30"), state{"max_charge_current_options": drivers.Text("10, 20, 30, 120")})
	for key, v := range map[string]drivers.Value{"output_source_priority": drivers.Text("Utility first"), "bulk_voltage": drivers.Num(56)} {
		if err := d.Set(t.Context(), "", key, v); err == nil {
			t.Errorf("%s is written before anything was read", key)
		}
	}
	desc := settled(t, d)
	w.asked = nil
	for _, c := range []struct {
		key string
		v   drivers.Value
	}{
		{"output_source_priority", drivers.Text("Moon first")},
		{"output_source_priority", drivers.Num(2)},
		{"max_charge_current", drivers.Num(40)},      // none of those that this unit takes
		{"max_charge_current", drivers.Num(19.99)},   //
		{"bulk_voltage", drivers.Num(58.5)},          //
		{"bulk_voltage", drivers.Num(53.9)},          // float is 54.0
		{"float_voltage", drivers.Num(56.5)},         // bulk is 56.4
		{"float_voltage", drivers.Num(54.05)},        // more digits than there is room for
		{"battery_cut_off_voltage", drivers.Num(46)}, // recharge is 46.0
		{"battery_recharge_voltage", drivers.Num(44)},
		{"battery_recharge_voltage", drivers.Num(46.5)},
		{"battery_redischarge_voltage", drivers.Num(47)},
		{"buzzer", drivers.Text("on")},
		{"grid_voltage", drivers.Num(230)},
		{"constant_voltage_time", drivers.Num(5)}, // is read, but no command sets it
		{"battery_type", drivers.Text("WECO")},    // its command has three
		{"battery_voltage_calibration", drivers.Text("+99")},
		{"no_such_key", drivers.Num(1)},
	} {
		if err := d.Set(t.Context(), "", c.key, c.v); err == nil || errors.Is(err, drivers.ErrRefused) {
			t.Errorf("%s = %s: %v", c.key, c.v.Format(-1), err)
		}
	}
	if err := d.Set(t.Context(), "unit_1", "bulk_voltage", drivers.Num(56)); err == nil {
		t.Error("a unit takes what only the inverter at the port can be told")
	}
	if w.asked != nil {
		t.Errorf("sent: %v", w.asked)
	}
	for key, want := range map[string]string{
		"max_charge_current": "10 120 [10 20 30 120]", "bulk_voltage": "48 58.4 []", "battery_recharge_voltage": "44 51 [44 45 46 47 48 49 50 51]",
		"battery_type": "0 0 [AGM Flooded User-defined]", "buzzer": "0 0 []",
	} {
		i := slices.IndexFunc(desc.Entities, func(e drivers.Entity) bool { return e.Key == key })
		if s := desc.Entities[i].Setting; s == nil || fmt.Sprint(s.Min, " ", s.Max, " ", s.Options) != want {
			t.Errorf("%s takes %+v, want %s", key, s, want)
		}
	}
}

func TestLimitsGoWithTheNumberOfCells(t *testing.T) {
	d, _ := wired(t, table("pi30"), state{"rated_battery_voltage": drivers.Num(24)})
	for _, e := range settled(t, d).Entities {
		switch e.Key {
		case "bulk_voltage":
			if e.Setting == nil || e.Setting.Min != 24 || e.Setting.Max != 29.2 {
				t.Errorf("%+v", e.Setting)
			}
		case "battery_recharge_voltage":
			if e.Setting == nil || !slices.Equal(e.Setting.Options, strings.Fields("22 22.5 23 23.5 24 24.5 25 25.5")) {
				t.Errorf("%+v", e.Setting)
			}
		}
	}
}

func TestOnlyThePositiveListIsSafe(t *testing.T) {
	safe := strings.Fields("output_source_priority charger_source_priority max_charge_current max_grid_charge_current buzzer buzzer_in_standby " +
		"buzzer_on_discharge backlight power_saving clock led led_speed led_effect led_brightness led_colors")
	never := strings.Fields("output_mode battery_type rated_output_frequency")
	for _, p := range tables() {
		es, _ := p.described()
		for _, e := range es {
			if s := e.Setting; s != nil && (s.Risk == drivers.Safe) != slices.Contains(safe, e.Key) ||
				s != nil && (s.Risk == drivers.CLIOnly) != slices.Contains(never, e.Key) {
				t.Errorf("%s: %s has the risk %d", p.Name, e.Key, s.Risk)
			}
		}
	}
}

func TestARefusalIsToldAndNothingIsTriedTwice(t *testing.T) {
	d, w := wired(t, table("pi18"), nil)
	settled(t, d)
	w.asked = nil
	w.reply["POP1"] = [][]byte{d.protocol.Wire.reply([]byte("NAK")), {0}}
	if err := d.Set(t.Context(), "", "output_source_priority", drivers.Text("Solar, battery, utility (SBU)")); !errors.Is(err, drivers.ErrRefused) {
		t.Error(err)
	}
	if err := d.Set(t.Context(), "", "output_source_priority", drivers.Text("Solar, battery, utility (SBU)")); err == nil {
		t.Error("written although nothing was read since")
	}
	if !slices.Equal(w.asked, []string{"POP1"}) {
		t.Error(w.asked)
	}
}
