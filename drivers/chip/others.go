package chip

import (
	"errors"
	"fmt"
	"time"

	"sunwire/drivers"
)

// AHT20 is Aosong's AHT20, and the AHT21 and AHT25, which speak alike (datasheet AHT20, version 1.1).
//
//	71        status: 0x80 busy, 0x08 calibrated
//	BE 08 00  calibrate: 10 ms
//	AC 33 00  measure: 80 ms; then status, humidity 20 bits, temperature 20 bits, checksum (5.4)
var AHT20 = (&table{
	name: "aht20", title: "Aosong AHT20, AHT21, AHT25: temperature, humidity", aliases: []string{"aht21", "aht25"},
	maker: "Aosong", model: "AHT20", class: drivers.Climate, addresses: []uint16{0x38}, detect: careful,
	identify: []step{
		{write: []byte{0xBE, 0x08, 0x00}, wait: 10 * ms},
		{write: []byte{0x71}, read: 1, mask: []byte{0x88}, want: []byte{0x08}, wrong: "it is not calibrated"},
	},
	measure: []step{{
		write: []byte{0xAC, 0x33, 0x00}, wait: 80 * ms, read: 6, sum: whole, keep: true,
		mask: []byte{0x88, 0, 0, 0, 0, 0}, want: []byte{0x08, 0, 0, 0, 0, 0}, wrong: "it is busy or not calibrated",
	}},
	values: []value{
		airHumidity(value{bit: 8, width: 20, scale: 100.0 / (1 << 20), clamp: true}),
		airTemperature(-40, 85, value{bit: 28, width: 20, scale: 200.0 / (1 << 20), offset: -50}),
	},
}).driver()

// BH1750 is Rohm's light meter (datasheet BH1750FVI, 2011.11). It has neither an identity nor a checksum, and darkness is all zeros: what
// is read twice must be alike, all ones is too bright, and drivers/link/i2c knows a data line that is held to ground.
//
//	01  power on     20  measure once, in steps of 1/1.2 lx: 180 ms; then two bytes
var BH1750 = (&table{
	name: "bh1750", title: "Rohm BH1750: illuminance", maker: "Rohm", model: "BH1750", class: drivers.Climate,
	addresses: []uint16{0x23, 0x5C}, detect: never,
	identify: []step{{write: []byte{0x01}, wait: ms, read: 2, not: []byte{0xFF, 0xFF}, wrong: "nobody drives the line"}},
	measure: []step{
		{write: []byte{0x01}},
		{write: []byte{0x20}, wait: 180 * ms, read: 2, keep: true, not: []byte{0xFF, 0xFF}, wrong: "too bright for it, or nobody drives the line"},
	},
	values: []value{{
		Entity: drivers.Entity{Key: "illuminance", Name: "Illuminance", Quantity: drivers.Illuminance, Min: 0, Max: 54612},
		bit:    0, width: 16, scale: 1 / 1.2,
	}},
}).driver()

// MCP9808 is Microchip's thermometer (datasheet DS25095). Its temperature is 0 before its first measurement; the hysteresis that is
// written to it is how a chip that lost its power is known.
//
//	01  config .....hh. ........    05  temperature ...stttt tttttttt in 1/16 °C
//	06  manufacturer 0054           07  device 04, revision
var MCP9808 = (&table{
	name: "mcp9808", title: "Microchip MCP9808: temperature", maker: "Microchip", model: "MCP9808", class: drivers.Climate,
	addresses: []uint16{0x18, 0x19, 0x1A, 0x1B, 0x1C, 0x1D, 0x1E, 0x1F},
	identify: []step{
		{write: []byte{0x06}, read: 2, want: []byte{0x00, 0x54}, wrong: "it is no MCP9808"},
		{write: []byte{0x07}, read: 2, mask: []byte{0xFF, 0x00}, want: []byte{0x04, 0x00}, wrong: "it is no MCP9808"},
	},
	setUp: []step{
		{write: []byte{0x01, 0x02, 0x00}, wait: 300 * ms}, // 250 ms a measurement at 1/16 °C
	},
	measure: []step{
		{write: []byte{0x01}, read: 2, mask: []byte{0xFF, 0xEF}, want: []byte{0x02, 0x00}, wrong: "it has lost its settings"},
		{write: []byte{0x05}, read: 2, keep: true},
	},
	values:  []value{sixteenths(-40, 125, value{bit: 3, width: 13})},
	powerOn: map[byte][]byte{0x01: {0, 0}},
}).driver()

