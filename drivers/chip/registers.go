package chip

import (
	"iter"
	"slices"
	"time"
)

// Registers is what simulated chips of many registers have in common: they are read one behind the other from where the last write pointed.
type Registers struct {
	At      [256]byte
	pointer byte
}

// Take takes what was written, a register number alone or pairs of register and value, and gives all registers from there on. write is
// called for each pair.
func (r *Registers) Take(written []byte, write func(register, v byte)) []byte {
	for rest := written; len(rest) > 0; {
		r.pointer = rest[0]
		if len(rest) == 1 {
			break
		}
		write(rest[0], rest[1])
		rest = rest[2:]
	}
	return slices.Clone(r.At[r.pointer:])
}

// Push is nothing: a chip on a bus speaks when asked.
func (*Registers) Push() iter.Seq2[time.Duration, []byte] { return nil }
