package voltronic

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sunwire/drivers"
)

// parallel is how a protocol tells of the units of a parallel system. The inverter at the port answers for all of them; itself it is the
// device, under which the others stand, and which has the sums of all.
type parallel struct {
	Identity string   // the query that has a unit's presence, serial number and output mode
	Status   []string // the queries that have its state
	Totals   string   // keys of the sums in the first of these
	Present  string   // the key that tells whether there is such a unit
}

const (
	mostUnits  = 9
	unitPrefix = "unit_"
	singleMode = "Single"
)

var unitsEntity = drivers.Entity{
	Key: "parallel_units", Name: "Units that answer", Quantity: drivers.Number, Category: drivers.Diagnostic, Max: mostUnits,
}

// system is what is known of the others.
type system struct {
	settled bool
	own     int // the number of the inverter at the port; -1: none has its serial number
	units   []unit
}

type unit struct {
	number int
	serial string
	silent bool // it did not answer last time, or has not been asked yet
}

func (u *unit) name() string { return unitPrefix + strconv.Itoa(u.number) }

// gather asks who belongs to the system, once. A unit that is away now is found when the link is opened the next time; one that was found
// stays.
func (d *device) gather(ctx context.Context, serial string) error {
	p := d.protocol.Units
	if p.Identity == "" || d.system.settled {
		return nil
	}
	found := system{settled: true, own: -1}
numbers:
	for n := range mostUnits {
		decoded, err := d.ask(ctx, p.Identity+strconv.Itoa(n))
		switch {
		case errors.Is(err, drivers.ErrUnsupported): // there are no more
			break numbers
		case errors.Is(err, drivers.ErrFrame), errors.Is(err, drivers.ErrNoReply):
			if n == 0 {
				return nil // the next Describe asks again
			}
			continue
		case err != nil:
			return err
		}
		there, _ := valueOf(decoded, p.Present).Bool()
		mode, _ := valueOf(decoded, "output_mode").Text()
		if n == 0 && (!there || mode == singleMode || mode == "") {
			break
		}
		s, _ := valueOf(decoded, "serial_number").Text()
		switch {
		case !there:
		case s == serial && s != "":
			found.own = n
		default:
			found.units = append(found.units, unit{number: n, serial: s, silent: true})
		}
	}
	d.system = found
	return nil
}

// combine adds the others, and the sums of all, to desc.
func (d *device) combine(desc *drivers.Descriptor) {
	if len(d.system.units) == 0 {
		return
	}
	p := d.protocol.Units
	totals := strings.Fields(p.Totals)
	status, _ := d.protocol.find(p.Status[0])
	q := drivers.Query{Name: p.Status[0] + strconv.Itoa(max(0, d.system.own)), Keys: []string{unitsEntity.Key}}
	desc.Entities = append(desc.Entities, unitsEntity)
	for _, e := range status.entities(d.protocol) {
		if slices.Contains(totals, e.Key) && !slices.ContainsFunc(desc.Entities, func(o drivers.Entity) bool { return o.Key == e.Key }) {
			desc.Entities, q.Keys = append(desc.Entities, e), append(q.Keys, e.Key)
		}
	}
	desc.Queries = append(desc.Queries, q)
	for i := range d.system.units {
		desc.Units = append(desc.Units, d.describe(&d.system.units[i], desc, totals))
	}
}

func (d *device) describe(u *unit, of *drivers.Descriptor, totals []string) drivers.Descriptor {
	out := drivers.Descriptor{Unit: u.name(), Manufacturer: of.Manufacturer, Model: of.Model, Serial: u.serial}
	for _, code := range d.protocol.Units.Status {
		c, _ := d.protocol.find(code)
		q := drivers.Query{Name: code + strconv.Itoa(u.number), Pace: c.Pace}
		for _, e := range c.entities(d.protocol) {
			if d.skips(e.Key, totals) || slices.ContainsFunc(out.Entities, func(o drivers.Entity) bool { return o.Key == e.Key }) {
				continue
			}
			e.Setting = d.setting(u.name(), &e)
			out.Entities, q.Keys = append(out.Entities, e), append(q.Keys, e.Key)
		}
		out.Queries = append(out.Queries, q)
	}
	return out
}

// skips reports whether a unit leaves key out: what says who it is, and what is everybody's.
func (d *device) skips(key string, totals []string) bool {
	return key == d.protocol.Units.Present || key == "serial_number" || slices.Contains(totals, key)
}

// number is unit as commands write it: that of the inverter at the port has one too.
func (d *device) number(unit string) string {
	if unit == "" && d.system.own > 0 {
		return unitPrefix + strconv.Itoa(d.system.own)
	}
	return unit
}

// ofUnit is what the reply of a unit to c gives: its own values, or, of the unit at the port, the sums of all. Where no unit has the serial
// number of the inverter at the port, the first gives both.
func (d *device) ofUnit(c *Command, name string, decoded []drivers.Decoded) (rs []drivers.Reading, err error) {
	totals := strings.Fields(d.protocol.Units.Totals)
	if i := slices.IndexFunc(d.system.units, func(u unit) bool { return u.name() == name }); i >= 0 {
		there, told := valueOf(decoded, d.protocol.Units.Present).Bool()
		if d.system.units[i].silent = told && !there; told && !there {
			return nil, fmt.Errorf("%s: %s is not in the system now: %w", d.protocol.Name, name, drivers.ErrNoReply)
		}
		s := d.learn(name, decoded, make(drivers.Sample, 0, len(decoded)))
		s = slices.DeleteFunc(s, func(f drivers.Field) bool { return d.skips(f.Key, totals) })
		rs = append(rs, drivers.Reading{Unit: name, Sample: d.protocol.estimated(c, decoded, s)})
	}
	if name == unitPrefix+strconv.Itoa(max(0, d.system.own)) {
		rs = append(rs, drivers.Reading{Sample: d.sums(decoded, totals)})
	}
	return rs, nil
}

// sums are given only when all have answered: what is added up of some only would be wrong.
func (d *device) sums(decoded []drivers.Decoded, totals []string) drivers.Sample {
	answering, all := 0, len(d.system.units)
	if d.system.own >= 0 {
		answering, all = 1, all+1
	}
	for _, u := range d.system.units {
		if !u.silent {
			answering++
		}
	}
	s := drivers.Sample{{Key: unitsEntity.Key, Value: drivers.Num(float64(answering))}}
	for _, key := range totals {
		if v := valueOf(decoded, key); !v.Absent() && answering == all {
			s = append(s, drivers.Field{Key: key, Value: v})
		}
	}
	return s
}
