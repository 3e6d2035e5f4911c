package wire

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/link"
)

// Device is an opened protocol.
type Device struct {
	*Protocol
	Overhear time.Duration // nothing is asked, because another does: how long its answers may take to come by; 0: ask

	link    link.Transactor
	address int
	given   bool // by the user

	layouts  map[string]*Layout // as last picked, by command
	rows     map[string]int     // how many of a row there are, by the key of its field
	answered map[string]bool    // commands that Describe asked, and whether the device knows them
	amounts  map[string]float64 // what Amount fields told
	declared map[string]bool
	whole    float64
	shy      bool // it answers after the Greeting only
}

// Open readies a device on a link, a *Controller where the protocol has settings, else a *Device; nothing is asked yet.
func (p *Protocol) Open(c link.Conn, address uint16, _ any) (drivers.Device, error) {
	d, err := p.device(c, address)
	switch {
	case err != nil:
		return nil, err
	case p.Setter != nil:
		return &Controller{d}, nil
	}
	return d, nil
}

func (p *Protocol) device(c link.Conn, address uint16) (*Device, error) {
	t, ok := c.(link.Transactor)
	if !ok {
		return nil, fmt.Errorf("%s needs a serial or tcp port, not %s", p.Name, c.Kind())
	}
	given := address != 0
	switch {
	case given && p.Last == 0:
		return nil, fmt.Errorf("%s has no addresses: remove address: %d", p.Name, address)
	case address > p.Last:
		return nil, fmt.Errorf("%s has the addresses 1 to %d, not %d", p.Name, p.Last, address)
	case address == 0:
		address = p.Address
	}
	return &Device{
		Protocol: p, link: t, address: int(address), given: given,
		layouts: map[string]*Layout{}, rows: map[string]int{}, answered: map[string]bool{}, amounts: map[string]float64{},
	}, nil
}

// Address is where the device is asked.
func (d *Device) Address() int { return d.address }

// Readdress moves on to another address, for devices that have more than one.
func (d *Device) Readdress(address int) { d.address = address }

// Describe asks who the device is, and the first time how much of everything it has.
func (d *Device) Describe(ctx context.Context) (drivers.Descriptor, error) {
	desc := drivers.Descriptor{Manufacturer: d.Manufacturer, Model: d.Model}
	for i := range d.Commands {
		c := &d.Commands[i]
		known, asked := d.answered[c.Name]
		if wanted := c.identifies() || c.counts() && !asked; !wanted || asked && !known {
			continue
		}
		decoded, err := d.Ask(ctx, c)
		switch {
		case errors.Is(err, drivers.ErrUnsupported):
			d.answered[c.Name] = false
			continue
		case !c.counts() && !c.tellsSerial() && (errors.Is(err, drivers.ErrNoReply) || errors.Is(err, drivers.ErrFrame)):
			continue // a name is worth another try, no more
		case err != nil:
			if errors.Is(err, drivers.ErrNoReply) {
				d.elsewhere()
			}
			return drivers.Descriptor{}, err
		}
		if !asked {
			d.count(c, decoded)
		}
		if err := d.checked(decoded); err != nil {
			return drivers.Descriptor{}, err
		}
		d.answered[c.Name] = true
		c.identify(&desc, decoded)
	}
	d.declared = map[string]bool{}
	for i := range d.Commands {
		if c := &d.Commands[i]; !c.OnDemand {
			if known, asked := d.answered[c.Name]; known || !asked {
				d.declare(&desc, c)
			}
		}
	}
	return desc, nil
}

// elsewhere moves on to the other address, where there are two and none was given, until the device has answered at one.
func (d *Device) elsewhere() {
	if d.Second != 0 && !d.given && d.declared == nil {
		d.address = int(d.Protocol.Address) + int(d.Second) - d.address
	}
}

