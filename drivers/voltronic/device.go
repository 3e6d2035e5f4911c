package voltronic

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/link"
)

const (
	// An inverter begins to answer after 50 to 300 ms, a busy one after up to 1 s.
	firstByte = 1200 * time.Millisecond
	// Within a reply a byte takes 4 ms at 2400 baud; USB adapters hold bytes back for 16 ms, and HID reports may pause for longer.
	silence = 200 * time.Millisecond
)

// Options are the driver's own in the configuration.
type Options struct {
	CRC string `yaml:"crc" doc:"strict, or lenient: takes replies that have nothing wrong with them but their checksum, and counts them"`
}

const (
	strict  = "strict"
	lenient = "lenient"
)

// lenientEntity counts the replies that were believed although their checksum was wrong; it is there with crc: lenient only.
var lenientEntity = drivers.Entity{
	Key: "wrong_checksums", Name: "Wrong checksums", Quantity: drivers.Number, Category: drivers.Diagnostic, Max: 1e9,
}

type device struct {
	protocol *Protocol
	link     link.Transactor
	entities []drivers.Entity
	queries  []drivers.Query
	told     map[string]string // what it answered of itself, by command
	known    map[place]drivers.Value
	refused  map[string]bool // queries that it does not have
	lenient  bool
	wrong    float64 // replies with a wrong checksum
	system   system
}

// place is a key of a unit.
type place struct{ unit, key string }

func (p *Protocol) open(c link.Conn, address uint16, options any) (drivers.Device, error) {
	t, err := attach(p.Name, c, address)
	if err != nil {
		return nil, err
	}
	o, err := checked(options)
	if err != nil {
		return nil, err
	}
	return p.device(t, o), nil
}

func attach(name string, c link.Conn, address uint16) (link.Transactor, error) {
	t, ok := c.(link.Transactor)
	if !ok {
		return nil, fmt.Errorf("%s needs a serial, hid or tcp port, not %s", name, c.Kind())
	}
	if address != 0 {
		return nil, fmt.Errorf("%s has no addresses: remove address: %d; each inverter has a port of its own", name, address)
	}
	return t, nil
}

func checked(options any) (Options, error) {
	o, _ := options.(*Options)
	switch {
	case o == nil:
		return Options{CRC: strict}, nil
	case o.CRC != strict && o.CRC != lenient:
		return *o, fmt.Errorf("crc is %s or %s, not %q", strict, lenient, o.CRC)
	}
	return *o, nil
}

func (p *Protocol) device(t link.Transactor, o Options) *device {
	d := &device{
		protocol: p, link: t, told: map[string]string{}, known: map[place]drivers.Value{}, refused: map[string]bool{}, lenient: o.CRC == lenient,
		system: system{own: -1},
	}
	d.entities, d.queries = p.described()
	if d.lenient {
		d.entities = append(d.entities, lenientEntity)
		d.queries[0].Keys = append(slices.Clone(d.queries[0].Keys), lenientEntity.Key)
	}
	return d
}

// Describe asks for the serial number each time, for model and firmware until they are answered. Not all devices know the latter. Who
// belongs to a parallel system is asked until it is known. The limits of settings come from replies already read.
func (d *device) Describe(ctx context.Context) (drivers.Descriptor, error) {
	p := d.protocol
	serial, err := d.identify(ctx, p.Serial)
	if err != nil && !errors.Is(err, drivers.ErrUnsupported) {
		return drivers.Descriptor{}, err
	}
	for _, command := range []string{p.Model, p.Firmware} {
		if _, ok := d.told[command]; ok || command == "" {
			continue
		}
		s, err := d.identify(ctx, command)
		switch {
		case err == nil, errors.Is(err, drivers.ErrUnsupported):
			d.told[command] = s
		case errors.Is(err, drivers.ErrFrame), errors.Is(err, drivers.ErrNoReply): // the next Describe asks again
		default:
			return drivers.Descriptor{}, err
		}
	}
	if err := d.gather(ctx, serial); err != nil {
		return drivers.Descriptor{}, err
	}
	desc := drivers.Descriptor{
		Manufacturer: "Voltronic", Model: d.told[p.Model], Serial: serial, Firmware: d.told[p.Firmware],
		Entities: append(d.settable("", d.entities), d.protocol.presses()...), Queries: slices.Clone(d.queries),
	}
	d.combine(&desc)
	return desc, nil
}

// settable is es with what this unit takes for each setting.
func (d *device) settable(unit string, es []drivers.Entity) []drivers.Entity {
	out := slices.Clone(es)
	for i := range out {
		out[i].Setting = d.setting(unit, &out[i])
	}
	return out
}

// identify is the first field of the reply to command; "" where the protocol has no such command.
func (d *device) identify(ctx context.Context, command string) (string, error) {
	if command == "" {
		return "", nil
	}
	decoded, err := d.ask(ctx, command)
	if err != nil {
		return "", err
	}
	s, _ := decoded[0].Value.Text()
	return s, nil
}

