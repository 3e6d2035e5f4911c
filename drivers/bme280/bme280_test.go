package bme280

import (
	"errors"
	"math"
	"strings"
	"testing"

	"sunwire/drivers"
	"sunwire/drivers/chip"
	"sunwire/drivers/link"
)

func TestTheSimulatedChipSaysWhatItsModelSays(t *testing.T) {
	for _, temperature := range []float64{-40, -12.34, 0, 21.37, 22.96, 22.97, 60, 85} {
		for _, humidity := range []float64{0, 0.4, 33.3, 73.2, 99.9, 100} {
			for _, pressure := range []float64{300, 634.7, 700, 1013.2, 1100} {
				m := room{"temperature": temperature, "humidity": humidity, "pressure": pressure}
				d := device(t, onBus(m), nil)
				for range 2 { // both states of the simulated noise
					s := mustPoll(t, d)
					for _, e := range entities {
						want := drivers.Num(m[e.Key]).Format(e.Quantity.Decimals)
						if got := s.Get(e.Key).Format(e.Quantity.Decimals); got != want {
							t.Errorf("%v: %s is %s", m, e.Key, got)
						}
						if !e.Plausible(s.Get(e.Key)) {
							t.Errorf("%v: %s is beyond its limits", m, e.Key)
						}
					}
				}
			}
		}
	}
}

func TestAQuietRoomIsNotTakenForAStuckSensor(t *testing.T) {
	d := device(t, onBus(living), nil)
	for range 5 * stuckAfter {
		has(t, mustPoll(t, d), "pressure", "1003.2")
	}
}

func TestAHumidityOfTheUnmeasuredWordIsStillSimulated(t *testing.T) {
	c := bme.simulate(living, 0).(*registers).calibration
	h := c.humidity(skipped16, c.fine(float64(chip.Nearest(20, 20, func(adc float64) float64 { return c.temperature(c.fine(adc)) }))))
	s := mustPoll(t, device(t, onBus(room{"temperature": 20, "humidity": h}), nil))
	if got, ok := s.Get("humidity").Float(); !ok || got < h-0.1 || got > h+0.1 {
		t.Errorf("humidity is %v, want %v", got, h)
	}
}

func TestWhatIsAbsentInTheModelIsAbsentNotZero(t *testing.T) {
	none := math.NaN()
	s := mustPoll(t, device(t, onBus(room{"temperature": 20, "humidity": 50, "pressure": none}), nil))
	has(t, s, "pressure", "")
	has(t, s, "humidity", "50.0")
	s = mustPoll(t, device(t, onBus(room{"temperature": 20, "humidity": none, "pressure": 1000}), nil))
	has(t, s, "humidity", "")
	if s, err := poll(t, device(t, onBus(room{"temperature": none}), nil)); !errors.Is(err, drivers.ErrFrame) {
		t.Errorf("without a temperature: %v, %v", s, err)
	}
}

func TestWithoutAModelTheCapturedRoomIsSimulated(t *testing.T) {
	s := mustPoll(t, device(t, onBus(nil), nil))
	has(t, s, "temperature", "23.72")
	has(t, s, "pressure", "1009.4")
	has(t, s, "humidity", "65.3")
}

