package sysfs

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/chip"
	"sunwire/drivers/link"
)

// class is a family of the kernel's drivers that show their sensors alike: a folder a sensor, with its name and a file a value.
type class struct {
	name, title, folder string
	aliases             []string
	class               drivers.Class
	entries             *regexp.Regexp // of the folder: a sensor each
	called              string         // the file with its name
	channels            []channel
	off                 string
}

// channel is a file with a number, and the entity that it is. In a numbered one # stands for the number, counted from first.
type channel struct {
	file  string
	first int
	drivers.Entity
	scale float64 // of the file's unit
	raw   bool    // where there is no such file, iio has FILE_raw with FILE_offset and FILE_scale: (raw + offset) * scale
}

// has reports whether that file has the channel's value.
func (ch *channel) has(file string) bool {
	return file == ch.file || ch.raw && (file == ch.file+"_input" || file == ch.file+"_raw")
}

// IIO is what the kernel's industrial I/O drivers measure: DHT11 and DHT22 (dht11), BME280, Si7021, BH1750, SCD4x and some hundred more
// (Documentation/ABI/testing/sysfs-bus-iio): in_temp_input in 0.001 °C, in_humidityrelative_input in 0.001 %, in_pressure_input in kPa,
// in_illuminance_input in lx, in_concentration_co2_raw as a share.
var IIO = (&class{
	name: "iio", title: "Linux iio: DHT11, DHT22 and other sensors that the kernel reads", aliases: []string{"dht11", "dht22"},
	folder: "bus/iio/devices", class: drivers.Climate, entries: regexp.MustCompile(`^iio:device[0-9]+$`), called: "name",
	off: "load the sensor's kernel driver (a DHT22 on a Raspberry Pi: dtoverlay=dht11,gpiopin=4 in config.txt) and restart",
	channels: []channel{
		{"in_temp", 0, drivers.Entity{Key: "temperature", Name: "Temperature", Quantity: drivers.Temperature, Role: drivers.AirTemperature, Min: -40, Max: 125}, 0.001, true},
		{"in_humidityrelative", 0, drivers.Entity{Key: "humidity", Name: "Humidity", Quantity: drivers.Humidity, Role: drivers.AirHumidity, Min: 0, Max: 100}, 0.001, true},
		{"in_pressure", 0, drivers.Entity{Key: "pressure", Name: "Pressure", Quantity: drivers.AirPressure, Role: drivers.Pressure, Min: 300, Max: 1200}, 10, true},
		{"in_illuminance", 0, drivers.Entity{Key: "illuminance", Name: "Illuminance", Quantity: drivers.Illuminance, Min: 0, Max: 200000}, 1, true},
		{"in_concentration_co2", 0, drivers.Entity{Key: "co2", Name: "Carbon dioxide", Quantity: drivers.CarbonDioxide, Min: 200, Max: 40000}, 10000, true},
	},
}).driver()

// HWMon is what the kernel's hardware monitoring measures (Documentation/hwmon/sysfs-interface.rst): temp#_input in 0.001 °C,
// humidity#_input in 0.001 %, in#_input in mV, curr#_input in mA, power#_input in µW.
var HWMon = (&class{
	name: "hwmon", title: "Linux hwmon: temperatures, voltages, currents and powers that the kernel reads",
	folder: "class/hwmon", class: drivers.Other, entries: regexp.MustCompile(`^hwmon[0-9]+$`), called: "name",
	off: "this system has no hardware monitoring",
	channels: []channel{
		{"temp#_input", 1, drivers.Entity{Key: "temperature_#", Name: "Temperature #", Quantity: drivers.Temperature, Min: -55, Max: 150}, 0.001, false},
		{"humidity#_input", 1, drivers.Entity{Key: "humidity_#", Name: "Humidity #", Quantity: drivers.Humidity, Min: 0, Max: 100}, 0.001, false},
		{"in#_input", 0, drivers.Entity{Key: "voltage_#", Name: "Voltage #", Quantity: drivers.Voltage.At(3), Min: -100, Max: 100}, 0.001, false},
		{"curr#_input", 1, drivers.Entity{Key: "current_#", Name: "Current #", Quantity: drivers.Current.At(3), Min: -500, Max: 500}, 0.001, false},
		{"power#_input", 1, drivers.Entity{Key: "power_#", Name: "Power #", Quantity: drivers.Power.At(3), Min: -10000, Max: 10000}, 0.000001, false},
	},
}).driver()

