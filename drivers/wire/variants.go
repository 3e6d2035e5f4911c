package wire

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"sunwire/drivers"
	"sunwire/drivers/link"
)

// Variants completes d with protocols of which a device speaks one without saying which. They ask alike and frame alike; which it is shows
// in the reply to the command tell, because the Payload of each takes its own frames alone.
func Variants(d drivers.Driver, tell string, tables func() []*Protocol) drivers.Driver {
	v := &variants{tell, sync.OnceValue(func() []*Protocol {
		all := tables()
		for _, p := range all {
			p.compile()
		}
		return all
	})}
	d.Open = func(c link.Conn, address uint16, _ any) (drivers.Device, error) {
		open := func(p *Protocol) (*Device, error) { return p.device(c, address) }
		first, err := open(v.all()[0])
		if err != nil {
			return nil, err
		}
		dev := &variant{Device: first, of: v, open: open}
		if slices.ContainsFunc(v.all(), func(p *Protocol) bool { return p.Setter != nil }) {
			return &settable{dev}, nil
		}
		return dev, nil
	}
	d.Decode = v.decode
	d.Reseal = func(reply []byte) []byte { return v.all()[0].Reseal(reply) }
	d.Simulate = func(m drivers.Model, address uint16) link.Simulator { return v.all()[0].Simulate(m, address) }
	d.Detect = Detect(d.Open)
	return d
}

type variants struct {
	tell string
	all  func() []*Protocol
}

// decode reads a reply by the first protocol that takes it.
func (v *variants) decode(command string, reply []byte) (decoded []drivers.Decoded, err error) {
	for _, p := range v.all() {
		if decoded, err = p.Decode(command, reply); err == nil {
			return decoded, nil
		}
	}
	return nil, err
}

// variant is a device whose protocol is found out by Describe.
type variant struct {
	*Device // of the first protocol until then

	of    *variants
	open  func(*Protocol) (*Device, error)
	found bool
	doubt bool // a frame did not fit: somebody may have changed the firmware
}

// Describe finds out the protocol.
func (d *variant) Describe(ctx context.Context) (drivers.Descriptor, error) {
	if !d.found || d.doubt {
		if err := d.recognize(ctx); err != nil {
			return drivers.Descriptor{}, err
		}
	}
	desc, err := d.Device.Describe(ctx)
	desc.Variant, desc.Why = d.Variant, d.Why
	if desc.Firmware != "" {
		desc.Why += "; its firmware is " + desc.Firmware
	}
	return desc, err
}

func (d *variant) recognize(ctx context.Context) error {
	if greeting := d.find(d.Greeting); greeting != nil {
		if _, err := d.exchange(ctx, greeting[0]); err != nil {
			return err
		}
	}
	var last error
	for _, c := range d.find(d.of.tell) {
		frame, err := d.hear(ctx, c)
		if err != nil {
			return err
		}
		for _, p := range d.of.all() {
			if _, last = p.open(c, d.address, frame); last != nil {
				continue
			}
			if p != d.Protocol {
				if d.Device, last = d.open(p); last != nil {
					return last
				}
			}
			d.found, d.doubt = true, false
			return nil
		}
	}
	return fmt.Errorf("%s: %w: no layout that is known fits; %s", d.Name, last, d.Instead)
}

// Poll asks one query, of a device that was described.
func (d *variant) Poll(ctx context.Context, q drivers.Query) ([]drivers.Reading, error) {
	if !d.found {
		return nil, fmt.Errorf("%s: %w: it has not been found out yet what its frames mean", d.Name, drivers.ErrFrame)
	}
	rs, err := d.Device.Poll(ctx, q)
	d.doubt = d.doubt || errors.Is(err, drivers.ErrFrame)
	return rs, err
}

// settable is a variant of which some protocol has settings.
type settable struct{ *variant }

// Set is that of the protocol that was found out.
func (d *settable) Set(ctx context.Context, unit, key string, v drivers.Value) error {
	if d.Setter == nil || !d.found {
		return fmt.Errorf("%s: %s is no setting", d.Name, key)
	}
	return (&Controller{d.Device}).Set(ctx, unit, key, v)
}
