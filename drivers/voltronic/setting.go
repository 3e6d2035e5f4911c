package voltronic

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"sunwire/drivers"
)

// What a setting takes is declared with the field that it is read back from, for batteries of 48 V; what this very unit takes comes from
// its own replies, see device.setting.

// set marks f as a setting: on or off, or one of its options.
func (f *Field) set(r drivers.Risk) *Field { return f.within(r, 0, 0, 0) }

// within marks f as a setting from least to most in steps.
//
//go:noinline
func (f *Field) within(r drivers.Risk, least, most, step float64) *Field {
	f.Setting = &drivers.Setting{Risk: r, Min: least, Max: most, Step: step}
	return f
}

// among marks f as a setting to one of these numbers.
func (f *Field) among(r drivers.Risk, numbers string) *Field {
	f.set(r).Setting.Options = strings.Fields(numbers)
	return f
}

// between holds a setting between the present values of two others.
func (f *Field) between(minKey, maxKey string) *Field {
	f.Setting.MinKey, f.Setting.MaxKey = minKey, maxKey
	return f
}

// cells makes the limits of f go with the number of cells: half of them in a battery of 24 V.
func (f *Field) cells() *Field { f.Cells = true; return f }

const (
	ratedBattery = "rated_battery_voltage"
	cells48      = 48
	optionsOf    = "_options"
)

// setting is what this unit takes for e, nil while that is not known: its own value has been read, and what its limits depend on.
func (d *device) setting(unit string, e *drivers.Entity) *drivers.Setting {
	if e.Setting == nil || d.value(unit, e.Key).Absent() || !d.protocol.writes(e.Key) {
		return nil
	}
	for _, limit := range []string{e.Setting.MinKey, e.Setting.MaxKey} {
		if limit != "" && d.value(unit, limit).Absent() {
			return nil
		}
	}
	s := *e.Setting
	s.Options = d.choices(unit, e)
	switch {
	case e.Platform == drivers.Binary:
		s.Options = nil
		if !d.can(unit, e.Key, drivers.Bool(true)) || !d.can(unit, e.Key, drivers.Bool(false)) {
			return nil
		}
	case len(s.Options) > 0 && e.Platform == drivers.Sensor:
		s.Min, _ = strconv.ParseFloat(s.Options[0], 64)
		s.Max, _ = strconv.ParseFloat(s.Options[len(s.Options)-1], 64)
	case len(s.Options) == 0 && e.Platform != drivers.Label:
		if f := d.protocol.field(e.Key); f != nil && f.Cells {
			ratio, _ := d.cells()
			s.Min, s.Max = decimals(s.Min*ratio, 1), decimals(s.Max*ratio, 1)
		}
		if s.Min >= s.Max {
			return nil
		}
	}
	return &s
}

// choices are the options of e that this unit takes and that a command has room for.
func (d *device) choices(unit string, e *drivers.Entity) (out []string) {
	f, list := d.protocol.field(e.Key), d.protocol.field(e.Key+optionsOf)
	all := e.Options
	switch {
	case list != nil:
		text, _ := d.value("", list.Key).Text()
		all = strings.Split(text, ", ")
	case e.Platform == drivers.Sensor:
		all = d.scaled(e.Setting.Options, f)
	}
	for _, o := range all {
		v := drivers.Text(o)
		if e.Platform == drivers.Sensor {
			n, err := strconv.ParseFloat(o, 64)
			if err != nil {
				continue
			}
			v = drivers.Num(n)
		}
		if d.can(unit, e.Key, v) {
			out = append(out, o)
		}
	}
	return out
}

// scaled is options for the cells of this unit's battery.
func (d *device) scaled(options []string, f *Field) (out []string) {
	ratio, known := d.cells()
	for _, o := range options {
		n, err := strconv.ParseFloat(o, 64)
		switch {
		case err != nil:
			continue
		case f != nil && f.Cells && !known:
			return nil
		case f != nil && f.Cells:
			n = decimals(n*ratio, 1)
		}
		out = append(out, strconv.FormatFloat(n, 'f', -1, 64))
	}
	return out
}

// cells is how many times the cells of a battery of 48 V there are.
func (d *device) cells() (ratio float64, known bool) {
	v, ok := d.value("", ratedBattery).Float()
	return v / cells48, ok && v >= 12 && v <= 96
}

