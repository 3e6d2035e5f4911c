package drivers_test

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"testing"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/drivertest"
	"sunwire/drivers/link"
)

// The probe is a driver as docs/DRIVERS.md explains it, complete, for a device that does not exist. It is asked "T\r" and answers
//
//	T + 2 1 . 4  20  0 5 5  *  7 6  0D
//	  temperature   humidity   sum  CR
//
// The sum is the XOR of all bytes before the star. A probe whose sensor is broken sends question marks in place of the number.
var probe = drivers.Driver{
	Name: "example", Title: "A made-up probe", Family: "example", Class: drivers.Climate,
	Links: []link.Kind{link.Serial, link.TCP},
	Paces: [3]time.Duration{10 * time.Second, time.Minute, 24 * time.Hour},
	Open:  openProbe, Decode: decodeProbe, Commands: func() []string { return []string{"T"} },
	Simulate: func(m drivers.Model, _ uint16) link.Simulator { return simulatedProbe{m} },
	Reseal:   func(reply []byte) []byte { return sealProbe(string(reply[:max(0, len(reply)-4)])) },
}

// probeFields is the one table: decoding, simulating, discovery, documentation and tests all read it.
var probeFields = []struct {
	drivers.Entity
	form string // of the number on the wire
}{
	{drivers.Entity{Key: "temperature", Name: "Temperature", Quantity: drivers.Temperature, Role: drivers.AirTemperature, Min: -40, Max: 85}, "%+05.1f"},
	{drivers.Entity{Key: "humidity", Name: "Humidity", Quantity: drivers.Humidity.At(0), Role: drivers.AirHumidity, Min: 0, Max: 100}, "%03.0f"},
}

type probeDevice struct{ line link.Transactor }

func openProbe(c link.Conn, _ uint16, _ any) (drivers.Device, error) {
	t, ok := c.(link.Transactor)
	if !ok {
		return nil, fmt.Errorf("example needs a serial or tcp port, not %s", c.Kind())
	}
	return probeDevice{t}, nil
}

// Describe says what this unit is. The probe tells nothing of itself, so that nothing is asked; it has no serial number.
func (d probeDevice) Describe(context.Context) (drivers.Descriptor, error) {
	desc, q := drivers.Descriptor{Manufacturer: "Nobody", Model: "Probe"}, drivers.Query{Name: "T", Pace: drivers.Live}
	for _, f := range probeFields {
		desc.Entities, q.Keys = append(desc.Entities, f.Entity), append(q.Keys, f.Key)
	}
	desc.Queries = []drivers.Query{q}
	return desc, nil
}

// Poll makes one exchange. What the reply does not have is left out.
func (d probeDevice) Poll(ctx context.Context, q drivers.Query) ([]drivers.Reading, error) {
	reply, err := d.line.Transact(ctx, link.Request{Bytes: []byte(q.Name + "\r"), Frame: frameProbe, First: time.Second, Gap: 50 * time.Millisecond})
	if err != nil {
		return nil, fmt.Errorf("example %s: %w", q.Name, err)
	}
	decoded, err := decodeProbe(q.Name, reply)
	if err != nil {
		return nil, err
	}
	var s drivers.Sample
	for _, d := range decoded {
		if !d.Value.Absent() {
			s = append(s, drivers.Field{Key: d.Entity.Key, Value: d.Value})
		}
	}
	return []drivers.Reading{{Sample: s}}, nil
}

// frameProbe finds a whole reply in what arrived: rubbish before it is passed over, and silence without one is a bad frame.
func frameProbe(b []byte, silent bool) (skip int, frame []byte, err error) {
	for start := range b {
		if end := bytes.IndexByte(b[start:], '\r'); end >= 0 && wholeProbe(b[start:start+end+1]) {
			return start, b[start : start+end+1], nil
		}
	}
	if silent {
		return 0, nil, fmt.Errorf("%w: no whole reply in [% x]", drivers.ErrFrame, b)
	}
	return 0, nil, nil
}

// wholeProbe checks all that makes a reply: its length, its beginning and its sum.
func wholeProbe(b []byte) bool {
	return len(b) == len("T+21.4 055*76\r") && b[0] == 'T' && bytes.Equal(b, sealProbe(string(b[:len(b)-4])))
}

func sealProbe(text string) []byte {
	var sum byte
	for i := range len(text) {
		sum ^= text[i]
	}
	return fmt.Appendf(nil, "%s*%02X\r", text, sum)
}

// decodeProbe reads a field only where it has its form: a number that merely parses may be half of another.
func decodeProbe(command string, reply []byte) ([]drivers.Decoded, error) {
	if command != "T" {
		return nil, fmt.Errorf("example has no command %q: %w", command, drivers.ErrUnsupported)
	}
	if !wholeProbe(reply) {
		return nil, fmt.Errorf("%w: [% x] is no reply to T", drivers.ErrFrame, reply)
	}
	words := strings.Split(string(reply[1:len(reply)-4]), " ")
	if len(words) != len(probeFields) {
		return nil, fmt.Errorf("%w: %d fields instead of %d", drivers.ErrFrame, len(words), len(probeFields))
	}
	decoded := make([]drivers.Decoded, len(words))
	for i := range probeFields {
		decoded[i].Entity = &probeFields[i].Entity
		if n, err := strconv.ParseFloat(words[i], 64); err == nil && fmt.Sprintf(probeFields[i].form, n) == words[i] {
			decoded[i].Value, decoded[i].Raw = drivers.Num(n), drivers.Num(n)
		}
	}
	return decoded, nil
}

type simulatedProbe struct{ model drivers.Model }

func (s simulatedProbe) Push() iter.Seq2[time.Duration, []byte] { return nil }

// Answer writes the same table backwards.
func (s simulatedProbe) Answer(request []byte) []byte {
	if string(request) != "T\r" {
		return nil
	}
	words := make([]string, len(probeFields))
	for i, f := range probeFields {
		words[i] = strings.Repeat("?", len(fmt.Sprintf(f.form, 0.0)))
		if v, ok := s.model.Value("", f.Key); ok {
			n, _ := v.Float()
			words[i] = fmt.Sprintf(f.form, n)
		}
	}
	return sealProbe("T" + strings.Join(words, " "))
}

// This is the whole test of a driver; what else it knows about its device goes into Facts.
func TestTheExampleKeepsTheContract(t *testing.T) {
	drivertest.Run(t, probe, drivertest.Facts{})
}

// A reply is decoded as `sunwire decode` does it. A sensor that is broken gives no value, which is not 0.
func Example() {
	for _, text := range []string{"T+21.4 055", "T-03.0 ???"} {
		fields, err := probe.Decode("T", sealProbe(text))
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, f := range fields {
			q := f.Entity.Quantity
			fmt.Printf("%s %s\n", f.Entity.Key, f.Value.AppendJSON(nil, q.Decimals))
		}
	}
	_, err := probe.Decode("T", []byte("T+21.4 055*77\r"))
	fmt.Println(err)
	// Output:
	// temperature 21.4
	// humidity 55
	// temperature -3.0
	// humidity null
	// bad frame: [54 2b 32 31 2e 34 20 30 35 35 2a 37 37 0d] is no reply to T
}
