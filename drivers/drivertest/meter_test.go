package drivertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/link"
)

// meter is a made-up device, complete and small: a request is "LIV\r", its reply "#230.1 049.9 -0120 1 2*4F\r" with the sum of all that
// stands before the star, a refusal "#NO*9D\r". Each bug is one that a real driver could have.
type meter struct{ bug string }

type meterField struct {
	entity  drivers.Entity
	form    string // of the number on the wire
	divisor float64
	code    int // enumeration: the wire's number of the first option
}

var meterLive = []meterField{
	{drivers.Entity{Key: "grid_voltage", Name: "Grid voltage", Quantity: drivers.Voltage, Min: 90, Max: 280}, "%05.1f", 1, 0},
	{drivers.Entity{Key: "grid_frequency", Name: "Grid frequency", Quantity: drivers.Frequency, Min: 45, Max: 65}, "%04.1f", 1, 0},
	{drivers.Entity{Key: "grid_power", Name: "Grid power", Quantity: drivers.Power, Role: drivers.GridPower, Positive: drivers.Exporting, Min: -9000, Max: 9000}, "%+05.0f", 1, 0},
	{drivers.Entity{Key: "grid_available", Name: "Grid available", Platform: drivers.Binary, Quantity: drivers.PowerPresent}, "", 0, 0},
	{drivers.Entity{Key: "mode", Name: "Mode", Platform: drivers.Enum, Options: []string{"Line", "Battery", "Fault"}}, "", 0, 1},
}

var meterSlow = []meterField{
	{drivers.Entity{Key: "max_charge_current", Name: "Maximum charge current", Quantity: drivers.Current, Category: drivers.Config, Min: 1, Max: 80}, "%04.0f", 10, 0},
	{drivers.Entity{Key: "float_voltage", Name: "Float voltage", Quantity: drivers.Voltage.At(2), Category: drivers.Config, Min: 40, Max: 64}, "%05.2f", 1, 0},
}

// The meter reports a module, a unit of its own.
var meterModule = []meterField{
	{drivers.Entity{Key: "dc_voltage", Name: "DC voltage", Quantity: drivers.Voltage, Min: 10, Max: 60}, "%04.1f", 1, 0},
}

var meterRefusal = string(meterSeal([]byte("NO")))

func (m meter) tables() map[string][]meterField {
	live, slow := append([]meterField(nil), meterLive...), append([]meterField(nil), meterSlow...)
	switch m.bug {
	case "scale":
		slow[0].divisor = 100
	case "fields swapped":
		live[0].entity, live[1].entity = live[1].entity, live[0].entity
		live[0].entity.Max, live[1].entity.Min = 280, 45
	case "enum shifted":
		live[4].code = 0
	case "option renamed":
		live[4].entity.Options = []string{"Mains", "Battery", "Fault"}
	case "unit wrong":
		slow[1].entity.Quantity = drivers.Current.At(2)
	case "quantity without a class":
		slow[1].entity.Quantity.DeviceClass = ""
	case "sign missing":
		live[2].entity.Positive = drivers.Unsigned
	case "role missing":
		live[2].entity.Role = ""
	case "role twice":
		live[1].entity.Role = drivers.GridPower
	case "another spelling":
		live[0].entity.Key = "mains_voltage"
	case "a key of the bridge":
		slow[1].entity.Key = "poll_time"
	case "unit in the name":
		live[0].entity.Name = "Grid voltage (V)"
	case "title case":
		live[0].entity.Name = "Grid Voltage"
	case "limits beyond the wire":
		live[0].entity.Max = 28000
	case "attribute of nothing":
		slow[1].entity.Attribute = "charger"
	case "digits dropped":
		slow[1].form = "%05.1f"
	}
	return map[string][]meterField{"LIV": live, "SET": slow, "MOD": meterModule}
}

func (m meter) driver() drivers.Driver {
	d := drivers.Driver{
		Name: "meter", Title: "A made-up meter", Family: "meter", Class: drivers.Inverter, Links: []link.Kind{link.Serial},
		Paces: [3]time.Duration{time.Second, time.Minute, time.Hour},
		Open: func(c link.Conn, _ uint16, _ any) (drivers.Device, error) {
			return &meterDevice{meter: m, line: c.(link.Transactor), last: map[string][]drivers.Reading{}}, nil
		},
		Decode: m.decode, Commands: func() []string { return []string{"LIV", "SET", "MOD"} },
		Simulate: func(model drivers.Model, _ uint16) link.Simulator { return meterSimulator{m, model} },
		Reseal: func(b []byte) []byte {
			return meterSeal(bytes.TrimPrefix(b[:max(0, len(b)-4)], []byte("#")))
		},
	}
	if m.bug == "reseal wrong" {
		d.Reseal = func(b []byte) []byte { return append(b, '*') }
	}
	return d
}

