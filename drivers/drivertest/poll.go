package drivertest

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"sunwire/drivers"
	"sunwire/drivers/link"
)

// values are what one poll gave, by key, with the unit before it.
type values map[string]drivers.Value

func (dev *device) ask(q query) (values, error) { return dev.poll(context.Background(), q) }

// poll asks one query and checks the form of what it gives.
func (dev *device) poll(ctx context.Context, q query) (got values, err error) {
	defer func() {
		if p := recover(); p != nil {
			dev.s.fail("%s: panic: %v, on %q", q.Name, p, dev.line.arrived)
			err = errors.New("panic")
		}
	}()
	readings, err := dev.Poll(ctx, q.Query)
	got = values{}
	for _, r := range readings {
		for _, f := range r.Sample {
			dev.form(q, r.Unit, f)
			id := (&query{unit: r.Unit}).id(f.Key)
			if _, twice := got[id]; twice {
				dev.s.fail("%s: %s is given twice", q.Name, id)
			}
			got[id] = f.Value
		}
	}
	if err == nil && len(got) == 0 && len(q.Keys) > 0 {
		dev.s.fail("%s: neither a value nor an error", q.Name)
	}
	return got, err
}

// form: a field is declared, belongs to its query and has its platform's kind.
func (dev *device) form(q query, unit string, f drivers.Field) {
	fail := func(what string) { dev.s.fail("%s: %s %s", q.Name, f.Key, what) }
	e := q.entities[f.Key]
	switch {
	case unit != q.unit:
		fail("belongs to another unit: " + unit)
		return
	case e == nil:
		fail("is read but not declared")
		return
	case !slices.Contains(q.Keys, f.Key):
		fail("is not among the keys of its query")
	case f.Value.Absent():
		fail("is in the sample although it is absent")
		return
	}
	_, number := f.Value.Float()
	_, state := f.Value.Bool()
	text, isText := f.Value.Text()
	switch e.Platform {
	case drivers.Sensor:
		if !number {
			fail("is not a number")
		}
	case drivers.Binary:
		if !state {
			fail("is not on or off")
		}
	case drivers.Enum:
		if !isText || !slices.Contains(e.Options, text) && !strings.HasPrefix(text, "unknown (") {
			fail("is " + f.Value.Format(-1) + ", not one of its options nor unknown (...)")
		}
	case drivers.Label:
		if structure, is := f.Value.Structure(); is && e.Attribute != "" {
			if !json.Valid([]byte(structure)) {
				fail("is not JSON")
			}
		} else if !isText || !utf8.ValidString(text) || utf8.RuneCountInString(text) > 255 {
			fail("is not a text of at most 255 characters")
		}
	default:
		fail("cannot have a value")
	}
}

// same reports whether a is what b says, give or take so many steps of the last decimal.
func same(e *drivers.Entity, a, b drivers.Value, steps float64) bool {
	x, isNumber := a.Float()
	y, isNumberToo := b.Float()
	if e == nil || !isNumber || !isNumberToo {
		return a == b
	}
	return math.Abs(x-y) <= steps*math.Pow10(-e.Quantity.Decimals)*(1+1e-9)
}

// reasoned reports whether the bridge knows what to do about err.
func reasoned(err error) bool {
	for _, known := range []error{drivers.ErrFrame, drivers.ErrNoReply, drivers.ErrUnsupported, drivers.ErrRefused, link.ErrLost, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}
