// Package bme280 reads Bosch's BME280, the usual house sensor for temperature, humidity and air pressure, on an I2C bus, and its sister
// without humidity, the BMP280.
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
	"time"

	"sunwire/drivers"
	"sunwire/drivers/chip"
	"sunwire/drivers/link"
)

// Driver is the BME280, BMP280 the same chip without the humidity (BST-BMP280-DS001; chip id 0x58, or 0x56 and 0x57 for samples).
//
// Nothing on this bus has a checksum, so that there is nothing to reseal. What protects instead: the chip id, everything of meaning is
// read twice and believed only if it comes alike, the settings are read back with each measurement, and what the chip cannot mean
// (see entities) sets it up anew. It has no serial number: its place is its identity.
var (
	Driver = bme.driver("Bosch BME280: temperature, humidity, air pressure")
	BMP280 = bmp.driver("Bosch BMP280: temperature, air pressure")
)

// variant is what the two chips differ in.
type variant struct {
	name, model  string
	coefficients int // how many of them it has
	block1       int // bytes of the dump: calibration from 0x88 on,
	data         int // where the measurement begins, behind the calibration from 0xE1 on where there is any,
	size         int // and all of it
	measured     int // entities
}

var (
	bme = &variant{"bme280", "BME280", h6 + 1, block2, data, frameSize, 3}
	bmp = &variant{"bmp280", "BMP280", p9 + 1, 24, 24, 30, 2}
)

func (v *variant) humidity() bool { return v.data > v.block1 }

func (v *variant) driver(title string) drivers.Driver {
	return drivers.Driver{
		Name:     v.name,
		Title:    title,
		Family:   v.name,
		Class:    drivers.Climate,
		Links:    []link.Kind{link.I2C},
		Paces:    [3]time.Duration{time.Minute, 10 * time.Minute, 24 * time.Hour},
		Config:   func() any { return new(chip.Air) },
		Open:     v.open,
		Detect:   drivers.DetectBy(100, v.open),
		Decode:   v.decode,
		Commands: func() []string { return []string{burst} },
		Simulate: v.simulate,
	}
}

// The entities, in the order of the data registers. Limits are the chip's operating range (Table 1); the decimals are what is left
// above its noise at single oversampling (3.3 Pa, 0.07 %, 0.005 °C: 3.5.1 and Table 2).
var entities = [...]drivers.Entity{
	{Key: "pressure", Name: "Pressure", Quantity: drivers.AirPressure, Role: drivers.Pressure, Min: 300, Max: 1100},
	{Key: "temperature", Name: "Temperature", Quantity: drivers.Temperature.At(2), Role: drivers.AirTemperature, Min: -40, Max: 85},
	{Key: "humidity", Name: "Humidity", Quantity: drivers.Humidity, Role: drivers.AirHumidity, Min: 0, Max: 100},
}

func (v *variant) open(c link.Conn, address uint16, options any) (drivers.Device, error) {
	at, err := chip.On(c, v.name, address, []uint16{0x76, 0x77})
	if err != nil {
		return nil, err
	}
	air, err := chip.Options(v.name, options)
	if err != nil {
		return nil, err
	}
	return &sensor{Chip: at, variant: v, air: air}, nil
}

// Describe looks for the chip; it does not touch its settings.
func (s *sensor) Describe(ctx context.Context) (drivers.Descriptor, error) {
	if err := s.find(ctx); err != nil {
		return drivers.Descriptor{}, err
	}
	known := s.air.Entities(entities[:s.measured])
	q := drivers.Query{Name: burst, Pace: drivers.Live}
	for i := range known {
		q.Keys = append(q.Keys, known[i].Key)
	}
	return drivers.Descriptor{
		Manufacturer: "Bosch Sensortec",
		Model:        s.model,
		Entities:     known,
		Queries:      []drivers.Query{q},
	}, nil
}

// Poll makes one measurement. After an error, whatever it was, the chip is set up anew before the next: it may be another one by then,
// with another calibration.
func (s *sensor) Poll(ctx context.Context, q drivers.Query) ([]drivers.Reading, error) {
	if q.Name != burst {
		return nil, fmt.Errorf("poll %s: query %q: %w", s.name, q.Name, drivers.ErrUnsupported)
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
	fields, err := s.decode(burst, s.frame[:s.size])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s, err)
	}
	sample, err := s.air.Sample(fields)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s, err)
	}
	return sample, nil
}
