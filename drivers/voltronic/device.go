package voltronic

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

type device struct {
	protocol *Protocol
	link     link.Transactor
	entities []drivers.Entity
	queries  []drivers.Query
	told     map[string]string // what it answered of itself, by command
}

func (p *Protocol) open(c link.Conn, address uint16, _ any) (drivers.Device, error) {
	t, ok := c.(link.Transactor)
	if !ok {
		return nil, fmt.Errorf("%s needs a serial, hid or tcp port, not %s", p.Name, c.Kind())
	}
	if address != 0 {
		return nil, fmt.Errorf("%s has no addresses: remove address: %d; each inverter has a port of its own", p.Name, address)
	}
	d := &device{protocol: p, link: t, told: map[string]string{}}
	d.entities, d.queries = p.described()
	return d, nil
}

// Describe asks for the serial number each time, for model and firmware until they are answered. Not all devices know the latter.
func (d *device) Describe(ctx context.Context) (drivers.Descriptor, error) {
	serial, err := d.identify(ctx, d.protocol.Serial)
	if err != nil && !errors.Is(err, drivers.ErrUnsupported) {
		return drivers.Descriptor{}, err
	}
	for _, command := range []string{d.protocol.Model, d.protocol.Firmware} {
		if _, ok := d.told[command]; ok {
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
	return drivers.Descriptor{
		Manufacturer: "Voltronic", Model: d.told[d.protocol.Model], Serial: serial, Firmware: d.told[d.protocol.Firmware],
		Entities: slices.Clone(d.entities), Queries: slices.Clone(d.queries),
	}, nil
}

func (d *device) identify(ctx context.Context, command string) (string, error) {
	decoded, err := d.ask(ctx, command)
	if err != nil {
		return "", err
	}
	s, _ := decoded[0].Value.Text()
	return s, nil
}

// Poll asks one query.
func (d *device) Poll(ctx context.Context, q drivers.Query) ([]drivers.Reading, error) {
	c, _ := d.protocol.find(q.Name)
	if c == nil || len(c.Fields) == 0 {
		return nil, fmt.Errorf("%s has no query %q", d.protocol.Name, q.Name)
	}
	decoded, err := d.ask(ctx, q.Name)
	if err != nil {
		return nil, err
	}
	s := make(drivers.Sample, 0, len(decoded)+2)
	for i := range decoded {
		if l := &decoded[i]; published(l.Entity) && suits(l.Entity, l.Value) {
			s = append(s, drivers.Field{Key: l.Entity.Key, Value: l.Value})
		}
	}
	if c.Warnings {
		warnings, problem := c.Fields[0].summary(decoded)
		s = append(s, drivers.Field{Key: warningsEntity.Key, Value: warnings}, drivers.Field{Key: problemEntity.Key, Value: problem})
	}
	return []drivers.Reading{{Unit: decoded[0].Unit, Sample: s}}, nil
}

// suits reports whether v can be published as e: neither is an absent value, nor a code that says neither on nor off.
func suits(e *drivers.Entity, v drivers.Value) bool {
	_, isBool := v.Bool()
	return !v.Absent() && isBool == (e.Platform == drivers.Binary)
}

// ask makes one query. A NAK is believed when it comes twice: the first may be the late answer to another command.
func (d *device) ask(ctx context.Context, command string) ([]drivers.Decoded, error) {
	for tries := 0; ; tries++ {
		reply, err := d.exchange(ctx, command)
		if err != nil {
			return nil, err
		}
		decoded, err := d.protocol.decode(command, reply)
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

// Command sends a raw command and gives what stands in the reply between '(' and the checksum. A NAK is a reply.
func (d *device) Command(ctx context.Context, command string) ([]byte, error) {
	if command == "" || strings.IndexFunc(command, func(r rune) bool { return r <= ' ' || r > '~' || r == '(' }) >= 0 {
		return nil, fmt.Errorf("%s: a command is letters, digits and signs such as QPIGS, not %q", d.protocol.Name, command)
	}
	reply, err := d.exchange(ctx, command)
	if err != nil {
		return nil, err
	}
	body, _ := opened(reply)
	return body, nil
}

func (d *device) exchange(ctx context.Context, command string) ([]byte, error) {
	c, _ := d.protocol.find(command)
	reply, err := d.link.Transact(ctx, link.Request{Bytes: seal([]byte(command)), Frame: framer(c), First: firstByte, Gap: silence})
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", d.protocol.Name, command, err)
	}
	return reply, nil
}