// identify takes over what the reply says of the device.
func (c *Command) identify(desc *drivers.Descriptor, decoded []drivers.Decoded) {
	for i := range c.Layout.Fields {
		f := &c.Layout.Fields[i]
		for _, x := range decoded {
			s, isText := x.Value.Text()
			if x.Entity.Key != f.Key || !isText {
				continue
			}
			switch f.Tells {
			case Serial:
				desc.Serial = s
			case Model:
				desc.Model = s
			case Firmware:
				desc.Firmware = s
			default:
			}
		}
	}
}

// count notes how long each row is, and whether what is optional was there.
func (d *Device) count(c *Command, decoded []drivers.Decoded) {
	for i := range c.Layout.Fields {
		f := &c.Layout.Fields[i]
		n := 0
		for _, x := range decoded {
			if x.Entity.Key == f.Key || slices.ContainsFunc(f.each, func(e drivers.Entity) bool { return e.Key == x.Entity.Key }) {
				n++
			}
		}
		if amount, ok := d.amounts[c.Number]; ok && f.Many.Max > 0 {
			n = min(n, int(amount))
		}
		d.rows[f.Key] = n
	}
}

func (d *Device) declare(desc *drivers.Descriptor, c *Command) {
	q := drivers.Query{Name: c.Name, Pace: c.Pace}
	add := func(e drivers.Entity) {
		if e.Key == "" || d.declared[e.Key] {
			return
		}
		if n := d.rows[d.Parts]; e.Key == d.Whole && n > 0 {
			e.Min, e.Max = max(e.Min, d.partMin*float64(n)), min(e.Max, d.partMax*float64(n))
		}
		desc.Entities, q.Keys, d.declared[e.Key] = append(desc.Entities, e), append(q.Keys, e.Key), true
	}
	watched := false
	layout := c.Layout
	if l := d.layouts[c.Name]; l != nil {
		layout = l
	}
	for i := range layout.Fields {
		f := &layout.Fields[i]
		n, counted := d.rows[f.Key]
		watched = watched || f.Alarms != nil || f.States != nil
		switch {
		case f.Tells != Nothing, f.Many.Max == 0 && counted && n == 0 && f.Key != "":
		case f.Many.Max > 0:
			for _, e := range f.each[:n] {
				add(e)
			}
		case f.Alarms != nil:
		case f.Bits != nil:
			for _, e := range f.Bits {
				add(e)
			}
		case f.Any != nil:
			add(*f.Any)
		default:
			add(f.Entity)
		}
	}
	if watched {
		add(alarms)
		add(problem)
	}
	if len(q.Keys) > 0 {
		desc.Queries = append(desc.Queries, q)
	}
}

// Poll asks one query.
func (d *Device) Poll(ctx context.Context, q drivers.Query) ([]drivers.Reading, error) {
	found := d.find(q.Name)
	if len(found) == 0 || found[0].OnDemand {
		return nil, fmt.Errorf("%s has no query %q", d.Name, q.Name)
	}
	decoded, err := d.Ask(ctx, found[0])
	if err != nil {
		return nil, err
	}
	if err := d.checked(decoded); err != nil {
		return nil, err
	}
	s := make(drivers.Sample, 0, len(decoded))
	for i := range decoded {
		if x := &decoded[i]; d.declared[x.Entity.Key] && !x.Value.Absent() {
			s = append(s, drivers.Field{Key: x.Entity.Key, Value: x.Value})
		}
	}
	if len(s) == 0 {
		return nil, fmt.Errorf("%s %s: %w: nothing in the reply has a meaning", d.Name, q.Name, drivers.ErrFrame)
	}
	return []drivers.Reading{{Sample: s}}, nil
}

// Ask makes one exchange. A refusal is believed when it comes twice: the first may be the late answer to another question.
func (d *Device) Ask(ctx context.Context, c *Command) ([]drivers.Decoded, error) {
	for refusals := 0; ; refusals++ {
		frame, err := d.hear(ctx, c)
		if err != nil {
			return nil, err
		}
		decoded, layout, err := d.decode(c, d.address, frame)
		if err == nil {
			d.layouts[c.Name] = layout
		}
		if err == nil || !errors.Is(err, drivers.ErrUnsupported) || refusals > 0 {
			return decoded, err
		}
	}
}

