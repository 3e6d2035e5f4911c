package drivertest

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sunwire/discovery/discoverytest"
	"sunwire/drivers"
)

// capture is a frame that somebody published, with what its source says of it.
type capture struct {
	ID, Source, Licence, Note string
	Command, Reply            string
	Exchange                  []struct{ Command, Reply string } // of a reading that takes several; Reply is empty then
	Expected                  map[string]any                    // numbers, texts, true and false, by key and with the wire's sign; null: it is absent
	Tolerance                 float64                           // of numbers: the source rounds
	Rejected                  bool
}

// Captures decodes testdata/captures/<driver>.json and compares with what the sources say. frames, fields and rejected are how many there
// must be. accepted tells of what differs, by "id key", why.
func Captures(t *testing.T, d drivers.Driver, frames, fields, rejected int, accepted map[string]string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(discoverytest.Testdata(t), "captures", d.Name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []capture
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	decoded, compared, refused := 0, 0, 0
	for _, c := range all {
		if c.Source == "" || c.Licence == "" {
			t.Errorf("%s: source %q, licence %q", c.ID, c.Source, c.Licence)
		}
		got, err := c.decode(d)
		if c.Rejected {
			refused++
			if err == nil {
				t.Errorf("%s: %d fields of a frame that is to be rejected", c.ID, len(got))
			}
			continue
		}
		decoded++
		if err != nil {
			t.Errorf("%s: %v", c.ID, err)
			continue
		}
		for key, want := range c.Expected {
			compared++
			reason, differs := accepted[c.ID+" "+key]
			if v := find(got, key); equal(v, want, c.Tolerance) == differs {
				t.Errorf("%s: %s is %q, the source says %v (accepted: %q)", c.ID, key, v.Format(-1), want, reason)
			}
		}
	}
	if decoded != frames || compared != fields || refused != rejected {
		t.Errorf("%d frames with %d fields were compared and %d rejected, want %d, %d and %d", decoded, compared, refused, frames, fields, rejected)
	}
}

// decode is what the replies say; an error where one of them is none.
func (c *capture) decode(d drivers.Driver) (all []drivers.Decoded, err error) {
	if c.Exchange == nil {
		c.Exchange = append(c.Exchange, struct{ Command, Reply string }{c.Command, c.Reply})
	}
	for _, x := range c.Exchange {
		reply, err := hex.DecodeString(x.Reply)
		if err != nil {
			return nil, err
		}
		got, err := d.Decode(x.Command, reply)
		if err != nil {
			return nil, err
		}
		all = append(all, got...)
	}
	return all, nil
}

func find(fields []drivers.Decoded, key string) drivers.Value {
	for _, f := range fields {
		if f.Entity.Key == key {
			return f.Value
		}
	}
	return drivers.Value{}
}

func equal(v drivers.Value, want any, tolerance float64) bool {
	switch w := want.(type) {
	case nil:
		return v.Absent()
	case float64:
		f, ok := v.Float()
		return ok && math.Abs(f-w) <= tolerance+1e-9
	case bool:
		on, ok := v.Bool()
		return ok && on == w
	case string:
		s, ok := v.Text()
		return ok && s == w
	}
	return false
}

// Alarms changes one byte after another of a good reply to the command, and compares the alarms that are told then. changes has the words by
// place and byte, "47=40"; a byte is two digits where the reply is digits.
func Alarms(t *testing.T, d drivers.Driver, command string, reply []byte, changes map[string]string) {
	t.Helper()
	for change, want := range changes {
		var at int
		var to string
		if _, err := fmt.Sscanf(strings.Replace(change, "=", " ", 1), "%d %s", &at, &to); err != nil {
			t.Fatal(change, err)
		}
		b := bytes.Clone(reply)
		if b[0] == '~' && !bytes.Contains(b, []byte{0}) {
			copy(b[at:], to)
		} else {
			x, _ := hex.DecodeString(to)
			copy(b[at:], x)
		}
		got, err := d.Decode(command, d.Reseal(b))
		if err != nil {
			t.Errorf("%s: %v", change, err)
			continue
		}
		if s, _ := find(got, "alarms").Text(); s != want {
			t.Errorf("%s: %q, want %q", change, s, want)
		}
		if on, _ := find(got, "problem").Bool(); on != (want != "No alarms") {
			t.Errorf("%s: a problem: %v", change, on)
		}
	}
}
