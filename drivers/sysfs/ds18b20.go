package sysfs

import (
	"context"
	"encoding/hex"
	"fmt"
	"iter"
	"math"
	"regexp"
	"strings"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/chip"
	"sunwire/drivers/link"
)

// DS18B20 is Dallas' (now Analog Devices') thermometer on 1-Wire, and its sisters with the same nine bytes (datasheet 19-7487).
//
// The kernel (w1_therm) measures when /sys/bus/w1/devices/<ROM id>/w1_slave is read, which takes 750 ms, and shows the scratchpad:
//
//	91 01 4b 46 7f ff 0c 10 70 : crc=70 YES     bytes 0, 1: 1/16 °C, little-endian; 4: resolution .rr11111; 8: CRC
//	91 01 4b 46 7f ff 0c 10 70 t=25062          in 0.001 °C
//
// All that can be checked is: YES, the CRC once more, that the two lines agree, that the resolution has its fixed bits (a line that is
// stuck at 0 has a right CRC), and that it is not 85 °C, which a sensor says that has just been powered and has measured nothing.
var DS18B20 = drivers.Driver{
	Name:     "ds18b20",
	Title:    "DS18B20 thermometers on 1-Wire, by Linux's w1 driver",
	Family:   "ds18b20",
	Aliases:  []string{"w1"},
	Class:    drivers.Climate,
	Links:    []link.Kind{link.File},
	Paces:    [3]time.Duration{time.Minute, 10 * time.Minute, 24 * time.Hour},
	Config:   func() any { return new(W1Options) },
	Open:     openW1,
	Decode:   decodeW1,
	Commands: func() []string { return []string{w1Slave} },
	Simulate: func(m drivers.Model, _ uint16) link.Simulator { return w1Simulator{m} },
}

// W1Options are what the configuration can say of a DS18B20.
type W1Options struct {
	Sensor string  `yaml:"sensor" doc:"the sensor's ROM id, such as 28-0316a2794bff: its name in /sys/bus/w1/devices; not needed where it is the only one"`
	Offset float64 `yaml:"offset" doc:"added to what the sensor says, in °C"`
}

var w1Temperature = drivers.Entity{
	Key: "temperature", Name: "Temperature", Quantity: drivers.Temperature.At(2), Role: drivers.AirTemperature, Min: -55, Max: 125,
}

const (
	w1Slave   = "w1_slave"
	w1Folder  = "bus/w1/devices"
	powerOn   = 85 * 16 // the scratchpad's temperature before the first measurement
	w1Example = "28-0316a2794bff"
)

var (
	// DS18B20 28, DS1822 22, DS28EA00 42: the families with this scratchpad.
	w1Name = regexp.MustCompile(`^(28|22|42)-[0-9a-f]{12}$`)
	w1Form = regexp.MustCompile(`^((?:[0-9a-f]{2} ){9}): crc=([0-9a-f]{2}) (YES|NO)\n((?:[0-9a-f]{2} ){9})t=(-?[0-9]+)\n$`)
)

type w1 struct {
	*place
	offset float64
}

func openW1(c link.Conn, _ uint16, options any) (drivers.Device, error) {
	o, _ := options.(*W1Options)
	if o == nil {
		o = new(W1Options)
	}
	if o.Sensor != "" && !w1Name.MatchString(o.Sensor) {
		return nil, fmt.Errorf("open ds18b20: sensor: %q is not the id of such a sensor; it is like %s", o.Sensor, w1Example)
	}
	p, err := on(c, place{
		driver: "ds18b20", folder: w1Folder, names: w1Name.MatchString, wanted: o.Sensor,
		off: "turn 1-Wire on (Raspberry Pi: sudo raspi-config, Interface Options, 1-Wire) and restart",
	})
	if err != nil {
		return nil, err
	}
	return &w1{p, o.Offset}, nil
}

// Describe looks whether the sensor is there, without measuring.
func (d *w1) Describe(ctx context.Context) (drivers.Descriptor, error) {
	if _, _, err := d.find(ctx); err != nil {
		return drivers.Descriptor{}, err
	}
	return drivers.Descriptor{
		Manufacturer: "Analog Devices", Model: "DS18B20",
		Entities: []drivers.Entity{w1Temperature}, Queries: []drivers.Query{{Name: w1Slave, Keys: []string{w1Temperature.Key}}},
	}, nil
}

