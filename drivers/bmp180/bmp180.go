// Package bmp180 reads Bosch's BMP180 (and its forerunner BMP085, which is the same to a program): temperature and air pressure.
//
// Section numbers are those of the datasheet BST-BMP180-DS000.
//
//	address    0x77, and no other
//	0xAA..0xBF calibration AC1..MD, eleven words, most significant byte first  (3.4)
//	0xD0 0xE0  chip id 0x55; reset 0xB6
//	0xF4       ctrl_meas  oos.cccc: oversampling, 1 while converting, 0x2E temperature or 0x34 pressure
//	0xF6..0xF8 the result, most significant byte first; 0x8000 after a reset
package bmp180

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/chip"
	"sunwire/drivers/link"
)

// Driver is the BMP180. Nothing on this bus has a checksum: all of meaning is read twice, and blank calibration is refused.
var Driver = drivers.Driver{
	Name:     "bmp180",
	Title:    "Bosch BMP180, BMP085: temperature, air pressure",
	Family:   "bmp180",
	Aliases:  []string{"bmp085"},
	Class:    drivers.Climate,
	Links:    []link.Kind{link.I2C},
	Paces:    [3]time.Duration{time.Minute, 10 * time.Minute, 24 * time.Hour},
	Config:   func() any { return new(chip.Air) },
	Open:     open,
	Detect:   drivers.DetectBy(100, open),
	Decode:   decode,
	Commands: func() []string { return []string{burst} },
	Simulate: simulate,
}

// The entities. Limits are the chip's operating range (1.).
var entities = [...]drivers.Entity{
	{Key: "temperature", Name: "Temperature", Quantity: drivers.Temperature, Role: drivers.AirTemperature, Min: -40, Max: 85},
	{Key: "pressure", Name: "Pressure", Quantity: drivers.AirPressure, Role: drivers.Pressure, Min: 300, Max: 1100},
}

// burst is the one query, and the one command that decode takes. Its reply is the calibration 0xAA..0xBF (22), the temperature's word (2)
// and the pressure's (3).
const burst = "burst"

const (
	data      = 22
	frameSize = 27

	regCalibration = 0xAA
	regCtrlMeas    = 0xF4
	regData        = 0xF6

	temperature = 0x2E
	oversampled = 3                     // eight samples: 3 Pa of noise instead of 6 (Table 3)
	pressure    = 0x34 | oversampled<<6 //
	converting  = 0x20                  //
	unmeasured  = 0x8000                //
	heatTime    = 5 * time.Millisecond  // 4.5 ms at most
	pressTime   = 26 * time.Millisecond // 25.5 ms at most
)

// The calibration words (3.4).
const (
	ac1 = iota
	ac2
	ac3
	ac4
	ac5
	ac6
	b1
	b2
	mb
	mc
	md
	words
)

type calibration [words]int64

// parse reads the calibration. None of its words is ever 0 or all ones (3.4).
func parse(b []byte) (*calibration, error) {
	c := new(calibration)
	for i := range c {
		word := binary.BigEndian.Uint16(b[2*i:])
		if word == 0 || word == 0xFFFF {
			return nil, fmt.Errorf("calibration word %d is blank, check power and wires: %w", i+1, drivers.ErrFrame)
		}
		c[i] = int64(int16(word))
		if i == ac4 || i == ac5 || i == ac6 {
			c[i] = int64(word)
		}
	}
	return c, nil
}

// fine is B5 of 3.5: the temperature in 1/160 °C; ok is false where the words make no sense.
func (c *calibration) fine(ut int64) (b5 int64, ok bool) {
	x := (ut - c[ac6]) * c[ac5] >> 15
	if x+c[md] == 0 {
		return 0, false
	}
	return x + c[mc]<<11/(x+c[md]), true
}

// celsius10 is in 0.1 °C.
func celsius10(b5 int64) int64 { return (b5 + 8) >> 4 }

// pascal is the pressure (3.5) of a word with so much oversampling; 0 where the words make no sense.
func (c *calibration) pascal(up, b5 int64, oss uint) int64 {
	b6 := b5 - 4000
	x := (c[b2]*(b6*b6>>12))>>11 + c[ac2]*b6>>11
	b3 := ((c[ac1]*4+x)<<oss + 2) / 4
	x = (c[ac3]*b6>>13 + (c[b1]*(b6*b6>>12))>>16 + 2) >> 2
	b4 := c[ac4] * (x + 32768) >> 15
	if b4 == 0 {
		return 0
	}
	p := (up - b3) * (50000 >> oss) * 2 / b4
	x = (p >> 8) * (p >> 8) * 3038 >> 16
	return p + (x+(-7357*p)>>16+3791)>>4
}

