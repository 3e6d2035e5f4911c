package voltronic

import (
	"context"
	"errors"
	"fmt"

	"sunwire/drivers"
	"sunwire/drivers/link"
)

// opening is how many questions may stay without an answer at first: an inverter that sleeps may miss one, or not know it and be silent.
const opening = 2

// protocolKey is the field in which a device tells what it speaks.
const protocolKey = "protocol"

// detect asks what only reads: the name of the protocol, what is polled most often, and who the device is. Confidence is the share that
// was answered as the table has it. So a variant that knows more than the device gets less, and of two that get the same, the one that
// asked more knows it better. Of several that speak alike, one says that it must be the protocol named; "": it is known already.
func (p *Protocol) detect(ctx context.Context, c link.Conn, named string) (drivers.Match, error) {
	dev, err := p.open(c, 0, nil)
	if err != nil {
		return drivers.Match{}, err
	}
	d, ok := dev.(*device)
	if !ok {
		return drivers.Match{}, fmt.Errorf("%s cannot be looked for", p.Name)
	}
	questions := p.questions()
	heard, answered := false, 0
	for i, command := range questions {
		said, err := d.identify(ctx, command.Code)
		switch {
		case err == nil && command.Fields[0].Key == protocolKey && named != "" && said != named:
			return drivers.Match{}, fmt.Errorf("%s: the inverter says that it speaks %s: %w", p.Name, said, drivers.ErrUnsupported)
		case err == nil:
			heard, answered = true, answered+1
		case errors.Is(err, drivers.ErrUnsupported): // it refuses, with a right checksum
			heard = true
		case !errors.Is(err, drivers.ErrNoReply) && !errors.Is(err, drivers.ErrFrame), !heard && i+1 >= opening:
			return drivers.Match{}, err
		}
	}
	if answered == 0 {
		return drivers.Match{}, fmt.Errorf("%s: the inverter refuses all that was asked: %w", p.Name, drivers.ErrUnsupported)
	}
	desc, err := d.Describe(ctx)
	if errors.Is(err, drivers.ErrFrame) || errors.Is(err, drivers.ErrNoReply) {
		desc, err = d.Describe(ctx)
	}
	if err != nil && ctx.Err() != nil {
		return drivers.Match{}, err
	}
	identity := []string{desc.Serial, desc.Model, desc.Firmware}
	for _, s := range identity {
		if s != "" {
			answered++
		}
	}
	return drivers.Match{Confidence: 100 * answered / (len(questions) + len(identity)), Descriptor: desc}, nil
}

// questions are the name of the protocol, as its example has it, and what is polled at the live pace.
func (p *Protocol) questions() (qs []*Command) {
	for i := range p.Commands {
		switch c := &p.Commands[i]; {
		case len(c.Fields) == 1 && c.Fields[0].Key == protocolKey:
			qs = append([]*Command{c}, qs...)
		case c.Pace == drivers.Live && !c.OnDemand && len(c.Fields) > 0:
			qs = append(qs, c)
		}
	}
	return qs
}
