package wire

import (
	"testing"

	"sunwire/drivers"
)

// switches is a made-up board: the state of a switch, a byte for each of a number of cells.
func switches() *Protocol {
	return (&Protocol{
		Name:   "made_up",
		Length: func(b []byte) int { return 5 }, Sum: Sum{Of: Add, Size: 1}, Match: func(*Command, int, []byte) error { return nil }, Tail: 1,
		Commands: []Command{{Name: "all", Layout: &Layout{Fields: []Field{
			{Entity: drivers.Entity{Key: "charging_allowed", Platform: drivers.Binary}, On: 1, States: []string{"", "", "Charge overcurrent"}},
			{Entity: drivers.Entity{Name: "Cell %02d"}, States: []string{"", "low", "other"}, Codes: []uint32{0, 1, 0xF0}, Many: Many{Max: 2}},
		}}}},
	}).compile()
}

func TestAStateIsOnOrOffOrAnAlarmOrNothing(t *testing.T) {
	for frame, want := range map[string][3]string{
		"\x01\x02\x00\x00": {"1", "No alarms", "0"},
		"\x00\x02\x00\x00": {"0", "No alarms", "0"},
		"\x02\x02\x00\xf0": {"0", "Charge overcurrent, Cell 02 other", "1"},
		"\x07\x02\x01\x03": {"", "Unknown alarm 7, Cell 01 low, Cell 02 has the unknown alarm 3", "1"},
	} {
		p := switches()
		got, err := p.Decode("all", p.Reseal([]byte(frame+"?")))
		if err != nil || len(got) != 3 {
			t.Errorf("%x: %d fields, error %v", frame, len(got), err)
			continue
		}
		for n, w := range want {
			if s := said(got[n].Value); s != w {
				t.Errorf("%x: %s is %q, want %q", frame, got[n].Entity.Key, s, w)
			}
		}
	}
}

func said(v drivers.Value) string {
	on, isBool := v.Bool()
	switch s, _ := v.Text(); {
	case isBool && on:
		return "1"
	case isBool:
		return "0"
	default:
		return s
	}
}

func TestSomebodySilentIsAskedAtItsOtherAddress(t *testing.T) {
	p := switches()
	p.Address, p.Second = 0x7E, 0x1E
	p.Request = func(_ *Command, address int) []byte { return []byte{byte(address)} }
	reply := string(p.Reseal([]byte("\x01\x02\x00\x00?")))
	for _, at := range []string{"\x7e", "\x1e"} {
		d, err := p.Open(script{at: reply}, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = d.Describe(t.Context()); err != nil {
			_, err = d.Describe(t.Context())
		}
		if err != nil {
			t.Errorf("at %x: %v", at, err)
		}
	}
}
