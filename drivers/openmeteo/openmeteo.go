// Package openmeteo reads the weather outside, and what it will be, from Open-Meteo (https://open-meteo.com, data CC BY 4.0) or a service
// that answers as it does. No key is needed.
//
//	GET /v1/forecast?latitude=52.52&longitude=13.41&current=temperature_2m,...&hourly=temperature_2m,...&past_days=1&forecast_days=3&timezone=GMT
//
//	{"utc_offset_seconds": 0,
//	 "current_units": {"time": "iso8601", "interval": "seconds", "temperature_2m": "°C", ...},
//	 "current":       {"time": "2026-06-01T12:15", "interval": 900, "temperature_2m": 21.4, ...},
//	 "hourly_units":  {"time": "iso8601", "temperature_2m": "°C", ...},
//	 "hourly":        {"time": ["2026-05-31T00:00", ...], "temperature_2m": [14.1, ...], ...}}
//
// A time has no zone: it is local to utc_offset_seconds. null is: not known. Irradiance and precipitation are those of the hour (of current:
// the interval) that ends at the time, everything else is that of the moment. A plane of panels is one more request, with
// hourly=global_tilted_irradiance and its tilt and azimuth. A refusal is the status 400 with {"error": true, "reason": "..."}.
// All this: https://open-meteo.com/en/docs.
//
// Days begin and end in this machine's time zone (TZ).
package openmeteo

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/link"
)

// Driver is Open-Meteo.
var Driver = drivers.Driver{
	Name:     "openmeteo",
	Title:    "Open-Meteo: weather, forecast and expected PV energy",
	Family:   "openmeteo",
	Aliases:  []string{"open-meteo", "open_meteo"},
	Class:    drivers.Weather,
	Links:    []link.Kind{link.HTTP},
	Paces:    [3]time.Duration{10 * time.Minute, time.Hour, 24 * time.Hour}, // the service has new values every 15 minutes
	Config:   func() any { return &Options{Performance: 0.8} },
	Open:     open,
	Decode:   decode,
	Commands: func() []string { return []string{weather} },
	Simulate: simulate,
}

// Options are where the house stands and what is on its roof.
type Options struct {
	Latitude    float64 `yaml:"latitude" doc:"of the house, -90 to 90 degrees, north is positive" required:"true"`
	Longitude   float64 `yaml:"longitude" doc:"of the house, -180 to 180 degrees, east is positive" required:"true"`
	Planes      []Plane `yaml:"planes" doc:"the panels, one entry for each direction they face; none: no estimate of PV power and energy"`
	Performance float64 `yaml:"performance" doc:"performance ratio, 0.3 to 1: what comes out of the inverter for each W that the panels would give by their rating; heat, dirt, cables and inverter take the rest"`
}

// Plane is panels that face one way.
type Plane struct {
	Peak    float64 `yaml:"peak" doc:"rated power of its panels together, in W, as in 5000" required:"true"`
	Tilt    float64 `yaml:"tilt" doc:"0 lies flat, 90 stands upright"`
	Azimuth float64 `yaml:"azimuth" doc:"where it faces: 0 = south, -90 = east, 90 = west, 180 = north"`
}

// The queries.
const (
	weather = "weather"
	solar   = "solar"
)

func (o *Options) check() error {
	switch {
	case !(o.Latitude >= -90 && o.Latitude <= 90):
		return fmt.Errorf("open openmeteo: latitude %g is outside -90 to 90 degrees", o.Latitude)
	case !(o.Longitude >= -180 && o.Longitude <= 180):
		return fmt.Errorf("open openmeteo: longitude %g is outside -180 to 180 degrees", o.Longitude)
	case !(o.Performance >= 0.3 && o.Performance <= 1):
		return fmt.Errorf("open openmeteo: a performance of %g is outside 0.3 to 1; 0.8 is usual", o.Performance)
	}
	for i, p := range o.Planes {
		switch {
		case !(p.Peak >= 10 && p.Peak <= 1e6):
			return fmt.Errorf("open openmeteo: planes[%d]: a peak of %g W is outside 10 to 1000000 W: is it written in kW?", i, p.Peak)
		case !(p.Tilt >= 0 && p.Tilt <= 90):
			return fmt.Errorf("open openmeteo: planes[%d]: a tilt of %g is outside 0 (flat) to 90 (upright) degrees", i, p.Tilt)
		case !(p.Azimuth >= -180 && p.Azimuth <= 180):
			return fmt.Errorf("open openmeteo: planes[%d]: an azimuth of %g is outside -180 to 180 degrees; 0 is south, 90 west", i, p.Azimuth)
		}
	}
	return nil
}

