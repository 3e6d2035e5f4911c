package chip

import (
	"errors"
	"fmt"
	"time"

	"sunwire/drivers"
)

const ms = time.Millisecond

func airTemperature(lowest, highest float64, at value) value {
	at.Entity = drivers.Entity{Key: "temperature", Name: "Temperature", Quantity: drivers.Temperature.At(2), Role: drivers.AirTemperature, Min: lowest, Max: highest}
	return at
}

func airHumidity(at value) value {
	at.Entity = drivers.Entity{Key: "humidity", Name: "Humidity", Quantity: drivers.Humidity, Role: drivers.AirHumidity, Min: 0, Max: 100}
	return at
}

// What Sensirion, and Texas Instruments after it, makes of a word of 16 bits: -45 + 175 w/65535 °C and 100 w/65535 %.
func sensirionTemperature(lowest, highest float64, bit int) value {
	return airTemperature(lowest, highest, value{bit: bit, width: 16, scale: 175.0 / 65535, offset: -45})
}

func sensirionHumidity(bit int) value {
	return airHumidity(value{bit: bit, width: 16, scale: 100.0 / 65535})
}

// SHT3x is Sensirion's SHT30, SHT31 and SHT35 (datasheet SHT3x-DIS, version 7): commands of two bytes, words with a checksum.
//
//	24 00  measure once, high repeatability, without holding the clock: 15.5 ms (Tables 4 and 9)
//	F3 2D  status
var SHT3x = (&table{
	name: "sht3x", title: "Sensirion SHT30, SHT31, SHT35: temperature, humidity", aliases: []string{"sht30", "sht31", "sht35"},
	maker: "Sensirion", model: "SHT3x", class: drivers.Climate, addresses: []uint16{0x44, 0x45}, detect: careful,
	identify: []step{{write: []byte{0xF3, 0x2D}, wait: ms, read: 2, sum: words}},
	measure:  []step{{write: []byte{0x24, 0x00}, wait: 16 * ms, read: 4, sum: words, keep: true}},
	values:   []value{sensirionTemperature(-40, 125, 0), sensirionHumidity(16)},
}).driver()

// SHT4x is Sensirion's SHT40, SHT41 and SHT45 (datasheet SHT4x, version 6.6): commands of one byte.
//
//	89  serial number
//	FD  measure with high precision: 8.3 ms; humidity -6 + 125 w/65535 %, cropped to 0 to 100 (4.6)
var SHT4x = (&table{
	name: "sht4x", title: "Sensirion SHT40, SHT41, SHT45: temperature, humidity", aliases: []string{"sht40", "sht41", "sht45"},
	maker: "Sensirion", model: "SHT4x", class: drivers.Climate, addresses: []uint16{0x44, 0x45, 0x46}, detect: careful,
	identify: []step{{write: []byte{0x89}, wait: ms, read: 4, sum: words}},
	measure:  []step{{write: []byte{0xFD}, wait: 10 * ms, read: 4, sum: words, keep: true}},
	values: []value{
		sensirionTemperature(-40, 125, 0),
		airHumidity(value{bit: 16, width: 16, scale: 125.0 / 65535, offset: -6, clamp: true}),
	},
}).driver()

// HDC302x is Texas Instruments' HDC3020, HDC3021 and HDC3022 (datasheet SNAS778), which speaks as the SHT3x does.
//
//	24 00  measure once, least noise: 12.5 ms typical
//	37 81  manufacturer, 30 00
var HDC302x = (&table{
	name: "hdc302x", title: "Texas Instruments HDC3020, HDC3021, HDC3022: temperature, humidity", aliases: []string{"hdc3020", "hdc3021", "hdc3022"},
	maker: "Texas Instruments", model: "HDC302x", class: drivers.Climate, addresses: []uint16{0x44, 0x45, 0x46, 0x47}, detect: careful,
	identify: []step{{write: []byte{0x37, 0x81}, wait: ms, read: 2, sum: words, want: []byte{0x30, 0x00}, wrong: "it is no HDC302x"}},
	measure:  []step{{write: []byte{0x24, 0x00}, wait: 18 * ms, read: 4, sum: words, keep: true}},
	values:   []value{sensirionTemperature(-40, 125, 0), sensirionHumidity(16)},
}).driver()

// SCD4xOptions are what the configuration can say of an SCD40 or SCD41. What is left out is not written, and nothing is written for good: the
// chip forgets both without power.
type SCD4xOptions struct {
	Altitude        *int  `yaml:"altitude" doc:"metres above sea level, 0 to 3000: thinner air has less CO2 at the same share; leave it out for the sensor's own setting"`
	SelfCalibration *bool `yaml:"self_calibration" doc:"whether the sensor takes the least CO2 of a week for fresh air; leave it out for its own setting, which is yes; no where the room is never aired"`
}

var periodic = []byte{0x21, 0xB1}