func unitOf(command string) string {
	if command == "MOD" {
		return "module"
	}
	return ""
}

func meterSum(b []byte) (sum byte) {
	for _, c := range b {
		sum = sum<<1 + sum>>7 + c
	}
	return sum
}

func meterSeal(text []byte) []byte { return fmt.Appendf(nil, "#%s*%02X\r", text, meterSum(text)) }

type meterDevice struct {
	meter
	line link.Transactor
	last map[string][]drivers.Reading
}

func (d *meterDevice) Describe(ctx context.Context) (drivers.Descriptor, error) {
	out := drivers.Descriptor{Manufacturer: "Nobody", Model: "M1"}
	tables := d.tables()
	for i, name := range []string{"LIV", "SET"} {
		q := drivers.Query{Name: name, Pace: drivers.Pace(i)}
		for _, f := range tables[name] {
			out.Entities = append(out.Entities, f.entity)
			q.Keys = append(q.Keys, f.entity.Key)
		}
		out.Queries = append(out.Queries, q)
	}
	out.Units = []drivers.Descriptor{{
		Unit: "module", Entities: []drivers.Entity{tables["MOD"][0].entity}, Queries: []drivers.Query{{Name: "MOD", Keys: []string{"dc_voltage"}}},
	}}
	switch d.bug {
	case "query without its key":
		out.Queries[1].Keys = out.Queries[1].Keys[:1]
	case "key not declared":
		out.Entities = out.Entities[:len(out.Entities)-1]
	case "key declared twice":
		out.Entities = append(out.Entities, out.Entities[0])
	}
	return out, nil
}

func (d *meterDevice) Poll(ctx context.Context, q drivers.Query) ([]drivers.Reading, error) {
	if d.tables()[q.Name] == nil {
		return nil, drivers.ErrUnsupported
	}
	if d.bug == "deaf" {
		ctx = context.WithoutCancel(ctx)
	}
	if d.bug == "a setting is written" && q.Name == "SET" {
		d.line.Transact(ctx, d.request("MAX0600"))
	}
	reply, err := d.line.Transact(ctx, d.request(q.Name))
	if err != nil {
		if d.bug == "old values on silence" && d.last[q.Name] != nil && ctx.Err() == nil {
			return d.last[q.Name], nil
		}
		return nil, err
	}
	if string(reply) == meterRefusal && d.bug != "refusal believed at once" { // the first may be a late answer to another question
		if reply, err = d.line.Transact(ctx, d.request(q.Name)); err != nil {
			return nil, err
		}
	}
	if string(reply) == meterRefusal && d.bug != "refusal ignored" {
		return nil, fmt.Errorf("%s: %w", q.Name, drivers.ErrUnsupported)
	}
	fields, err := d.decode(q.Name, reply)
	if err != nil {
		if d.bug == "error without a reason" {
			return nil, errors.New("it failed")
		}
		return nil, err
	}
	r := drivers.Reading{Unit: unitOf(q.Name)}
	if d.bug == "unit lost" {
		r.Unit = ""
	}
	for _, f := range fields {
		if !f.Value.Absent() {
			r.Sample = append(r.Sample, drivers.Field{Key: f.Entity.Key, Value: f.Value})
		}
	}
	if len(r.Sample) == 0 {
		return nil, fmt.Errorf("%s: no field parses: %w", q.Name, drivers.ErrFrame)
	}
	d.last[q.Name] = []drivers.Reading{r}
	return []drivers.Reading{r}, nil
}

func (d *meterDevice) request(command string) link.Request {
	return link.Request{Bytes: []byte(command + "\r"), Frame: d.frame, First: time.Second, Gap: 100 * time.Millisecond}
}

