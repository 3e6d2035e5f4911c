package chip

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/link"
)

// table is a driver made of data: what is asked of a chip, what must come, and where its values are in that.
type table struct {
	name, title, maker, model string
	aliases                   []string
	class                     drivers.Class
	live                      time.Duration // 0: a minute
	addresses                 []uint16      // the first is the usual one
	detect                    detection
	identify                  []step // whether it is this chip, without disturbing it
	setUp                     []step // after power-up, and after each error
	measure                   []step
	values                    []value
	powerOn                   map[byte][]byte // what registers that are written to have after power-up, for the simulator
	options                   func() any
	with                      func(t *table, options any) error // makes of a copy what the options say
}

// detection says how freely a chip may be looked for.
type detection uint8

const (
	freely  detection = iota // by reading a register
	careful                  // by a command, which to another chip could be a setting
	never                    // it has nothing by which it could be told from another
)

// step is one thing said to a chip, and what must come of it.
type step struct {
	write []byte
	wait  time.Duration // what the chip needs before it can be read; 0: it is read in the same transfer
	read  int           // bytes without checksums; 0: nothing
	sum   checksum
	keep  bool // the reply has values

	mask, want []byte // which bits of the reply must be what
	some       bool   // of which bits at least one must be set, in place of want
	not        []byte // a reply that is refused: that of a line that nobody drives
	once       bool   // reading changes it, so that it cannot be read twice
	wrong      string // what it means if it is not so

	tries int           // how often it is looked at until it is so; 0: once
	again int           // how often it is done, whatever comes
	every time.Duration // between tries
	after []byte        // the simulator's: what must have been written before it is so
}

// checksum is what protects a reply. Without any it is read twice.
type checksum uint8

const (
	none  checksum = iota
	words          // CRC-8 behind each two bytes
	whole          // CRC-8 behind the last byte
)

// value is one entity and its place among the bytes of all replies that are kept, without their checksums: bits are counted from the most
// significant one of the first byte.
type value struct {
	drivers.Entity
	bit, width    int
	signed, clamp bool                    // clamp: within Min and Max by the datasheet
	scale, offset float64                 // word * scale + offset
	of            func([]float64) float64 // computed from those before it, instead of read
}

// measurement is the one query, and the one command that decode takes: all kept replies one behind the other, with their checksums.
const measurement = "measure"

func (t *table) driver() drivers.Driver {
	live := t.live
	if live == 0 {
		live = time.Minute
	}
	d := drivers.Driver{
		Name: t.name, Title: t.title, Family: t.name, Aliases: t.aliases, Class: t.class,
		Links: []link.Kind{link.I2C}, Paces: [3]time.Duration{live, 10 * time.Minute, 24 * time.Hour},
		Config: t.options, Open: t.open, Decode: t.decode, Commands: func() []string { return []string{measurement} }, Simulate: t.simulate,
		Careful: t.detect == careful,
	}
	if t.detect != never {
		d.Detect = drivers.DetectBy(90, t.open)
	}
	return d
}

// sensor is one such chip on a bus.
type sensor struct {
	*Chip
	*table
	ready bool // it has been set up
}

func (t *table) open(c link.Conn, address uint16, options any) (drivers.Device, error) {
	at, err := On(c, t.name, address, t.addresses)
	if err != nil {
		return nil, err
	}
	own := *t
	if t.with != nil && options != nil {
		if err := t.with(&own, options); err != nil {
			return nil, fmt.Errorf("open %s: %w", t.name, err)
		}
	}
	return &sensor{Chip: at, table: &own}, nil
}

// Describe looks for the chip; it does not touch its settings.
func (s *sensor) Describe(ctx context.Context) (drivers.Descriptor, error) {
	if err := s.Find(ctx, func(ctx context.Context) error { return s.do(ctx, s.identify, nil) }); err != nil {
		s.ready = false
		return drivers.Descriptor{}, err
	}
	d := drivers.Descriptor{Manufacturer: s.maker, Model: s.model, Queries: []drivers.Query{{Name: measurement}}}
	for i := range s.values {
		d.Entities = append(d.Entities, s.values[i].Entity)
		d.Queries[0].Keys = append(d.Queries[0].Keys, s.values[i].Key)
	}
	return d, nil
}

// Poll makes one measurement. After an error, whatever it was, the chip is set up anew before the next.
func (s *sensor) Poll(ctx context.Context, q drivers.Query) ([]drivers.Reading, error) {
	if q.Name != measurement {
		return nil, fmt.Errorf("poll %s: query %q: %w", s.table.name, q.Name, drivers.ErrUnsupported)
	}
	sample, err := s.sample(ctx)
	if err != nil {
		s.ready = s.ready && ctx.Err() != nil
		return nil, err
	}
	return []drivers.Reading{{Sample: sample}}, nil
}

func (s *sensor) sample(ctx context.Context) (drivers.Sample, error) {
	if !s.ready {
		if _, err := s.Describe(ctx); err != nil {
			return nil, err
		}
		if err := s.do(ctx, s.setUp, nil); err != nil {
			return nil, err
		}
		s.ready = true
	}
	var frame []byte
	if err := s.do(ctx, s.measure, &frame); err != nil {
		return nil, err
	}
	fields, err := s.decode(measurement, frame)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s, err)
	}
	sample, err := new(Air).Sample(fields)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s, err)
	}
	return sample, nil
}

