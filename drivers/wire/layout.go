// Package wire is the table engine of binary protocols: a reply is a frame, a frame has a layout, a layout is a list of fields, and each
// field is an entity with its place and form on the wire. The same table decodes, simulates, is announced and documented. Protocol makes a
// whole driver of it.
package wire

import (
	"fmt"

	"sunwire/drivers"
)

// Form is how a number lies on the wire.
type Form uint8

// The forms. Text is Size bytes of ASCII that a NUL may end early, or a word of that size.
const (
	U8 Form = iota
	S8
	U16
	S16
	U24
	U32
	S32
	F32
	Text
)

var sizes = [...]int{U8: 1, S8: 1, U16: 2, S16: 2, U24: 3, U32: 4, S32: 4, F32: 4}

// Identity says what a text tells of the device; such a field is decoded but not published.
type Identity uint8

// What a text can tell.
const (
	Nothing Identity = iota
	Serial
	Model
	Firmware
	Amount // a number of things: it says how long another reply is
)

// Field is one value, or one row of values, on the wire.
type Field struct {
	drivers.Entity
	Tag  byte // in a tagged layout, the byte that announces it
	At   int  // where it begins in the payload; 0: behind the field before and Skip more bytes
	Skip int
	Form Form
	Size int // of a Text, or of a word for Any; 0: a text to the end

	Zero, Per float64                               // published = (raw - Zero) / Per; Per 0 is 1
	Read      func(raw uint32) (v float64, ok bool) // where that is not how it is written; Write is the way back
	Write     func(v float64) uint32
	None      []uint32 // raw numbers that mean: not there
	Codes     []uint32 // of each of Options; nil: 0, 1, 2 ...
	Register  uint16   // where it is written, if its entity has a Setting, or one of Bits; see Setter
	Optional  bool     // it, and all behind it, may be missing at the end of the payload

	Bits   []drivers.Entity // a word of ons and offs, from bit 0; one without a key may be either. A word with other bits set is not believed
	Alarms []string         // a word of alarms, from bit 0; "" is none. A set bit without a name is an unknown alarm
	Any    *drivers.Entity  // on where any bit of the word is set
	States []string         // a number that says one of these, an alarm unless it is ""; Codes of each. Before it stands the name, where there is no key
	On     uint32           // the state in which a Binary is on; in the others it is off
	Many   Many
	Tells  Identity

	each []drivers.Entity // of a row
}

// Many makes a row of a field: key and name have %02d or %d for its number.
type Many struct {
	Max    int                                         // 0: no row
	Count  func(payload []byte, at int) (n, taken int) // how many there are, and the bytes that say so at the row's place; nil: one byte
	Lead   int                                         // bytes before each
	Number func(item []byte) int                       // its number, from 0, said by the bytes from Lead on; nil: one after the other
}

// Layout is what a payload holds, in wire order.
type Layout struct {
	Little bool // byte order
	Tagged bool // each field comes behind its tag
	Fields []Field

	lines int // of a payload that has everything
}

var (
	alarms  = drivers.Entity{Key: "alarms", Name: "Alarms", Platform: drivers.Label, Category: drivers.Diagnostic}
	problem = drivers.Entity{Key: "problem", Name: "Problem", Platform: drivers.Binary, Quantity: drivers.Problem, Category: drivers.Diagnostic}
)

// compile gives rows their entities. It is done once, when the protocol is first used.
func (l *Layout) compile() {
	l.lines = 2
	for i := range l.Fields {
		f := &l.Fields[i]
		for n := range f.Many.Max {
			e := f.Entity
			if e.Name = fmt.Sprintf(e.Name, n+1); e.Key != "" {
				e.Key = fmt.Sprintf(e.Key, n+1)
			}
			f.each = append(f.each, e)
		}
		l.lines += max(1, f.Many.Max, len(f.Bits))
	}
}

// size is the bytes of one value, where so many are left.
func (f *Field) size(left int) int {
	switch {
	case f.Form != Text:
		return sizes[f.Form]
	case f.Size == 0:
		return max(0, left)
	}
	return f.Size
}

// errShort is a payload that ends within a field.
func errShort(f *Field, at, n int) error {
	return fmt.Errorf("%w: %s is at byte %d of a payload of %d", drivers.ErrFrame, f.Key, at, n)
}

// walk visits every value in wire order, with the bytes that say it. It ends where the payload's last field does.
func (l *Layout) walk(b []byte, visit func(f *Field, e *drivers.Entity, b []byte)) (end int, err error) {
	at := 0
	for i := 0; i < len(l.Fields); i++ {
		f := &l.Fields[i]
		if l.Tagged {
			if at >= len(b) {
				return at, nil
			}
			if f = l.tagged(b[at]); f == nil { // how long it is, nobody knows
				return at, nil
			}
			at, i = at+1, -1
		}
		if f.At > 0 {
			at = f.At
		}
		at += f.Skip
		if f.Many.Max > 0 {
			at, err = f.row(b, at, visit)
		} else if end := at + f.size(len(b)-at); end > len(b) || at > len(b) {
			err = errShort(f, at, len(b))
		} else {
			visit(f, &f.Entity, b[at:end])
			at = end
		}
		if err != nil {
			if f.Optional {
				return min(at, len(b)), nil
			}
			return at, err
		}
	}
	return at, nil
}

func (l *Layout) tagged(tag byte) *Field {
	for i := range l.Fields {
		if l.Fields[i].Tag == tag {
			return &l.Fields[i]
		}
	}
	return nil
}

func (f *Field) row(b []byte, at int, visit func(f *Field, e *drivers.Entity, b []byte)) (int, error) {
	var n, taken int
	switch {
	case f.Many.Count != nil:
		n, taken = f.Many.Count(b, at)
	case at < len(b):
		n, taken = int(b[at]), 1
	default:
		return at, errShort(f, at, len(b))
	}
	at += taken
	stride := f.Many.Lead + f.size(0)
	if n > f.Many.Max || n < 0 || at+n*stride > len(b) {
		return at, fmt.Errorf("%w: %d times %s at byte %d of a payload of %d", drivers.ErrFrame, n, f.Key, at, len(b))
	}
	for i := range n {
		number := i
		if f.Many.Number != nil {
			number = f.Many.Number(b[at:])
		}
		if number < 0 || number >= f.Many.Max {
			return at, fmt.Errorf("%w: %s has the number %d", drivers.ErrFrame, f.Key, number+1)
		}
		visit(f, &f.each[number], b[at+f.Many.Lead:at+stride])
		at += stride
	}
	return at, nil
}

// CountAt counts a row by the byte at a place of the payload.
func CountAt(place int) func([]byte, int) (int, int) {
	return func(b []byte, _ int) (int, int) {
		if place >= len(b) {
			return -1, 0
		}
		return int(b[place]), 0
	}
}

// Rest counts a row that goes to the end of the payload.
func Rest(size int) func([]byte, int) (int, int) {
	return func(b []byte, at int) (int, int) { return max(0, len(b)-at) / size, 0 }
}

// Fitted counts a row of words that has room for most, up to the last one that is not 0.
func Fitted(most int) func([]byte, int) (int, int) {
	return func(b []byte, at int) (n, _ int) {
		for i := range min(most, (len(b)-at)/2) {
			if b[at+2*i] != 0 || b[at+2*i+1] != 0 {
				n = i + 1
			}
		}
		return n, 0
	}
}

// Fixed counts a row that always has n.
func Fixed(n int) func([]byte, int) (int, int) {
	return func([]byte, int) (int, int) { return n, 0 }
}
