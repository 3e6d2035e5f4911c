package bmp180

import (
	"encoding/hex"

	"sunwire/drivers"
	"sunwire/drivers/chip"
	"sunwire/drivers/link"
)

// boschCalibration is the one of the datasheet's worked example (3.5).
const boschCalibration = "0198ffb8c7d17fe57ff55a71182e00048000ddf90b34"

var example = map[string]float64{"temperature": 21.4, "pressure": 1003.2}

// registers is a BMP180 down to its registers.
type registers struct {
	chip.Registers
	model       drivers.Model
	calibration *calibration
}

func simulate(m drivers.Model, _ uint16) link.Simulator {
	c := &registers{model: m}
	b, _ := hex.DecodeString(boschCalibration)
	c.calibration, _ = parse(b)
	copy(c.At[regCalibration:], b)
	c.At[0xD0] = 0x55
	c.At[regData] = 0x80
	return c
}

// Answer implements link.Simulator.
func (c *registers) Answer(written []byte) []byte { return c.Take(written, c.write) }

func (c *registers) write(register, v byte) {
	if register == regCtrlMeas {
		c.convert(v)
	}
}

// convert measures. What the model calls absent was not measured; nothing is without the temperature.
func (c *registers) convert(command byte) {
	word := uint32(unmeasured << 8)
	if t, ok := c.value("temperature"); ok {
		ut := chip.Nearest(16, t, func(adc float64) float64 {
			b5, _ := c.calibration.fine(int64(adc))
			return float64(b5) / 160
		})
		b5, _ := c.calibration.fine(int64(ut))
		p, ok := c.value("pressure")
		switch {
		case command == temperature:
			word = ut << 8
		case ok:
			word = chip.Nearest(16+oversampled, p, func(adc float64) float64 {
				return float64(c.calibration.pascal(int64(adc), b5, oversampled)) / 100
			}) << (8 - oversampled)
		}
	}
	c.At[regCtrlMeas] = command &^ converting
	c.At[regData], c.At[regData+1], c.At[regData+2] = byte(word>>16), byte(word>>8), byte(word)
}

func (c *registers) value(key string) (float64, bool) {
	if c.model != nil {
		if v, ok := c.model.Value("", key); ok {
			return v.Float()
		}
	}
	f, ok := example[key]
	return f, ok
}