// Thermal is a thermal zone (Documentation/driver-api/thermal/sysfs-api.rst): temp in 0.001 °C, of a processor mostly.
var Thermal = (&class{
	name: "thermal", title: "Linux thermal zones: the temperature of this machine's processor",
	folder: "class/thermal", class: drivers.Other, entries: regexp.MustCompile(`^thermal_zone[0-9]+$`), called: "type",
	off: "this system has no thermal zones",
	channels: []channel{
		{"temp", 0, drivers.Entity{Key: "temperature", Name: "Temperature", Quantity: drivers.Temperature, Min: -55, Max: 150}, 0.001, false},
	},
}).driver()

// Options are what the configuration can say of a sensor that the kernel reads.
type Options struct {
	Sensor string `yaml:"sensor" doc:"its name, such as cpu-thermal, or its folder, such as hwmon1; not needed where it is the only one"`
}

const (
	reading = "read" // the one query, and the one command that decode takes: lines of FILE NUMBER
	most    = 16     // of numbered channels
)

func (c *class) driver() drivers.Driver {
	return drivers.Driver{
		Name: c.name, Title: c.title, Family: c.name, Aliases: c.aliases, Class: c.class, Links: []link.Kind{link.File},
		Paces:  [3]time.Duration{time.Minute, 10 * time.Minute, 24 * time.Hour},
		Config: func() any { return new(Options) }, Open: c.open, Decode: c.decode, Commands: func() []string { return []string{reading} }, Simulate: c.simulate,
	}
}

// sensor is one folder of such a class.
type sensor struct {
	*class
	*place
}

func (c *class) open(l link.Conn, _ uint16, options any) (drivers.Device, error) {
	o, _ := options.(*Options)
	if o == nil {
		o = new(Options)
	}
	p, err := on(l, place{
		driver: c.name, folder: c.folder, names: c.entries.MatchString, wanted: o.Sensor, off: c.off,
		called: func(entry string) string { return path.Join(c.folder, entry, c.called) },
	})
	if err != nil {
		return nil, err
	}
	return &sensor{class: c, place: p}, nil
}

// all are the channels with their numbers.
func (c *class) all() (channels []channel) {
	for _, ch := range c.channels {
		if !strings.Contains(ch.file, "#") {
			channels = append(channels, ch)
			continue
		}
		for n := range most {
			number := strconv.Itoa(n + ch.first)
			numbered := ch
			numbered.file = strings.Replace(ch.file, "#", number, 1)
			numbered.Key, numbered.Name = strings.Replace(ch.Key, "#", number, 1), strings.Replace(ch.Name, "#", number, 1)
			channels = append(channels, numbered)
		}
	}
	return channels
}

// Describe looks which values the sensor has, without measuring.
func (s *sensor) Describe(ctx context.Context) (drivers.Descriptor, error) {
	entry, name, err := s.find(ctx)
	if err != nil {
		return drivers.Descriptor{}, err
	}
	there, err := s.list(entry)
	if err != nil {
		return drivers.Descriptor{}, err
	}
	d := drivers.Descriptor{Manufacturer: "Linux", Model: name, Queries: []drivers.Query{{Name: reading}}}
	for _, ch := range s.all() {
		if slices.ContainsFunc(there, ch.has) {
			d.Entities = append(d.Entities, ch.Entity)
			d.Queries[0].Keys = append(d.Queries[0].Keys, ch.Key)
		}
	}
	if len(d.Entities) == 0 {
		return d, fmt.Errorf("%s: /sys/%s/%s has no value that sunwire knows: %w", s.name, s.place.folder, entry, drivers.ErrNoReply)
	}
	return d, nil
}

// Poll reads all values. One that cannot be read is absent; none at all is an error.
func (s *sensor) Poll(ctx context.Context, q drivers.Query) ([]drivers.Reading, error) {
	if q.Name != reading {
		return nil, fmt.Errorf("poll %s: query %q: %w", s.name, q.Name, drivers.ErrUnsupported)
	}
	entry, _, err := s.find(ctx)
	if err != nil {
		return nil, err
	}
	var sample drivers.Sample
	var failed error
	for _, ch := range s.all() {
		if !slices.Contains(q.Keys, ch.Key) {
			continue
		}
		f, err := s.value(ctx, entry, &ch)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		sample = append(sample, drivers.Field{Key: ch.Key, Value: chip.Rounded(&ch.Entity, f)})
	}
	if len(sample) == 0 {
		return nil, failed
	}
	return []drivers.Reading{{Sample: sample}}, nil
}

