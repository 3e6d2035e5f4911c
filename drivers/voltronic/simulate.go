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

// simulator answers like an inverter, and keeps what it was told.
type simulator struct {
	protocol *Protocol
	model    drivers.Model
	told     map[place]drivers.Value
}

// simulate answers from the same tables: what was set, else the model's values, and the example's where it has none (m may be nil).
func (p *Protocol) simulate(m drivers.Model, _ uint16) link.Simulator {
	return &simulator{p, m, map[place]drivers.Value{}}
}

// Push says nothing: an inverter only answers.
func (s *simulator) Push() iter.Seq2[time.Duration, []byte] { return nil }

// Answer takes one request, its end included. What is damaged stays without an answer, as on a real device.
func (s *simulator) Answer(request []byte) []byte {
	c, arg, ok := s.protocol.asked(request)
	w := s.protocol.Wire
	switch {
	case !ok:
		return nil
	case c == nil, (arg == "") != (c.Arg == ""):
		return w.reply(answer[0])
	case len(c.Fields) == 0:
		return w.reply(s.obey(c, arg))
	}
	unit := ""
	if c.Unit != "" {
		unit = c.Unit + arg
	}
	return w.reply(c.encode(nil, func(key string) drivers.Value { return s.value(unit, key) }))
}

func (s *simulator) value(unit, key string) drivers.Value {
	if v, ok := s.told[place{unit, key}]; ok {
		return v
	}
	if s.model == nil {
		return drivers.Value{}
	}
	v, _ := s.model.Value(unit, key)
	return v
}

// asked finds the command of a whole request, and whether it is one at all.
func (p *Protocol) asked(request []byte) (c *Command, arg string, ok bool) {
	contents := [][]byte{request, request[:max(0, len(request)-1)]}
	if content, sealed := unseal(request); sealed {
		contents = [][]byte{content}
	}
	for _, content := range contents {
		if n := len(p.Wire.query) + 3; p.Wire.query != "" {
			content = content[min(n, len(content)):]
		}
		for _, cut := range []int{0, 1, 3} { // the sum of one byte, and the decimal one
			command := string(content[:max(0, len(content)-cut)])
			known, a := p.find(command)
			if command != "" && known != nil && bytes.Equal(p.Wire.request(known, command), request) {
				return known, a, true
			}
			ok = ok || command != "" && bytes.Equal(p.Wire.request(nil, command), request)
		}
	}
	return nil, "", ok
}

// obey does what a setter asks for.
func (s *simulator) obey(c *Command, arg string) []byte {
	if c.On != "" || c.Off != "" {
		for letter := range strings.SplitSeq(arg, "") {
			s.told[place{"", s.protocol.flag(c.On+c.Off, letter)}] = drivers.Bool(c.On != "")
		}
		return answer[1]
	}
	values, _ := c.parse(arg)
	unit := ""
	for _, v := range values {
		if n, _ := v.value.Text(); v.key == unitKey && n != "0" {
			unit = unitPrefix + n
		}
	}
	for _, v := range values {
		s.told[place{unit, v.key}] = v.value
		if unit == "" {
			s.told[place{unitPrefix + "0", v.key}] = v.value
		}
	}
	return answer[1]
}

// flag is the key of a letter among the flags of query.
func (p *Protocol) flag(query, letter string) string {
	c, _ := p.find(query)
	for n, l := range c.Fields[0].Codes {
		if l == letter {
			return c.Fields[0].Bits[n].Key
		}
	}
	return ""
}

func (c *Command) encode(b []byte, value func(key string) drivers.Value) []byte {
	for i := range c.Fields {
		f := &c.Fields[i]
		if i > 0 {
			b = append(b, c.between(i))
		}
		start := len(b)
		b = f.encode(b, value)
		if on, _ := value(problemEntity.Key).Bool(); on && c.Warnings {
			c.somethingWrong(f, b[start:])
		}
		if f.Form != list && !f.fits(b[start:]) { // nothing that a device could say
			b = append(b[:start], f.example...)
		}
	}
	if last := c.Fields[len(c.Fields)-1]; last.Form == list && c.decode(b, "") == nil {
		return append(b[:0], c.Example...)
	}
	return b
}

// between is what stands before the i-th field: in the example, where there are several.
func (c *Command) between(i int) byte {
	if len(c.Seps) == 1 {
		return c.Seps[0]
	}
	n := 0
	for k := range c.Example {
		if strings.IndexByte(c.Seps, c.Example[k]) >= 0 {
			if n++; n == i {
				return c.Example[k]
			}
		}
	}
	return c.Seps[0]
}

func (f *Field) encode(b []byte, value func(key string) drivers.Value) []byte {
	switch f.Form {
	case bits:
		for i := range f.example {
			b = append(b, '0')
			if i >= len(f.Bits) {
				continue
			}
			if isOn(value(f.Bits[i].Key), f.example[i] == '1') {
				b[len(b)-1] = '1'
			}
		}
		return b
	case flags:
		return f.encodeFlags(b, value)
	case digits:
		for i := range f.example {
			b = f.Digits[i].encode(b, value)
		}
		return b
	}
	v := value(f.Key)
	switch n, isNumber := v.Float(); {
	case f.Form == number && isNumber:
		if f.Times != 0 {
			n /= f.Times
		}
		return pad(b, strconv.FormatFloat(n*powers[f.Shift], 'f', f.decimals, 64), len(f.example))
	case f.Form == code && f.codeOf(v) != "":
		return pad(b, f.codeOf(v), len(f.example))
	}
	switch s, isText := v.Text(); {
	case f.Key == clockKey && isText && pictured(s, "0000-00-00T00:00:00"):
		return append(b, strings.NewReplacer("-", "", "T", "", ":", "").Replace(s)...)
	case f.Form == text && isText && f.Says == nil:
		return append(append(b, f.Prefix...), s...)
	case f.Form == text && isText && len(s) >= 8 && len(s) <= 20: // a serial number behind its length
		return append(append(pad(b, strconv.Itoa(len(s)), 2), s...), strings.Repeat("0", 20-len(s))...)
	case f.Form == list && isText:
		for i, n := range strings.Split(s, ", ") {
			if i > 0 {
				b = append(b, f.seps[0])
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
		if f.Platform == drivers.Binary && isBool && on == (i == 1) || f.Platform == drivers.Enum && s == f.option(i) {
			return c
		}
	}
	return ""
}

// somethingWrong sets a warning where the model tells of a problem but of no warning.
func (c *Command) somethingWrong(f *Field, tok []byte) {
	if f.Form == code && f.Attribute == problemEntity.Key && !c.normal(f.Key) {
		tok[0] = '1'
	}
	if f.Form != bits || bytes.IndexByte(tok, '1') >= 0 {
		return
	}
	for i := range min(len(tok), len(f.Bits)) {
		if published(&f.Bits[i]) && !c.normal(f.Bits[i].Key) {
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
