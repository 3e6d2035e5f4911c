// Package voltronic speaks the ASCII protocols of Voltronic inverters (Axpert, PIP, MKS and their many rebrands). A protocol is a table
// of commands and of the fields in their replies, a value that nothing changes; decoding, polling, simulating and documentation all read
// that table. A variant is another table, made by putting commands together anew.
package voltronic

import (
	"strconv"
	"strings"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/link"
)

// Protocol is one dialect of the family.
type Protocol struct {
	Name, Title             string
	Serial, Model, Firmware string // the queries that tell who the device is; its first field is the answer
	Commands                []Command
}

// Command is one request, and the fields of its reply in wire order. A command without fields is a setter, answered by ACK or NAK.
type Command struct {
	Code    string // as sent, without its argument
	Arg     string // the argument's picture: 0 a digit, + a sign, a letters; the rest as it stands
	Pace    drivers.Pace
	Example string // a reply as a device sends it: width and decimals of each field, and what the simulator shows by default
	Fields  []Field

	OnDemand bool   // never polled: asked by Describe or by a person
	Unit     string // the reply is another unit's, called Unit and the argument
	Warnings bool   // its bits are warnings: a poll sums them up in the entities warnings and problem

	lines int // of a reply that has all known fields
}

// compile gives every field its place and its form, which the example of its command shows. The commands handed in stay as they are.
func compile(p Protocol) *Protocol {
	commands := make([]Command, len(p.Commands))
	for i, c := range p.Commands {
		fields := make([]Field, len(c.Fields))
		examples := strings.Fields(c.Example)
		for n, f := range c.Fields {
			if n < len(examples) {
				f.example = examples[n]
			}
			f.alone = len(c.Fields) == 1
			fields[n] = f.at(n)
			c.lines += max(1, len(fields[n].Bits))
		}
		c.Fields = fields
		commands[i] = c
	}
	p.Commands = commands
	return &p
}

// find is the command that is meant, and its argument: "" where the bare name is given, as in a recording.
func (p *Protocol) find(command string) (c *Command, arg string) {
	for i := range p.Commands {
		c := &p.Commands[i]
		if arg, ok := strings.CutPrefix(command, c.Code); ok && (arg == "" || pictured(arg, c.Arg)) {
			return c, arg
		}
	}
	return nil, ""
}

func pictured(arg, picture string) bool {
	for i := range picture {
		if i >= len(arg) {
			return false
		}
		switch a := arg[i]; picture[i] {
		case '0':
			if a < '0' || a > '9' {
				return false
			}
		case '+':
			if a != '+' && a != '-' {
				return false
			}
		case 'a':
			return letters(arg[i:])
		default:
			if a != picture[i] {
				return false
			}
		}
	}
	return len(arg) == len(picture)
}

func letters(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') }) < 0
}

// setters makes commands of "CODE:PICTURE" words.
func setters(words string) (cs []Command) {
	for word := range strings.FieldsSeq(words) {
		code, picture, _ := strings.Cut(word, ":")
		cs = append(cs, Command{Code: code, Arg: picture, OnDemand: true})
	}
	return cs
}

// published reports whether e is announced: fields that nobody knows are only seen by decoding.
func published(e *drivers.Entity) bool { return !strings.HasPrefix(e.Key, "field_") }

// unnamed is a field without a meaning of its own: field_<position>, or field_<position>_<bit>.
func unnamed(position int, bit string) drivers.Entity {
	place := strconv.Itoa(position)
	if bit != "" {
		place += "_" + bit
	}
	return drivers.Entity{
		Key: "field_" + place, Name: "Field " + strings.ReplaceAll(place, "_", " bit "),
		Category: drivers.Diagnostic, Disabled: true,
	}
}

// described lists what the polled commands give.
func (p *Protocol) described() (es []drivers.Entity, qs []drivers.Query) {
	for i := range p.Commands {
		c := &p.Commands[i]
		if c.OnDemand {
			continue
		}
		first := len(es)
		for n := range c.Fields {
			f := &c.Fields[n]
			if len(f.Bits) > 0 {
				for b := range f.Bits {
					if published(&f.Bits[b]) {
						es = append(es, f.Bits[b])
					}
				}
			} else if published(&f.Entity) {
				es = append(es, f.Entity)
			}
		}
		if c.Warnings {
			es = append(es, warningsEntity, problemEntity)
		}
		q := drivers.Query{Name: c.Code, Pace: c.Pace}
		for _, e := range es[first:] {
			q.Keys = append(q.Keys, e.Key)
		}
		qs = append(qs, q)
	}
	return es, qs
}

// driver makes the driver of a compiled protocol.
func (p *Protocol) driver() drivers.Driver {
	return drivers.Driver{
		Name: p.Name, Title: p.Title, Family: "voltronic", Class: drivers.Inverter,
		Links: []link.Kind{link.Serial, link.HID, link.TCP},
		Paces: [3]time.Duration{10 * time.Second, time.Minute, 24 * time.Hour},
		Open:  p.open, Detect: p.detect, Decode: p.decode, Commands: p.queries, Simulate: p.simulate, Reseal: reseal,
	}
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
