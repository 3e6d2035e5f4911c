package bme680

import (
	"encoding/binary"
	"fmt"

	"sunwire/drivers"
	"sunwire/drivers/chip"
)

// burst is the one query, and the one command that decode takes. Its reply is a dump of registers, 58 bytes: heater 0x00..0x04 (5),
// variant 0xF0 (1), calibration 0x8A..0xA0 (23) and 0xE1..0xEE (14), then the measurement 0x1F..0x2D (15).
const burst = "burst"

// Where the parts of the dump begin.
const (
	variantAt = 5
	block1    = 6
	block2    = 29
	data      = 43
	frameSize = 58
)

// The data registers of what was not measured.
const (
	skipped20 = 0x80000
	skipped16 = 0x8000
)

var models = map[byte]string{0: "BME680", 1: "BME688"}

// calibration has the words of 3.11, in the order of coefficients.
type calibration [len(coefficients)]int64

const (
	t1 = iota
	t2
	t3
	p1
	p2
	p3
	p4
	p5
	p6
	p7
	p8
	p9
	p10
	h1
	h2
	h3
	h4
	h5
	h6
	h7
	g1
	g2
	g3
	heatValue
	heatRange
	switching
)

// coefficients are the calibration words: name, register, place in the dump, form.
var coefficients = [...]struct {
	name string
	at   int
	form func(b []byte) int64
}{
	t1: {"par_t1", block2 + 0xE9 - 0xE1, u16}, t2: {"par_t2", block1 + 0x8A - 0x8A, s16}, t3: {"par_t3", block1 + 0x8C - 0x8A, s8},
	p1: {"par_p1", block1 + 0x8E - 0x8A, u16}, p2: {"par_p2", block1 + 0x90 - 0x8A, s16}, p3: {"par_p3", block1 + 0x92 - 0x8A, s8},
	p4: {"par_p4", block1 + 0x94 - 0x8A, s16}, p5: {"par_p5", block1 + 0x96 - 0x8A, s16}, p6: {"par_p6", block1 + 0x99 - 0x8A, s8},
	p7: {"par_p7", block1 + 0x98 - 0x8A, s8}, p8: {"par_p8", block1 + 0x9C - 0x8A, s16}, p9: {"par_p9", block1 + 0x9E - 0x8A, s16},
	p10: {"par_p10", block1 + 0xA0 - 0x8A, u8},
	h1:  {"par_h1", block2 + 0xE2 - 0xE1, u12Low}, h2: {"par_h2", block2 + 0xE1 - 0xE1, u12High}, h3: {"par_h3", block2 + 0xE4 - 0xE1, s8},
	h4: {"par_h4", block2 + 0xE5 - 0xE1, s8}, h5: {"par_h5", block2 + 0xE6 - 0xE1, s8}, h6: {"par_h6", block2 + 0xE7 - 0xE1, u8},
	h7: {"par_h7", block2 + 0xE8 - 0xE1, s8},
	g1: {"par_g1", block2 + 0xED - 0xE1, s8}, g2: {"par_g2", block2 + 0xEB - 0xE1, s16}, g3: {"par_g3", block2 + 0xEE - 0xE1, s8},
	heatValue: {"res_heat_val", 0, s8}, heatRange: {"res_heat_range", 2, bits54}, switching: {"range_switching_error", 4, s4High},
}

func u8(b []byte) int64     { return int64(b[0]) }
func s8(b []byte) int64     { return int64(int8(b[0])) }
func u16(b []byte) int64    { return int64(binary.LittleEndian.Uint16(b)) }
func s16(b []byte) int64    { return int64(int16(binary.LittleEndian.Uint16(b))) }
func bits54(b []byte) int64 { return int64(b[0] >> 4 & 3) }
func s4High(b []byte) int64 { return int64(int8(b[0]) >> 4) }

