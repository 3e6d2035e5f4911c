package chip

import (
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"testing"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/drivertest"
	"sunwire/drivers/link"
)

func TestConformance(t *testing.T) {
	for _, d := range []drivers.Driver{SHT3x, SHT4x, HDC302x, SCD4x, SGP30, AHT20, MCP9808, TMP102, INA260, CCS811} {
		t.Run(d.Name, func(t *testing.T) { drivertest.Run(t, d, drivertest.Facts{}) })
	}
	t.Run("ina219", func(t *testing.T) { drivertest.Run(t, INA219, drivertest.Facts{Derived: []string{"power"}}) })
	t.Run("bh1750", func(t *testing.T) { drivertest.Run(t, BH1750, drivertest.Facts{Dark: true}) })
}

// The vectors of Sensirion's datasheets, of the HDC302x's (SNAS778), and of a real SCD4x (periph.io/x/devices/v3 v3.7.4, scd4x_test.go).
func TestTheChecksumIsSensirions(t *testing.T) {
	for data, want := range map[string]byte{"beef": 0x92, "0000": 0x81, "ffff": 0xAC, "6666": 0x93, "01a4": 0x4D, "079e": 0x09, "abcd": 0x6F} {
		b, _ := hex.DecodeString(data)
		if got := crc8(b); got != want {
			t.Errorf("%s: %#x, want %#x", data, got, want)
		}
	}
}

func TestReplies(t *testing.T) {
	for _, c := range []struct {
		d     drivers.Driver
		reply string
		want  map[string]string
	}{
		{SHT3x, "666693666693", map[string]string{"temperature": "25.00", "humidity": "40.0"}},
		{SHT4x, "666693666693", map[string]string{"temperature": "25.00", "humidity": "44.0"}}, // Sensirion's own example
		{SHT4x, "666693000081", map[string]string{"humidity": "0.0"}},                          // -6 %
		{SHT4x, "666693ffffac", map[string]string{"humidity": "100.0"}},                        // 119 %
		{HDC302x, "68c5513b8231", map[string]string{"temperature": "26.62", "humidity": "23.2"}},
		{SCD4x, "01f4336667a25eb93c", map[string]string{"co2": "500", "temperature": "25.00", "humidity": "37.0"}}, // the datasheet's (read_measurement)
		{SCD4x, "022ca3670d364d08f1", map[string]string{"co2": "556", "temperature": "25.45", "humidity": "30.1"}},
		{AHT20, "187552058e407f", map[string]string{"humidity": "45.8", "temperature": "19.45"}},
		{BH1750, "8390", map[string]string{"illuminance": "28067"}}, // the datasheet's example
		{BH1750, "0110", map[string]string{"illuminance": "227"}},
		{TMP102, "1900", map[string]string{"temperature": "25.0"}}, // SBOS397, Table 8-2
		{TMP102, "e700", map[string]string{"temperature": "-25.0"}},
		{TMP102, "c900", map[string]string{"temperature": "-55.0"}},
		{MCP9808, "c194", map[string]string{"temperature": "25.3"}}, // flags above the sign
		{MCP9808, "1ff0", map[string]string{"temperature": "-1.0"}},
		{INA219, "07d05d9a", map[string]string{"current": "0.200", "voltage": "11.98", "power": "2.40"}},
		{INA260, "1f4025800bb8", map[string]string{"current": "10.00", "voltage": "12.00", "power": "30.00"}},
	} {
		b, _ := hex.DecodeString(c.reply)
		fields, err := c.d.Decode(measurement, b)
		if err != nil {
			t.Errorf("%s %s: %v", c.d.Name, c.reply, err)
		}
		for _, f := range fields {
			if want, ok := c.want[f.Entity.Key]; ok && f.Value.Format(f.Entity.Quantity.Decimals) != want {
				t.Errorf("%s %s: %s is %s, want %s", c.d.Name, c.reply, f.Entity.Key, f.Value.Format(f.Entity.Quantity.Decimals), want)
			}
		}
	}
}

func TestWrongRepliesGiveNothing(t *testing.T) {
	for reply, d := range map[string]drivers.Driver{
		"187552058e407e":     AHT20, // checksum
		"987552058e407f":     AHT20, // busy
		"ffff":               BH1750,
		"1903":               TMP102,
		"07d05d98":           INA219, // not ready
		"07d05d9b":           INA219, // overflow
		"022ca3670d364d08f2": SCD4x,
	} {
		b, _ := hex.DecodeString(reply)
		if fields, err := d.Decode(measurement, b); !errors.Is(err, drivers.ErrFrame) {
			t.Errorf("%s %s: %v, %v", d.Name, reply, fields, err)
		}
	}
}

// bus carries one simulated chip, and notes what is written.
type bus struct {
	chip    link.Simulator
	written []string
	waited  time.Duration
}

