package chip

import (
	"bytes"
	"context"
	"math"
	"testing"
	"testing/synctest"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/devices/v3/aht20"
	"periph.io/x/devices/v3/bh1750"
	"periph.io/x/devices/v3/ccs811"
	"periph.io/x/devices/v3/hdc302x"
	"periph.io/x/devices/v3/ina219"
	"periph.io/x/devices/v3/mcp9808"
	"periph.io/x/devices/v3/scd4x"
	"periph.io/x/devices/v3/sgp30"
	"periph.io/x/devices/v3/tmp102"

	"sunwire/drivers"
	"sunwire/drivers/link"
)

// wire is a simulated chip for periph's drivers, which are the witnesses here (docs/adr/0008-sensors.md). Where periph measures by another
// command of the chip, which gives the same words, ours is put in its place.
type wire struct {
	link.Simulator
	theirs, ours []byte
}

func (w wire) String() string                  { return "wire" }
func (w wire) SetSpeed(physic.Frequency) error { return nil }
func (w wire) Tx(_ uint16, written, read []byte) error {
	if w.theirs != nil && bytes.Equal(written, w.theirs) {
		written = w.ours
	}
	copy(read, w.Answer(written))
	return nil
}

type room map[string]float64

func (m room) Value(_, key string) (drivers.Value, bool) {
	f, ok := m[key]
	return drivers.Num(f), ok
}

// environment is what a driver of periph senses of the air.
func environment(d interface{ Sense(*physic.Env) error }, err error) (map[string]float64, error) {
	var e physic.Env
	if err == nil {
		err = d.Sense(&e)
	}
	return map[string]float64{"temperature": e.Temperature.Celsius(), "humidity": float64(e.Humidity) / float64(physic.PercentRH)}, err
}

// witnesses read the chip of that driver by periph's.
var witnesses = []struct {
	driver       drivers.Driver
	theirs, ours []byte
	read         func(ctx context.Context, b i2c.Bus) (map[string]float64, error)
}{
	{AHT20, nil, nil, func(_ context.Context, b i2c.Bus) (map[string]float64, error) {
		return environment(aht20.NewI2C(b, nil))
	}},
	{TMP102, nil, nil, func(_ context.Context, b i2c.Bus) (map[string]float64, error) {
		return environment(tmp102.NewI2C(b, 0x48, nil))
	}},
	{MCP9808, nil, nil, func(_ context.Context, b i2c.Bus) (map[string]float64, error) {
		return environment(mcp9808.New(b, &mcp9808.DefaultOpts))
	}},
	{HDC302x, []byte{0xE0, 0x00}, []byte{0x24, 0x00}, func(_ context.Context, b i2c.Bus) (map[string]float64, error) {
		return environment(hdc302x.NewI2C(b, 0x44, hdc302x.RateHertz))
	}},
	{SCD4x, nil, nil, func(_ context.Context, b i2c.Bus) (map[string]float64, error) {
		d, err := scd4x.NewI2C(b, 0x62)
		var e scd4x.Env
		if err == nil {
			err = d.Sense(&e)
		}
		return map[string]float64{"temperature": e.Temperature.Celsius(), "humidity": float64(e.Humidity) / float64(physic.PercentRH), "co2": float64(e.CO2)}, err
	}},
	{SGP30, nil, nil, func(ctx context.Context, b i2c.Bus) (map[string]float64, error) {
		d, err := sgp30.NewI2C(b, ctx)
		if err != nil {
			return nil, err
		}
		return map[string]float64{"co2_estimate": float64(d.AirQuality().CO2), "volatile_organic_compounds": float64(d.AirQuality().TVOC)}, nil
	}},
	{CCS811, nil, nil, func(_ context.Context, b i2c.Bus) (map[string]float64, error) {
		d, err := ccs811.New(b, &ccs811.DefaultOpts)
		var v ccs811.SensorValues
		if err == nil {
			err = d.SensePartial(ccs811.ReadCO2VOC, &v)
		}
		return map[string]float64{"co2_estimate": float64(v.ECO2), "volatile_organic_compounds": float64(v.VOC)}, err
	}},
	{BH1750, []byte{0x10}, []byte{0x20}, func(_ context.Context, b i2c.Bus) (map[string]float64, error) {
		d, err := bh1750.NewI2C(b, 0x23)
		if err != nil {
			return nil, err
		}
		lux, err := d.Sense()
		return map[string]float64{"illuminance": float64(lux) / float64(physic.Lumen)}, err
	}},
	{INA219, nil, nil, func(_ context.Context, b i2c.Bus) (map[string]float64, error) {
		d, err := ina219.New(b, &ina219.DefaultOpts)
		if err != nil {
			return nil, err
		}
		p, err := d.Sense()
		const shunt = 0.1 // periph has the chip compute the current, which the simulated one does not
		return map[string]float64{"voltage": float64(p.Voltage) / float64(physic.Volt), "current": float64(p.Shunt) / float64(physic.Volt) / shunt}, err
	}},
}

// within is half of the last digit that is published. Of lux periph cuts off what is behind the point.
var within = map[string]float64{"temperature": 0.05, "humidity": 0.05, "illuminance": 1, "voltage": 0.005, "current": 0.0005}

func TestPeriphReadsTheSameFromOurChips(t *testing.T) {
	for _, w := range witnesses {
		t.Run(w.driver.Name, func(t *testing.T) {
			for _, celsius := range []float64{-9.5, -0.5, 0, 21.5, 58} {
				synctest.Test(t, func(t *testing.T) { // periph sleeps by the clock
					m := room{"temperature": celsius, "humidity": 45.5, "co2": 612, "co2_estimate": 540, "volatile_organic_compounds": 85, "illuminance": 320, "voltage": 12.8, "current": celsius / 20}
					theirs, err := w.read(t.Context(), wire{w.driver.Simulate(m, 0), w.theirs, w.ours})
					if err != nil {
						t.Fatal(err)
					}
					d, err := w.driver.Open(&bus{chip: w.driver.Simulate(m, 0)}, 0, nil)
					if err != nil {
						t.Fatal(err)
					}
					ours := poll(t, d)
					for key, want := range theirs {
						got, ok := ours.Get(key).Float()
						if key == "humidity" && !ok {
							continue // of a thermometer periph says 0 %
						}
						if !ok || math.Abs(got-want) > within[key]*(1+1e-9) {
							t.Errorf("%s is %v, and %v by periph", key, got, want)
						}
					}
				})
			}
		})
	}
}
