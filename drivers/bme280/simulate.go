package bme280

import (
	"encoding/hex"
	"iter"
	"math"
	"slices"
	"sort"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/link"
)

// realCalibration is that of a real chip: the I2C exchange in the tests of periph.io/x/devices/v3 v3.7.4, bmxx80/bmx280_test.go.
const realCalibration = "106e6c6632005d95b8d5d00b771e9dfff9ffac260ad8bd10004b" + "6e01001305001e"

// example is what that chip measured, and what is shown of which a model knows nothing.
var example = map[string]float64{"temperature": 23.72, "pressure": 1009.4, "humidity": 65.3}

// chip is a BME280 down to its registers. Its data are the model's temperature, humidity and pressure sent backwards through the
// compensation. It uses all 20 bits, where a real one at single oversampling leaves the lowest four 0, so that the model's values come
// out to the last decimal.
type chip struct {
	model        drivers.Model
	calibration  *calibration
	registers    [256]byte
	pointer      byte
	humidityOn   bool // ctrl_hum as the last write of ctrl_meas took it over
	measurements uint32
}

// simulate makes a chip; m may be nil, and the address is the link's affair.
func simulate(m drivers.Model, _ uint16) link.Simulator {
	c := &chip{model: m}
	dump, _ := hex.DecodeString(realCalibration)
	c.calibration, _ = parseCalibration(dump)
	c.registers[regChipID] = chipID
	copy(c.registers[regCalibration1:], dump[:block2])
	copy(c.registers[regCalibration2:], dump[block2:data])
	c.reset()
	return c
}

// Push is nothing: a chip on a bus speaks when asked.
func (c *chip) Push() iter.Seq2[time.Duration, []byte] { return nil }

// Answer takes what was written, a register number alone or pairs of register and value, and gives all registers from there on.
func (c *chip) Answer(written []byte) []byte {
	for rest := written; len(rest) > 0; {
		c.pointer = rest[0]
		if len(rest) == 1 {
			break
		}
		c.write(rest[0], rest[1])
		rest = rest[2:]
	}
	return slices.Clone(c.registers[c.pointer:])
}

func (c *chip) write(register, v byte) {
	switch register {
	case regReset:
		if v == resetWord {
			c.reset()
		}
	case regCtrlHum:
		c.registers[register] = v & 0x07
	case regCtrlMeas:
		c.humidityOn = c.registers[regCtrlHum] != 0
		c.registers[register] = v
		if v&modeMask != 0 {
			c.measure()
		}
		if v&modeMask != modeMask { // forced: back to sleep
			c.registers[register] = v &^ modeMask
		}
	}
}

func (c *chip) reset() {
	clear(c.registers[regCtrlHum:regData])
	c.humidityOn = false
	c.store(skipped20, skipped20, skipped16)
}

// measure fills the data registers. What the model calls absent was not measured; nothing is without the temperature.
func (c *chip) measure() {
	pressure, temperature, humidity := uint32(skipped20), uint32(skipped20), uint32(skipped16)
	settings := c.registers[regCtrlMeas]
	if t, ok := c.value("temperature"); ok && settings>>5 != 0 {
		temperature = invert(20, t, func(adc float64) float64 { return c.calibration.temperature(c.calibration.fine(adc)) })
		fine := c.calibration.fine(float64(temperature))
		if p, ok := c.value("pressure"); ok && settings>>2&0x07 != 0 {
			// The sensor falls with rising pressure. The last bit is its noise: without any it would count as stuck.
			pressure = invert(20, -p, func(adc float64) float64 { return -c.calibration.pressure(adc, fine) })
			pressure = notSkipped(pressure^c.measurements&1, skipped20)
		}
		if h, ok := c.value("humidity"); ok && c.humidityOn {
			humidity = invert(16, h, func(adc float64) float64 { return c.calibration.humidity(adc, fine) })
			humidity = notSkipped(humidity, skipped16)
		}
	}
	c.measurements++
	c.store(pressure, temperature, humidity)
}

func (c *chip) value(key string) (float64, bool) {
	if c.model != nil {
		if v, ok := c.model.Value("", key); ok {
			return v.Float()
		}
	}
	f, ok := example[key]
	return f, ok
}

func (c *chip) store(pressure, temperature, humidity uint32) {
	copy(c.registers[regData:], []byte{
		byte(pressure >> 12), byte(pressure >> 4), byte(pressure << 4),
		byte(temperature >> 12), byte(temperature >> 4), byte(temperature << 4),
		byte(humidity >> 8), byte(humidity),
	})
}

// notSkipped keeps a measured word from looking like an unmeasured one.
func notSkipped(word, skipped uint32) uint32 {
	if word == skipped {
		return word + 2
	}
	return word
}

// invert is the word of that many bits for which rising gives what comes nearest to want.
func invert(bits int, want float64, rising func(adc float64) float64) uint32 {
	last := 1<<bits - 1
	n := sort.Search(last, func(i int) bool { return rising(float64(i)) >= want })
	if n > 0 && math.Abs(rising(float64(n-1))-want) < math.Abs(rising(float64(n))-want) {
		n--
	}
	return uint32(n)
}
