package pylontech

import (
	"context"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/link"
	"sunwire/drivers/wire"
)

// stacked makes a unit of each battery: the device itself is the stack, which tells its limits.
func stacked(d drivers.Driver) drivers.Driver {
	open, simulate := d.Open, d.Simulate
	d.Open = func(c link.Conn, address uint16, options any) (drivers.Device, error) {
		if address == 0 {
			address = first
		}
		s := &stack{}
		for n := range min(most, first+most-address) {
			dev, err := open(c, address+n, options)
			if err != nil {
				return nil, err
			}
			base, _ := dev.(*wire.Device)
			if n > 0 {
				base.Skip("modules")
			}
			s.batteries = append(s.batteries, base)
		}
		return s, nil
	}
	d.Detect = wire.Detect(d.Open)
	d.Simulate = func(m drivers.Model, address uint16) link.Simulator {
		return simulator{simulate(m, address), simulate(ofUnit{m}, address)}
	}
	return d
}

const unit = "battery_" // and its number from 1

type stack struct {
	batteries []*wire.Device // as many as there may be
	fitted    int            // as there are; 0: not known yet
}

// Describe counts the batteries once, and describes each.
func (s *stack) Describe(ctx context.Context) (drivers.Descriptor, error) {
	whole, err := s.batteries[0].Describe(ctx)
	if err != nil {
		return drivers.Descriptor{}, err
	}
	if s.fitted == 0 {
		s.fitted = min(max(1, int(s.batteries[0].Amount("module_count"))), len(s.batteries))
	}
	own := whole
	own.Entities, own.Queries = nil, nil
	for n := range s.fitted {
		desc := whole
		if n > 0 {
			if desc, err = s.batteries[n].Describe(ctx); err != nil {
				return drivers.Descriptor{}, fmt.Errorf("battery %d: %w", n+1, err)
			}
		}
		u := drivers.Descriptor{Unit: unit + strconv.Itoa(n+1), Manufacturer: desc.Manufacturer, Model: desc.Model}
		for _, q := range desc.Queries {
			to := &u
			switch {
			case q.Name == "analog", q.Name == "alarms":
				q.Name += " " + strconv.Itoa(n+1)
			case n > 0:
				continue
			default:
				to = &own
			}
			to.Queries = append(to.Queries, q)
			for _, e := range desc.Entities {
				for _, k := range q.Keys {
					if e.Key == k {
						to.Entities = append(to.Entities, e)
					}
				}
			}
		}
		own.Units = append(own.Units, u)
	}
	return own, nil
}

// Poll asks the stack, or the battery whose number stands behind the query's name.
func (s *stack) Poll(ctx context.Context, q drivers.Query) ([]drivers.Reading, error) {
	name, number, of := strings.Cut(q.Name, " ")
	if !of {
		return s.batteries[0].Poll(ctx, q)
	}
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > len(s.batteries) {
		return nil, fmt.Errorf("pylontech has no query %q: %w", q.Name, drivers.ErrUnsupported)
	}
	q.Name = name
	rs, err := s.batteries[n-1].Poll(ctx, q)
	for i := range rs {
		rs[i].Unit = unit + number
	}
	return rs, err
}

// ofUnit shows the first battery of a model.
type ofUnit struct{ drivers.Model }

// Value implements drivers.Model.
func (m ofUnit) Value(_, key string) (drivers.Value, bool) {
	if m.Model == nil {
		return drivers.Value{}, false
	}
	return m.Model.Value(unit+"1", key)
}

// simulator is a stack of one battery.
type simulator struct{ stack, battery link.Simulator }

// Push says nothing unasked.
func (s simulator) Push() iter.Seq2[time.Duration, []byte] { return nil }

// Answer lets the battery tell what it measures, and the stack the rest.
func (s simulator) Answer(request []byte) []byte {
	if command := request[min(7, len(request)):min(9, len(request))]; string(command) == "42" || string(command) == "44" {
		return s.battery.Answer(request)
	}
	return s.stack.Answer(request)
}
