// Package vedirect reads what Victron devices say on their VE.Direct port: battery monitors, solar chargers, inverters.
package vedirect

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/link"
)

// Text is what every device says by itself, about once a second.
var Text = drivers.Driver{
	Name: "vedirect", Title: "Victron VE.Direct: MPPT, BMV, SmartShunt, Phoenix", Family: "victron", Aliases: []string{"ved"},
	Class: drivers.Inverter, Links: []link.Kind{link.Serial, link.TCP},
	Paces: [3]time.Duration{5 * time.Second, time.Minute, 24 * time.Hour},
	Bauds: []int{19200}, Commands: func() []string { return []string{"text", "vedtext"} },
	Open: open, Decode: decodeText, Detect: detect,
	Simulate: func(m drivers.Model, _ uint16) link.Simulator { return speaker{m} },
	Reseal:   func(block []byte) []byte { return sealText(bytes.Clone(block[:max(0, len(block)-1)])) },
}

// A block is lines, each with CR LF in front, and ends in one byte that makes the sum of all bytes 0:
//
//	0D 0A  V  09  1 2 5 3 0   0D 0A  I  09  6 4 0  ...  0D 0A  C h e c k s u m  09  D9
//	       label  value
//
// That byte may be anything, a line's end too. Frames of the HEX protocol (: to LF) may stand anywhere between and are not part of the sum.
// A monitor says two blocks in turn: what it measures, and its history. (Victron, VE.Direct protocol; dumps of karioja/vedirect, MIT)
const ending = "\r\nChecksum\t"

// split finds the end of the block that b begins with, and its bytes without HEX frames; 0: it is not all there.
func split(b []byte) (end int, text []byte) {
	text = make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] == ':' {
			n := bytes.IndexByte(b[i:], '\n')
			if n < 0 {
				return 0, nil
			}
			i += n
			continue
		}
		if text = append(text, b[i]); bytes.HasSuffix(text, []byte(ending)) {
			if i+1 == len(b) {
				return 0, nil
			}
			return i + 2, append(text, b[i+1])
		}
	}
	return 0, nil
}

const longest = 2048 // bytes of a block; known ones stay below 400

// frame finds whole blocks. One that is damaged, or that was begun before anybody listened, is an error.
func frame(b []byte, _ bool) (skip int, block []byte, err error) {
	end, text := split(b)
	switch {
	case end == 0 && len(b) > longest:
		return len(b), nil, fmt.Errorf("%w: %d bytes without the end of a block: is this a VE.Direct port at 19200 baud?", link.ErrFrame, len(b))
	case end == 0:
		return 0, nil, nil
	case !whole(text):
		return end, nil, fmt.Errorf("%w: a block of %d bytes with a wrong checksum", link.ErrFrame, end)
	}
	return 0, b[:end], nil
}

// whole checks the sum, and that every line is a line: a byte that counts 0 would not be seen otherwise.
func whole(text []byte) bool {
	var sum byte
	for _, x := range text {
		sum += x
	}
	body, ok := bytes.CutSuffix(text[:len(text)-1], []byte(ending))
	if sum != 0 || !ok || !bytes.HasPrefix(body, []byte("\r\n")) {
		return false
	}
	var labels []string
	for line := range bytes.SplitSeq(body[2:], []byte("\r\n")) {
		label, value, found := bytes.Cut(line, []byte{'\t'})
		if !found || len(label) == 0 || !printable(label) || !printable(value) {
			return false
		}
		if slices.Contains(labels, string(label)) { // two blocks whose seam was damaged
			return false
		}
		labels = append(labels, string(label))
	}
	return true
}

func printable(b []byte) bool {
	return !bytes.ContainsFunc(b, func(r rune) bool { return r < ' ' || r > '~' })
}

func sealText(block []byte) []byte {
	var sum byte
	for _, x := range block {
		sum += x
	}
	return append(block, -sum)
}

// lines is a block as labels and values, in wire order.
func lines(block []byte) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		_, text := split(block)
		body := bytes.TrimPrefix(text[:len(text)-1-len(ending)], []byte("\r\n"))
		for line := range bytes.SplitSeq(body, []byte("\r\n")) {
			label, value, _ := bytes.Cut(line, []byte{'\t'})
			if !yield(string(label), string(value)) {
				return
			}
		}
	}
}

type device struct {
	line     link.Listener
	declared map[string]bool
}

