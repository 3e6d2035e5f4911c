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
	digits               // a code of one character for each of Digits
	text                 // what Takes takes
	list                 // whole numbers of three digits, to the end of the reply
)

// Field is one field of a reply. Without a key it is read over and keeps its place: field_<position>. Its Setting, if any, is what units of
// 48 V take; see setting.go.
type Field struct {
	drivers.Entity
	Form    form
	Loose   bool                  // a number with or without a point; as many bits or more
	Free    bool                  // a number of any width: of its command there is no capture
	Blank   bool                  // dashes, or nothing at all, may stand for no value
	Bare    bool                  // what a text means is without its prefix
	Cells   bool                  // the limits of its Setting go with the battery's rated voltage
	alone   bool                  // the only field of its command
	Shift   int                   // decimals by which the published value is smaller: 1 where the device counts tenths
	Scale   int                   // decimals by which what the device means is smaller: 1 where tenths are the wire's affair alone
	Wider   int                   // so many characters more may the only number of a reply have
	Times   float64               // what the device counts in, where that is no power of ten
	Codes   []string              // of Options, or of off and on
	Bits    []drivers.Entity      // of bits and flags
	Digits  []Field               // of digits
	Prefix  string                // of a text, not published
	Takes   func(tok string) bool // what a text may be, its prefix taken off
	Says    func(tok string) string
	AtLeast string // the key whose value it is never below: a lifetime has seen more than a year of it

	meanings []string // of Codes, where several mean one option
	example  string
	decimals int
	seps     string
}

// at puts f in its place.
func (f *Field) at(position int) {
	if _, after, ok := strings.Cut(f.example, "."); ok && f.Form == number {
		f.decimals = len(after)
	}
	if f.Form == number {
		f.Quantity = f.Quantity.At(f.decimals + f.Shift)
	}
	if f.Key == "" {
		low, high := f.Min, f.Max
		f.Entity = unnamed(position, "")
		f.Min, f.Max = low, high
	}
	f.Bits, f.Digits = slices.Clone(f.Bits), slices.Clone(f.Digits) // fields picked from one another share theirs
	for i := range f.Bits {
		if e := &f.Bits[i]; e.Key == "" {
			*e = unnamed(position, strconv.Itoa(i))
			e.Platform = drivers.Binary
		}
	}
	for i := range f.Digits {
		d := &f.Digits[i]
		if i < len(f.example) {
			d.example = f.example[i : i+1]
		}
		if d.Key == "" {
			d.Entity = unnamed(position, strconv.Itoa(i))
		}
	}
}

// fits reports whether tok can be f. It is what tells the replies to different commands apart.
func (f *Field) fits(tok []byte) bool {
	if f.Blank && missing(tok) {
		return true
	}
	switch f.Form {
	case number:
		n, ok := parse(tok)
		return ok && (f.Loose || n.point == (f.decimals > 0)) && (!n.signed || f.Min < 0) && f.wide(len(tok))
	case code:
		return f.fitsCode(tok)
	case bits:
		if f.Loose {
			return len(tok) >= min(len(f.example), 32) && binary(tok)
		}
		return len(tok) == len(f.example) && binary(tok)
	case flags:
		return len(bytes.Trim(tok, "ED")) > 0 && (tok[0] == 'E' || tok[0] == 'D') && eachOnce(tok)
	case digits:
		_, ok := parse(tok)
		return ok && len(tok) <= len(f.Digits) && !bytes.ContainsAny(tok, ".-+")
	case text:
		after, ok := strings.CutPrefix(string(tok), f.Prefix)
		return ok && f.Takes(after)
	case list:
		n, ok := parse(tok)
		return ok && !n.point && !n.signed && len(tok) == 3
	}
	return len(tok) > 0 || f.Blank
}

// wide reports whether n characters can be f's number. Where nothing else stands in the reply, its width is all that tells it from another.
func (f *Field) wide(n int) bool {
	switch {
	case f.Free:
		return true
	case f.alone:
		return n == len(f.example) || n > len(f.example) && n <= len(f.example)+f.Wider
	}
	return n >= len(f.example)-1 && n <= len(f.example)+1
}

// fitsCode takes codes outside the list too: a new firmware's mode must not cost the reply. Where nothing else stands in the reply, it must
// at least look like a code of the list.
func (f *Field) fitsCode(tok []byte) bool {
	if len(tok) == 0 || len(tok) > max(2, len(f.example)) || f.seps != " " && len(tok) != len(f.example) {
		return false
	}
	if f.alone {
		digit := f.example != "" && f.example[0] <= '9'
		if padded := len(f.example) > 1 && f.example[0] == '0' && len(tok) > 1; padded && tok[0] != '0' {
			return false
		}
		for _, x := range tok {
			if digit != (x >= '0' && x <= '9') || (!digit && (x < 'A' || x > 'Z')) {
				return false
			}
		}
		return len(tok) <= len(f.example)
	}
	kinds := 0 // a digit next to a letter is the beginning of a checksum
	for _, x := range tok {
		switch {
		case x >= '0' && x <= '9':
			kinds |= 1
		case x >= 'A' && x <= 'Z':
			kinds |= 2
		case x == '-':
			kinds |= 4
		default:
			return false
		}
	}
	return kinds&(kinds-1) == 0
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
