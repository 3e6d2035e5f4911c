package voltronic

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"sunwire/drivers"
)

// form is how a field is written on the wire.
type form uint8

const (
	anything form = iota // a field that nobody knows
	number               // a decimal, see Field.fits
	code                 // one of Codes
	bits                 // a 0 or 1 for each of Bits
	flags                // E and the letters of what is on, D and those of what is off
	text                 // what Takes takes
	list                 // whole numbers of three digits, to the end of the reply
)

// Field is one field of a reply. Without a key it is read over and keeps its place: field_<position>.
type Field struct {
	drivers.Entity
	Form   form
	Shift  int                   // decimals by which the published value is smaller: 1 where the device counts tenths
	Loose  bool                  // a number with or without a point; as many bits or more
	Blank  bool                  // '-' may stand for no number
	Codes  []string              // of Options, or of off and on
	Bits   []drivers.Entity      // of bits and flags
	Prefix string                // of a text, not published
	Takes  func(tok string) bool // what a text may be, its prefix taken off

	example  string
	decimals int
	alone    bool // the only field of its command
}

// at is f in its place.
func (f Field) at(position int) Field {
	if _, after, ok := strings.Cut(f.example, "."); ok && f.Form == number {
		f.decimals = len(after)
	}
	if f.Form == number {
		f.Quantity = f.Quantity.At(f.decimals + f.Shift)
	}
	if f.Key == "" {
		f.Entity = unnamed(position, "")
	}
	named := f.Bits
	f.Bits = make([]drivers.Entity, len(named))
	for i, e := range named {
		if e.Key == "" {
			e = unnamed(position, strconv.Itoa(i))
			e.Platform = drivers.Binary
		}
		f.Bits[i] = e
	}
	return f
}

// fits reports whether tok can be f. It is what tells the replies to different commands apart.
func (f *Field) fits(tok []byte) bool {
	switch f.Form {
	case number:
		if f.Blank && string(tok) == "-" {
			return true
		}
		n, ok := parse(tok)
		return ok && (f.Loose || n.point == (f.decimals > 0)) && (!n.negative || f.Min < 0) &&
			len(tok) >= len(f.example)-1 && len(tok) <= len(f.example)+1
	case code:
		return f.fitsCode(tok)
	case bits:
		if f.Loose {
			return len(tok) >= len(f.example) && binary(tok)
		}
		return len(tok) == len(f.example) && binary(tok)
	case flags:
		return len(bytes.Trim(tok, "ED")) > 0 && (tok[0] == 'E' || tok[0] == 'D') && eachOnce(tok)
	case text:
		after, ok := strings.CutPrefix(string(tok), f.Prefix)
		return ok && f.Takes(after)
	case list:
		n, ok := parse(tok)
		return ok && !n.point && !n.negative && len(tok) == 3
	}
	return len(tok) > 0
}

// fitsCode takes codes outside the list too: a new firmware's mode must not cost the reply. Where nothing else stands in the reply, it must
// at least look like a code of the list.
func (f *Field) fitsCode(tok []byte) bool {
	if len(tok) == 0 || len(tok) > max(2, len(f.example)) {
		return false
	}
	if f.alone {
		digit := f.example != "" && f.example[0] <= '9'
		for _, x := range tok {
			if digit != (x >= '0' && x <= '9') || (!digit && (x < 'A' || x > 'Z')) {
				return false
			}
		}
		return len(tok) <= len(f.example)
	}
	for _, x := range tok {
		if (x < '0' || x > '9') && (x < 'A' || x > 'Z') && x != '-' {
			return false
		}
	}
	return true
}

func binary(tok []byte) bool {
	for _, x := range tok {
		if x != '0' && x != '1' {
			return false
		}
	}
	return true
}

// eachOnce reports whether tok is letters, none of them twice: nothing is both on and off.
func eachOnce(tok []byte) bool {
	var seen [128]bool
	for _, x := range tok {
		if x|0x20 < 'a' || x|0x20 > 'z' || seen[x] {
			return false
		}
		seen[x] = true
	}
	return true
}

// A constructor a quantity. Limits are what a reading can mean.

func measure(key, name string, q drivers.Quantity, least, most float64) Field {
	return Field{Entity: drivers.Entity{Key: key, Name: name, Quantity: q, Min: least, Max: most}, Form: number}
}

func volts(key, name string, most float64) Field { return measure(key, name, drivers.Voltage, 0, most) }
func amps(key, name string, most float64) Field  { return measure(key, name, drivers.Current, 0, most) }
func hertz(key, name string) Field               { return measure(key, name, drivers.Frequency, 0, 70) }
func watts(key, name string) Field               { return measure(key, name, drivers.Power, 0, 15000) }
func voltAmps(key, name string) Field            { return measure(key, name, drivers.ApparentPower, 0, 15000) }
func celsius(key, name string) Field             { return measure(key, name, drivers.Temperature, -40, 150) }
func seconds(key, name string) Field             { return measure(key, name, drivers.Duration, 0, 86400) }
func percent(key, name string, most float64) Field {
	return measure(key, name, drivers.Percent, 0, most)
}

func plain(key, name string, most float64) Field { return measure(key, name, drivers.Number, 0, most) }

