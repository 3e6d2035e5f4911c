package wire

import (
	"bytes"
	"context"
	"iter"
	"sync"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/link"
)

// Driver completes d with what a protocol does. The tables are made when they are first needed: most of them never are.
func Driver(d drivers.Driver, table func() *Protocol) drivers.Driver {
	protocol := sync.OnceValue(func() *Protocol { return table().compile() })
	d.Open = func(c link.Conn, address uint16, options any) (drivers.Device, error) {
		return protocol().Open(c, address, options)
	}
	d.Decode = func(command string, reply []byte) ([]drivers.Decoded, error) {
		return protocol().Decode(command, reply)
	}
	d.Reseal = func(reply []byte) []byte { return protocol().Reseal(reply) }
	d.Simulate = func(m drivers.Model, address uint16) link.Simulator { return protocol().Simulate(m, address) }
	d.Detect = Detect(d.Open)
	return d
}

// sure is the confidence in a device whose replies have their checksum and their sums.
const sure = 90

// Detect is the Detect of a driver that is opened by open.
func Detect(open func(link.Conn, uint16, any) (drivers.Device, error)) func(context.Context, link.Conn) (drivers.Match, error) {
	return drivers.DetectBy(sure, open)
}

// Simulate answers with the examples, over which the model is written (it may be nil).
func (p *Protocol) Simulate(m drivers.Model, address uint16) link.Simulator {
	if address == 0 {
		address = p.Address
	}
	return &simulator{p, m, int(address), map[string]drivers.Value{}}
}

type simulator struct {
	*Protocol
	model   drivers.Model
	address int
	told    map[string]drivers.Value // what was set
}

// Push says nothing unasked.
func (s *simulator) Push() iter.Seq2[time.Duration, []byte] { return nil }

// Answer takes one request or write as the protocol makes it; all else stays without an answer. What several commands ask alike is answered
// for each.
func (s *simulator) Answer(request []byte) (reply []byte) {
	for i := range s.Commands {
		c := &s.Commands[i]
		if s.part(c, request, c.Example) == nil {
			continue
		}
		frame := s.part(c, request, s.Reply(c, s.value))
		if s.Claim != nil && frame != nil {
			s.Claim(frame, s.address)
			frame = s.Reseal(frame)
		}
		reply = append(reply, frame...)
	}
	if reply == nil && s.Setter != nil {
		return s.obey(request)
	}
	return reply
}

// part is what of reply answers request; nil: that is not how c is asked.
func (s *simulator) part(c *Command, request, reply []byte) []byte {
	one := *c
	for at := 0; at < len(reply); {
		end := len(reply)
		if c.Next != nil {
			end = at + s.Length(reply[at:])
		}
		if bytes.Equal(request, s.Request(&one, s.address)) {
			return reply[at:end]
		}
		if end == len(reply) {
			return nil
		}
		at, one.Code = end, c.Next(reply[:end])
	}
	return nil
}

func (s *simulator) value(key string) drivers.Value {
	if v, ok := s.told[key]; ok {
		return v
	}
	if s.model != nil {
		if v, ok := s.model.Value("", key); ok {
			return v
		}
	}
	return drivers.Value{}
}

// Reply is the example of c with values written over it.
func (p *Protocol) Reply(c *Command, value func(key string) drivers.Value) []byte {
	frame := bytes.Clone(c.Example)
	payload, err := p.open(c, Any, frame)
	if err != nil {
		return nil
	}
	c.layout(payload).Encode(payload, value)
	if p.Wrap != nil {
		frame = p.Wrap(c, frame, payload)
	}
	return p.Reseal(frame)
}