func (b *bus) Kind() link.Kind { return link.I2C }
func (b *bus) Close() error    { return nil }
func (b *bus) Wait(ctx context.Context, d time.Duration) error {
	b.waited += d
	return ctx.Err()
}

func (b *bus) Tx(_ uint16, w, r []byte) error {
	b.written = append(b.written, hex.EncodeToString(w))
	copy(r, b.chip.Answer(w))
	return nil
}

func poll(t *testing.T, d drivers.Device) drivers.Sample {
	t.Helper()
	r, err := d.Poll(t.Context(), drivers.Query{Name: measurement})
	if err != nil {
		t.Fatal(err)
	}
	return r[0].Sample
}

func TestAnSCD4xIsToldItsAltitudeAndSelfCalibrationBeforeItMeasures(t *testing.T) {
	b := &bus{chip: SCD4x.Simulate(nil, 0)}
	d, err := SCD4x.Open(b, 0, &SCD4xOptions{Altitude: new(1950), SelfCalibration: new(bool)})
	if err != nil {
		t.Fatal(err)
	}
	poll(t, d)
	want := []string{"e4b8", "", "3f86", "2427079e09", "2416000081", "21b1", "e4b8", "", "ec05", ""} // 1950 m is the datasheet's example
	if !slices.Equal(b.written, want) {
		t.Errorf("%q, want %q", b.written, want)
	}
	b = &bus{chip: SCD4x.Simulate(nil, 0)}
	if d, err = SCD4x.Open(b, 0, SCD4x.Config()); err != nil {
		t.Fatal(err)
	}
	poll(t, d)
	if slices.ContainsFunc(b.written, func(w string) bool { return len(w) > 4 }) {
		t.Errorf("settings are written that nobody asked for: %q", b.written)
	}
	if _, err := SCD4x.Open(b, 0, &SCD4xOptions{Altitude: new(8848)}); err == nil {
		t.Error("an altitude that it cannot take")
	}
}

// The datasheet's table (SBOS397, Table 8-2) for 12 bits.
func TestATMP102GivesItsTableToTheLastBit(t *testing.T) {
	for word, want := range map[string]float64{
		"7ff0": 127.9375, "6400": 100, "5000": 80, "4b00": 75, "3200": 50, "1900": 25, "0040": 0.25, "0000": 0, "ffc0": -0.25, "e700": -25, "c900": -55,
	} {
		b, _ := hex.DecodeString(word)
		fields, err := TMP102.Decode(measurement, b)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := fields[0].Raw.Float(); got != want {
			t.Errorf("%s: %v, want %v", word, got, want)
		}
	}
}

// The datasheet's worked example (SBOS448, Table 8): 10 A through 2 milliohm at 11.98 V.
func TestAnINA219ReckonsTheDatasheetsExample(t *testing.T) {
	const millivolts, ourShunt = 20, 0.1 // the simulated chip's
	simulated := INA219.Simulate(room{"current": millivolts / 1000.0 / ourShunt, "voltage": 11.98}, 0)
	d, err := INA219.Open(&bus{chip: simulated}, 0, &INA219Options{Shunt: 0.002})
	if err != nil {
		t.Fatal(err)
	}
	s := poll(t, d)
	for key, want := range map[string]float64{"current": 10, "voltage": 11.98, "power": 119.8} {
		if got, _ := s.Get(key).Float(); got != want {
			t.Errorf("%s is %v, want %v", key, got, want)
		}
	}
}

func TestAnINA219ReckonsWithItsShunt(t *testing.T) {
	b := &bus{chip: INA219.Simulate(nil, 0)}
	given, err := INA219.Open(b, 0, &INA219Options{Shunt: 0.00075})
	if err != nil {
		t.Fatal(err)
	}
	plain, err := INA219.Open(b, 0, INA219.Config())
	if err != nil {
		t.Fatal(err)
	}
	x, _ := poll(t, given).Get("current").Float()
	y, _ := poll(t, plain).Get("current").Float()
	if y == 0 || x/y < 133 || x/y > 134 {
		t.Errorf("%v A and %v A, want 133 times", x, y)
	}
	if _, err := INA219.Open(b, 0, &INA219Options{}); err == nil {
		t.Error("a shunt of 0 ohm")
	}
}

func TestAGasSensorsFirstFifteenSecondsAreNotPublished(t *testing.T) {
	b := &bus{chip: SGP30.Simulate(nil, 0)}
	d, err := SGP30.Open(b, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	poll(t, d)
	if b.waited < 14*time.Second {
		t.Errorf("published after %v", b.waited)
	}
	b.waited = 0
	poll(t, d)
	if b.waited > 50*time.Millisecond {
		t.Errorf("and then %v for each", b.waited)
	}
}
