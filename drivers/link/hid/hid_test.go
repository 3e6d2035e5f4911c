package hid

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAddresses(t *testing.T) {
	for text, want := range map[string]Address{
		"0665:5161":    {Vendor: 0x0665, Product: 0x5161},
		"665:5161":     {Vendor: 0x0665, Product: 0x5161},
		"/dev/hidraw0": {Path: "/dev/hidraw0"},
		"usb-1.3":      {Socket: "1.3"},
		"usb-1-1.3":    {Socket: "1-1.3"},
	} {
		if got, err := ParseAddress(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "hidraw0", "usb-", "0665", "0665:", "0665:xyz", "10665:5161", "0665:5161:1"} {
		if got, err := ParseAddress(text); err == nil || !strings.Contains(err.Error(), "hid:0665:5161") {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

// raw is a device that takes and gives one report a call.
type raw struct {
	in, out [][]byte
	fails   error
}

func (r *raw) Read(b []byte) (int, error) {
	if len(r.in) == 0 {
		return 0, io.EOF
	}
	n := copy(b, r.in[0])
	r.in = r.in[1:]
	return n, nil
}

func (r *raw) Write(b []byte) (int, error) {
	r.out = append(r.out, bytes.Clone(b))
	if r.fails != nil {
		return 0, r.fails
	}
	return len(b), nil
}

func (r *raw) Close() error { return nil }

func TestARequestGoesOutInWholeReports(t *testing.T) {
	for text, want := range map[string][]string{
		"QMOD\x49\xc1\r":          {"QMOD\x49\xc1\r\x00"},
		"QPIGS\xb7\xa9\r":         {"QPIGS\xb7\xa9\r"},
		"QPIRI\xf8\x54\r" + "123": {"QPIRI\xf8\x54\r", "123\x00\x00\x00\x00\x00"},
		"":                        nil,
	} {
		r := &raw{}
		if n, err := (&reports{raw: r}).Write([]byte(text)); n != len(text) || err != nil {
			t.Errorf("%q: %d, %v", text, n, err)
		}
		var got []string
		for _, report := range r.out {
			got = append(got, string(report))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q went out as %q", text, got)
		}
	}
	r := &raw{fails: errors.New("pipe error")}
	if n, err := (&reports{raw: r}).Write(make([]byte, 20)); n != 0 || !errors.Is(err, r.fails) || len(r.out) != 1 {
		t.Errorf("after a failure: %d, %v, %d reports", n, err, len(r.out))
	}
}

func TestFillingIsNoReply(t *testing.T) {
	for _, c := range []struct{ in, want []string }{
		{[]string{"(B\xe7\xc9\r\x00\x00\x00"}, []string{"(B\xe7\xc9\r"}},
		{[]string{"(2305000", "\x12\x34\r\x00\x00\x00\x00\x00"}, []string{"(2305000", "\x12\x34\r"}},
		{[]string{"\x00\x00\x00\x00\x00\x00\x00\x00", "(AC\x39\x00\r\x00\x00"}, []string{"(AC\x39\x00\r"}}, // NUL in the checksum
		{[]string{"(230500\x00", "\r\x00\x00\x00\x00\x00\x00\x00"}, []string{"(230500\x00", "\r"}},         // at a report's end
		{[]string{"(2305000"}, []string{"(2305000"}},
	} {
		r := &raw{}
		for _, report := range c.in {
			r.in = append(r.in, []byte(report))
		}
		var got []string
		b := make([]byte, 100)
		for p := (&reports{raw: r}); ; {
			n, err := p.Read(b)
			if n > 0 {
				got = append(got, string(b[:n]))
			}
			if err != nil {
				break
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%q is read as %q", c.in, got)
		}
	}
}
