package wire

import (
	"fmt"
	"slices"

	"sunwire/drivers"
)

// RTU completes p with Modbus RTU, or what is like it: a command reads Registers of them, from Code on, with that function or its own. Functions
// 1 and 2 read bits.
//
//	D2       03        00 00  00 3E   D7 B9           question: address, function, first register, number, CRC-16
//	D2       03        7C     0C DC 0C DB ...  49 67  answer: address, function, bytes, values, CRC-16
//
// A reply does not say which registers it holds: their number tells it. Devices that do not keep to the standard add something to their
// address in a question, and something else in the answer.
func RTU(p *Protocol, function, asked, answers byte) *Protocol {
	of := func(c *Command) byte {
		if c.Function != 0 {
			return c.Function
		}
		return function
	}
	known := func(f byte) bool {
		return f == function || slices.ContainsFunc(p.Commands, func(c Command) bool { return c.Function == f })
	}
	p.Request = func(c *Command, address int) []byte {
		b := []byte{asked + byte(address), of(c), byte(c.Code >> 8), byte(c.Code), byte(c.Registers >> 8), byte(c.Registers), 0, 0}
		p.Sum.Seal(b)
		return b
	}
	p.Sum = Sum{Of: Modbus, Size: 2, Little: true}
	p.Length = func(b []byte) int {
		switch {
		case len(b) > 0 && (b[0] < answers || int(b[0]) > int(answers)+int(p.Last)):
			return -1
		case len(b) < 3:
			return 0
		case known(b[1]):
			return 5 + int(b[2])
		case known(b[1] &^ 0x80):
			return 5
		}
		return -1
	}
	p.Match = func(c *Command, address int, f []byte) error {
		size := 2 * int(c.Registers)
		if of(c) < 3 {
			size = (int(c.Registers) + 7) / 8
		}
		switch {
		case address != Any && f[0] != answers+byte(address):
			return fmt.Errorf("%w: the device with address %d answered", drivers.ErrFrame, int(f[0])-int(answers))
		case f[1]&^0x80 != of(c):
			return fmt.Errorf("%w: an answer to function %d, not to %d", drivers.ErrFrame, f[1]&^0x80, of(c))
		case f[1] != of(c) && f[2] >= 1 && f[2] <= 3: // no such function, register or number of them
			return fmt.Errorf("exception %d: %w", f[2], drivers.ErrUnsupported)
		case f[1] != of(c):
			return fmt.Errorf("%w: exception %d", drivers.ErrFrame, f[2])
		case int(f[2]) != size:
			return fmt.Errorf("%w: %d bytes instead of %d", drivers.ErrFrame, f[2], size)
		}
		return nil
	}
	p.Head, p.Tail = 3, 2
	p.Claim = func(f []byte, address int) { f[0] = answers + byte(address) }
	return p
}

// Sealed is a reply as it stands in a table, with the checksum that is left out there.
func (p *Protocol) Sealed(frame string) []byte {
	return p.Reseal(append([]byte(frame), make([]byte, p.Sum.Size+p.Sum.Tail)...))
}
