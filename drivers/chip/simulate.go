package chip

import (
	"bytes"
	"iter"
	"math"
	"slices"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/link"
)

// simulation is a chip made of its table: what must come comes, with the values of a model in it.
type simulation struct {
	*table
	model   drivers.Model
	written [][]byte // since power-up
	last    []byte   // the command or register that is read next
}

func (t *table) simulate(m drivers.Model, _ uint16) link.Simulator {
	return &simulation{table: t, model: m}
}

// Push is nothing: a chip on a bus speaks when asked.
func (s *simulation) Push() iter.Seq2[time.Duration, []byte] { return nil }

// Answer takes a command, or a register and what is written to it, and gives what can be read then.
func (s *simulation) Answer(written []byte) []byte {
	if len(written) > 0 {
		s.last = slices.Clone(written)
		s.written = append(s.written, s.last)
	}
	for _, steps := range [][]step{s.measure, s.setUp, s.identify} {
		for i := range steps {
			if st := &steps[i]; st.read > 0 && bytes.Equal(st.write, s.last) {
				return st.sealed(s.content(st))
			}
		}
	}
	return make([]byte, 32)
}

// content is what a step reads, without checksums.
func (s *simulation) content(st *step) []byte {
	b := make([]byte, st.read)
	if st.after != nil && !slices.ContainsFunc(s.written, func(w []byte) bool { return bytes.Equal(w, st.after) }) {
		return b
	}
	if len(st.write) == 1 {
		if register, ok := s.powerOn[st.write[0]]; ok {
			copy(b, register)
			for _, w := range s.written {
				if len(w) > 1 && w[0] == st.write[0] {
					copy(b, w[1:])
				}
			}
			return b
		}
	}
	copy(b, st.want)
	if st.some {
		copy(b, st.mask)
	}
	if st.keep {
		s.fill(st, b)
	}
	return b
}

// fill writes the values that this step gives.
func (s *simulation) fill(st *step, b []byte) {
	begin := 0
	for i := range s.measure {
		if &s.measure[i] == st {
			break
		}
		if s.measure[i].keep {
			begin += 8 * s.measure[i].read
		}
	}
	for i := range s.values {
		v := &s.values[i]
		if v.of != nil || v.bit < begin || v.bit >= begin+8*len(b) {
			continue
		}
		word := int64(math.Round((Shown(s.model, v.Key) - v.offset) / v.scale))
		if !v.signed {
			word = min(word, 1<<v.width-1)
		}
		for n := range v.width {
			bit := v.bit - begin + v.width - 1 - n
			b[bit/8] |= byte(word>>n&1) << (7 - bit%8)
		}
	}
}

// shown is what simulated sensors say of which their model knows nothing: an ordinary room.
var shown = map[string]float64{
	"temperature": 21.4, "temperature_1": 48.3, "humidity": 48.6, "humidity_1": 48.6, "pressure": 1003.2, "gas_resistance": 52000,
	"co2": 612, "co2_estimate": 540, "volatile_organic_compounds": 85, "illuminance": 320,
	"voltage": 12.8, "current": 0.8, "power": 10.2, "voltage_0": 12.8, "current_1": 0.8, "power_1": 10.2,
}

// Shown is what a simulated sensor says under a key: what its model knows, else what an ordinary room has.
func Shown(m drivers.Model, key string) float64 {
	if m != nil {
		if v, ok := m.Value("", key); ok {
			f, _ := v.Float()
			return f
		}
	}
	return shown[key]
}

// sealed is b with its checksums.
func (st *step) sealed(b []byte) []byte {
	switch st.sum {
	case words:
		var out []byte
		for word := range slices.Chunk(b, 2) {
			out = append(append(out, word...), crc8(word))
		}
		return out
	case whole:
		return append(b, crc8(b))
	case none:
	}
	return b
}