// do takes the steps, and appends the replies that have values to frame.
func (s *sensor) do(ctx context.Context, steps []step, frame *[]byte) error {
	for i := range steps {
		st := &steps[i]
		var reply []byte
		var err error
		for n := range max(st.tries, st.again, 1) {
			if n > 0 {
				if err := s.Wait(ctx, st.every); err != nil {
					return err
				}
			}
			if reply, err = s.take(ctx, st); err != nil {
				return err
			}
			if err = st.check(reply); err == nil && st.again == 0 {
				break
			}
		}
		if err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
		if st.keep {
			*frame = append(*frame, reply...)
		}
	}
	return nil
}

// take says one thing, waits and reads.
func (s *sensor) take(ctx context.Context, st *step) (reply []byte, err error) {
	reply = make([]byte, st.size())
	w := st.write
	if len(reply) == 0 || st.wait > 0 {
		if err := s.Tx(ctx, w, nil); err != nil {
			return nil, err
		}
		if err := s.Wait(ctx, st.wait); err != nil {
			return nil, err
		}
		w = nil
	}
	switch {
	case len(reply) == 0:
		return nil, nil
	case st.sum == none && !st.once:
		return reply, s.Read(ctx, w, reply)
	}
	return reply, s.Tx(ctx, w, reply)
}

// size is that of the reply with its checksums.
func (st *step) size() int {
	switch st.sum {
	case words:
		return st.read / 2 * 3
	case whole:
		return st.read + 1
	case none:
	}
	return st.read
}

// check holds a reply to its checksums and to what it must be.
func (st *step) check(reply []byte) error {
	data, err := st.data(reply)
	if err != nil {
		return err
	}
	masked := slices.Clone(data)
	for i := range st.mask {
		masked[i] &= st.mask[i]
	}
	zero := !slices.ContainsFunc(masked, func(b byte) bool { return b != 0 })
	if st.not != nil && bytes.Equal(data, st.not) || st.want != nil && !bytes.Equal(masked, st.want) || st.some && zero {
		return fmt.Errorf("%s says % x: %s: %w", what(st.write), data, st.wrong, drivers.ErrFrame)
	}
	return nil
}

// data is the reply without its checksums.
func (st *step) data(reply []byte) ([]byte, error) {
	sum := func(b []byte) error {
		if n := len(b) - 1; crc8(b[:n]) != b[n] {
			return fmt.Errorf("the checksum of % x is wrong; shorten the wires or slow the bus down if that goes on: %w", b, drivers.ErrFrame)
		}
		return nil
	}
	switch st.sum {
	case words:
		var data []byte
		for word := range slices.Chunk(reply, 3) {
			if err := sum(word); err != nil {
				return nil, err
			}
			data = append(data, word[:2]...)
		}
		return data, nil
	case whole:
		return reply[:st.read], sum(reply)
	case none:
	}
	return reply, nil
}

// crc8 is the checksum of Sensirion's chips and of those made like them: x^8 + x^5 + x^4 + 1, most significant bit first, from 0xFF.
func crc8(b []byte) byte {
	crc := byte(0xFF)
	for _, c := range b {
		crc ^= c
		for range 8 {
			crc = crc<<1 ^ 0x31*(crc>>7)
		}
	}
	return crc
}

// decode reads the replies of one measurement.
func (t *table) decode(command string, reply []byte) ([]drivers.Decoded, error) {
	if command != measurement {
		return nil, fmt.Errorf("decode %s: command %q: only %q is known: %w", t.name, command, measurement, drivers.ErrUnsupported)
	}
	var data []byte
	rest := reply
	for i := range t.measure {
		st := &t.measure[i]
		if !st.keep {
			continue
		}
		if len(rest) < st.size() {
			return nil, fmt.Errorf("decode %s: %d bytes are too few: %w", t.name, len(reply), drivers.ErrFrame)
		}
		if err := st.check(rest[:st.size()]); err != nil {
			return nil, fmt.Errorf("decode %s: %w", t.name, err)
		}
		d, _ := st.data(rest[:st.size()])
		data, rest = append(data, d...), rest[st.size():]
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("decode %s: %d bytes too many: %w", t.name, len(rest), drivers.ErrFrame)
	}
	fields := make([]drivers.Decoded, len(t.values))
	numbers := make([]float64, len(t.values))
	for i := range t.values {
		v := &t.values[i]
		if v.of != nil {
			numbers[i] = v.of(numbers[:i])
		} else {
			numbers[i] = v.number(data)
		}
		fields[i] = drivers.Decoded{Entity: &v.Entity, Value: Rounded(&v.Entity, numbers[i]), Raw: drivers.Num(numbers[i])}
	}
	return fields, nil
}

func (v *value) number(data []byte) float64 {
	word := int64(0)
	for bit := v.bit; bit < v.bit+v.width; bit++ {
		word = word<<1 | int64(data[bit/8]>>(7-bit%8)&1)
	}
	if v.signed && word>>(v.width-1) != 0 {
		word -= 1 << v.width
	}
	f := float64(word)*v.scale + v.offset
	if v.clamp {
		f = min(max(f, v.Min), v.Max)
	}
	return f
}