// hear is the whole reply to c. A device that keeps silent is greeted, and from then on each time.
func (d *Device) hear(ctx context.Context, c *Command) ([]byte, error) {
	if d.shy && c.Name != d.Greeting {
		_, _ = d.exchange(ctx, d.find(d.Greeting)[0]) // what follows fails where this did
	}
	frame, err := d.exchange(ctx, c)
	if d.shy || d.Greeting == "" || c.Name == d.Greeting || !errors.Is(err, drivers.ErrNoReply) {
		return frame, err
	}
	if _, e := d.exchange(ctx, d.find(d.Greeting)[0]); e != nil {
		return nil, err
	}
	frame, err = d.exchange(ctx, c)
	d.shy = err == nil
	return frame, err
}

func (d *Device) exchange(ctx context.Context, c *Command) ([]byte, error) {
	pieces := 1
	if c.Per > 0 {
		pieces = max(1, (int(d.amounts[c.Number])+c.Per-1)/c.Per)
	}
	r := link.Request{Bytes: d.Request(c, d.address), Frame: d.framer(c, d.address, pieces), First: d.First, Gap: d.Gap}
	if d.Overhear > 0 {
		r.Bytes, r.First = nil, d.Overhear
	}
	frame, err := d.link.Transact(ctx, r)
	if c.Next != nil && err == nil {
		frame, err = d.rest(ctx, c, frame)
	}
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", d.Name, c.Name, err)
	}
	return frame, nil
}

// rest asks what is behind the first frame of a series, and appends it.
func (d *Device) rest(ctx context.Context, c *Command, frame []byte) ([]byte, error) {
	one := *c
	for one.Code = c.Next(frame); one.Code != 0; one.Code = c.Next(frame) {
		next, err := d.link.Transact(ctx, link.Request{Bytes: d.Request(&one, d.address), Frame: d.framer(&one, d.address, 1), First: d.First, Gap: d.Gap})
		if err != nil {
			return nil, err
		}
		frame = append(frame, next...)
	}
	return frame, nil
}

// checked remembers what other replies need, and compares the whole with its parts. What measures a pack lives on it: where the pack has no
// voltage, nothing was measured yet, and a state of charge of 0 would be as wrong.
func (d *Device) checked(decoded []drivers.Decoded) error {
	sum, parts := 0.0, 0
	for i := range decoded {
		x := &decoded[i]
		v, ok := x.Value.Float()
		switch {
		case x.Entity.Key == d.Whole && ok && v == 0:
			return fmt.Errorf("%s: the device says that the pack has 0 V: charge or discharge it to wake it: %w", d.Name, drivers.ErrNoReply)
		case x.Entity.Key == d.Whole:
			d.whole = v
		case d.parts[x.Entity.Key] && parts < d.rows[d.Parts]:
			if !ok || v <= 0 { // a broken wire is not another layout
				return nil
			}
			sum, parts = sum+v, parts+1
		case ok && d.counters[x.Entity.Key]:
			d.amounts[x.Entity.Key] = v
		}
	}
	if parts == 0 || d.whole == 0 || math.Abs(sum-d.whole) <= 1+0.1*d.whole {
		return nil
	}
	return fmt.Errorf("%s: %w: %d cells add up to %.2f V, but the pack has %.2f V: this is another variant; %s", d.Name, drivers.ErrFrame, parts, sum, d.whole, d.Instead)
}

// Amount is what an Amount field told last, 0 before.
func (d *Device) Amount(key string) float64 { return d.amounts[key] }

// Skip lets Describe not ask the command of that name.
func (d *Device) Skip(name string) { d.answered[name] = false }