// SCD4x is Sensirion's SCD40 and SCD41 (datasheet SCD4x, version 1.4): CO2 by light and sound. It measures every 5 s by itself; while it
// does, it takes few other commands.
//
//	21 B1  begin           3F 86  end: 500 ms
//	E4 B8  data ready: any of the lowest 11 bits
//	EC 05  CO2 w ppm, temperature, humidity
//	24 27  altitude        24 16  self-calibration, on or off: only while it is not measuring
var SCD4x = (&table{
	name: "scd4x", title: "Sensirion SCD40, SCD41: CO2, temperature, humidity", aliases: []string{"scd40", "scd41"},
	maker: "Sensirion", model: "SCD4x", class: drivers.Climate, addresses: []uint16{0x62}, detect: careful,
	identify: []step{{write: []byte{0xE4, 0xB8}, wait: ms, read: 2, sum: words}},
	setUp: []step{
		{write: []byte{0x3F, 0x86}, wait: 500 * ms},
		{write: periodic, wait: ms},
	},
	measure: []step{
		{
			write: []byte{0xE4, 0xB8}, wait: ms, read: 2, sum: words, mask: []byte{0x07, 0xFF}, some: true, after: periodic,
			tries: 8, every: time.Second, wrong: "it does not measure: check its power, it takes 205 mA at times",
		},
		{write: []byte{0xEC, 0x05}, wait: ms, read: 6, sum: words, keep: true},
	},
	values: []value{
		{Entity: drivers.Entity{Key: "co2", Name: "Carbon dioxide", Quantity: drivers.CarbonDioxide, Min: 200, Max: 40000}, bit: 0, width: 16, scale: 1},
		sensirionTemperature(-10, 60, 16),
		sensirionHumidity(32),
	},
	options: func() any { return new(SCD4xOptions) },
	with:    withSCD4x,
}).driver()

func withSCD4x(t *table, options any) error {
	o, ok := options.(*SCD4xOptions)
	switch {
	case !ok:
		return fmt.Errorf("options of type %T", options)
	case o == nil:
		return nil
	case o.Altitude != nil && (*o.Altitude < 0 || *o.Altitude > 3000):
		return errors.New("altitude: outside 0 to 3000 m")
	}
	word := func(command, n int) step {
		b := []byte{byte(n >> 8), byte(n)}
		return step{write: []byte{byte(command >> 8), byte(command), b[0], b[1], crc8(b)}, wait: ms}
	}
	stop, start := t.setUp[0], t.setUp[1]
	t.setUp = []step{stop}
	if o.Altitude != nil {
		t.setUp = append(t.setUp, word(0x2427, *o.Altitude))
	}
	if o.SelfCalibration != nil {
		on := 0
		if *o.SelfCalibration {
			on = 1
		}
		t.setUp = append(t.setUp, word(0x2416, on))
	}
	t.setUp = append(t.setUp, start)
	return nil
}

// volatiles and estimatedCO2 are what a heated metal oxide makes of the gases it knows; CO2 is not among them.
func volatiles(most float64, bit int) value {
	return value{Entity: drivers.Entity{
		Key: "volatile_organic_compounds", Name: "Volatile organic compounds", Quantity: drivers.Volatiles, Min: 0, Max: most,
	}, bit: bit, width: 16, scale: 1}
}

func estimatedCO2(most float64, bit int) value {
	return value{Entity: drivers.Entity{
		Key: "co2_estimate", Name: "Carbon dioxide, estimated from gases", Quantity: drivers.CarbonDioxide, Min: 400, Max: most, Disabled: true,
	}, bit: bit, width: 16, scale: 1}
}

var airQuality = []byte{0x20, 0x08}

// SGP30 is Sensirion's gas sensor (datasheet SGP30, version 1.0). It wants to be asked every second, and for the first 15 s it gives the
// same two numbers.
//
//	20 03  begin           20 2F  feature set, 00 2x
//	20 08  estimated CO2 w ppm, volatile organic compounds w ppb: 12 ms
var SGP30 = (&table{
	name: "sgp30", title: "Sensirion SGP30: volatile organic compounds", maker: "Sensirion", model: "SGP30", class: drivers.Climate,
	live: time.Second, addresses: []uint16{0x58}, detect: careful,
	identify: []step{{write: []byte{0x20, 0x2F}, wait: 10 * ms, read: 2, sum: words, mask: []byte{0xF0, 0xE0}, want: []byte{0x00, 0x20}, wrong: "it is no SGP30"}},
	setUp: []step{
		{write: []byte{0x20, 0x03}, wait: 10 * ms},
		{write: airQuality, wait: 12 * ms, read: 4, sum: words, again: 15, every: time.Second, after: []byte{0x20, 0x03}},
	},
	measure: []step{{write: airQuality, wait: 12 * ms, read: 4, sum: words, keep: true, after: []byte{0x20, 0x03}}},
	values:  []value{estimatedCO2(60000, 0), volatiles(60000, 16)},
}).driver()
