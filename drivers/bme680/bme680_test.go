package bme680

import (
	"context"
	"encoding/hex"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/link"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// The words of a real chip and what the integers of the datasheet make of them: pimoroni/bme680-python, tests/test_compensation.py, commit
// 30fcb34 (MIT).
func TestARealChipsWordsGiveItsValues(t *testing.T) {
	c, err := parse(unhex(t, realCalibration+strings.Repeat("00", frameSize-data)))
	if err != nil {
		t.Fatal(err)
	}
	want := calibration{26041, 26469, 3, 36673, -10515, 88, 7310, -129, 30, 46, -3177, -2379, 30, 676, 1029, 0, 45, 20, 120, -100, -30, -24754, 18, 48, 1, 0}
	if *c != want {
		t.Fatalf("words %v, want %v", *c, want)
	}
	fine := c.fine(501240)
	for _, v := range []struct {
		what      string
		got, want int64
	}{
		{"t_fine", fine, 136667},
		{"temperature in 0.01 °C", celsius100(fine), 2669},
		{"pressure in Pa", c.pressure(353485, fine), 98712},
		{"humidity in 0.001 %", c.humidity(19019, fine), 42402},
		{"BME680's resistance", c.resistance(0, 0, 0), 12946860},
		{"BME688's resistance", c.resistance(1, 0, 0), 102400000},
	} {
		if v.got != v.want {
			t.Errorf("%s: %d, want %d", v.what, v.got, v.want)
		}
	}
}

// What Bosch's own driver computes for this chip: BME68x_SensorAPI's formula for the heater in floating point.
func TestTheHeatersWord(t *testing.T) {
	c, _ := parse(unhex(t, realCalibration+strings.Repeat("00", frameSize-data)))
	// (-30/16+49) (1 + (-24754/32768 0.0005 + 0.00235) 320) + 18/1024 25 = 77.34; 3.4 (77.34 4/5 / 1.096 - 25) = 106.9
	if got := c.heat(320, 25); got != 106 {
		t.Errorf("for 320 °C at 25 °C: %d", got)
	}
	for wait, want := range map[time.Duration]byte{20 * time.Millisecond: 20, 63 * time.Millisecond: 63, 64 * time.Millisecond: 0x50, 150 * time.Millisecond: 0x65, time.Second: 0xBE} {
		if got := gasWait(wait); got != want {
			t.Errorf("%v: %#x, want %#x", wait, got, want)
		}
	}
}

// bus carries one simulated chip.
type bus struct {
	chip   link.Simulator
	waited time.Duration
	hook   func(w, r []byte)
}

func (b *bus) Kind() link.Kind { return link.I2C }
func (b *bus) Close() error    { return nil }
func (b *bus) Wait(ctx context.Context, d time.Duration) error {
	b.waited += d
	return ctx.Err()
}

func (b *bus) Tx(addr uint16, w, r []byte) error {
	if addr != 0x76 {
		return errors.New("remote I/O error")
	}
	copy(r, b.chip.Answer(w))
	if b.hook != nil {
		b.hook(w, r)
	}
	return nil
}

type room map[string]float64

func (m room) Value(_, key string) (drivers.Value, bool) {
	f, ok := m[key]
	return drivers.Num(f), ok
}

func device(t *testing.T, b *bus, o *Options) drivers.Device {
	t.Helper()
	d, err := open(b, 0, o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func poll(t *testing.T, d drivers.Device) drivers.Sample {
	t.Helper()
	r, err := d.Poll(t.Context(), drivers.Query{Name: burst})
	if err != nil {
		t.Fatal(err)
	}
	return r[0].Sample
}

func TestResistancesComeOutToAThousandthInBothVariants(t *testing.T) {
	for variant, model := range models {
		dump := unhex(t, realCalibration)
		dump[variantAt] = variant
		for _, ohm := range []float64{2000, 12340, 52000, 480000, 2e6, 1.1e7} {
			b := &bus{chip: newRegisters(room{"temperature": 20, "pressure": 1000, "humidity": 40, "gas_resistance": ohm}, hex.EncodeToString(dump))}
			d := device(t, b, nil)
			if desc, err := d.Describe(t.Context()); err != nil || desc.Model != model {
				t.Errorf("%s: %+v, %v", model, desc, err)
			}
			got, _ := poll(t, d).Get("gas_resistance").Float()
			near(t, model, got, ohm, ohm/1000)
		}
	}
}

func TestAColdOrFailedCellGivesNoResistance(t *testing.T) {
	for _, flags := range []byte{0x00, 0x10, 0x20} {
		b := &bus{chip: simulate(nil, 0)}
		b.hook = func(w, r []byte) {
			if len(r) > 12 && w[0] == regData {
				r[12] = r[12]&^0x30 | flags
			}
		}
		s := poll(t, device(t, b, nil))
		if !s.Get("gas_resistance").Absent() || s.Get("temperature").Absent() {
			t.Errorf("flags %#x: %v", flags, s)
		}
	}
}

func TestWithoutTheHeaterThereIsNoGasAndNothingIsHeated(t *testing.T) {
	b := &bus{chip: simulate(nil, 0)}
	d := device(t, b, &Options{Heating: heaterTime})
	desc, err := d.Describe(t.Context())
	if err != nil || len(desc.Entities) != gas {
		t.Fatalf("%+v, %v", desc, err)
	}
	if s := poll(t, d); len(s) != gas {
		t.Errorf("%v", s)
	}
	if at := b.chip.(*registers).At; at[regResHeat0] != 0 || at[regCtrlGas0] != heaterOff || at[regCtrlGas1] != 0 {
		t.Error("the heater is on")
	}
	if b.waited > 50*time.Millisecond {
		t.Errorf("waited %v", b.waited)
	}
}

func TestEverySignedWordKeepsItsSign(t *testing.T) {
	dump := unhex(t, realCalibration+strings.Repeat("00", frameSize-data))
	unsigned := []int{t1, p1, p10, h1, h2, h6, heatRange}
	for i, k := range coefficients {
		b := slices.Clone(dump)
		b[k.at] = 0x80
		if k.at > variantAt && k.at+1 < data {
			b[k.at+1] = 0x80
		}
		b[block2+2] = 0x20 // H1 is not blank
		c, err := parse(b)
		if err != nil {
			t.Fatal(err)
		}
		if want := !slices.Contains(unsigned, i); (c[i] < 0) != want {
			t.Errorf("%s is %d", k.name, c[i])
		}
	}
}

func TestAChipThatMeasuredByOtherSettingsIsNotBelieved(t *testing.T) {
	for _, register := range []byte{regCtrlGas0, regCtrlGas1, regCtrlHum, regCtrlMeas, regConfig, regResHeat0, regGasWait0} {
		b := &bus{chip: simulate(nil, 0)}
		d := device(t, b, nil)
		poll(t, d)
		b.hook = func(w, r []byte) {
			if len(w) == 1 && int(register) >= int(w[0]) && int(register-w[0]) < len(r) {
				r[register-w[0]] ^= 0x40
			}
		}
		if s, err := d.Poll(t.Context(), drivers.Query{Name: burst}); !errors.Is(err, drivers.ErrFrame) {
			t.Errorf("register %#x: %v, %v", register, s, err)
		}
		b.hook = nil
		poll(t, d)
	}
}

func TestTheRelativeIndexComparesWithTheBestAfterBurningIn(t *testing.T) {
	m := room{"temperature": 20, "pressure": 1000, "humidity": 40, "gas_resistance": 100000}
	d := device(t, &bus{chip: simulate(m, 0)}, nil)
	for n := range burnIn {
		if s := poll(t, d); !s.Get("air_quality_index").Absent() {
			t.Fatalf("an index after %d measurements", n+1)
		}
	}
	for _, c := range []struct{ ohm, want float64 }{{100000, 0}, {25000, 75}, {200000, 0}, {100000, 50}} {
		m["gas_resistance"] = c.ohm
		got, ok := poll(t, d).Get("air_quality_index").Float()
		if !ok || math.Abs(got-c.want) > 1 {
			t.Errorf("at %g: %v, want %v", c.ohm, got, c.want)
		}
	}
	if name := entities[index].Name; !strings.Contains(name, "Relative") || !strings.Contains(name, "not IAQ") || !entities[index].Disabled {
		t.Errorf("%q does not say what it is, or is on by default", name)
	}
}

func TestWhatWasNotMeasuredIsAbsent(t *testing.T) {
	real := unhex(t, realCalibration)
	for dump, present := range map[string][]string{
		"564cd07a5f804a4b000000000000": {"pressure", "temperature", "humidity"},
		"8000007a5f804a4b000000000000": {"temperature", "humidity"},
		"564cd07a5f808000000000000000": {"pressure", "temperature"},
		"8000008000004a4b000000000000": nil,
	} {
		fields, err := decode(burst, append(slices.Clone(real), unhex(t, dump+"00")...))
		if (err != nil) != (present == nil) {
			t.Errorf("%s: %v", dump, err)
		}
		var got []string
		for _, f := range fields {
			if !f.Value.Absent() {
				got = append(got, f.Entity.Key)
			}
		}
		if !slices.Equal(got, present) {
			t.Errorf("%s gives %v, want %v", dump, got, present)
		}
	}
}

func TestWrongOptionsAreRefused(t *testing.T) {
	for want, o := range map[string]Options{
		"200 to 400":   {Heater: 500, Heating: heaterTime},
		"20ms to 1s":   {Heater: 320, Heating: time.Millisecond},
		"-500 to 9000": {Heating: heaterTime, Elevation: new(29032.0)},
	} {
		if _, err := open(&bus{}, 0, &o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(append(unhex(f, realCalibration), make([]byte, frameSize-data)...))
	f.Fuzz(func(t *testing.T, dump []byte) {
		fields, err := decode(burst, dump)
		if err != nil {
			if fields != nil {
				t.Fatal("values beside an error")
			}
			return
		}
		if len(fields) != len(coefficients)+index {
			t.Fatalf("%d fields", len(fields))
		}
		for _, d := range fields[len(coefficients):] {
			if d.Value.Absent() != d.Raw.Absent() {
				t.Fatalf("%s is %v (raw %v)", d.Entity.Key, d.Value, d.Raw)
			}
		}
	})
}