// choice is one of options, whose codes count from 0.
func choice(key, name string, options ...string) Field {
	f := Field{Entity: drivers.Entity{Key: key, Name: name, Platform: drivers.Enum, Options: options}, Form: code}
	for i := range options {
		f.Codes = append(f.Codes, strconv.Itoa(i))
	}
	return f
}

// coded is one of options that have codes of their own: code, option, code, option ...
func coded(key, name string, pairs ...string) Field {
	f := Field{Entity: drivers.Entity{Key: key, Name: name, Platform: drivers.Enum}, Form: code}
	for i := 0; i+1 < len(pairs); i += 2 {
		f.Codes, f.Options = append(f.Codes, pairs[i]), append(f.Options, pairs[i+1])
	}
	return f
}

// onOff is on where the device says 1, offOn where it says 0.
func onOff(key, name string) Field { return switched(key, name, "0", "1") }
func offOn(key, name string) Field { return switched(key, name, "1", "0") }

func switched(key, name string, codes ...string) Field {
	return Field{Entity: drivers.Entity{Key: key, Name: name, Platform: drivers.Binary}, Form: code, Codes: codes}
}

func label(key, name, prefix string, takes func(string) bool) Field {
	return Field{Entity: drivers.Entity{Key: key, Name: name, Platform: drivers.Label}, Form: text, Prefix: prefix, Takes: takes}
}

// options lists what the setting with the key of can be set to.
func options(key, name, of string) Field {
	return Field{Entity: drivers.Entity{Key: key, Name: name, Platform: drivers.Label, Attribute: of}, Form: list}
}

func bitField(es ...drivers.Entity) Field { return Field{Form: bits, Bits: es} }

// flagField has a letter for each of switches.
func flagField(codes string, switches ...Field) Field {
	f := Field{Form: flags, Codes: strings.Split(codes, "")}
	for _, s := range switches {
		f.Bits = append(f.Bits, s.Entity)
	}
	return f
}

// condition marks a bit that tells how things are, not that something is wrong: a house without grid has no problem.
const condition = "~"

// warningField takes key, name, key, name ... of the bits from the first on; one without a key has no meaning that is known, and is no
// reason to call for somebody.
func warningField(pairs ...string) Field {
	f := Field{Form: bits, Loose: true}
	for i := 0; i+1 < len(pairs); i += 2 {
		e, kind := bit("", ""), condition
		if key, normal := strings.CutPrefix(pairs[i], condition); key != "" {
			e = bit("warning_"+key, pairs[i+1])
			e.Attribute = problemEntity.Key
			if !normal {
				kind = ""
			}
		}
		f.Bits, f.Codes = append(f.Bits, e), append(f.Codes, kind)
	}
	return f
}

func bit(key, name string) drivers.Entity {
	return drivers.Entity{Key: key, Name: name, Platform: drivers.Binary, Category: drivers.Diagnostic, Disabled: true}
}

func (f Field) role(r drivers.Role) Field   { f.Role = r; return f }
func (f Field) is(q drivers.Quantity) Field { f.Quantity = q; return f }
func (f Field) most(most float64) Field     { f.Max = most; return f }
func (f Field) diagnostic() Field           { f.Category = drivers.Diagnostic; return f }
func (f Field) hidden() Field               { f.Disabled = true; return f }
func (f Field) shown() Field                { f.Disabled = false; return f }
func (f Field) rating() Field               { return f.diagnostic().hidden() }
func (f Field) setting() Field              { f.Category = drivers.Config; return f.hidden() }
func (f Field) loose() Field                { f.Loose = true; return f }
func (f Field) blank() Field                { f.Blank = true; return f }
func (f Field) shift(decimals int) Field    { f.Shift = decimals; return f }

// factory is f as it left the factory.
func (f Field) factory() Field {
	name := f.Name
	if len(name) > 1 && name[1] >= 'a' {
		name = strings.ToLower(name[:1]) + name[1:]
	}
	f.Key, f.Name, f.Role = "default_"+f.Key, "Default "+name, ""
	return f.rating()
}

// pick takes the fields with these keys out of other tables, the first that has one.
func pick(keys string, from ...[]Field) (fields []Field) {
	all := slices.Concat(from...)
	for key := range strings.FieldsSeq(keys) {
		if i := slices.IndexFunc(all, func(f Field) bool { return f.Key == key }); i >= 0 {
			fields = append(fields, all[i])
		}
	}
	return fields
}

// each is change made to all fields.
func each(change func(Field) Field, fields ...Field) (changed []Field) {
	for _, f := range fields {
		changed = append(changed, change(f))
	}
	return changed
}

// What texts look like: enough to tell one from another.

func looksLike(picture string) func(string) bool {
	return func(s string) bool { return pictured(s, picture) }
}

// looksSerial takes at least eight letters and digits, half of them digits.
func looksSerial(s string) bool {
	count := 0
	for _, x := range s {
		switch {
		case x >= '0' && x <= '9':
			count++
		case (x < 'A' || x > 'Z') && (x < 'a' || x > 'z'):
			return false
		}
	}
	return len(s) >= 8 && len(s) <= 30 && count >= len(s)/2
}

// looksModel takes a name such as MKS2-5000 or LV5048: more than four characters, a letter first, and somewhere a digit.
func looksModel(s string) bool {
	return len(s) > 4 && s[0] >= 'A' && s[0] <= 'Z' && strings.ContainsAny(s, "0123456789") && !strings.ContainsAny(s, ": ")
}