// The byte in the middle, 0xE2, is shared: H1 ends in its low half, H2 in its high one.
func u12Low(b []byte) int64  { return int64(uint16(b[1])<<4 | uint16(b[0]&0x0F)) }
func u12High(b []byte) int64 { return int64(uint16(b[0])<<4 | uint16(b[1]>>4)) }

// parse reads the calibration. A word that others are multiplied or divided by is never blank: 0 or all ones is a chip that was not heard.
func parse(b []byte) (*calibration, error) {
	if _, known := models[b[variantAt]]; !known {
		return nil, fmt.Errorf("variant 0x%02x is neither a BME680 nor a BME688: %w", b[variantAt], drivers.ErrFrame)
	}
	c := new(calibration)
	for i, k := range coefficients {
		c[i] = k.form(b[k.at:])
	}
	for _, i := range []int{t1, t2, p1, h1, h2, g2} {
		if c[i] == 0 || c[i] == -1 || c[i] == 0xFFFF || c[i] == 0xFFF {
			return nil, fmt.Errorf("calibration word %s is blank, check power and wires: %w", coefficients[i].name, drivers.ErrFrame)
		}
	}
	return c, nil
}

// The compensation of 3.3, in the integers that the datasheet gives beside a floating point form: they are what the makers of other
// programs chose, so that a real chip says the same here and there. The floating point form is up to 8 Pa off them (docs/adr/0008). Wider
// words than the datasheet's, so that nothing overflows.

// fine is the temperature in 1/5120 °C, which the others need.
func (c *calibration) fine(adc int64) int64 {
	x := adc>>3 - c[t1]<<1
	y := (x >> 1) * (x >> 1) >> 12
	return x*c[t2]>>11 + y*(c[t3]<<4)>>14
}

// celsius100 is in 0.01 °C.
func celsius100(fine int64) int64 { return (fine*5 + 128) >> 8 }

// pressure is in Pa; 0 where the calibration makes no sense.
func (c *calibration) pressure(adc, fine int64) int64 {
	x := fine>>1 - 64000
	offset := ((x>>2)*(x>>2)>>11*c[p6])>>2 + (x*c[p5])<<1
	offset = offset>>2 + c[p4]<<16
	sensitivity := (((x>>2)*(x>>2)>>13)*(c[p3]<<5))>>3 + (c[p2]*x)>>1
	sensitivity = (32768 + sensitivity>>18) * c[p1] >> 15
	if sensitivity == 0 {
		return 0
	}
	p := (1048576 - adc - offset>>12) * 3125 * 2 / sensitivity
	a := c[p9] * ((p >> 3) * (p >> 3) >> 13) >> 12
	b := (p >> 2) * c[p8] >> 13
	d := (p >> 8) * (p >> 8) * (p >> 8) * c[p10] >> 17
	return p + (a+b+d+c[p7]<<7)>>4
}

// humidity is in 0.001 %, 0 to 100,000.
func (c *calibration) humidity(adc, fine int64) int64 {
	t := celsius100(fine)
	x := adc - c[h1]*16 - (t*c[h3]/100)>>1
	x *= c[h2] * (t*c[h4]/100 + (t*(t*c[h5]/100))>>6/100 + 1<<14) >> 10
	y := (c[h6]<<7 + t*c[h7]/100) >> 4
	y = y * ((x >> 14) * (x >> 14) >> 10) >> 1
	return min(max((x+y)>>10*1000>>12, 0), 100000)
}

// The gas cell's ranges of the BME680 (3.4.1).
var (
	range1 = [16]int64{
		2147483647, 2147483647, 2147483647, 2147483647, 2147483647, 2126008810, 2147483647, 2130303777,
		2147483647, 2147483647, 2143188679, 2136746228, 2147483647, 2126008810, 2147483647, 2147483647,
	}
	range2 = [16]int64{
		4096000000, 2048000000, 1024000000, 512000000, 255744255, 127110228, 64000000, 32258064,
		16016016, 8000000, 4000000, 2000000, 1000000, 500000, 250000, 125000,
	}
)

