// Package mqttin takes in what other programs publish on sunwire's own broker: Tasmota, ESPHome, mpp-solar and whatever else. What stands
// on which topic is a table in the configuration.
//
//	tele/plug/SENSOR  {"Time":"2026-06-01T12:15:00","ENERGY":{"Power":612,"Total":1234.567}}
//	garage/power      612
//
//	port: "mqtt:"
//	interval: 5m             # Tasmota's TelePeriod: three times that without news, and the values are unknown
//	options:
//	  topics:
//	    - topic: tele/plug/SENSOR
//	      values:
//	        - {path: ENERGY.Power, key: pv_power, quantity: power, role: pv_power}
//	    - topic: garage/power
//	      values:
//	        - {key: load_power, quantity: power, role: load_power}
//
// How old a retained message is nobody knows: it is not believed, unless the table says so.
package mqttin

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/link"
	"sunwire/drivers/table"
)

// Driver is any program that publishes values.
var Driver = drivers.Driver{
	Name:     "mqttin",
	Title:    "Values that other programs publish over MQTT",
	Family:   "mqttin",
	Aliases:  []string{"mqtt_in"},
	Class:    drivers.Other,
	Links:    []link.Kind{link.MQTT},
	Paces:    [3]time.Duration{time.Minute, 10 * time.Minute, 24 * time.Hour},
	Config:   func() any { return new(Options) },
	Open:     open,
	Decode:   decode,
	Simulate: func(drivers.Model, uint16) link.Simulator { return silent{} },
}

// Options are the table.
type Options struct {
	Topics []Source `yaml:"topics" doc:"what to listen to" required:"true"`
}

// Source is one topic.
type Source struct {
	Topic     string      `yaml:"topic" doc:"the whole topic, without + or #" required:"true"`
	Values    []table.Row `yaml:"values" doc:"what stands there" required:"true"`
	Retained  bool        `yaml:"retained" doc:"whether a retained message is believed, however old it may be"`
	Separator string      `yaml:"separator" doc:"what stands between the fields of a text" default:"white space, comma or semicolon"`
}

type listener struct {
	link     link.Subscriber
	sources  []source
	entities []drivers.Entity
}

type source struct {
	topic    string
	retained bool
	table    *table.Table
}

func open(c link.Conn, _ uint16, options any) (drivers.Device, error) {
	s, ok := c.(link.Subscriber)
	if !ok {
		return nil, fmt.Errorf("open mqttin: a %s link hears no MQTT", c.Kind())
	}
	o, ok := options.(*Options)
	if !ok || o == nil {
		return nil, fmt.Errorf("open mqttin: options of type %T", options)
	}
	l := &listener{link: s}
	var rows []table.Row
	for i, from := range o.Topics {
		switch {
		case from.Topic == "" || strings.ContainsAny(from.Topic, "+#"):
			return nil, fmt.Errorf("open mqttin: topics[%d]: %q is not a whole topic without + or #", i, from.Topic)
		case slices.ContainsFunc(l.sources, func(s source) bool { return s.topic == from.Topic }):
			return nil, fmt.Errorf("open mqttin: topics[%d]: %q is there twice; put all its values under one", i, from.Topic)
		}
		t, err := table.New(from.Values, from.Separator)
		if err != nil {
			return nil, fmt.Errorf("open mqttin: topics[%d], %q: %w", i, from.Topic, err)
		}
		l.sources = append(l.sources, source{from.Topic, from.Retained, t})
		rows = append(rows, from.Values...)
	}
	all, err := table.New(rows, "") // keys and roles are each other's neighbours across topics too
	if err != nil {
		return nil, fmt.Errorf("open mqttin: all topics together: %w", err)
	}
	l.entities = all.Entities
	return l, nil
}

// Describe asks nothing: the table says it all. Without queries, the device streams.
func (l *listener) Describe(ctx context.Context) (drivers.Descriptor, error) {
	return drivers.Descriptor{Entities: l.entities}, ctx.Err()
}

// Poll implements drivers.Device: there is nothing to ask.
func (l *listener) Poll(_ context.Context, q drivers.Query) ([]drivers.Reading, error) {
	return nil, fmt.Errorf("poll mqttin: query %q: %w", q.Name, drivers.ErrUnsupported)
}

// Stream implements drivers.Streamer.
func (l *listener) Stream(ctx context.Context) iter.Seq2[drivers.Reading, error] {
	return func(yield func(drivers.Reading, error) bool) {
		var topics []string
		for _, s := range l.sources {
			topics = append(topics, s.topic)
		}
		for m, err := range l.link.Subscribe(ctx, topics...) {
			if err != nil {
				if !yield(drivers.Reading{}, err) || errors.Is(err, link.ErrLost) {
					return
				}
				continue
			}
			i := slices.Index(topics, m.Topic)
			if i < 0 || m.Retained && !l.sources[i].retained {
				continue
			}
			s, err := l.sources[i].table.Read(m.Payload)
			if err != nil {
				err = fmt.Errorf("%s: %w", m.Topic, err)
			}
			if !yield(drivers.Reading{Sample: s}, err) {
				return
			}
		}
	}
}

// decode cannot know the table.
func decode(string, []byte) ([]drivers.Decoded, error) {
	return nil, fmt.Errorf("decode mqttin: what stands where is in the configuration: %w", drivers.ErrUnsupported)
}

// silent is the simulator: nobody knows what others would say.
type silent struct{}

// Answer implements link.Simulator.
func (silent) Answer([]byte) []byte { return nil }

// Push implements link.Simulator.
func (silent) Push() iter.Seq2[time.Duration, []byte] { return nil }
