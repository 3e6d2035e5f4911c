// Package bme280 reads Bosch's BME280, the usual house sensor for temperature, humidity and air pressure, on an I2C bus.
//
// Section, table and register numbers are those of the datasheet BST-BME280-DS002.
//
//	address  0x76 (SDO to ground) or 0x77 (SDO to VDDIO)
//	write    register, value [, register, value ...]
//	read     write the register, then read on from there
//
//	0x88..0xA1  calibration T1..P9, a reserved byte, H1   (Table 16)
//	0xD0        chip id, 0x60                             (5.4.1)
//	0xE0        write 0xB6: reset                         (5.4.2)
//	0xE1..0xE7  calibration H2..H6
//	0xF2        ctrl_hum   .....hhh  oversampling         (5.4.3) taken over by the next write of ctrl_meas
//	0xF3        status     ....m..u  measuring, updating  (5.4.4)
//	0xF4        ctrl_meas  tttpppmm  oversampling, mode   (5.4.5) mode 01: one measurement, then back to sleep, 00
//	0xF7..0xFE  pressure 20 bits, temperature 20 bits, humidity 16 bits, most significant byte first (5.4.7 to 5.4.9)
package bme280

import (
	"context"
	"fmt"
	"math"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/link"
)

// Driver is the BME280.
//
// Nothing on this bus has a checksum, so that there is nothing to reseal. What protects instead: the chip id, everything of meaning is
// read twice and believed only if it comes alike, the settings are read back with each measurement, and what the chip cannot mean
// (see entities) sets it up anew. It has no serial number: its place is its identity.
var Driver = drivers.Driver{
	Name:     "bme280",
	Title:    "Bosch BME280: temperature, humidity, air pressure",
	Family:   "bme280",
	Class:    drivers.Climate,
	Links:    []link.Kind{link.I2C},
	Paces:    [3]time.Duration{time.Minute, 10 * time.Minute, 24 * time.Hour},
	Config:   func() any { return new(Options) },
	Open:     open,
	Detect:   detect,
	Decode:   decode,
	Commands: func() []string { return []string{burst} },
	Simulate: simulate,
}

// Options are what the configuration can say of a BME280.
type Options struct {
	Elevation *float64 `yaml:"elevation" doc:"metres above sea level, -500 to 9000; when given, sea_level_pressure is published too"`
	Offsets   Offsets  `yaml:"offsets" doc:"added to what the sensor says"`
}

// Offsets are added to what the sensor says.
type Offsets struct {
	Temperature float64 `yaml:"temperature" doc:"in °C; -0.4 for a sensor that reads 0.4 °C too warm"`
	Humidity    float64 `yaml:"humidity" doc:"in percentage points; the result is kept within 0 to 100"`
	Pressure    float64 `yaml:"pressure" doc:"in hPa, at the sensor's place"`
}

// correct adds the offset of that key. Relative humidity ends at 0 and 100, as it does in the chip's own formula.
func (o *Offsets) correct(key string, f float64) float64 {
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

// The entities, in the order of the data registers. Limits are the chip's operating range (Table 1); the decimals are what is left
// above its noise at single oversampling (3.3 Pa, 0.07 %, 0.005 °C: 3.5.1 and Table 2).
var entities = [...]drivers.Entity{
	{Key: "pressure", Name: "Pressure", Quantity: drivers.AirPressure, Role: drivers.Pressure, Min: 300, Max: 1100},
	{Key: "temperature", Name: "Temperature", Quantity: drivers.Temperature.At(2), Role: drivers.AirTemperature, Min: -40, Max: 85},
	{Key: "humidity", Name: "Humidity", Quantity: drivers.Humidity, Role: drivers.AirHumidity, Min: 0, Max: 100},
	{Key: "sea_level_pressure", Name: "Sea-level pressure", Quantity: drivers.AirPressure, Min: 800, Max: 1200},
}

const seaLevel = len(entities) - 1 // the one that needs the elevation

// value is f with the decimals that e publishes: rounded once, so that a limit is not missed by a millionth.
func value(e *drivers.Entity, f float64) drivers.Value {
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

func open(c link.Conn, address uint16, options any) (drivers.Device, error) {
	s, err := newSensor(c, address)
	if err != nil {
		return nil, err
	}
	switch o := options.(type) {
	case nil:
	case *Options:
		if o != nil {
			s.options = *o
		}
	default:
		return nil, fmt.Errorf("open bme280: options of type %T", options)
	}
	if e := s.options.Elevation; e != nil && !(*e >= -500 && *e <= 9000) {
		return nil, fmt.Errorf("open bme280: elevation %g is outside -500 to 9000 m: give the sensor's height above sea level in metres", *e)
	}
	return s, nil
}

func detect(ctx context.Context, c link.Conn) (drivers.Match, error) {
	s, err := newSensor(c, 0)
	if err != nil {
		return drivers.Match{}, err
	}
	d, err := s.Describe(ctx)
	if err != nil {
		return drivers.Match{}, err
	}
	return drivers.Match{Confidence: 100, Descriptor: d}, nil
}

// Describe looks for the chip; it does not touch its settings.
func (s *sensor) Describe(ctx context.Context) (drivers.Descriptor, error) {
	if err := s.find(ctx); err != nil {
		return drivers.Descriptor{}, err
	}
	known := entities[:]
	if s.options.Elevation == nil {
		known = known[:seaLevel]
	}
	q := drivers.Query{Name: burst, Pace: drivers.Live}
	for i := range known {
		q.Keys = append(q.Keys, known[i].Key)
	}
	return drivers.Descriptor{
		Manufacturer: "Bosch Sensortec",
		Model:        "BME280",
		Entities:     append([]drivers.Entity(nil), known...),
		Queries:      []drivers.Query{q},
	}, nil
}

// Poll makes one measurement. After an error, whatever it was, the chip is set up anew before the next: it may be another one by then,
// with another calibration.
func (s *sensor) Poll(ctx context.Context, q drivers.Query) ([]drivers.Reading, error) {
	if q.Name != burst {
		return nil, fmt.Errorf("poll bme280: query %q: %w", q.Name, drivers.ErrUnsupported)
	}
	sample, err := s.sample(ctx)
	if err != nil {
		s.ready = s.ready && ctx.Err() != nil
		return nil, err
	}
	return []drivers.Reading{{Sample: sample}}, nil
}

func (s *sensor) sample(ctx context.Context) (drivers.Sample, error) {
	if err := s.setUp(ctx); err != nil {
		return nil, err
	}
	if err := s.measure(ctx); err != nil {
		return nil, err
	}
	fields, err := decode(burst, s.frame[:])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s, err)
	}
	var sample drivers.Sample
	for _, d := range fields {
		if d.Value.Absent() {
			continue
		}
		e := d.Entity
		if !e.Plausible(d.Value) {
			return nil, fmt.Errorf("%s: %s of %s %s is beyond what it can measure; it is set up again, check its power if that goes on: %w",
				s, e.Key, d.Value.Format(e.Quantity.Decimals), e.Quantity.Unit, drivers.ErrFrame)
		}
		raw, _ := d.Raw.Float()
		f := s.options.Offsets.correct(e.Key, raw)
		sample = append(sample, drivers.Field{Key: e.Key, Value: value(e, f)})
		if h := s.options.Elevation; h != nil && e.Role == drivers.Pressure {
			e := &entities[seaLevel]
			sample = append(sample, drivers.Field{Key: e.Key, Value: value(e, atSeaLevel(f, *h))})
		}
	}
	return sample, nil
}