// Poll asks one query.
func (d *device) Poll(ctx context.Context, q drivers.Query) ([]drivers.Reading, error) {
	p := d.protocol
	c, arg := p.find(q.Name)
	if c == nil || len(c.Fields) == 0 || c.Dated && arg != "" {
		return nil, fmt.Errorf("%s has no query %q", p.Name, q.Name)
	}
	command := q.Name
	if c.Dated {
		date, err := d.date(ctx, len(c.Arg))
		if err != nil {
			return nil, err
		}
		command += date
	}
	decoded, err := d.ask(ctx, command)
	if err != nil {
		d.failed(c, q.Name, err)
		return nil, err
	}
	unit := decoded[0].Unit
	if unit != "" {
		return d.ofUnit(c, unit, decoded)
	}
	delete(d.refused, c.Code)
	s := d.learn("", decoded, make(drivers.Sample, 0, len(decoded)+4))
	s = d.conclude(c, decoded, s)
	if d.lenient && c.Code == d.queries[0].Name {
		s = append(s, drivers.Field{Key: lenientEntity.Key, Value: drivers.Num(d.wrong)})
	}
	return []drivers.Reading{{Sample: s}}, nil
}

// learn appends what can be published, and remembers it.
func (d *device) learn(unit string, decoded []drivers.Decoded, s drivers.Sample) drivers.Sample {
	for i := range decoded {
		l := &decoded[i]
		if !published(l.Entity) {
			continue
		}
		at := place{unit, l.Entity.Key}
		if !suits(l.Entity, l.Value) {
			delete(d.known, at)
			continue
		}
		if !d.atLeast(unit, l) {
			continue
		}
		d.known[at] = l.Value
		s = append(s, drivers.Field{Key: l.Entity.Key, Value: l.Value})
	}
	return s
}

// atLeast reports whether l is not below what it cannot be below: a counter in another unit than the table says would be.
func (d *device) atLeast(unit string, l *drivers.Decoded) bool {
	f := d.protocol.field(l.Entity.Key)
	if f == nil || f.AtLeast == "" {
		return true
	}
	n, _ := l.Value.Float()
	low, known := d.value(unit, f.AtLeast).Float()
	return !known || n >= low
}

// failed forgets what a query that gave nothing had given before.
func (d *device) failed(c *Command, query string, err error) {
	if errors.Is(err, drivers.ErrUnsupported) && query == c.Code {
		d.refused[c.Code] = true
	}
	for i := range d.system.units {
		u := &d.system.units[i]
		if query == c.Code+strconv.Itoa(u.number) {
			u.silent = true
			maps.DeleteFunc(d.known, func(p place, _ drivers.Value) bool { return p.unit == u.name() })
		}
	}
	for _, q := range d.queries {
		if q.Name == query {
			for _, key := range q.Keys {
				d.forget("", key)
			}
		}
	}
}

func (d *device) value(unit, key string) drivers.Value { return d.known[place{unit, key}] }
func (d *device) forget(unit, key string)              { delete(d.known, place{unit, key}) }

// suits reports whether v can be published as e: neither is an absent value, nor a code that says neither on nor off.
func suits(e *drivers.Entity, v drivers.Value) bool {
	_, isBool := v.Bool()
	return !v.Absent() && isBool == (e.Platform == drivers.Binary)
}

// date is the first n digits of the device's own date and time, which it is asked for: nobody else's clock will do.
func (d *device) date(ctx context.Context, n int) (string, error) {
	decoded, err := d.ask(ctx, d.protocol.Clock)
	if err != nil {
		return "", err
	}
	d.learn("", decoded, nil)
	now, _ := decoded[0].Value.Text()
	if _, err := time.Parse("2006-01-02T15:04:05", now); err != nil {
		return "", fmt.Errorf("%s: the device's clock says %q: set it: %w", d.protocol.Name, now, drivers.ErrUnsupported)
	}
	return strings.NewReplacer("-", "", "T", "", ":", "").Replace(now)[:n], nil
}

// ask makes one query. A NAK is believed when it comes twice: the first may be the late answer to another command.
func (d *device) ask(ctx context.Context, command string) ([]drivers.Decoded, error) {
	for tries := 0; ; tries++ {
		wrong := false
		reply, err := d.exchange(ctx, command, &wrong)
		if err != nil {
			return nil, err
		}
		decoded, err := d.protocol.read(command, reply, wrong)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", d.protocol.Name, command, err)
		}
		if decoded[0].Entity != &replyEntity {
			return decoded, nil
		}
		if tries > 0 {
			return nil, fmt.Errorf("%s %s: NAK: %w", d.protocol.Name, command, drivers.ErrUnsupported)
		}
	}
}

// Command sends a raw command, without what the protocol puts around it, and gives what stands in the reply before the checksum. A refusal
// is the reply NAK.
func (d *device) Command(ctx context.Context, command string) ([]byte, error) {
	known, _ := d.protocol.find(command)
	if command == "" || strings.IndexFunc(command, func(r rune) bool {
		return r < ' ' || r > '~' || r == '(' || r == '^' || r == ' ' && known == nil
	}) >= 0 {
		return nil, fmt.Errorf("%s: a command is letters, digits and signs such as QPIGS, not %q", d.protocol.Name, command)
	}
	reply, err := d.exchange(ctx, command, nil)
	if err != nil {
		return nil, err
	}
	body, _ := d.protocol.Wire.opened(known, reply, false)
	return body, nil
}

// exchange sends command. wrong is set where the reply's checksum is wrong and the user will have it; nil: never.
func (d *device) exchange(ctx context.Context, command string, wrong *bool) ([]byte, error) {
	c, _ := d.protocol.find(command)
	var forgiven func()
	if d.lenient && wrong != nil {
		forgiven = func() { *wrong = true; d.wrong++ }
	}
	w := d.protocol.Wire
	reply, err := d.link.Transact(ctx, link.Request{Bytes: w.request(c, command), Frame: w.framer(c, forgiven), First: firstByte, Gap: silence})
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", d.protocol.Name, command, err)
	}
	return reply, nil
}
