package voltronic

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"sunwire/drivers"
)

// decimal is a number as written: exact, so that one division gives what the digits say.
type decimal struct {
	mantissa         int64
	decimals         int
	point            bool
	signed, negative bool
}

// parse reads "-040", "+00000", "0014" or "57.50". More than 15 digits are not a number: a float64 would lose some.
func parse(tok []byte) (d decimal, ok bool) {
	digits := 0
	for i, x := range tok {
		switch {
		case x >= '0' && x <= '9':
			d.mantissa = d.mantissa*10 + int64(x-'0')
			digits++
			if d.point {
				d.decimals++
			}
		case x == '.' && !d.point && digits > 0:
			d.point = true
		case (x == '-' || x == '+') && i == 0:
			d.signed, d.negative = true, x == '-'
		default:
			return decimal{}, false
		}
	}
	return d, digits > 0 && digits <= 15 && (!d.point || d.decimals > 0)
}

var powers = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18}

// value is the number, with its point shift places to the left.
func (d decimal) value(shift int) drivers.Value {
	f := float64(d.mantissa) / powers[d.decimals+shift]
	if d.negative {
		f = -f
	}
	return drivers.Num(f)
}

func (d decimal) times(factor float64) drivers.Value {
	f, _ := d.value(0).Float()
	return drivers.Num(f * factor)
}

// missing reports whether tok is nothing but what stands for no value: empty, "-" or "---.-".
func missing(tok []byte) bool {
	for _, x := range tok {
		if x != '-' && x != '.' {
			return false
		}
	}
	return true
}

// plainly is tok as the device means it: a number where it is one, else its text.
func plainly(tok []byte) drivers.Value {
	if d, ok := parse(tok); ok {
		return d.value(0)
	}
	return drivers.Text(string(tok))
}

// replyEntity is what Decode calls an acceptance or a refusal.
var replyEntity = drivers.Entity{Key: "reply", Name: "Reply", Platform: drivers.Label}

// decode reads the whole reply to command, argument included. What is damaged, an echo, or the reply to another command wraps ErrFrame.
func (p *Protocol) decode(command string, reply []byte) ([]drivers.Decoded, error) {
	return p.read(command, reply, false)
}

func (p *Protocol) read(command string, reply []byte, lenient bool) ([]drivers.Decoded, error) {
	c, arg := p.find(command)
	body, ok := p.Wire.opened(c, reply, lenient)
	if !ok {
		return nil, fmt.Errorf("%w: no reply with a right checksum in %d bytes [% x]", drivers.ErrFrame, len(reply), reply[:min(len(reply), shown)])
	}
	if string(body) == "ACK" || string(body) == "NAK" {
		v := drivers.Text(string(body))
		return []drivers.Decoded{{Entity: &replyEntity, Value: v, Raw: v}}, nil
	}
	if c == nil {
		return nil, fmt.Errorf("%s has no command %q", p.Name, command)
	}
	unit := ""
	if c.Unit != "" && arg != "" {
		unit = c.Unit + arg
	}
	decoded := c.decode(body, unit)
	if decoded == nil {
		return nil, fmt.Errorf("%w: not a reply to %s: %q", drivers.ErrFrame, command, body)
	}
	return decoded, nil
}

const (
	telling  = 8 // so many fields are enough to know whose they are
	shortest = 4 // list: known ones are longer
)

func (c *Command) fewest() int {
	switch n := len(c.Fields); {
	case c.Fewest > 0:
		return c.Fewest
	case c.Seps != " " && n > telling: // no reply breaks off that states its length
		return n - 2
	default:
		return min(telling, n)
	}
}

// most is how many fields a reply may have: a new firmware's more are welcome, another command's are not.
func (c *Command) most() int {
	if c.Seps != " " {
		return len(c.Fields) + 4
	}
	return 2 * len(c.Fields)
}

// cut is b up to the first of seps, and what comes behind that.
func cut(b []byte, seps string) (tok, rest []byte) {
	i := bytes.IndexByte(b, seps[0])
	if len(seps) > 1 {
		i = bytes.IndexAny(b, seps)
	}
	if i < 0 {
		return b, nil
	}
	return b[:i], b[i+1:]
}

// decode reads what stands in a reply; nil where it cannot be one to c: each known field must have its form. One that the reply lacks is
// absent; one too many is field_<position>, unless the command has a single field.
func (c *Command) decode(body []byte, unit string) []drivers.Decoded {
	n, last := 0, len(c.Fields)-1
	out := make([]drivers.Decoded, 0, c.lines+max(0, bytes.Count(body, []byte(c.Seps))-last))
	for rest := body; len(rest) > 0; n++ {
		tok, after := cut(rest, c.Seps)
		switch {
		case n <= last:
			if !c.Fields[n].fits(tok) {
				return nil
			}
			out = c.Fields[n].decode(out, tok, rest)
		case last < 0, len(tok) == 0, last == 0 && (c.Fields[0].Form != list || !c.Fields[0].fits(tok)):
			return nil
		default:
			e, v := unnamed(n, ""), plainly(tok)
			out = append(out, drivers.Decoded{Entity: &e, Value: v, Raw: v})
		}
		rest = after
	}
	if n < c.fewest() || last > 0 && n > c.most() || last == 0 && c.Fields[0].Form == list && n < shortest {
		return nil
	}
	if unit != "" {
		for i := range out {
			out[i].Unit = unit
		}
	}
	return out
}

