package bme280

import (
	"encoding/binary"
	"fmt"

	"sunwire/drivers"
	"sunwire/drivers/chip"
)

// burst is the one query, and the one command that decode takes. Its reply is a dump of registers. BME280, 41 bytes: calibration
// 0x88..0xA1 (26) and 0xE1..0xE7 (7), then the measurement 0xF7..0xFE (8). BMP280, 30 bytes: calibration 0x88..0x9F (24), then the
// measurement 0xF7..0xFC (6).
const burst = "burst"

// Where the parts of the dump begin: those of the BME280, the larger one.
const (
	block2    = 26 // 0xE1
	data      = 33 // 0xF7
	frameSize = 41
)

// The data registers of what was not measured (5.4.7 to 5.4.9). A value in the middle of the range looks the same: a humidity or pressure
// of just that word is absent too. A temperature is not, which would be missed at 23 °C: it is never skipped without the pressure.
const (
	skipped20 = 0x80000
	skipped16 = 0x8000
)

// calibration has the words of Table 16, in the order of coefficients.
type calibration [len(coefficients)]float64

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
	h1
	h2
	h3
	h4
	h5
	h6
)

// coefficients are the calibration words: name, place in the dump, form.
var coefficients = [...]struct {
	name string
	at   int
	form func(b []byte) float64
}{
	t1: {"dig_T1", 0, u16}, t2: {"dig_T2", 2, s16}, t3: {"dig_T3", 4, s16},
	p1: {"dig_P1", 6, u16}, p2: {"dig_P2", 8, s16}, p3: {"dig_P3", 10, s16},
	p4: {"dig_P4", 12, s16}, p5: {"dig_P5", 14, s16}, p6: {"dig_P6", 16, s16},
	p7: {"dig_P7", 18, s16}, p8: {"dig_P8", 20, s16}, p9: {"dig_P9", 22, s16},
	h1: {"dig_H1", 25, u8}, h2: {"dig_H2", 26, s16}, h3: {"dig_H3", 28, u8},
	h4: {"dig_H4", 29, s12High}, h5: {"dig_H5", 30, s12Low}, h6: {"dig_H6", 32, s8},
}

func u8(b []byte) float64  { return float64(b[0]) }
func s8(b []byte) float64  { return float64(int8(b[0])) }
func u16(b []byte) float64 { return float64(binary.LittleEndian.Uint16(b)) }
func s16(b []byte) float64 { return float64(int16(binary.LittleEndian.Uint16(b))) }

// The byte in the middle, 0xE5, is shared: H4 ends in its low half, H5 begins in its high one. Both are signed, 12 bits wide.
func s12High(b []byte) float64 { return float64(int16(int8(b[0]))<<4 | int16(b[1]&0x0F)) }
func s12Low(b []byte) float64  { return float64(int16(int8(b[1]))<<4 | int16(b[0]>>4)) }

// parseCalibration reads the calibration. A word that others are multiplied or divided by is never blank: 0 or all ones is a chip that was
// not heard.
func (v *variant) parse(b []byte) (*calibration, error) {
	c := new(calibration)
	for i, k := range coefficients[:v.coefficients] {
		c[i] = k.form(b[k.at:])
	}
	for _, i := range []int{t1, t2, p1, h2} {
		if i < v.coefficients && (c[i] == 0 || c[i] == -1 || c[i] == 0xFFFF) {
			return nil, fmt.Errorf("calibration word %s is blank, check power and wires: %w", coefficients[i].name, drivers.ErrFrame)
		}
	}
	return c, nil
}

// The compensation of 8.1, in double precision. Against the integers of 4.2.3 it has no overflow and no rounding on the way; the two
// differ by less than 0.01 °C, 0.01 % and 0.5 Pa.

// fine is the temperature in 1/5120 °C, which the other two need.
func (c *calibration) fine(adc float64) float64 {
	x := adc/131072 - c[t1]/8192
	return 8*x*c[t2] + x*x*c[t3]
}

func (c *calibration) temperature(fine float64) float64 { return fine / 5120 }

// pressure is in hPa.
func (c *calibration) pressure(adc, fine float64) float64 {
	x := fine/2 - 64000
	offset := x*x*c[p6]/32768 + x*c[p5]*2
	offset = offset/4 + c[p4]*65536
	sensitivity := (c[p3]*x*x/524288 + c[p2]*x) / 524288
	sensitivity = (1 + sensitivity/32768) * c[p1]
	p := (1048576 - adc - offset/4096) * 6250 / sensitivity
	p += (c[p9]*p*p/2147483648 + p*c[p8]/32768 + c[p7]) / 16
	return p / 100
}

// humidity is in percent, 0 to 100.
func (c *calibration) humidity(adc, fine float64) float64 {
	x := fine - 76800
	h := adc - (c[h4]*64 + c[h5]/16384*x)
	h *= c[h2] / 65536 * (1 + c[h6]/67108864*x*(1+c[h3]/67108864*x))
	h *= 1 - c[h1]*h/524288
	return min(max(h, 0), 100)
}

// words are the data registers as numbers.
func (v *variant) words(b []byte) (pressure, temperature, humidity uint32) {
	if !v.humidity() {
		return u20(b[0:]), u20(b[3:]), skipped16
	}
	return u20(b[0:]), u20(b[3:]), uint32(binary.BigEndian.Uint16(b[6:]))
}

func u20(b []byte) uint32 { return uint32(b[0])<<12 | uint32(b[1])<<4 | uint32(b[2])>>4 }

// coefficientEntities name the calibration words for a reader of decode; nothing of them is published.
var coefficientEntities = func() (e [len(coefficients)]drivers.Entity) {
	for i, c := range coefficients {
		e[i] = drivers.Entity{Key: fmt.Sprintf("field_%d", i+1), Name: c.name, Category: drivers.Diagnostic, Disabled: true}
	}
	return e
}()

// decode reads a dump. What was not measured is absent; what lies outside an entity's limits is given, for the caller to judge.
func (v *variant) decode(command string, reply []byte) ([]drivers.Decoded, error) {
	if command != burst {
		return nil, fmt.Errorf("decode %s: command %q: only %q is known: %w", v.name, command, burst, drivers.ErrUnsupported)
	}
	if len(reply) != v.size {
		return nil, fmt.Errorf("decode %s: %d bytes instead of %d: %w", v.name, len(reply), v.size, drivers.ErrFrame)
	}
	c, err := v.parse(reply[:v.data])
	if err != nil {
		return nil, fmt.Errorf("decode %s: %w", v.name, err)
	}
	pressure, temperature, humidity := v.words(reply[v.data:])
	if temperature == skipped20 && pressure == skipped20 {
		return nil, fmt.Errorf("decode %s: nothing was measured: %w", v.name, drivers.ErrFrame)
	}
	fields := make([]drivers.Decoded, 0, v.coefficients+v.measured)
	for i := range v.coefficients {
		fields = append(fields, drivers.Decoded{Entity: &coefficientEntities[i], Raw: drivers.Num(c[i])})
	}
	fine := c.fine(float64(temperature))
	for i, f := range []float64{c.pressure(float64(pressure), fine), c.temperature(fine), c.humidity(float64(humidity), fine)}[:v.measured] {
		d := drivers.Decoded{Entity: &entities[i]}
		if skipped := i == 0 && pressure == skipped20 || i == 2 && humidity == skipped16; !skipped {
			d.Value, d.Raw = chip.Rounded(d.Entity, f), drivers.Num(f)
		}
		fields = append(fields, d)
	}
	return fields, nil
}