// value reads one channel, in its entity's unit.
func (s *sensor) value(ctx context.Context, entry string, ch *channel) (float64, error) {
	if !ch.raw {
		f, err := s.number(ctx, entry, ch.file)
		return f * ch.scale, err
	}
	f, err := s.number(ctx, entry, ch.file+"_input")
	if err == nil || ctx.Err() != nil {
		return f * ch.scale, err
	}
	raw, rawErr := s.number(ctx, entry, ch.file+"_raw")
	if rawErr != nil {
		return 0, err
	}
	scale, err := s.number(ctx, entry, ch.file+"_scale")
	if err != nil {
		return 0, err
	}
	offset := 0.0
	if there, err := s.list(entry); err != nil {
		return 0, err
	} else if slices.Contains(there, ch.file+"_offset") {
		if offset, err = s.number(ctx, entry, ch.file+"_offset"); err != nil {
			return 0, err
		}
	}
	return (raw + offset) * scale * ch.scale, nil
}

var numberForm = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)

func (s *sensor) number(ctx context.Context, entry, file string) (float64, error) {
	text, err := s.read(ctx, s.file(entry, file))
	if err != nil {
		return 0, err
	}
	if !numberForm.MatchString(text) {
		return 0, fmt.Errorf("%s: /sys/%s: %q is no number: %w", s.name, s.file(entry, file), text, drivers.ErrFrame)
	}
	return strconv.ParseFloat(text, 64)
}

// decode reads lines of a file's name and its number, as a person would write them down.
func (c *class) decode(command string, reply []byte) (fields []drivers.Decoded, err error) {
	if command != reading {
		return nil, fmt.Errorf("decode %s: command %q: only %q is known: %w", c.name, command, reading, drivers.ErrUnsupported)
	}
	channels := c.all()
	for line := range strings.Lines(string(reply)) {
		file, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		i := slices.IndexFunc(channels, func(ch channel) bool { return ch.file == file || ch.raw && ch.file+"_input" == file })
		if i < 0 || !numberForm.MatchString(text) || !strings.HasSuffix(line, "\n") {
			return nil, fmt.Errorf("decode %s: %q is not the name of a file and a number: %w", c.name, line, drivers.ErrFrame)
		}
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("decode %s: %w: %w", c.name, drivers.ErrFrame, err)
		}
		e := &channels[i].Entity
		fields = append(fields, drivers.Decoded{Entity: e, Value: chip.Rounded(e, f*channels[i].scale), Raw: drivers.Num(f * channels[i].scale)})
	}
	if fields == nil {
		return nil, fmt.Errorf("decode %s: nothing there: %w", c.name, drivers.ErrFrame)
	}
	return fields, nil
}

// simulation is a folder with one sensor, which has the first of each channel.
type simulation struct {
	*class
	model drivers.Model
}

func (c *class) simulate(m drivers.Model, _ uint16) link.Simulator { return &simulation{c, m} }

// Push is nothing: files are read.
func (s *simulation) Push() iter.Seq2[time.Duration, []byte] { return nil }

// Answer is what a file has, or a folder.
func (s *simulation) Answer(request []byte) []byte {
	entry := strings.NewReplacer("^", "", "$", "", "[0-9]+", "0").Replace(s.entries.String())
	name, inside := strings.CutPrefix(string(request), s.folder+"/")
	if !inside {
		return nil
	}
	file, inside := strings.CutPrefix(name, entry+"/")
	var files []string
	for _, ch := range s.all() {
		first := strings.Replace(ch.file, "#", strconv.Itoa(ch.first), 1)
		if ch.raw {
			first += "_input"
		}
		if !slices.ContainsFunc(s.channels, func(c channel) bool {
			return ch.Key == strings.Replace(c.Key, "#", strconv.Itoa(c.first), 1)
		}) {
			continue
		}
		files = append(files, first)
		if inside && file == first {
			return s.content(&ch)
		}
	}
	switch {
	case name == "":
		return []byte(entry + "\n")
	case inside && file == "":
		return []byte(s.called + "\n" + strings.Join(files, "\n") + "\n")
	case inside && file == s.called:
		return []byte("simulated\n")
	}
	return nil
}

func (s *simulation) content(ch *channel) []byte {
	f := chip.Shown(s.model, ch.Key)
	return []byte(strconv.FormatFloat(math.Round(f/ch.scale*1e6)/1e6, 'f', -1, 64) + "\n")
}
