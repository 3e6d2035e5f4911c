package openmeteo

import (
	"encoding/json"
	"fmt"
	"time"

	"sunwire/drivers"
)

// answer is what the service sent, checked as far as it is one.
type answer struct {
	now    time.Time // of the current values, in UTC
	latest values    // current
	span   time.Duration
	hours  []time.Time // of the hourly values, in UTC, one hour apart
	ahead  values      // hourly: each a list
}

// values are variables with the units in which they were sent.
type values struct {
	units map[string]string
	raw   map[string]json.RawMessage
}

// parse reads a body. Whatever is not as asked for is drivers.ErrFrame.
func parse(body []byte) (*answer, error) {
	var in struct {
		Error        bool
		Reason       string
		Offset       *int                       `json:"utc_offset_seconds"`
		CurrentUnits map[string]string          `json:"current_units"`
		Current      map[string]json.RawMessage `json:"current"`
		HourlyUnits  map[string]string          `json:"hourly_units"`
		Hourly       map[string]json.RawMessage `json:"hourly"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, fmt.Errorf("the answer is not JSON as it should be: %w: %w", drivers.ErrFrame, err)
	}
	switch {
	case in.Error:
		return nil, fmt.Errorf("the service refuses: %s", in.Reason)
	case in.Offset == nil || in.Current == nil:
		return nil, fmt.Errorf("the answer has no current values: %w", drivers.ErrFrame)
	}
	a := &answer{latest: values{in.CurrentUnits, in.Current}, ahead: values{in.HourlyUnits, in.Hourly}}
	var at string
	var times []string
	var seconds float64
	if json.Unmarshal(in.Current["time"], &at) != nil || json.Unmarshal(in.Current["interval"], &seconds) != nil || !(seconds >= 60 && seconds <= 86400) {
		return nil, fmt.Errorf("the current values have no time: %w", drivers.ErrFrame)
	}
	a.span = time.Duration(seconds) * time.Second
	if in.Hourly != nil && json.Unmarshal(in.Hourly["time"], &times) != nil {
		return nil, fmt.Errorf("the forecast has no times: %w", drivers.ErrFrame)
	}
	for i, s := range append([]string{at}, times...) {
		t, err := time.Parse("2006-01-02T15:04", s)
		t = t.Add(-time.Duration(*in.Offset) * time.Second)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%q is no time: %w", s, drivers.ErrFrame)
		case i == 0:
			a.now = t
			continue
		case i > 1 && t.Sub(a.hours[i-2]) != time.Hour:
			return nil, fmt.Errorf("the forecast has a gap at %q: %w", s, drivers.ErrFrame)
		}
		a.hours = append(a.hours, t)
	}
	return a, nil
}

// check: values in another unit than was asked for are no values.
func (v values) check(variable, unit string) error {
	if _, sent := v.raw[variable]; sent && v.units[variable] != unit {
		return fmt.Errorf("%s comes in %q instead of %q: %w", variable, v.units[variable], unit, drivers.ErrFrame)
	}
	return nil
}

// number is a current value; ok is false where it is not known.
func (a *answer) number(variable, unit string) (f float64, ok bool, err error) {
	if err := a.latest.check(variable, unit); err != nil {
		return 0, false, err
	}
	raw, sent := a.latest.raw[variable]
	if !sent {
		return 0, false, nil
	}
	var p *float64
	if err := json.Unmarshal(raw, &p); err != nil {
		return 0, false, fmt.Errorf("%s is no number: %w", variable, drivers.ErrFrame)
	}
	if p == nil {
		return 0, false, nil
	}
	return *p, true, nil
}

// series is an hourly forecast, one value for each of hours; nil where it is not known.
func (a *answer) series(variable, unit string) ([]*float64, error) {
	if err := a.ahead.check(variable, unit); err != nil {
		return nil, err
	}
	raw, sent := a.ahead.raw[variable]
	if !sent {
		return make([]*float64, len(a.hours)), nil
	}
	var out []*float64
	if err := json.Unmarshal(raw, &out); err != nil || len(out) != len(a.hours) {
		return nil, fmt.Errorf("%s is not one number an hour: %w", variable, drivers.ErrFrame)
	}
	return out, nil
}

// days are when today began, tomorrow begins, and tomorrow ends, at the place whose zone is given.
func (a *answer) days(zone *time.Location) (today, tomorrow, end time.Time) {
	y, m, d := a.now.In(zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, zone), time.Date(y, m, d+1, 0, 0, 0, 0, zone), time.Date(y, m, d+2, 0, 0, 0, 0, zone)
}

// sum adds up, in units times hours, what each hour from start to end is the mean of; ok is false where one of them is not known.
// Value i is that of the hour that ends at hours[i].
func (a *answer) sum(series []*float64, start, end time.Time) (total float64, ok bool) {
	var covered time.Duration
	for i, v := range series {
		from, to := later(a.hours[i].Add(-time.Hour), start), earlier(a.hours[i], end)
		if part := to.Sub(from); v != nil && part > 0 {
			total += *v * part.Hours()
			covered += part
		}
	}
	return total, covered == end.Sub(start)
}

// day is what the moments from start to end, that one left out, were: the least, the greatest and the mean.
type day struct{ least, greatest, mean float64 }

// day looks through a series of moments; ok is false where one is not known.
func (a *answer) day(series []*float64, start, end time.Time) (d day, ok bool) {
	n, want := 0, int(end.Sub(start)/time.Hour)
	for i, v := range series {
		if v == nil || a.hours[i].Before(start) || !a.hours[i].Before(end) {
			continue
		}
		if n++; n == 1 {
			d.least, d.greatest = *v, *v
		}
		d.least, d.greatest, d.mean = min(d.least, *v), max(d.greatest, *v), d.mean+*v
	}
	d.mean /= float64(max(n, 1))
	return d, n > 0 && n >= want
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
