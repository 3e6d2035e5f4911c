// Package httpjson reads values out of what a web page of a device or service says: JSON, separated texts, or a bare number. What stands
// where is a table in the configuration.
//
//	GET http://192.168.1.30/cm?cmnd=Status%2010
//	{"StatusSNS":{"Time":"2026-06-01T12:15:00","ENERGY":{"Power":612,"Total":1234.567}}}
//
//	port: "http://192.168.1.30/cm?cmnd=Status%2010"
//	options:
//	  values:
//	    - {path: StatusSNS.ENERGY.Power, key: pv_power, quantity: power, role: pv_power}
//	    - {path: StatusSNS.ENERGY.Total, key: pv_energy, quantity: energy, role: pv_energy}
package httpjson

import (
	"context"
	"fmt"
	"iter"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/link"
	"sunwire/drivers/table"
)

// Driver is any page with values in it.
var Driver = drivers.Driver{
	Name:     "httpjson",
	Title:    "Values from a web page: JSON, fields of a text, or a number",
	Family:   "httpjson",
	Aliases:  []string{"http_json", "rest"},
	Class:    drivers.Other,
	Links:    []link.Kind{link.HTTP},
	Paces:    [3]time.Duration{30 * time.Second, 10 * time.Minute, 24 * time.Hour},
	Config:   func() any { return new(Options) },
	Open:     open,
	Decode:   decode,
	Simulate: func(drivers.Model, uint16) link.Simulator { return silent{} },
}

// Options are the table.
type Options struct {
	Values    []table.Row `yaml:"values" doc:"what to read, and what it is" required:"true"`
	Separator string      `yaml:"separator" doc:"what stands between the fields of a text" default:"white space, comma or semicolon"`
}

const values = "values" // the only query

type page struct {
	fetch link.Fetcher
	table *table.Table
}

func open(c link.Conn, _ uint16, options any) (drivers.Device, error) {
	f, ok := c.(link.Fetcher)
	if !ok {
		return nil, fmt.Errorf("open httpjson: a %s link cannot fetch from the web", c.Kind())
	}
	o, ok := options.(*Options)
	if !ok || o == nil {
		return nil, fmt.Errorf("open httpjson: options of type %T", options)
	}
	t, err := table.New(o.Values, o.Separator)
	if err != nil {
		return nil, fmt.Errorf("open httpjson: %w", err)
	}
	return &page{f, t}, nil
}

// Describe asks nothing: the table says it all.
func (p *page) Describe(ctx context.Context) (drivers.Descriptor, error) {
	if err := ctx.Err(); err != nil {
		return drivers.Descriptor{}, err
	}
	q := drivers.Query{Name: values, Pace: drivers.Live}
	for i := range p.table.Entities {
		q.Keys = append(q.Keys, p.table.Entities[i].Key)
	}
	return drivers.Descriptor{Entities: p.table.Entities, Queries: []drivers.Query{q}}, nil
}

// Poll fetches the page.
func (p *page) Poll(ctx context.Context, q drivers.Query) ([]drivers.Reading, error) {
	if q.Name != values {
		return nil, fmt.Errorf("poll httpjson: query %q: %w", q.Name, drivers.ErrUnsupported)
	}
	body, err := p.fetch.Get(ctx, "")
	if err != nil {
		return nil, err
	}
	s, err := p.table.Read(body)
	if err != nil {
		return nil, fmt.Errorf("poll httpjson: %w", err)
	}
	return []drivers.Reading{{Sample: s}}, nil
}

// decode cannot know the table.
func decode(string, []byte) ([]drivers.Decoded, error) {
	return nil, fmt.Errorf("decode httpjson: what stands where is in the configuration: %w", drivers.ErrUnsupported)
}

// silent is the simulator: nobody knows what the page would say.
type silent struct{}

// Answer implements link.Simulator.
func (silent) Answer([]byte) []byte { return nil }

// Push implements link.Simulator.
func (silent) Push() iter.Seq2[time.Duration, []byte] { return nil }
