package bme680

import (
	"encoding/hex"
	"math"

	"sunwire/drivers"
	"sunwire/drivers/chip"
	"sunwire/drivers/link"
)

// realCalibration is that of a real chip, as a dump up to its measurement: the words in pimoroni/bme680-python, tests/test_compensation.py
// (commit 30fcb34, MIT). The bytes between the words are nobody's.
const realCalibration = "3000100000" + "00" + "65670300418fedd658008e1c7fff2e1e000097f3b5f61e" + "40542a002d14789cb9654e9fe212"

// example is what is shown of which a model knows nothing.
var example = map[string]float64{"temperature": 21.4, "pressure": 1003.2, "humidity": 48.6, "gas_resistance": 52000}

// registers is a BME680 down to its registers. Its data are the model's values sent backwards through the compensation. It uses all 20
// bits, so that they come out to the last decimal; the gas cell has ten bits and a range.
type registers struct {
	chip.Registers
	model        drivers.Model
	calibration  *calibration
	measurements uint32
}

func simulate(m drivers.Model, _ uint16) link.Simulator { return newRegisters(m, realCalibration) }

func newRegisters(m drivers.Model, dump string) *registers {
	c := &registers{model: m}
	b, _ := hex.DecodeString(dump)
	c.calibration, _ = parse(b)
	c.At[regChipID] = chipID
	c.At[regVariant] = b[variantAt]
	copy(c.At[regHeater:], b[:variantAt])
	copy(c.At[regCalibration1:], b[block1:block2])
	copy(c.At[regCalibration2:], b[block2:data])
	c.reset()
	return c
}

// Answer implements link.Simulator.
func (c *registers) Answer(written []byte) []byte { return c.Take(written, c.write) }

func (c *registers) write(register, v byte) {
	switch {
	case register == regReset && v == resetWord:
		c.reset()
	case register == regCtrlMeas:
		c.At[register] = v &^ modeMask
		if v&modeMask == forced {
			c.measure()
		}
	case register >= 0x50 && register <= regConfig:
		c.At[register] = v
	}
}

func (c *registers) reset() {
	clear(c.At[0x50 : regConfig+1])
	c.At[regStatus] = 0
	c.store(skipped20, skipped20, skipped16, 0)
}

// measure fills the data registers. What the model calls absent was not measured; nothing is without the temperature.
func (c *registers) measure() {
	pressure, temperature, humidity, cell := uint32(skipped20), uint32(skipped20), uint32(skipped16), uint16(0)
	settings := c.At[regCtrlMeas]
	if t, ok := c.value("temperature"); ok && settings>>5 != 0 {
		temperature = chip.Nearest(20, t, func(adc float64) float64 { return float64(celsius100(c.calibration.fine(int64(adc)))) / 100 })
		fine := c.calibration.fine(int64(temperature))
		if p, ok := c.value("pressure"); ok && settings>>2&0x07 != 0 {
			// The sensor falls with rising pressure. The last bit is its noise: without any it would count as stuck.
			pressure = chip.Nearest(20, -p, func(adc float64) float64 { return -float64(c.calibration.pressure(int64(adc), fine)) / 100 })
			pressure = chip.Apart(pressure^c.measurements&1, skipped20)
		}
		if h, ok := c.value("humidity"); ok && c.At[regCtrlHum] != 0 {
			humidity = chip.Apart(chip.Nearest(16, h, func(adc float64) float64 { return float64(c.calibration.humidity(int64(adc), fine)) / 1000 }), skipped16)
		}
		if r, ok := c.value("gas_resistance"); ok && c.At[regCtrlGas1] == runGas[c.At[regVariant]] && c.At[regCtrlGas0] == 0 && c.At[regGasWait0] != 0 {
			cell = c.cell(r)
		}
	}
	c.measurements++
	c.At[regStatus] = newData
	c.store(pressure, temperature, humidity, cell)
}

// cell is the word that comes nearest to a resistance.
func (c *registers) cell(resistance float64) (word uint16) {
	nearest := math.Inf(1)
	for scale := range 16 {
		adc := chip.Nearest(10, -resistance, func(adc float64) float64 {
			return -float64(c.calibration.resistance(c.At[regVariant], int64(adc), scale))
		})
		if off := math.Abs(float64(c.calibration.resistance(c.At[regVariant], int64(adc), scale)) - resistance); off < nearest {
			nearest, word = off, uint16(adc)<<gasShift|gasGood|uint16(scale)
		}
	}
	return word
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

func (c *registers) store(pressure, temperature, humidity uint32, cell uint16) {
	copy(c.At[regData:], []byte{
		byte(pressure >> 12), byte(pressure >> 4), byte(pressure << 4),
		byte(temperature >> 12), byte(temperature >> 4), byte(temperature << 4),
		byte(humidity >> 8), byte(humidity),
	})
	at := 0x2A
	if c.At[regVariant] == 1 {
		at = 0x2C
	}
	c.At[at], c.At[at+1] = byte(cell>>8), byte(cell)
}