func decimals(f float64, n int) float64 { return math.Round(f*powers[n]) / powers[n] }

func (d *device) can(unit, key string, v drivers.Value) bool {
	_, err := d.protocol.writing(unit, key, v, func(k string) drivers.Value { return d.value(unit, k) })
	return err == nil
}

// Set writes one setting of the device (unit "") or of a unit. What the device does not acknowledge is an error: ErrRefused where it says
// so. Nothing is tried twice.
func (d *device) Set(ctx context.Context, unit, key string, v drivers.Value) error {
	if err := d.allowed(unit, key, v); err != nil {
		return fmt.Errorf("%s: %w", d.protocol.Name, err)
	}
	command, err := d.protocol.writing(d.number(unit), key, v, func(k string) drivers.Value { return d.value(unit, k) })
	if err != nil {
		return err
	}
	reply, err := d.exchange(ctx, command, nil)
	if err != nil {
		return err
	}
	d.forget(unit, key) // what it is now, only the device can tell
	c, _ := d.protocol.find(command)
	switch body, _ := d.protocol.Wire.opened(c, reply, false); string(body) {
	case "ACK":
		return nil
	default:
		return fmt.Errorf("%s %s: %s: %w", d.protocol.Name, command, body, drivers.ErrRefused)
	}
}

// entity is what is declared of key, as the table has it.
func (d *device) entity(unit, key string) *drivers.Entity {
	for i := range d.entities {
		if unit == "" && d.entities[i].Key == key {
			return &d.entities[i]
		}
	}
	if f := d.protocol.field(key); f != nil && unit != "" {
		return &f.Entity
	}
	return nil
}

// allowed checks v against what this unit takes.
func (d *device) allowed(unit, key string, v drivers.Value) error {
	e := d.entity(unit, key)
	if e == nil || e.Setting == nil {
		if d.protocol.field(key) == nil {
			return nil // a key of commands only: their picture is all that is known
		}
		return fmt.Errorf("%s is no setting", key)
	}
	s := d.setting(unit, e)
	if s == nil {
		return fmt.Errorf("what %s can be set to has not been read from the device yet, or the device does not tell", key)
	}
	n, isNumber := v.Float()
	text, isText := v.Text()
	_, isBool := v.Bool()
	among := func(o string) bool {
		f, err := strconv.ParseFloat(o, 64)
		return err == nil && f == n
	}
	switch e.Platform {
	case drivers.Sensor:
		if !isNumber || s.Options != nil && !slices.ContainsFunc(s.Options, among) {
			return fmt.Errorf("%s cannot be %s; it can be %s", key, v.Format(-1), strings.Join(s.Options, ", "))
		}
		if n < s.Min || n > s.Max {
			return fmt.Errorf("%s cannot be %s; it can be %g to %g", key, v.Format(-1), s.Min, s.Max)
		}
		return d.ordered(unit, key, n, s)
	case drivers.Enum:
		if !isText || !slices.Contains(s.Options, text) {
			return fmt.Errorf("%s cannot be %s; it can be %s", key, v.Format(-1), strings.Join(s.Options, ", "))
		}
	case drivers.Binary:
		if !isBool {
			return fmt.Errorf("%s is on or off", key)
		}
	default:
	}
	return nil
}

// ordered holds n against the present values of others: cut-off < recharge < float <= bulk.
func (d *device) ordered(unit, key string, n float64, s *drivers.Setting) error {
	for i, other := range []string{s.MinKey, s.MaxKey} {
		limit, ok := d.value(unit, other).Float()
		equal := n == limit && key != bulkKey && other != bulkKey
		if ok && (equal || i == 0 && n < limit || i == 1 && n > limit) {
			return fmt.Errorf("%s cannot be %g while %s is %g", key, n, other, limit)
		}
	}
	return nil
}

const bulkKey = "bulk_voltage"

// presses are the commands that have no value: each is a button, and too dangerous for one that can be touched by accident.
func (p *Protocol) presses() (es []drivers.Entity) {
	for i := range p.Commands {
		if key := p.Commands[i].Press; key != "" {
			name := strings.ReplaceAll(key, "_", " ")
			es = append(es, drivers.Entity{
				Key: key, Name: strings.ToUpper(name[:1]) + name[1:], Platform: drivers.Button, Setting: &drivers.Setting{Risk: drivers.CLIOnly},
			})
		}
	}
	return es
}
