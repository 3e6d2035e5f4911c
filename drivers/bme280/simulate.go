package bme280

import (
	"encoding/hex"

	"sunwire/drivers"
	"sunwire/drivers/chip"
	"sunwire/drivers/link"
)

// realCalibration is that of a real chip: the I2C exchange in the tests of periph.io/x/devices/v3 v3.7.4, bmxx80/bmx280_test.go.
const realCalibration = "106e6c6632005d95b8d5d00b771e9dfff9ffac260ad8bd10004b" + "6e01001305001e"

// example is what that chip measured, and what is shown of which a model knows nothing.
var example = map[string]float64{"temperature": 23.72, "pressure": 1009.4, "humidity": 65.3}

const regChipID = 0xD0

var chipIDs = map[string]byte{"bme280": 0x60, "bmp280": 0x58}

// registers is such a chip down to its registers. Its data are the model's temperature, humidity and pressure sent backwards through the
// compensation. It uses all 20 bits, where a real one at single oversampling leaves the lowest four 0, so that the model's values come
// out to the last decimal.
type registers struct {
	chip.Registers
	*variant
	model        drivers.Model
	calibration  *calibration
	humidityOn   bool // ctrl_hum as the last write of ctrl_meas took it over
	measurements uint32
}

// simulate makes a chip; m may be nil, and the address is the link's affair.
func (v *variant) simulate(m drivers.Model, _ uint16) link.Simulator {
	c := &registers{variant: v, model: m}
	dump, _ := hex.DecodeString(realCalibration)
	c.calibration, _ = bme.parse(dump)
	c.At[regChipID] = chipIDs[v.name]
	copy(c.At[regCalibration1:], dump[:v.block1])
	copy(c.At[regCalibration2:], dump[v.block1:v.data])
	c.reset()
	return c
}

// Answer implements link.Simulator.
func (c *registers) Answer(written []byte) []byte { return c.Take(written, c.write) }

func (c *registers) write(register, v byte) {
	switch register {
	case regReset:
		if v == resetWord {
			c.reset()
		}
	case regCtrlHum:
		if !c.humidity() {
			return
		}
		c.At[register] = v & 0x07
	case regCtrlMeas:
		c.humidityOn = c.At[regCtrlHum] != 0
		c.At[register] = v
		if v&modeMask != 0 {
			c.measure()
		}
		if v&modeMask != modeMask { // forced: back to sleep
			c.At[register] = v &^ modeMask
		}
	}
}

func (c *registers) reset() {
	clear(c.At[regCtrlHum:regData])
	c.humidityOn = false
	c.store(skipped20, skipped20, skipped16)
}

// measure fills the data registers. What the model calls absent was not measured; nothing is without the temperature.
func (c *registers) measure() {
	pressure, temperature, humidity := uint32(skipped20), uint32(skipped20), uint32(skipped16)
	settings := c.At[regCtrlMeas]
	if t, ok := c.value("temperature"); ok && settings>>5 != 0 {
		temperature = chip.Nearest(20, t, func(adc float64) float64 { return c.calibration.temperature(c.calibration.fine(adc)) })
		fine := c.calibration.fine(float64(temperature))
		if p, ok := c.value("pressure"); ok && settings>>2&0x07 != 0 {
			// The sensor falls with rising pressure. The last bit is its noise: without any it would count as stuck.
			pressure = chip.Nearest(20, -p, func(adc float64) float64 { return -c.calibration.pressure(adc, fine) })
			pressure = chip.Apart(pressure^c.measurements&1, skipped20)
		}
		if h, ok := c.value("humidity"); ok && c.humidityOn && c.humidity() {
			humidity = chip.Nearest(16, h, func(adc float64) float64 { return c.calibration.humidity(adc, fine) })
			humidity = chip.Apart(humidity, skipped16)
		}
	}
	c.measurements++
	c.store(pressure, temperature, humidity)
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

func (c *registers) store(pressure, temperature, humidity uint32) {
	copy(c.At[regData:], []byte{
		byte(pressure >> 12), byte(pressure >> 4), byte(pressure << 4),
		byte(temperature >> 12), byte(temperature >> 4), byte(temperature << 4),
		byte(humidity >> 8), byte(humidity),
	}[:c.size-c.data])
}