// Poll measures.
func (d *w1) Poll(ctx context.Context, q drivers.Query) ([]drivers.Reading, error) {
	if q.Name != w1Slave {
		return nil, fmt.Errorf("poll ds18b20: query %q: %w", q.Name, drivers.ErrUnsupported)
	}
	id, _, err := d.find(ctx)
	if err != nil {
		return nil, err
	}
	text, err := d.read(ctx, d.file(id, w1Slave))
	if err != nil {
		return nil, err
	}
	fields, err := decodeW1(w1Slave, []byte(text+"\n"))
	if err != nil {
		return nil, fmt.Errorf("ds18b20 %s: %w", id, err)
	}
	raw, _ := fields[0].Raw.Float()
	return []drivers.Reading{{Sample: drivers.Sample{{Key: w1Temperature.Key, Value: chip.Rounded(&w1Temperature, raw+d.offset)}}}}, nil
}

func decodeW1(command string, reply []byte) ([]drivers.Decoded, error) {
	if command != w1Slave {
		return nil, fmt.Errorf("decode ds18b20: command %q: only %q is known: %w", command, w1Slave, drivers.ErrUnsupported)
	}
	fail := func(what string) ([]drivers.Decoded, error) {
		return nil, fmt.Errorf("%s: %q: %w", what, reply, drivers.ErrFrame)
	}
	m := w1Form.FindSubmatch(reply)
	if m == nil {
		return fail("not the two lines of w1_slave")
	}
	b, err := hex.DecodeString(strings.ReplaceAll(string(m[1]), " ", ""))
	crc := crc8Dallas(b[:8])
	sixteenths := int16(uint16(b[0]) | uint16(b[1])<<8)
	switch {
	case err != nil || string(m[3]) != "YES" || b[8] != crc || string(m[2]) != fmt.Sprintf("%02x", crc):
		return fail("the checksum is wrong: shorten the wires, or use a smaller pull-up")
	case string(m[1]) != string(m[4]):
		return fail("the two lines differ")
	case b[4]&0x9F != 0x1F:
		return fail("no resolution: the data line is held to ground")
	case string(m[5]) != fmt.Sprint(int(sixteenths)*1000/16):
		return fail("the kernel computes another temperature")
	case sixteenths == powerOn:
		return fail("85 °C is what it says before its first measurement: check its power")
	}
	t := float64(sixteenths&^(1<<(3-b[4]>>5&3)-1)) / 16 // bits below the resolution have no meaning
	if e := &w1Temperature; !e.Plausible(drivers.Num(t)) {
		return fail("no such temperature")
	}
	return []drivers.Decoded{{Entity: &w1Temperature, Value: chip.Rounded(&w1Temperature, t), Raw: drivers.Num(t)}}, nil
}

// crc8Dallas is the checksum of 1-Wire: x^8 + x^5 + x^4 + 1, least significant bit first, from 0.
func crc8Dallas(b []byte) (crc byte) {
	for _, c := range b {
		crc ^= c
		for range 8 {
			crc = crc>>1 ^ 0x8C*(crc&1)
		}
	}
	return crc
}

// w1Simulator is a bus with one sensor.
type w1Simulator struct{ model drivers.Model }

// Push is nothing: files are read.
func (s w1Simulator) Push() iter.Seq2[time.Duration, []byte] { return nil }

// Answer is what a file has.
func (s w1Simulator) Answer(request []byte) []byte {
	switch string(request) {
	case w1Folder + "/":
		return []byte(w1Example + "\nw1_bus_master1\n")
	case w1Folder + "/" + w1Example + "/" + w1Slave:
		sixteenths := int16(math.Round(chip.Shown(s.model, w1Temperature.Key) * 16))
		b := []byte{byte(sixteenths), byte(sixteenths >> 8), 0x4B, 0x46, 0x7F, 0xFF, 0x0C, 0x10}
		crc := crc8Dallas(b)
		return fmt.Appendf(nil, "% x %02x : crc=%02x YES\n% x %02x t=%d\n", b, crc, crc, b, crc, int(sixteenths)*1000/16)
	}
	return nil
}
