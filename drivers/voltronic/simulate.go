package voltronic

import (
	"bytes"
	"iter"
	"strconv"
	"strings"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/link"
)

type simulator struct {
	protocol *Protocol
	model    drivers.Model
}

// simulate answers from the same tables: the model's values, and the example's where it has none (m may be nil).
func (p *Protocol) simulate(m drivers.Model, _ uint16) link.Simulator { return simulator{p, m} }

// Push says nothing: an inverter only answers.
func (s simulator) Push() iter.Seq2[time.Duration, []byte] { return nil }

// Answer takes one request, its CR included. What is damaged stays without an answer, as on a real device.
func (s simulator) Answer(request []byte) []byte {
	command, ok := unseal(request)
	if !ok {
		return nil
	}
	c, arg := s.protocol.find(string(command))
	switch {
	case c == nil, (arg == "") != (c.Arg == ""):
		return seal([]byte("(NAK"))
	case len(c.Fields) == 0:
		return seal([]byte("(ACK"))
	}
	unit := ""
	if c.Unit != "" {
		unit = c.Unit + arg
	}
	value := func(key string) drivers.Value {
		if s.model == nil {
			return drivers.Value{}
		}
		v, _ := s.model.Value(unit, key)
		return v
	}
	return seal(c.encode([]byte{'('}, value))
}

func (c *Command) encode(b []byte, value func(key string) drivers.Value) []byte {
	for i := range c.Fields {
		f := &c.Fields[i]
		if i > 0 {
			b = append(b, ' ')
		}
		start := len(b)
		b = f.encode(b, value)
		if on, _ := value(problemEntity.Key).Bool(); on && c.Warnings {
			somethingWrong(f, b[start:])
		}
		if f.Form != list && !f.fits(b[start:]) { // nothing that a device could say
			b = append(b[:start], f.example...)
		}
	}
	if last := c.Fields[len(c.Fields)-1]; last.Form == list && c.decode(b[1:], "") == nil {
		return append(b[:1], c.Example...)
	}
	return b
}

func (f *Field) encode(b []byte, value func(key string) drivers.Value) []byte {
	switch f.Form {
	case bits:
		for i := range f.Bits {
			b = append(b, '0')
			if isOn(value(f.Bits[i].Key), f.example[i] == '1') {
				b[len(b)-1] = '1'
			}
		}
		return b
	case flags:
		return f.encodeFlags(b, value)
	}
	v := value(f.Key)
	switch n, isNumber := v.Float(); {
	case f.Form == number && isNumber:
		return pad(b, strconv.FormatFloat(n*powers[f.Shift], 'f', f.decimals, 64), len(f.example))
	case f.Form == code && f.codeOf(v) != "":
		return pad(b, f.codeOf(v), len(f.example))
	}
	switch s, isText := v.Text(); {
	case f.Form == text && isText:
		return append(append(b, f.Prefix...), s...)
	case f.Form == list && isText:
		for i, n := range strings.Split(s, ", ") {
			if i > 0 {
				b = append(b, ' ')
			}
			b = pad(b, n, 3)
		}
		return b
	}
	return append(b, f.example...)
}

// encodeFlags writes what is on, then what is off.
func (f *Field) encodeFlags(b []byte, value func(key string) drivers.Value) []byte {
	enabled, _, _ := strings.Cut(f.example, "D")
	off := []byte{'D'}
	b = append(b, 'E')
	for i, letter := range f.Codes {
		if isOn(value(f.Bits[i].Key), strings.Contains(enabled, letter)) {
			b = append(b, letter...)
		} else {
			off = append(off, letter...)
		}
	}
	return append(b, off...)
}

func isOn(v drivers.Value, otherwise bool) bool {
	if on, ok := v.Bool(); ok {
		return on
	}
	return otherwise
}

// codeOf is the code of an option, or of on and off.
func (f *Field) codeOf(v drivers.Value) string {
	on, isBool := v.Bool()
	s, _ := v.Text()
	for i, c := range f.Codes {
		if f.Platform == drivers.Binary && isBool && on == (i == 1) || f.Platform == drivers.Enum && s == f.Options[i] {
			return c
		}
	}
	return ""
}

// somethingWrong sets a warning where the model tells of a problem but of no warning.
func somethingWrong(f *Field, tok []byte) {
	if f.Form != bits || bytes.IndexByte(tok, '1') >= 0 {
		return
	}
	for i := range tok {
		if f.Codes[i] != condition {
			tok[i] = '1'
			return
		}
	}
}

// pad appends digits with zeros in front, after the sign, up to width.
func pad(b []byte, digits string, width int) []byte {
	if strings.HasPrefix(digits, "-") {
		b, digits, width = append(b, '-'), digits[1:], width-1
	}
	for range width - len(digits) {
		b = append(b, '0')
	}
	return append(b, digits...)
}
