// Package output has the other places that values go to, beside Home Assistant's documents: plain topics, one value each, or one JSON
// object, as programs expect that read another bridge before.
package output

import (
	"math"
	"strings"
	"time"
	"unicode"

	"sunwire/bridge/pipeline"
	"sunwire/drivers"
)

// Format is how values are written.
type Format string

// The formats. JSON and Tasmota have all values on one topic.
const (
	Plain   Format = "plain"   // 21.4 on house/temperature
	JSON    Format = "json"    // {"temperature":21.4,"humidity":48.0} on house
	Tasmota Format = "tasmota" // {"Time":"2026-06-01T12:15:00","BME280":{"Temperature":21.4, ...},"PressureUnit":"hPa","TempUnit":"C"} on house/SENSOR
)

// Options say where values go, and how.
type Options struct {
	Pattern    string // such as house/{key}; {id} is the device's
	ID         string
	Sensor     string // what Tasmota calls it
	Format     Format // "" is Plain
	Fahrenheit bool
}

// Topics publishes primary values. A value that is not known is left out: a plain topic cannot say so.
type Topics struct{ Options }

// Message is what goes on a topic.
type Message struct {
	Topic   string
	Payload []byte
}

// NewTopics publishes by o.
func NewTopics(o Options) *Topics { return &Topics{o} }

// Messages is every shown primary value that is known at now.
func (t *Topics) Messages(cells []pipeline.Cell, shown []int, now time.Time) []Message {
	var out []Message
	var object []byte
	for _, i := range shown {
		c := &cells[i]
		v := c.Known(now)
		if c.Entity.Category != drivers.Primary || c.Entity.Attribute != "" || v.Absent() {
			continue
		}
		key, q := c.Entity.Key, c.Entity.Quantity
		v = t.convert(v, q)
		switch t.Format {
		case JSON:
			object = member(object, key)
			object = v.AppendJSON(object, q.Decimals)
		case Tasmota:
			object = member(object, word(key))
			object = v.AppendJSON(object, q.Decimals)
		default:
			out = append(out, Message{t.topic(key), []byte(v.Format(q.Decimals))})
		}
	}
	switch {
	case object == nil:
	case t.Format == JSON:
		out = append(out, Message{t.topic(""), append(object, '}')})
	default:
		out = append(out, Message{t.topic("") + "/SENSOR", t.sensor(append(object, '}'), now)})
	}
	return out
}

func (t *Topics) topic(key string) string {
	return strings.NewReplacer("{key}", key, "{id}", t.ID).Replace(t.Pattern)
}

// convert is v in the unit that was asked for: of a difference of temperatures, only the size of a degree changes.
func (t *Topics) convert(v drivers.Value, q drivers.Quantity) drivers.Value {
	f, ok := v.Float()
	if !ok || !t.Fahrenheit || q.Unit != drivers.Temperature.Unit {
		return v
	}
	f *= 1.8
	if q.DeviceClass != drivers.TemperatureDelta.DeviceClass {
		f += 32
	}
	unit := math.Pow10(q.Decimals)
	return drivers.Num(math.Round(f*unit) / unit)
}

// sensor is the object as Tasmota sends it: the local time without a zone in front, the units behind.
func (t *Topics) sensor(object []byte, now time.Time) []byte {
	unit := "C"
	if t.Fahrenheit {
		unit = "F"
	}
	b := member(nil, "Time")
	b = drivers.Text(now.Format("2006-01-02T15:04:05")).AppendJSON(b, 0)
	b = member(b, strings.ToUpper(t.Sensor))
	b = append(b, object...)
	return append(b, `,"PressureUnit":"hPa","TempUnit":"`+unit+`"}`...)
}

func member(b []byte, key string) []byte {
	if b == nil {
		b = append(b, '{')
	} else {
		b = append(b, ',')
	}
	return append(drivers.Text(key).AppendJSON(b, 0), ':')
}

// words are Tasmota's where they are not the key itself in its spelling.
var words = map[string]string{"sea_level_pressure": "SeaPressure", "gas_resistance": "Gas", "co2": "CarbonDioxide"}

// word is the key as Tasmota spells it: battery_voltage is BatteryVoltage.
func word(key string) string {
	if w := words[key]; w != "" {
		return w
	}
	var s strings.Builder
	for part := range strings.SplitSeq(key, "_") {
		for i, r := range part {
			if i == 0 {
				r = unicode.ToUpper(r)
			}
			s.WriteRune(r)
		}
	}
	return s.String()
}