// resistance is that of the gas cell, in Ω, of a word of 10 bits and its range.
func (c *calibration) resistance(variant byte, adc int64, scale int) int64 {
	if variant == 1 {
		return 1000000 * (262144 >> scale) / (4096 + 3*(adc-512))
	}
	v := (1340 + 5*c[switching]) * range1[scale] >> 16
	x := adc<<15 - 1<<24 + v
	return (range2[scale]*v>>9 + x>>1) / x
}

// heat is the word for res_heat_0 that brings the cell to so many °C, of air of so many (3.3.5, in floating point).
func (c *calibration) heat(target, ambient float64) byte {
	r := (float64(c[g1])/16 + 49) * (1 + (float64(c[g2])/32768*0.0005+0.00235)*target)
	r += float64(c[g3]) / 1024 * ambient
	r = 3.4 * (r*4/float64(4+c[heatRange])/(1+float64(c[heatValue])*0.002) - 25)
	return byte(min(max(r, 0), 255))
}

// words are the data registers as numbers; the last is the gas cell's with its range and its flags.
func words(variant byte, b []byte) (pressure, temperature, humidity uint32, gas uint16) {
	at := 0x2A - regData
	if variant == 1 {
		at = 0x2C - regData
	}
	return u20(b[0:]), u20(b[3:]), uint32(binary.BigEndian.Uint16(b[6:])), binary.BigEndian.Uint16(b[at:])
}

func u20(b []byte) uint32 { return uint32(b[0])<<12 | uint32(b[1])<<4 | uint32(b[2])>>4 }

// The gas word: ten bits, then valid and heater stable, then the range.
const (
	gasShift = 6
	gasGood  = 0x30
	gasRange = 0x0F
)

// coefficientEntities name the calibration words for a reader of decode; nothing of them is published.
var coefficientEntities = func() (e [len(coefficients)]drivers.Entity) {
	for i, c := range coefficients {
		e[i] = drivers.Entity{Key: fmt.Sprintf("field_%d", i+1), Name: c.name, Category: drivers.Diagnostic, Disabled: true}
	}
	return e
}()

// decode reads a dump. What was not measured is absent; what lies outside an entity's limits is given, for the caller to judge.
func decode(command string, reply []byte) ([]drivers.Decoded, error) {
	if command != burst {
		return nil, fmt.Errorf("decode bme680: command %q: only %q is known: %w", command, burst, drivers.ErrUnsupported)
	}
	if len(reply) != frameSize {
		return nil, fmt.Errorf("decode bme680: %d bytes instead of %d: %w", len(reply), frameSize, drivers.ErrFrame)
	}
	c, err := parse(reply)
	if err != nil {
		return nil, fmt.Errorf("decode bme680: %w", err)
	}
	variant := reply[variantAt]
	pressure, temperature, humidity, cell := words(variant, reply[data:])
	if temperature == skipped20 && pressure == skipped20 {
		return nil, fmt.Errorf("decode bme680: nothing was measured: %w", drivers.ErrFrame)
	}
	fields := make([]drivers.Decoded, 0, len(coefficients)+len(entities))
	for i := range coefficients {
		fields = append(fields, drivers.Decoded{Entity: &coefficientEntities[i], Raw: drivers.Num(float64(c[i]))})
	}
	add := func(i int, measured bool, f float64) {
		d := drivers.Decoded{Entity: &entities[i]}
		if measured {
			d.Value, d.Raw = chip.Rounded(d.Entity, f), drivers.Num(f)
		}
		fields = append(fields, d)
	}
	fine := c.fine(int64(temperature))
	add(0, pressure != skipped20, float64(c.pressure(int64(pressure), fine))/100)
	add(1, true, float64(celsius100(fine))/100)
	add(2, humidity != skipped16, float64(c.humidity(int64(humidity), fine))/1000)
	add(gas, cell&gasGood == gasGood, float64(c.resistance(variant, int64(cell>>gasShift), int(cell&gasRange))))
	return fields, nil
}