// TMP102 is Texas Instruments' thermometer (datasheet SBOS397). It sleeps, and measures when told to.
//
//	00  temperature tttttttt tttt.... in 1/16 °C
//	01  config  orr....s ........: one measurement (1: done), rr always 11, sleep
var TMP102 = (&table{
	name: "tmp102", title: "Texas Instruments TMP102: temperature", maker: "Texas Instruments", model: "TMP102", class: drivers.Climate,
	addresses: []uint16{0x48, 0x49, 0x4A, 0x4B}, detect: never,
	identify: []step{{write: []byte{0x01}, read: 2, mask: []byte{0x60, 0x0F}, want: []byte{0x60, 0x00}, wrong: "it is no TMP102"}},
	measure: []step{
		{write: []byte{0x01, 0xE1, 0xA0}, wait: 40 * ms}, // 35 ms at most
		{write: []byte{0x01}, read: 2, mask: []byte{0xFF, 0xD0}, want: []byte{0xE1, 0x80}, wrong: "it has not measured, or lost its settings"},
		{write: []byte{0x00}, read: 2, keep: true, mask: []byte{0x00, 0x0F}, want: []byte{0x00, 0x00}, wrong: "it is no TMP102"},
	},
	values:  []value{sixteenths(-40, 125, value{bit: 0, width: 12})},
	powerOn: map[byte][]byte{0x01: {0x60, 0xA0}},
}).driver()

// sixteenths is a temperature in 1/16 °C, of a chip that is right to half a degree.
func sixteenths(lowest, highest float64, at value) value {
	at.signed, at.scale = true, 1.0/16
	at = airTemperature(lowest, highest, at)
	at.Quantity = drivers.Temperature
	return at
}

func meter(key, name string, q drivers.Quantity, least, most float64, at value) value {
	at.Entity = drivers.Entity{Key: key, Name: name, Quantity: q, Min: least, Max: most}
	return at
}

// INA219Options are what the configuration can say of an INA219.
type INA219Options struct {
	Shunt float64 `yaml:"shunt" doc:"the resistance that the current flows through, in ohm; 0.1 on the usual boards, 0.00075 for a shunt of 100 A and 75 mV"`
}

// INA219 is Texas Instruments' meter of voltage and current (datasheet SBOS448). It measures when told to, 128 times; its own account of
// the current is not used, because it needs a calibration that it forgets.
//
//	00  config 3FFB: 32 V, 320 mV, 128 samples, one measurement of both
//	01  voltage at the shunt, signed, 10 µV    02  voltage at the load vvvvvvvv vvvvv.ro, 4 mV: ready, overflow
var INA219 = (&table{
	name: "ina219", title: "Texas Instruments INA219: voltage, current, power", maker: "Texas Instruments", model: "INA219", class: drivers.Other,
	live: 10 * time.Second, addresses: meterAddresses, detect: never,
	identify: []step{{write: []byte{0x00}, read: 2, mask: []byte{0x40, 0x00}, want: []byte{0x00, 0x00}, not: []byte{0x00, 0x00}, wrong: "it is no INA219"}},
	measure: []step{
		{write: []byte{0x00, 0x3F, 0xFB}, wait: 150 * ms}, // 136 ms (Table 5)
		{write: []byte{0x00}, read: 2, want: []byte{0x3F, 0xFB}, mask: []byte{0xFF, 0xFF}, wrong: "it has lost its settings"},
		{write: []byte{0x01}, read: 2, keep: true},
		{write: []byte{0x02}, read: 2, keep: true, mask: []byte{0x00, 0x03}, want: []byte{0x00, 0x02}, wrong: "it has not measured"},
	},
	values: []value{
		meter("current", "Current", drivers.Current.At(3), -3.2, 3.2, value{bit: 0, width: 16, signed: true, scale: 0.00001 / 0.1}),
		meter("voltage", "Voltage", drivers.Voltage.At(2), 0, 26, value{bit: 16, width: 13, scale: 0.004}),
		meter("power", "Power", drivers.Power.At(2), -85, 85, value{of: func(v []float64) float64 { return v[0] * v[1] }}),
	},
	powerOn: map[byte][]byte{0x00: {0x39, 0x9F}},
	options: func() any { return &INA219Options{Shunt: 0.1} },
	with: func(t *table, options any) error {
		o, ok := options.(*INA219Options)
		if !ok {
			return fmt.Errorf("options of type %T", options)
		}
		if o == nil || o.Shunt == 0.1 {
			return nil
		}
		if !(o.Shunt >= 0.0001 && o.Shunt <= 10) {
			return errors.New("shunt: outside 0.0001 to 10 ohm; 0.1 is usual")
		}
		t.values = append([]value(nil), t.values...)
		most := 0.32 / o.Shunt
		t.values[0].scale, t.values[0].Min, t.values[0].Max = 0.00001/o.Shunt, -most, most
		t.values[2].Min, t.values[2].Max = -most*26, most*26
		return nil
	},
}).driver()

