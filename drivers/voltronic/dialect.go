package voltronic

import (
	"context"
	"sync"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/link"
)

// dialect is a protocol by name. Its table is made when something first uses it: a house has one of them, and pays for one.
type dialect struct {
	Name, Title string
	Aliases     []string // names of products that speak it
	declare     func() Protocol

	once     sync.Once
	compiled *Protocol
}

func (d *dialect) table() *Protocol {
	d.once.Do(func() {
		p := d.declare()
		p.Name = d.Name
		d.compiled = compile(p)
	})
	return d.compiled
}

// driver makes the driver of a dialect.
func (d *dialect) driver() drivers.Driver {
	return drivers.Driver{
		Name: d.Name, Title: d.Title, Aliases: d.Aliases, Family: "voltronic", Class: drivers.Inverter,
		Links:  []link.Kind{link.Serial, link.HID, link.TCP},
		Paces:  [3]time.Duration{10 * time.Second, time.Minute, 24 * time.Hour},
		Config: func() any { return &Options{CRC: strict} },
		Open: func(c link.Conn, address uint16, options any) (drivers.Device, error) {
			return d.table().open(c, address, options)
		},
		Decode:   func(command string, reply []byte) ([]drivers.Decoded, error) { return d.table().decode(command, reply) },
		Commands: func() []string { return d.table().queries() },
		Simulate: func(m drivers.Model, address uint16) link.Simulator { return d.table().simulate(m, address) },
		Reseal:   func(reply []byte) []byte { return d.table().Wire.reseal(reply) },
	}
}

// detected is the driver of a dialect, which looks for it too.
func (d *dialect) detected() drivers.Driver {
	driver := d.driver()
	driver.Detect = func(ctx context.Context, c link.Conn) (drivers.Match, error) { return d.table().detect(ctx, c, "PI30") }
	return driver
}

// queries are the commands that have a reply with fields and no argument.
func (p *Protocol) queries() (codes []string) {
	for i := range p.Commands {
		if c := &p.Commands[i]; len(c.Fields) > 0 && c.Arg == "" {
			codes = append(codes, c.Code)
		}
	}
	return codes
}