// decode reads calibration and words. Without a temperature there is nothing.
func decode(command string, reply []byte) ([]drivers.Decoded, error) {
	if command != burst {
		return nil, fmt.Errorf("decode bmp180: command %q: only %q is known: %w", command, burst, drivers.ErrUnsupported)
	}
	if len(reply) != frameSize {
		return nil, fmt.Errorf("decode bmp180: %d bytes instead of %d: %w", len(reply), frameSize, drivers.ErrFrame)
	}
	c, err := parse(reply)
	if err != nil {
		return nil, fmt.Errorf("decode bmp180: %w", err)
	}
	ut, up := binary.BigEndian.Uint16(reply[data:]), up(reply[data+2:])
	b5, ok := c.fine(int64(ut))
	if !ok || ut == unmeasured || up == unmeasured<<oversampled {
		return nil, fmt.Errorf("decode bmp180: nothing was measured: %w", drivers.ErrFrame)
	}
	t, p := float64(celsius10(b5))/10, float64(c.pascal(up, b5, oversampled))/100
	return []drivers.Decoded{
		{Entity: &entities[0], Value: chip.Rounded(&entities[0], t), Raw: drivers.Num(t)},
		{Entity: &entities[1], Value: chip.Rounded(&entities[1], p), Raw: drivers.Num(p)},
	}, nil
}

func up(b []byte) int64 {
	return int64(uint32(b[0])<<16|uint32(b[1])<<8|uint32(b[2])) >> (8 - oversampled)
}

type sensor struct {
	*chip.Chip
	air   chip.Air
	ready bool // frame has its calibration
	frame [frameSize]byte
}

func open(c link.Conn, address uint16, options any) (drivers.Device, error) {
	at, err := chip.On(c, "bmp180", address, []uint16{0x77})
	if err != nil {
		return nil, err
	}
	air, err := chip.Options("bmp180", options)
	if err != nil {
		return nil, err
	}
	return &sensor{Chip: at, air: air}, nil
}

// Describe looks for the chip.
func (s *sensor) Describe(ctx context.Context) (drivers.Descriptor, error) {
	if err := s.Find(ctx, s.IdentifyBosch); err != nil {
		s.ready = false
		return drivers.Descriptor{}, err
	}
	all := s.air.Entities(entities[:])
	q := drivers.Query{Name: burst, Pace: drivers.Live}
	for i := range all {
		q.Keys = append(q.Keys, all[i].Key)
	}
	return drivers.Descriptor{Manufacturer: "Bosch Sensortec", Model: "BMP180", Entities: all, Queries: []drivers.Query{q}}, nil
}

// Poll makes one measurement. After an error the calibration is read anew: it may be another chip by then.
func (s *sensor) Poll(ctx context.Context, q drivers.Query) ([]drivers.Reading, error) {
	if q.Name != burst {
		return nil, fmt.Errorf("poll bmp180: query %q: %w", q.Name, drivers.ErrUnsupported)
	}
	err := s.measure(ctx)
	if err != nil {
		s.ready = s.ready && ctx.Err() != nil
		return nil, err
	}
	fields, err := decode(burst, s.frame[:])
	if err != nil {
		s.ready = false
		return nil, fmt.Errorf("%s: %w", s, err)
	}
	sample, err := s.air.Sample(fields)
	if err != nil {
		s.ready = false
		return nil, fmt.Errorf("%s: %w", s, err)
	}
	return []drivers.Reading{{Sample: sample}}, nil
}

func (s *sensor) measure(ctx context.Context) error {
	if !s.ready {
		if err := s.Find(ctx, s.IdentifyBosch); err != nil {
			return err
		}
		if err := s.Read(ctx, []byte{regCalibration}, s.frame[:data]); err != nil {
			return err
		}
		if _, err := parse(s.frame[:]); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
		s.ready = true
	}
	if err := s.convert(ctx, temperature, heatTime, s.frame[data:data+2]); err != nil {
		return err
	}
	return s.convert(ctx, pressure, pressTime, s.frame[data+2:])
}

// convert makes one conversion, and believes its result if the chip says that it has done that one.
func (s *sensor) convert(ctx context.Context, command byte, wait time.Duration, result []byte) error {
	if err := s.Write(ctx, regCtrlMeas, command); err != nil {
		return err
	}
	if err := s.Wait(ctx, wait); err != nil {
		return err
	}
	var control [1]byte
	if err := s.Read(ctx, []byte{regCtrlMeas}, control[:]); err != nil {
		return err
	}
	if control[0] != command&^converting {
		return fmt.Errorf("%s: it did not do the conversion 0x%02x (control 0x%02x); check its power: %w", s, command, control[0], drivers.ErrFrame)
	}
	return s.Read(ctx, []byte{regData}, result)
}
