package daly

import (
	"fmt"

	"sunwire/drivers"
	"sunwire/drivers/wire"
)

// setter: the switches are commands of their own, and the board answers with what it did in the first byte:
//
//	A5 40  D9  08  01 00 00 00 00 00 00 00  C7      discharge on
//	A5 01  D9  08  01 0D 13 0D 21 0D 17 C0  BA
//
// (heard between the maker's program and a board: dreadnought/python-daly-bms issue 3, jallum/dalymon issue 2; DA is the charge switch:
// python-daly-bms, dbus-serialbattery.) What else the program can set is not here: of the frames that set limits nobody published one, and
// the one that sets the state of charge (21) sets the board's clock as well, in a form that sources disagree about.
func setter() *wire.Setter {
	return &wire.Setter{
		Request: func(w wire.Write) []byte { return frame(w.Address, byte(w.Register), byte(w.Raw)) },
		Length:  length, Sum: sum,
		Answer: func(w wire.Write, f []byte) error {
			switch {
			case f[1] != 1 || f[2] != byte(w.Register):
				return fmt.Errorf("%w: a frame from %#02x to command %#02x", drivers.ErrFrame, f[1], f[2])
			case f[4] != byte(w.Raw):
				return fmt.Errorf("it answers %d: %w", f[4], drivers.ErrRefused)
			}
			return nil
		},
		Parse: func(b []byte) wire.Write {
			if len(b) != size {
				return wire.Write{}
			}
			return wire.Write{Address: int(b[1]), Register: uint16(b[2]), Raw: uint32(b[4])}
		},
		Reply: func(w wire.Write, taken bool) []byte {
			if !taken {
				return nil
			}
			return frame(1, byte(w.Register), byte(w.Raw))
		},
	}
}
