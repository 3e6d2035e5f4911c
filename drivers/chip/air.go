package chip

import (
	"fmt"
	"math"

	"sunwire/drivers"
)

// Air is what the configuration can say of a sensor of the air.
type Air struct {
	Elevation *float64 `yaml:"elevation" doc:"metres above sea level, -500 to 9000; when given, sea_level_pressure is published too"`
	Offsets   Offsets  `yaml:"offsets" doc:"added to what the sensor says"`
}

// Offsets are added to what the sensor says.
type Offsets struct {
	Temperature float64 `yaml:"temperature" doc:"in °C; -0.4 for a sensor that reads 0.4 °C too warm"`
	Humidity    float64 `yaml:"humidity" doc:"in percentage points; the result is kept within 0 to 100"`
	Pressure    float64 `yaml:"pressure" doc:"in hPa, at the sensor's place"`
}

// Correct adds the offset of that key. Relative humidity ends at 0 and 100, as it does in the chips' own formulas.
func (o *Offsets) Correct(key string, f float64) float64 {
	switch key {
	case "temperature":
		return f + o.Temperature
	case "humidity":
		return min(max(f+o.Humidity, 0), 100)
	case "pressure":
		return f + o.Pressure
	}
	return f
}

// SeaLevelPressure is what Air makes of the pressure where the elevation is given.
var SeaLevelPressure = drivers.Entity{Key: "sea_level_pressure", Name: "Sea-level pressure", Quantity: drivers.AirPressure, Min: 800, Max: 1200}

// Options are the Air in a driver's options, where there are any.
func Options(name string, options any) (Air, error) {
	var a Air
	switch o := options.(type) {
	case nil:
	case *Air:
		if o != nil {
			a = *o
		}
	default:
		return a, fmt.Errorf("open %s: options of type %T", name, options)
	}
	if e := a.Elevation; e != nil && !(*e >= -500 && *e <= 9000) {
		return a, fmt.Errorf("open %s: elevation %g is outside -500 to 9000 m: give the sensor's height above sea level in metres", name, *e)
	}
	return a, nil
}

// Entities are those of the chip, and the sea-level pressure where it can be computed.
func (a *Air) Entities(own []drivers.Entity) []drivers.Entity {
	all := append([]drivers.Entity(nil), own...)
	if a.Elevation != nil {
		all = append(all, SeaLevelPressure)
	}
	return all
}

// Sample is what is published of decoded fields: corrected, and nothing where one of them cannot be.
func (a *Air) Sample(fields []drivers.Decoded) (drivers.Sample, error) {
	var sample drivers.Sample
	for _, d := range fields {
		if d.Value.Absent() {
			continue
		}
		e := d.Entity
		if !e.Plausible(d.Value) {
			return nil, fmt.Errorf("%s of %s %s is beyond what it can measure; it is set up again, check its power if that goes on: %w",
				e.Key, d.Value.Format(e.Quantity.Decimals), e.Quantity.Unit, drivers.ErrFrame)
		}
		raw, _ := d.Raw.Float()
		f := a.Offsets.Correct(e.Key, raw)
		sample = append(sample, drivers.Field{Key: e.Key, Value: Rounded(e, f)})
		if h := a.Elevation; h != nil && e.Role == drivers.Pressure {
			e := &SeaLevelPressure
			sample = append(sample, drivers.Field{Key: e.Key, Value: Rounded(e, atSeaLevel(f, *h))})
		}
	}
	return sample, nil
}

// Rounded is f with the decimals that e publishes: rounded once, so that a limit is not missed by a millionth.
func Rounded(e *drivers.Entity, f float64) drivers.Value {
	unit := math.Pow10(e.Quantity.Decimals)
	return drivers.Num(math.Round(f*unit) / unit)
}

// atSeaLevel reduces a pressure by the barometric formula of the international standard atmosphere (ISO 2533, ICAO Doc 7488):
//
//	p0 = p (1 - L h / T0) ^ -(g M / R L)     L 0.0065 K/m, T0 288.15 K, exponent 5.25588
//
// Weather services reduce with the temperature outdoors. This sensor mostly hangs in a room: with its own temperature the pressure would
// follow the heating, 1 hPa for 16 °C at 150 m, hence the standard one. p and the result are in one unit, elevation is in metres.
func atSeaLevel(p, elevation float64) float64 {
	return p * math.Pow(1-0.0065*elevation/288.15, -5.25588)
}
