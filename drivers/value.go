package drivers

import (
	"math"
	"strconv"
	"unicode/utf8"
)

type kind uint8

const (
	absent kind = iota
	number
	text
	boolean
	structure
)

// Value is one reading: a number, a text, on or off, a structure, or absent. The zero Value is absent, which is not 0.
type Value struct {
	kind kind
	num  float64
	text string
}

// Num makes a number; one that is not finite is absent.
func Num(f float64) Value {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return Value{}
	}
	return Value{kind: number, num: f}
}

// Text makes a text.
func Text(s string) Value { return Value{kind: text, text: s} }

// Bool makes an on or off.
func Bool(b bool) Value {
	v := Value{kind: boolean}
	if b {
		v.num = 1
	}
	return v
}

// JSON makes a structure, such as a list of numbers, of its JSON text: for an attribute, since a state has no structure.
func JSON(text string) Value { return Value{kind: structure, text: text} }

// Absent reports that there is no value.
func (v Value) Absent() bool { return v.kind == absent }

// Float is the number, and whether v is one.
func (v Value) Float() (float64, bool) { return v.num, v.kind == number }

// Text is the text, and whether v is one.
func (v Value) Text() (string, bool) { return v.text, v.kind == text }

// Bool is the state, and whether v is an on or off.
func (v Value) Bool() (on, ok bool) { return v.num != 0, v.kind == boolean }

// Structure is the JSON text, and whether v is a structure.
func (v Value) Structure() (string, bool) { return v.text, v.kind == structure }

// AppendJSON appends v as JSON: a number with that many decimals (fewer than 0: as many as it has), a text, "ON" or "OFF", or null.
func (v Value) AppendJSON(b []byte, decimals int) []byte {
	switch v.kind {
	case number:
		return appendNumber(b, v.num, decimals)
	case text:
		return appendString(b, v.text)
	case structure:
		return append(b, v.text...)
	case boolean:
		if v.num != 0 {
			return append(b, `"ON"`...)
		}
		return append(b, `"OFF"`...)
	}
	return append(b, "null"...)
}

// Format is v as plain text with that many decimals: what stands alone in a topic, a table or an attribute. Absent is "".
func (v Value) Format(decimals int) string {
	switch v.kind {
	case number:
		return string(appendNumber(nil, v.num, decimals))
	case text, structure:
		return v.text
	case boolean:
		if v.num != 0 {
			return "ON"
		}
		return "OFF"
	}
	return ""
}

func appendNumber(b []byte, f float64, decimals int) []byte {
	start := len(b)
	b = strconv.AppendFloat(b, f, 'f', decimals, 64)
	for _, c := range b[start:] {
		if c != '-' && c != '0' && c != '.' {
			return b
		}
	}
	if b[start] == '-' { // -0.0 is 0.0
		b = append(b[:start], b[start+1:]...)
	}
	return b
}

// appendString quotes as JSON does, without the allocation of encoding/json; what is not UTF-8 is replaced.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r < ' ':
			b = append(b, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}
