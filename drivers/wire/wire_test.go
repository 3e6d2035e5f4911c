package wire

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/link"
)

func TestChecksumsAreThoseOfTheirNames(t *testing.T) {
	digits := []byte("123456789") // the check value of the catalogue of CRCs
	for name, c := range map[string]struct{ got, want uint32 }{
		"CRC-16/MODBUS": {Modbus(digits), 0x4B37}, "CRC-16/XMODEM": {XModem(digits), 0x31C3}, "sum": {Add(digits), 477}, "negated": {Negated(digits) & 0xFFFF, 0x10000 - 477},
	} {
		if c.got != c.want {
			t.Errorf("%s is %#x, want %#x", name, c.got, c.want)
		}
	}
}

func TestFormsAndByteOrders(t *testing.T) {
	for _, c := range []struct {
		form   Form
		little bool
		bytes  string
		want   float64
	}{
		{U8, false, "\xff", 255},
		{S8, false, "\xff", -1},
		{U16, false, "\x01\x02", 258},
		{U16, true, "\x01\x02", 513},
		{S16, true, "\xfe\xff", -2},
		{U24, false, "\x01\x00\x00", 65536},
		{U32, true, "\x00\x00\x00\x80", 2147483648},
		{S32, false, "\xff\xff\xff\xfe", -2},
		{F32, true, "\x00\x00\x20\x40", 2.5},
	} {
		l := Layout{Little: c.little}
		if got := l.number(c.form, []byte(c.bytes)); got != c.want {
			t.Errorf("form %d, little %v, %x is %v, want %v", c.form, c.little, c.bytes, got, c.want)
		}
		b := make([]byte, len(c.bytes))
		l.put(&Field{Form: c.form}, b, drivers.Num(c.want))
		if string(b) != c.bytes {
			t.Errorf("form %d, little %v: %v is written %x, want %x", c.form, c.little, c.want, b, c.bytes)
		}
	}
}

func TestATextIsWrittenOverALongerOne(t *testing.T) {
	l, f, b := Layout{}, Field{Form: Text, Size: 8}, []byte("31213480")
	l.put(&f, b, drivers.Text("504"))
	if got, _ := l.value(&f, b); got != drivers.Text("504") {
		t.Errorf("%q is read as %v", b, got)
	}
}

// cells is a made-up pack: voltage in 10 mV, a number of cells, cells in mV.
func cells() *Protocol {
	return (&Protocol{
		Name: "made_up", Instead: "try another", Whole: "voltage", Parts: "cell_%02d_voltage",
		Request: func(*Command, int) []byte { return []byte{1} },
		Length:  func(b []byte) int { return 9 }, Sum: Sum{Of: Add, Size: 1}, Match: func(*Command, int, []byte) error { return nil }, Tail: 1,
		Commands: []Command{{Name: "all", Layout: &Layout{Fields: []Field{
			{Entity: drivers.Entity{Key: "voltage", Name: "Voltage", Max: 100}, Form: U16, Per: 100},
			{Entity: drivers.Entity{Key: "cell_%02d_voltage", Name: "Cell %02d", Max: 5}, Form: U16, Per: 1000, Many: Many{Max: 4}},
			{Form: U8, Alarms: []string{"", "Hot"}},
		}}}},
	}).compile()
}

type answering struct{ frame []byte }

func (answering) Kind() link.Kind { return link.Serial }
func (answering) Close() error    { return nil }

func (answering) Wait(ctx context.Context, _ time.Duration) error { return ctx.Err() }

func (a answering) Transact(_ context.Context, r link.Request) ([]byte, error) {
	_, frame, err := r.Frame(a.frame, true)
	return frame, err
}

func TestCellsThatDoNotAddUpAreAnotherVariants(t *testing.T) {
	for frame, right := range map[string]bool{
		"\x02\x9e\x02\x0c\xe4\x0d\x05\x00": true,  // 6.70 V of 3.300 and 3.333
		"\x02\x9e\x02\x0c\xe4\x00\x00\x00": true,  // a wire is off
		"\x14\xe6\x02\x0c\xe4\x0d\x05\x00": false, // 53.50 V of two cells
	} {
		p := cells()
		d, _ := p.Open(answering{p.Reseal([]byte(frame + "?"))}, 0, nil)
		_, err := d.Describe(t.Context())
		if right && err != nil || !right && (!errors.Is(err, drivers.ErrFrame) || !strings.Contains(err.Error(), "try another")) {
			t.Errorf("%x: %v", frame, err)
		}
	}
}

func TestAPackWithoutVoltageTellsNothing(t *testing.T) {
	p := cells()
	line := &answering{p.Reseal([]byte("\x02\x9e\x02\x0c\xe4\x0d\x05\x00?"))}
	d, _ := p.Open(line, 0, nil)
	if _, err := d.Describe(t.Context()); err != nil {
		t.Fatal(err)
	}
	line.frame = p.Reseal([]byte("\x00\x00\x02\x00\x00\x00\x00\x00?"))
	if rs, err := d.Poll(t.Context(), drivers.Query{Name: "all"}); !errors.Is(err, drivers.ErrNoReply) {
		t.Errorf("%v, error %v", rs, err)
	}
	asleep, _ := p.Open(line, 0, nil)
	if _, err := asleep.Describe(t.Context()); !errors.Is(err, drivers.ErrNoReply) {
		t.Errorf("it is described: %v", err)
	}
}

func TestAnAlarmWithoutANameIsAnAlarm(t *testing.T) {
	p := cells()
	for word, want := range map[byte]string{0: "No alarms", 1: "No alarms", 2: "Hot", 0x12: "Hot, Unknown alarm 4"} {
		decoded, err := p.Decode("all", p.Reseal([]byte{2, 0x9e, 2, 0x0c, 0xe4, 0x0d, 5, word, 0}))
		if err != nil {
			t.Fatal(err)
		}
		n := len(decoded)
		text, _ := decoded[n-2].Value.Text()
		if on, _ := decoded[n-1].Value.Bool(); text != want || on != (word > 1) {
			t.Errorf("%#x is %q, a problem: %v", word, text, on)
		}
	}
}

func TestADecodeAllocatesOnce(t *testing.T) {
	p := cells()
	frame := p.Reseal([]byte{2, 0x9e, 2, 0x0c, 0xe4, 0x0d, 5, 0, 0})
	c := &p.Commands[0]
	if n := testing.AllocsPerRun(100, func() { _, _, _ = p.decode(c, Any, frame) }); n > 2 {
		t.Errorf("%v allocations", n)
	}
}