func TestEitherAddressIsFoundAndAnotherChipIsNamed(t *testing.T) {
	other := func(id byte) link.Simulator {
		c := bme.simulate(living, 0).(*registers)
		c.At[regChipID] = id
		return c
	}
	good := bme.simulate(living, 0)
	for _, c := range []struct {
		chips   map[uint16]link.Simulator
		address uint16
		want    string // in the error; "" none
		found   uint16
	}{
		{map[uint16]link.Simulator{0x76: good}, 0, "", 0x76},
		{map[uint16]link.Simulator{0x77: good}, 0, "", 0x77},
		{map[uint16]link.Simulator{0x77: good}, 0x77, "", 0x77},
		{map[uint16]link.Simulator{0x76: other(0x58), 0x77: good}, 0, "", 0x77},
		{map[uint16]link.Simulator{0x77: good}, 0x76, "0x76: register 0xd0: no reply", 0},
		{map[uint16]link.Simulator{0x76: other(0x58)}, 0, "BMP280 (chip id 0x58), not a BME280: its driver is bmp280", 0},
		{map[uint16]link.Simulator{0x77: other(0x61)}, 0, "BME680 (chip id 0x61), not a BME280: its driver is bme680", 0},
		{map[uint16]link.Simulator{0x76: other(0xFF)}, 0x76, "is no BME280 (chip id 0xff)", 0},
		{nil, 0, "i2cdetect", 0},
	} {
		d, err := bme.open(&bus{chips: c.chips}, c.address, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := d.Describe(t.Context())
		if c.want == "" {
			if err != nil || d.(*sensor).Address != c.found || got.Model != "BME280" || got.Serial != "" || len(got.Entities) != 3 {
				t.Errorf("%v at %#x: %+v, %v", c.chips, c.address, got, err)
			}
			continue
		}
		if !errors.Is(err, drivers.ErrFrame) && !errors.Is(err, drivers.ErrNoReply) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("at %#x: %v, want %q", c.address, err, c.want)
		}
	}
	if _, err := bme.open(onBus(living), 0x40, nil); err == nil {
		t.Error("a chip at 0x40 would be written to")
	}
	if m, err := Driver.Detect(t.Context(), onBus(living)); err != nil || m.Confidence != 100 {
		t.Errorf("detect: %+v, %v", m, err)
	}
	if m, err := Driver.Detect(t.Context(), &bus{}); err == nil {
		t.Errorf("detect on an empty bus: %+v", m)
	}
}

// warming is a model whose first measurement is off, as a chip's is after its reset.
type warming struct{ measurements int }

func (m *warming) Value(unit, key string) (drivers.Value, bool) {
	if key == "temperature" {
		m.measurements++
		if m.measurements == 1 {
			return drivers.Num(31), true
		}
	}
	return living.Value(unit, key)
}

func TestTheFirstSampleIsNeverPublished(t *testing.T) {
	m := new(warming)
	s := mustPoll(t, device(t, onBus(m), nil))
	has(t, s, "temperature", "21.37")
	if m.measurements != 2 {
		t.Errorf("%d measurements, want 2", m.measurements)
	}
}

func TestOffsetsAndElevation(t *testing.T) {
	elevation := 40.0
	o := &chip.Air{Elevation: &elevation, Offsets: chip.Offsets{Temperature: -0.4, Humidity: 1.5, Pressure: 0.7}}
	d := device(t, onBus(living), o)
	description, err := d.Describe(t.Context())
	if err != nil || len(description.Entities) != 4 || len(description.Queries[0].Keys) != 4 {
		t.Fatalf("%+v, %v", description, err)
	}
	s := mustPoll(t, d)
	has(t, s, "temperature", "20.97")
	has(t, s, "humidity", "50.1")
	has(t, s, "pressure", "1003.9")
	has(t, s, "sea_level_pressure", "1008.7")

	elevation = 0 // given, which is not the same as not given
	has(t, mustPoll(t, device(t, onBus(living), o)), "sea_level_pressure", "1003.9")
	o.Offsets.Humidity, o.Elevation = 60, nil
	s = mustPoll(t, device(t, onBus(living), o))
	has(t, s, "humidity", "100.0")
	has(t, s, "sea_level_pressure", "")

	high := 29032.0
	if _, err := bme.open(onBus(living), 0, &chip.Air{Elevation: &high}); err == nil || !strings.Contains(err.Error(), "metres") {
		t.Errorf("feet: %v", err)
	}
}

func TestAnOffsetIsAddedBeforeRounding(t *testing.T) {
	b := onBus(living)
	b.hook = func(_ int, w, r []byte) error {
		set(w, r, regData, unhex(t, i2cCapture)[data:]...)
		return nil
	}
	s := mustPoll(t, device(t, b, &chip.Air{Offsets: chip.Offsets{Humidity: 0.045}}))
	has(t, s, "humidity", "65.4") // 65.3061 before
}
