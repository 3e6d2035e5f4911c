package chip

import (
	"math"
	"testing"

	"periph.io/x/conn/v3/physic"
	"periph.io/x/devices/v3/aht20"
	"periph.io/x/devices/v3/tmp102"

	"sunwire/drivers"
	"sunwire/drivers/link"
)

// wire is a simulated chip for periph's drivers, which are the witnesses here (docs/adr/0008-sensors.md).
type wire struct{ link.Simulator }

func (w wire) String() string                  { return "wire" }
func (w wire) SetSpeed(physic.Frequency) error { return nil }
func (w wire) Tx(_ uint16, written, read []byte) error {
	copy(read, w.Answer(written))
	return nil
}

type room map[string]float64

func (m room) Value(_, key string) (drivers.Value, bool) {
	f, ok := m[key]
	return drivers.Num(f), ok
}

func TestPeriphReadsTheSameFromOurChips(t *testing.T) {
	for _, celsius := range []float64{-25, -0.5, 0, 21.5, 60} {
		m := room{"temperature": celsius, "humidity": 45.5}
		a, err := aht20.NewI2C(wire{AHT20.Simulate(m, 0)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		var e physic.Env
		if err := a.Sense(&e); err != nil {
			t.Fatal(err)
		}
		if math.Abs(e.Temperature.Celsius()-celsius) > 0.001 || math.Abs(float64(e.Humidity)/float64(physic.PercentRH)-45.5) > 0.001 {
			t.Errorf("aht20: %v, %v", e.Temperature, e.Humidity)
		}
		d, err := tmp102.NewI2C(wire{TMP102.Simulate(m, 0)}, 0x48, &tmp102.Opts{SampleRate: tmp102.RateFourHertz, AlertSetting: tmp102.ModeComparator, AlertLow: physic.ZeroCelsius, AlertHigh: physic.ZeroCelsius + 80*physic.Kelvin})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Sense(&e); err != nil || e.Temperature.Celsius() != celsius {
			t.Errorf("tmp102: %v, %v", e.Temperature, err)
		}
	}
}