// decode appends tok, which fits, as the lines it makes; rest is the reply from tok on.
func (f *Field) decode(out []drivers.Decoded, tok, rest []byte) []drivers.Decoded {
	d := drivers.Decoded{Entity: &f.Entity}
	if f.Blank && missing(tok) {
		d.Raw = drivers.Text(string(tok))
		return append(out, d)
	}
	switch f.Form {
	case number:
		if n, ok := parse(tok); ok {
			d.Raw, d.Value = n.value(f.Scale), n.value(f.Shift)
			if f.Times != 0 {
				d.Raw, d.Value = n.times(f.Times), n.times(f.Times)
			}
		}
	case code:
		d.Raw, d.Value = f.meaning(tok)
	case bits:
		return f.decodeBits(out, tok)
	case flags:
		return f.decodeFlags(out, tok)
	case digits:
		for i := range tok {
			out = f.Digits[i].decode(out, tok[i:i+1], nil)
		}
		return out
	case text:
		after := tok[len(f.Prefix):]
		d.Raw, d.Value = plainly(tok), drivers.Text(string(after))
		if f.Bare {
			d.Raw = plainly(after)
		}
		if f.Says != nil {
			s := f.Says(string(after))
			d.Value = drivers.Text(s)
			if f.Bare {
				d.Raw = plainly([]byte(s))
			}
		}
	case list:
		d.Raw, d.Value = plainly(tok), drivers.Text(enumerated(rest, f.seps))
	default:
		d.Raw = plainly(tok)
		d.Value = d.Raw
	}
	if last := len(tok) == len(rest); last && !f.alone && len(tok) < len(f.example) && f.seps == " " {
		d.Value = drivers.Value{} // a reply that breaks off: the digits that were lost would have made it another number
	}
	return append(out, d)
}

// meaning looks a code up. One outside the list is said to be unknown; a '-' means that the device has no such thing.
func (f *Field) meaning(tok []byte) (raw, v drivers.Value) {
	raw = plainly(tok)
	bare := bareCode(tok)
	for i, c := range f.Codes {
		switch {
		case string(bare) != c:
		case f.Platform == drivers.Binary:
			return raw, drivers.Bool(i == 1)
		default:
			return raw, drivers.Text(f.option(i))
		}
	}
	if string(tok) == "-" {
		return raw, drivers.Value{}
	}
	return raw, drivers.Text("unknown (" + string(bare) + ")")
}

// option is what the i-th code means.
func (f *Field) option(i int) string {
	if f.meanings != nil {
		return f.meanings[i]
	}
	return f.Options[i]
}

// bareCode is tok without leading zeros: 01 and 1 are one code.
func bareCode(tok []byte) []byte {
	for len(tok) > 1 && tok[0] == '0' {
		tok = tok[1:]
	}
	return tok
}

func (f *Field) decodeBits(out []drivers.Decoded, tok []byte) []drivers.Decoded {
	for i, x := range tok {
		d := drivers.Decoded{Value: drivers.Bool(x == '1'), Raw: drivers.Num(float64(x - '0'))}
		if i < len(f.Bits) {
			d.Entity = &f.Bits[i]
		} else {
			d.Entity = f.stranger(strconv.Itoa(i))
		}
		out = append(out, d)
	}
	return out
}

func (f *Field) decodeFlags(out []drivers.Decoded, tok []byte) []drivers.Decoded {
	on := false
	for i, x := range tok {
		if x == 'E' || x == 'D' {
			on = x == 'E'
			continue
		}
		d := drivers.Decoded{Value: drivers.Bool(on), Raw: drivers.Num(0)}
		if on {
			d.Raw = drivers.Num(1)
		}
		for n, letter := range f.Codes {
			if letter[0] == x {
				d.Entity = &f.Bits[n]
			}
		}
		if d.Entity == nil {
			d.Entity = f.stranger(string(tok[i : i+1]))
		}
		out = append(out, d)
	}
	return out
}

// stranger is a bit or letter that the table does not have; Entity holds the field's own place.
func (f *Field) stranger(bit string) *drivers.Entity {
	e := f.Entity
	e.Key, e.Name, e.Platform = e.Key+"_"+bit, e.Name+" bit "+bit, drivers.Binary
	return &e
}

// enumerated writes "010 020" as "10, 20".
func enumerated(body []byte, seps string) string {
	var b []byte
	for tok := range bytes.FieldsFuncSeq(body, func(r rune) bool { return strings.ContainsRune(seps, r) }) {
		if b != nil {
			b = append(b, ", "...)
		}
		b = append(b, bareCode(tok)...)
	}
	return string(b)
}