var meterAddresses = []uint16{0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4A, 0x4B, 0x4C, 0x4D, 0x4E, 0x4F}

// INA260 is Texas Instruments' meter with its shunt inside (datasheet SBOS656). It measures when told to, 64 times.
//
//	00  config 6723: 64 samples of 1.1 ms, one measurement of both    06  .... ready ...
//	01  current, signed, 1.25 mA    02  voltage, 1.25 mV    03  power, 10 mW    FE FF  5449, 227x
var INA260 = (&table{
	name: "ina260", title: "Texas Instruments INA260: voltage, current, power", maker: "Texas Instruments", model: "INA260", class: drivers.Other,
	live: 10 * time.Second, addresses: meterAddresses, detect: careful,
	identify: []step{
		{write: []byte{0xFE}, read: 2, want: []byte{0x54, 0x49}, wrong: "it is no INA260"},
		{write: []byte{0xFF}, read: 2, mask: []byte{0xFF, 0xF0}, want: []byte{0x22, 0x70}, wrong: "it is no INA260"},
	},
	measure: []step{
		{write: []byte{0x00, 0x67, 0x23}, wait: 160 * ms}, // 64 x 2 x 1.1 ms, 10 % more at most
		{write: []byte{0x00}, read: 2, want: []byte{0x67, 0x23}, wrong: "it has lost its settings"},
		{write: []byte{0x06}, read: 2, mask: []byte{0x00, 0x08}, want: []byte{0x00, 0x08}, once: true, wrong: "it has not measured"},
		{write: []byte{0x01}, read: 2, keep: true},
		{write: []byte{0x02}, read: 2, keep: true},
		{write: []byte{0x03}, read: 2, keep: true},
	},
	values: []value{
		meter("current", "Current", drivers.Current.At(2), -15, 15, value{bit: 0, width: 16, signed: true, scale: 0.00125}),
		meter("voltage", "Voltage", drivers.Voltage.At(2), 0, 36, value{bit: 16, width: 16, scale: 0.00125}),
		meter("power", "Power", drivers.Power.At(2), 0, 540, value{bit: 32, width: 16, scale: 0.01}),
	},
	powerOn: map[byte][]byte{0x00: {0x61, 0x27}},
}).driver()

var appStart = []byte{0xF4}

// CCS811 is ams' gas sensor (datasheet CCS811, version 1.06). It has no checksum: what has a meaning is read twice.
//
//	20  hardware 81    FF 11 E5 72 8A  reset: 2 ms    F4  start: 1 ms    01 10  one measurement a second
//	00  status 0x80 started, 0x10 program there, 0x08 new data, 0x01 error    02  estimated CO2, volatile organic compounds
var CCS811 = (&table{
	name: "ccs811", title: "ams CCS811: volatile organic compounds", maker: "ams", model: "CCS811", class: drivers.Climate,
	live: 10 * time.Second, addresses: []uint16{0x5A, 0x5B},
	identify: []step{{write: []byte{0x20}, read: 1, want: []byte{0x81}, wrong: "it is no CCS811"}},
	setUp: []step{
		{write: []byte{0xFF, 0x11, 0xE5, 0x72, 0x8A}, wait: 20 * ms},
		{write: appStart, wait: 10 * ms},
		{write: []byte{0x01, 0x10}, wait: ms},
	},
	measure: []step{
		{
			write: []byte{0x00}, read: 1, mask: []byte{0x99}, want: []byte{0x98}, once: true, after: appStart, tries: 4, every: time.Second,
			wrong: "it does not measure, or reports an error",
		},
		{write: []byte{0x02}, read: 4, keep: true},
	},
	values: []value{estimatedCO2(8192, 0), volatiles(1187, 16)},
}).driver()
