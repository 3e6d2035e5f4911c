// Package voltronic speaks the ASCII protocols of Voltronic inverters (Axpert, PIP, MKS, InfiniSolar and their many rebrands). A protocol
// is a table of commands and of the fields in their replies; decoding, polling, writing, simulating and documentation all read that table.
// A variant is another table, made by putting commands and fields together anew. Tables are written as functions, so that each is made
// when its dialect is first used, shares nothing with another, and changes no more once it is compiled.
package voltronic

import (
	"slices"
	"strconv"
	"strings"

	"sunwire/drivers"
)

// Protocol is one dialect of the family.
type Protocol struct {
	Name                    string // of its dialect
	Wire                    wire
	Serial, Model, Firmware string // the queries that tell who the device is; "" where there is none
	Clock                   string // the query that tells the device's date, which some others need
	Units                   parallel
	Sums                    []Sum
	Estimates               []Estimate
	Commands                []Command
}

// Command is one request, and the fields of its reply in wire order. A command without fields is a setter, answered by ACK or NAK.
type Command struct {
	Code    string // as sent, without its argument
	Arg     string // the argument's picture: 0 a digit, o a zero, + a sign, a letters, * anything; the rest as it stands; of a setter also {key:picture}, see setter.go
	Pace    drivers.Pace
	Example string // a reply as a device sends it: width and decimals of each field, and what the simulator shows by default
	Fields  []Field

	OnDemand bool   // never polled: asked by Describe or by a person
	Unit     string // the reply is another unit's, called Unit and the argument
	Dated    bool   // the argument is as much of the device's own date as there is room for
	Warnings bool   // it tells what is wrong: a poll sums that up in the entities warnings and problem
	Normal   string // keys of warnings that tell how things are, not that something is wrong
	GridLost string // the warning whose contrary is the entity grid_available
	Fewest   int    // so many fields tell whose they are, where that is fewer than telling
	Seps     string // what may stand between fields, where it is not the protocol's own
	On, Off  string // of a setter: the query whose flags it switches on, or off, by their letters
	Press    string // of a setter without an argument: what it is called

	Bare bool // the request has no checksum, although the protocol's others have
	Sum  bool // the request has the decimal sum of its bytes behind it
	Chk  bool // the request ends in the sum of its bytes and one; so may the reply

	lines int // of a reply that has all known fields
	args  []part
}

// Sum is a value that no reply has, but that several of its fields make together.
type Sum struct {
	Field
	Of   string // keys of what is added up; an input that the device marks as not there adds nothing
	From string // the queries that give those, the last of which gives the sum too; one that the device does not have adds nothing
}

// compile gives every field its place and its form, which the example of its command shows.
func compile(p Protocol) *Protocol {
	for i := range p.Commands {
		c := &p.Commands[i]
		if c.Seps == "" {
			c.Seps = p.Wire.between()
		}
		examples := split(c.Example, c.Seps)
		for n := range c.Fields {
			f := &c.Fields[n]
			if n < len(examples) {
				f.example = examples[n]
			}
			f.alone = len(c.Fields) == 1
			f.Blank = f.Blank || p.Wire.blanks && len(c.Fields) > 1
			f.seps = c.Seps
			f.at(n)
			c.lines += max(1, len(f.Bits), len(f.Digits))
		}
	}
	for i := range p.Sums {
		p.Sums[i].at(0)
	}
	for i := range p.Estimates {
		p.Estimates[i].at(0)
	}
	for i := range p.Commands {
		p.Commands[i].args = p.arguments(p.Commands[i].Arg)
	}
	return &p
}

// split is strings.Split at any of seps.
func split(s, seps string) (out []string) {
	for {
		i := strings.IndexAny(s, seps)
		if i < 0 {
			return append(out, s)
		}
		out, s = append(out, s[:i]), s[i+1:]
	}
}

// find is the command that is meant, and its argument: "" where the bare name is given, as in a recording.
func (p *Protocol) find(command string) (c *Command, arg string) {
	for i := range p.Commands {
		c := &p.Commands[i]
		if arg, ok := strings.CutPrefix(command, c.Code); ok && (arg == "" || c.takesArg(arg)) {
			return c, arg
		}
	}
	return nil, ""
}

// takesArg reports whether arg has the form of c's argument.
func (c *Command) takesArg(arg string) bool {
	if c.args == nil {
		return pictured(arg, c.Arg)
	}
	_, ok := c.parse(arg)
	return ok
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
		case 'o':
			if a != '0' {
				return false
			}
		case '+':
			if a != '+' && a != '-' {
				return false
			}
		case 'a':
			return letters(arg[i:])
		case '*':
			return true
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

// replaced is commands with those of the same code exchanged, and the rest added: a new slice.
func replaced(commands []Command, by ...Command) []Command {
	out := slices.Clone(commands)
	for _, c := range by {
		if i := slices.IndexFunc(out, func(o Command) bool { return o.Code == c.Code }); i >= 0 {
			out[i] = c
		} else {
			out = append(out, c)
		}
	}
	return out
}

// without is commands less those with these codes.
func without(codes string, commands []Command) []Command {
	gone := strings.Fields(codes)
	return slices.DeleteFunc(slices.Clone(commands), func(c Command) bool { return slices.Contains(gone, c.Code) })
}

// command is the one of commands with that code.
func command(code string, commands []Command) Command {
	return commands[slices.IndexFunc(commands, func(c Command) bool { return c.Code == code })]
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

// entities are those of c's reply that are announced, and what a poll makes of them.
func (c *Command) entities(p *Protocol) (es []drivers.Entity) {
	add := func(e drivers.Entity) {
		if published(&e) {
			es = append(es, e)
		}
	}
	for n := range c.Fields {
		f := &c.Fields[n]
		for _, e := range f.Bits {
			add(e)
		}
		for i := range f.Digits {
			add(f.Digits[i].Entity)
		}
		if len(f.Bits)+len(f.Digits) == 0 {
			add(f.Entity)
		}
	}
	for i := range p.Sums {
		if s := &p.Sums[i]; slices.Contains(strings.Fields(s.From), c.Code) {
			add(s.Entity)
		}
	}
	for i := range p.Estimates {
		if e := &p.Estimates[i]; e.From == c.Code {
			add(e.Entity)
		}
	}
	if c.Warnings {
		add(warningsEntity)
		add(problemEntity)
	}
	if c.GridLost != "" {
		add(gridEntity)
	}
	return es
}

// described lists what the polled commands give.
func (p *Protocol) described() (es []drivers.Entity, qs []drivers.Query) {
	for i := range p.Commands {
		c := &p.Commands[i]
		if c.OnDemand || len(c.Fields) == 0 {
			continue
		}
		q := drivers.Query{Name: c.Code, Pace: c.Pace}
		for _, e := range c.entities(p) {
			q.Keys = append(q.Keys, e.Key)
			if !slices.ContainsFunc(es, func(o drivers.Entity) bool { return o.Key == e.Key }) {
				es = append(es, e)
			}
		}
		qs = append(qs, q)
	}
	return es, qs
}