func open(c link.Conn, address uint16, _ any) (drivers.Device, error) {
	l, ok := c.(link.Listener)
	if !ok {
		return nil, fmt.Errorf("vedirect needs a serial or tcp port, not %s", c.Kind())
	}
	if address != 0 {
		return nil, fmt.Errorf("vedirect has no addresses: remove address: %d; each device has a port of its own", address)
	}
	return &device{line: l}, nil
}

// Poll is never called: the device is not asked.
func (d *device) Poll(context.Context, drivers.Query) ([]drivers.Reading, error) {
	return nil, fmt.Errorf("vedirect is listened to and has no queries: %w", drivers.ErrUnsupported)
}

const introduction = 6 * time.Second // in which every device has said everything twice

// Describe listens until all that the device says has come twice: what it has is what it says.
func (d *device) Describe(ctx context.Context) (drivers.Descriptor, error) {
	within, stop := context.WithTimeout(ctx, introduction)
	defer stop()
	desc := drivers.Descriptor{Manufacturer: "Victron Energy"}
	forms, blocks, damaged := map[string]int{}, 0, error(nil)
	d.declared = map[string]bool{}
	for block, err := range d.line.Listen(within, frame) {
		if err != nil {
			damaged = err
			continue
		}
		var form strings.Builder
		for label, value := range lines(block) {
			form.WriteString(label + " ")
			introduce(&desc, label, value)
		}
		for _, x := range read(block) {
			if k := x.Entity.Key; !d.declared[k] && published(x.Entity) {
				d.declared[k] = true
				desc.Entities = append(desc.Entities, *x.Entity)
			}
		}
		blocks++
		if forms[form.String()]++; blocks >= 3 && everyTwice(forms) {
			return inOrder(desc), nil
		}
	}
	switch {
	case ctx.Err() != nil:
		return drivers.Descriptor{}, ctx.Err()
	case damaged != nil:
		return drivers.Descriptor{}, fmt.Errorf("vedirect: %w", damaged)
	}
	return drivers.Descriptor{}, fmt.Errorf("vedirect: %w within %v", drivers.ErrNoReply, introduction)
}

func everyTwice(forms map[string]int) bool {
	for _, n := range forms {
		if n < 2 {
			return false
		}
	}
	return true
}

// Stream implements drivers.Streamer. The rest of a block that had begun before is passed over.
func (d *device) Stream(ctx context.Context) iter.Seq2[drivers.Reading, error] {
	return func(yield func(drivers.Reading, error) bool) {
		joined := false
		for block, err := range d.line.Listen(ctx, frame) {
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				if !joined {
					joined = true
					continue
				}
				if !yield(drivers.Reading{}, fmt.Errorf("vedirect: %w", err)) {
					return
				}
				continue
			}
			joined = true
			decoded := read(block)
			s := make(drivers.Sample, 0, len(decoded))
			for i := range decoded {
				if x := &decoded[i]; d.declared[x.Entity.Key] && !x.Value.Absent() {
					s = append(s, drivers.Field{Key: x.Entity.Key, Value: x.Value})
				}
			}
			if !yield(drivers.Reading{Sample: s}, nil) {
				return
			}
		}
	}
}

// decodeText reads one block, as `sunwire decode` has it.
func decodeText(command string, block []byte) ([]drivers.Decoded, error) {
	if command != "text" && command != "vedtext" {
		return nil, fmt.Errorf("vedirect has no command %q, only text: %w", command, drivers.ErrUnsupported)
	}
	_, got, err := frame(block, true)
	if err != nil || got == nil {
		return nil, fmt.Errorf("%w: no whole block with a right checksum in %d bytes", drivers.ErrFrame, len(block))
	}
	return read(got), nil
}

func detect(ctx context.Context, c link.Conn) (drivers.Match, error) {
	if _, ok := c.(link.Listener); !ok { // whoever looks for devices gives what is silent to those who ask
		return drivers.Match{}, fmt.Errorf("vedirect: it speaks by itself, and nothing is heard: %w", drivers.ErrNoReply)
	}
	dev, err := open(c, 0, nil)
	if err != nil {
		return drivers.Match{}, err
	}
	desc, err := dev.Describe(ctx)
	if err != nil {
		return drivers.Match{}, err
	}
	return drivers.Match{Confidence: 95, Descriptor: desc}, nil
}
