// Package bme680 reads Bosch's BME680 and BME688: temperature, humidity, air pressure, and the resistance of a heated metal oxide that
// falls with what the air has of organic gases.
//
// Section and register numbers are those of the datasheet BST-BME680-DS001; what the BME688 does otherwise is from BST-BME688-DS000.
//
//	address  0x76 (SDO to ground) or 0x77 (SDO to VDDIO)
//	write    register, value [, register, value ...]
//	read     write the register, then read on from there
//
//	0x00 0x02 0x04  res_heat_val, res_heat_range ..rr...., range_switching_error eeee....   of the heater and the gas cell (5.3.4)
//	0x1D..0x2D      new ngm.iiii, ..., pressure 0x1F 20 bits, temperature 0x22 20 bits, humidity 0x25 16 bits,
//	                gas 0x2A rrrrrrrr rrvsgggg: resistance, valid, heater stable, range; BME688: the same at 0x2C
//	0x5A            res_heat_0, the heater's resistance             (5.3.3)
//	0x64            gas_wait_0, ffdddddd: d milliseconds times 4^f
//	0x70 0x71 0x72  ctrl_gas_0 (heater off ....1...), ctrl_gas_1 (run gas ...1...., BME688 ..1.....), ctrl_hum .....hhh
//	0x74 0x75       ctrl_meas tttpppmm, mode 01: one measurement, then back to sleep, 00; config (filter)
//	0x8A..0xA0      calibration T2..P10, 0xE1..0xEE H2..G3  (3.11)
//	0xD0 0xE0 0xF0  chip id 0x61; reset 0xB6; variant: 0 BME680, 1 BME688
package bme680

import (
	"context"
	"fmt"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/chip"
	"sunwire/drivers/link"
)

// Driver is the BME680 and BME688.
//
// Nothing on this bus has a checksum. What protects is what protects the BME280: chip id, whatever has a meaning read twice, the settings
// read back with each measurement, and blank calibration refused.
var Driver = drivers.Driver{
	Name:     "bme680",
	Title:    "Bosch BME680, BME688: temperature, humidity, air pressure, gas",
	Family:   "bme680",
	Aliases:  []string{"bme688"},
	Class:    drivers.Climate,
	Links:    []link.Kind{link.I2C},
	Paces:    [3]time.Duration{time.Minute, 10 * time.Minute, 24 * time.Hour},
	Config:   func() any { return &Options{Heater: heaterTarget, Heating: heaterTime} },
	Open:     open,
	Detect:   drivers.DetectBy(100, open),
	Decode:   decode,
	Commands: func() []string { return []string{burst} },
	Simulate: simulate,
}

// Options are what the configuration can say of a BME680.
type Options struct {
	Elevation *float64      `yaml:"elevation" doc:"metres above sea level, -500 to 9000; when given, sea_level_pressure is published too"`
	Offsets   chip.Offsets  `yaml:"offsets" doc:"added to what the sensor says"`
	Heater    float64       `yaml:"heater" doc:"temperature of the gas cell in °C, 200 to 400; 0 turns it off, and there is no gas_resistance"`
	Heating   time.Duration `yaml:"heating" doc:"how long it is heated, 20ms to 1s; heating warms the sensor itself"`
}

// The heater profile that Bosch's own examples use.
const (
	heaterTarget = 320
	heaterTime   = 150 * time.Millisecond
)

// The entities, in the order of the data registers. Limits are the chip's operating range (Table 1) and, of the gas, what the formula can
// give; the decimals are what is left above the noise at single oversampling.
var entities = [...]drivers.Entity{
	{Key: "pressure", Name: "Pressure", Quantity: drivers.AirPressure, Role: drivers.Pressure, Min: 300, Max: 1100},
	{Key: "temperature", Name: "Temperature", Quantity: drivers.Temperature.At(2), Role: drivers.AirTemperature, Min: -40, Max: 85},
	{Key: "humidity", Name: "Humidity", Quantity: drivers.Humidity, Role: drivers.AirHumidity, Min: 0, Max: 100},
	{Key: "gas_resistance", Name: "Gas resistance", Quantity: drivers.GasResistance, Min: 100, Max: 110e6},
	{Key: "air_quality_index", Name: "Relative air quality index, not IAQ", Quantity: drivers.AirQualityIndex, Min: 0, Max: 100, Disabled: true},
}

// The places of those that need the heater.
const (
	gas   = 3
	index = 4
)

func open(c link.Conn, address uint16, options any) (drivers.Device, error) {
	at, err := chip.On(c, "bme680", address, []uint16{0x76, 0x77})
	if err != nil {
		return nil, err
	}
	o := Options{Heater: heaterTarget, Heating: heaterTime}
	switch given := options.(type) {
	case nil:
	case *Options:
		if given != nil {
			o = *given
		}
	default:
		return nil, fmt.Errorf("open bme680: options of type %T", options)
	}
	air, err := chip.Options("bme680", &chip.Air{Elevation: o.Elevation, Offsets: o.Offsets})
	switch {
	case err != nil:
		return nil, err
	case o.Heater != 0 && (o.Heater < 200 || o.Heater > 400):
		return nil, fmt.Errorf("open bme680: heater: %g °C is outside 200 to 400; 320 is usual, 0 turns it off", o.Heater)
	case o.Heating < 20*time.Millisecond || o.Heating > time.Second:
		return nil, fmt.Errorf("open bme680: heating: %v is outside 20ms to 1s; 150ms is usual", o.Heating)
	}
	return &sensor{Chip: at, air: air, heater: o.Heater, heating: o.Heating, ambient: 25}, nil
}

// Describe looks for the chip; it does not touch its settings.
func (s *sensor) Describe(ctx context.Context) (drivers.Descriptor, error) {
	if err := s.find(ctx); err != nil {
		return drivers.Descriptor{}, err
	}
	var variant [1]byte
	if err := s.Read(ctx, []byte{regVariant}, variant[:]); err != nil {
		return drivers.Descriptor{}, err
	}
	model, known := models[variant[0]]
	if !known {
		return drivers.Descriptor{}, fmt.Errorf("%s: variant 0x%02x is neither a BME680 nor a BME688: %w", s, variant[0], drivers.ErrFrame)
	}
	own := entities[:]
	if s.heater == 0 {
		own = own[:gas]
	}
	all := s.air.Entities(own)
	q := drivers.Query{Name: burst, Pace: drivers.Live}
	for i := range all {
		q.Keys = append(q.Keys, all[i].Key)
	}
	return drivers.Descriptor{Manufacturer: "Bosch Sensortec", Model: model, Entities: all, Queries: []drivers.Query{q}}, nil
}

// Poll makes one measurement. After an error, whatever it was, the chip is set up anew before the next.
func (s *sensor) Poll(ctx context.Context, q drivers.Query) ([]drivers.Reading, error) {
	if q.Name != burst {
		return nil, fmt.Errorf("poll bme680: query %q: %w", q.Name, drivers.ErrUnsupported)
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
	sample, err := s.air.Sample(fields)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s, err)
	}
	if r, ok := sample.Get("gas_resistance").Float(); ok {
		if relative, ok := s.quality.of(r); ok {
			e := &entities[index]
			sample = append(sample, drivers.Field{Key: e.Key, Value: chip.Rounded(e, relative)})
		}
	}
	return sample, nil
}