// frame finds the first sealed frame.
func (m meter) frame(b []byte, silent bool) (int, []byte, error) {
	if m.bug == "takes what came" {
		return 0, b, nil
	}
	for start := range b {
		if b[start] != '#' {
			continue
		}
		end := bytes.IndexByte(b[start:], '\r')
		if end < 0 {
			break
		}
		if frame := b[start : start+end+1]; m.sealed(frame) {
			return start, frame, nil
		}
	}
	if silent && m.bug != "waits for ever" {
		return 0, nil, fmt.Errorf("no whole frame in %q: %w", b, drivers.ErrFrame)
	}
	return 0, nil, nil
}

func (m meter) sealed(b []byte) bool {
	if m.bug == "checksum skipped" {
		return len(b) > 5
	}
	return len(b) > 5 && b[0] == '#' && bytes.Equal(meterSeal(b[1:len(b)-4]), b)
}

func (m meter) decode(command string, reply []byte) ([]drivers.Decoded, error) {
	table := m.tables()[command]
	if m.bug == "panics" {
		_ = reply[7]
	}
	if table == nil {
		return nil, drivers.ErrUnsupported
	}
	if !m.sealed(reply) {
		return nil, fmt.Errorf("decode %s: %q: %w", command, reply, drivers.ErrFrame)
	}
	words := strings.Split(string(reply[1:max(1, len(reply)-4)]), " ")
	if m.bug == "offset" {
		words = words[1:]
	}
	var out []drivers.Decoded
	for i := range table {
		d := drivers.Decoded{Unit: unitOf(command), Entity: &table[i].entity}
		if i < len(words) {
			d.Value = m.parse(&table[i], words[i])
			if d.Value.Absent() && m.bug != "borrows" {
				return nil, fmt.Errorf("decode %s: %q does not belong there: %w", command, words[i], drivers.ErrFrame)
			}
		}
		if d.Value.Absent() && m.bug == "zero for what is missing" && d.Entity.Platform == drivers.Sensor {
			d.Value = drivers.Num(0)
		}
		out = append(out, d)
	}
	return out, nil
}

func (m meter) parse(f *meterField, word string) drivers.Value {
	n, err := strconv.ParseFloat(word, 64)
	switch f.entity.Platform {
	case drivers.Binary:
		if word == "0" || word == "1" || m.bug == "off for what is missing" {
			return drivers.Bool(word == "1")
		}
	case drivers.Enum:
		if i := int(n) - f.code; err == nil && len(word) == 1 && i >= 0 && i < len(f.entity.Options) {
			return drivers.Text(f.entity.Options[i])
		}
		if err == nil && len(word) == 1 {
			return drivers.Text("unknown (" + word + ")")
		}
	default:
		if m.bug == "parses halves" && err != nil {
			fmt.Sscanf(word, "%f", &n)
			return drivers.Num(n / f.divisor)
		}
		if err == nil && (fmt.Sprintf(f.form, n) == word && len(word) == len(fmt.Sprintf(f.form, 0.0)) || m.bug == "any form" || m.bug == "borrows") {
			return drivers.Num(n / f.divisor)
		}
	}
	return drivers.Value{}
}

type meterSimulator struct {
	meter
	model drivers.Model
}

func (s meterSimulator) Push() iter.Seq2[time.Duration, []byte] { return nil }

func (s meterSimulator) Answer(request []byte) []byte {
	command := strings.TrimSuffix(string(request), "\r")
	table := s.tables()[command]
	if table == nil {
		return []byte(meterRefusal)
	}
	var words []string
	for i := range table {
		words = append(words, s.word(unitOf(command), &table[i]))
	}
	return meterSeal([]byte(strings.Join(words, " ")))
}

func (s meterSimulator) word(unit string, f *meterField) string {
	v, ok := s.model.Value(unit, f.entity.Key)
	if s.bug == "simulator knows less" && f.entity.Key == "grid_frequency" {
		v, ok = drivers.Num(50), true
	}
	if s.bug == "simulator asks for less" && f.entity.Key == "grid_frequency" {
		return "50.0"
	}
	if n, isNumber := v.Float(); isNumber {
		return fmt.Sprintf(f.form, n*f.divisor)
	}
	if on, isState := v.Bool(); isState && on {
		return "1"
	}
	text, _ := v.Text()
	for i, o := range f.entity.Options {
		if o == text {
			return strconv.Itoa(i + f.code)
		}
	}
	if !ok && f.form != "" {
		return fmt.Sprintf(f.form, f.entity.Min*f.divisor)
	}
	return strconv.Itoa(f.code)
}
