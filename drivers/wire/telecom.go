package wire

import (
	"encoding/hex"
	"fmt"
	"strconv"

	"sunwire/drivers"
)

// Telecom completes p with the frames of YD/T 1363, the Chinese standard for power supplies of telephone exchanges, which rack batteries
// speak. All is hexadecimal digits in capitals:
//
//	~ 20   02       46     42       E 002    02       FD33      CR
//	  ver  address  class  command  length   data     checksum
//
// In a reply the command's place has a return code: 00, or why not. The length counts the digits of the data; its first digit makes the sum
// of the four 0. The checksum makes the sum of the characters between ~ and itself 0. A reply does not say which command it answers: its
// shape has to. version and class are of the dialect; data are what is sent with c.
func Telecom(p *Protocol, version, class byte, data func(c *Command, address int) []byte) *Protocol {
	p.Request = func(c *Command, address int) []byte {
		return telecom(version, byte(address), class, byte(c.Code), data(c, address))
	}
	p.Length, p.Sum, p.Exact = telecomLength, telecomSum, true
	p.Match = func(_ *Command, address int, f []byte) error {
		head, err := hex.DecodeString(string(f[1:9]))
		switch {
		case err != nil || head[0] != version || head[2] != class:
			return fmt.Errorf("%w: another dialect, or not a reply", drivers.ErrFrame)
		case address != Any && int(head[1]) != address:
			return fmt.Errorf("%w: the device with address %d answered", drivers.ErrFrame, head[1])
		case head[3] == 4: // a command that it does not have
			return fmt.Errorf("return code 04: %w", drivers.ErrUnsupported)
		case head[3] != 0:
			return fmt.Errorf("%w: return code %02X", drivers.ErrFrame, head[3])
		}
		return nil
	}
	p.Payload = func(_ *Command, f []byte) ([]byte, error) {
		b, err := hex.DecodeString(string(f[13 : len(f)-5]))
		if err != nil || !capitals(f[1:]) {
			return nil, fmt.Errorf("%w: a character that is no digit", drivers.ErrFrame)
		}
		return b, nil
	}
	p.Wrap = func(_ *Command, f, payload []byte) []byte {
		return append(append(f[:13:13], fmt.Sprintf("%X", payload)...), "0000\r"...)
	}
	p.Claim = func(f []byte, address int) { copy(f[3:], fmt.Sprintf("%02X", address)) }
	return p
}

// Limits is how an alarm reply of the standard begins: a byte for each cell and each probe, then one for each of names.
func Limits(skip int, names ...string) []Field {
	limit := func(name string, most int) Field {
		return Field{
			Entity: drivers.Entity{Name: name}, States: []string{"", "too low", "too high", "at fault"}, Codes: []uint32{0, 1, 2, 0xF0},
			Many: Many{Max: most},
		}
	}
	cells := limit("Cell %02d voltage", 32)
	cells.Skip = skip
	fields := []Field{cells, limit("Temperature %d", 16)}
	for _, name := range names {
		fields = append(fields, limit(name, 0))
	}
	return fields
}

var telecomSum = Sum{Of: Negated, Size: 4, From: 1, Tail: 1, Hex: true}

func telecom(version, address, class, command byte, data []byte) []byte {
	n := 2 * len(data)
	check := -(n>>8 + n>>4&15 + n&15) & 15
	b := fmt.Appendf(nil, "~%02X%02X%02X%02X%X%03X%X0000\r", version, address, class, command, check, n, data)
	telecomSum.Seal(b)
	return b
}

// telecomLength trusts a length only with its check digit.
func telecomLength(b []byte) int {
	if n := Begins(b, '~'); n <= 0 {
		return n
	}
	if len(b) < 13 {
		return 0
	}
	n, err := strconv.ParseUint(string(b[9:13]), 16, 16)
	if err != nil || !capitals(b[1:13]) || (n>>12+n>>8&15+n>>4&15+n&15)&15 != 0 || n&1 == 1 {
		return -1
	}
	return 18 + int(n&0xFFF)
}

// capitals reports whether b is digits as the standard has them, but for the end.
func capitals(b []byte) bool {
	for _, x := range b {
		if (x < '0' || x > '9') && (x < 'A' || x > 'F') && x != '\r' {
			return false
		}
	}
	return true
}