// path asks for the variables of the rows.
func (o *Options) path(current, hourly []string, more string) string {
	return "/v1/forecast?latitude=" + plain(o.Latitude) + "&longitude=" + plain(o.Longitude) +
		"&current=" + strings.Join(current, ",") + "&hourly=" + strings.Join(hourly, ",") +
		"&past_days=1&forecast_days=3&timezone=GMT" + more // a day here may begin in yesterday's and end in tomorrow's of Greenwich
}

func plain(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

type service struct {
	fetch   link.Fetcher
	options Options
	paths   map[string][]string // of each query; solar has one a plane
}

func open(c link.Conn, _ uint16, options any) (drivers.Device, error) {
	f, ok := c.(link.Fetcher)
	if !ok {
		return nil, fmt.Errorf("open openmeteo: a %s link cannot fetch from the web", c.Kind())
	}
	o, ok := options.(*Options)
	if !ok || o == nil {
		return nil, fmt.Errorf("open openmeteo: options of type %T", options)
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	var now, hours []string
	for i := range current {
		now = append(now, current[i].variable)
	}
	for i := range hourly {
		hours = append(hours, hourly[i].variable)
	}
	s := &service{fetch: f, options: *o, paths: map[string][]string{weather: {o.path(now, hours, "")}}}
	for _, p := range o.Planes {
		s.paths[solar] = append(s.paths[solar], o.path([]string{tilted}, []string{tilted}, "&tilt="+plain(p.Tilt)+"&azimuth="+plain(p.Azimuth)))
	}
	return s, nil
}

// Describe asks nothing: there is no device to know.
func (s *service) Describe(ctx context.Context) (drivers.Descriptor, error) {
	if err := ctx.Err(); err != nil {
		return drivers.Descriptor{}, err
	}
	d := drivers.Descriptor{Manufacturer: "Open-Meteo", Model: "Weather forecast"}
	add := func(name string, es []drivers.Entity) {
		q := drivers.Query{Name: name, Pace: drivers.Live}
		for _, e := range es {
			q.Keys = append(q.Keys, e.Key)
		}
		d.Entities, d.Queries = append(d.Entities, es...), append(d.Queries, q)
	}
	add(weather, weatherEntities())
	if len(s.options.Planes) > 0 {
		add(solar, solarEntities())
	}
	return d, nil
}

// Poll makes one request; of the panels, one a plane, which give values together or none.
func (s *service) Poll(ctx context.Context, q drivers.Query) ([]drivers.Reading, error) {
	paths, ok := s.paths[q.Name]
	if !ok {
		return nil, fmt.Errorf("poll openmeteo: query %q: %w", q.Name, drivers.ErrUnsupported)
	}
	var answers []*answer
	for _, p := range paths {
		body, err := s.fetch.Get(ctx, p)
		if err != nil {
			return nil, err
		}
		a, err := parse(body)
		if err != nil {
			return nil, fmt.Errorf("poll openmeteo: %s: %w", q.Name, err)
		}
		answers = append(answers, a)
	}
	var rs []drivers.Reading
	var err error
	if q.Name == weather {
		rs, err = readWeather(answers[0], time.Local)
	} else {
		rs, err = s.options.estimate(answers, time.Local)
	}
	if err != nil {
		return nil, fmt.Errorf("poll openmeteo: %s: %w", q.Name, err)
	}
	return rs, nil
}

func decode(command string, reply []byte) ([]drivers.Decoded, error) {
	if command != weather {
		return nil, fmt.Errorf("decode openmeteo: query %q: %w", command, drivers.ErrUnsupported)
	}
	a, err := parse(reply)
	if err != nil {
		return nil, fmt.Errorf("decode openmeteo: %w", err)
	}
	rs, err := readWeather(a, time.Local)
	if err != nil {
		return nil, fmt.Errorf("decode openmeteo: %w", err)
	}
	var out []drivers.Decoded
	for _, e := range weatherEntities() {
		for _, r := range rs {
			if v := r.Sample.Get(e.Key); !v.Absent() {
				out = append(out, drivers.Decoded{Entity: &e, Value: v, Raw: v})
			}
		}
	}
	return out, nil
}
