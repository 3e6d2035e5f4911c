package drivertest

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"sunwire/discovery/discoverytest"
	"sunwire/drivers"
)

// Fuzz decodes whatever comes: nothing panics, with its own checksum or a new one, and every field has its entity. Several drivers are all
// given the same.
func Fuzz(f *testing.F, ds ...drivers.Driver) {
	f.Helper()
	var all []capture
	for _, d := range ds {
		if text, err := os.ReadFile(filepath.Join(discoverytest.Testdata(f), "captures", d.Name+".json")); err == nil {
			if err := json.Unmarshal(text, &all); err != nil {
				f.Fatal(err)
			}
		}
		f.Add([]byte{})
		seed(f, all)
		all = nil
	}
	f.Fuzz(func(t *testing.T, reply []byte) {
		for _, d := range ds {
			fuzzed(t, d, reply)
		}
	})
}

func seed(f *testing.F, all []capture) {
	for _, c := range all {
		b, _ := hex.DecodeString(c.Reply)
		f.Add(b)
		for _, x := range c.Exchange {
			b, _ := hex.DecodeString(x.Reply)
			f.Add(b)
		}
	}
}

func fuzzed(t *testing.T, d drivers.Driver, reply []byte) {
	for _, frame := range [][]byte{reply, d.Reseal(reply)} {
		for _, command := range d.Commands() {
			fields, err := d.Decode(command, frame)
			if err != nil && !reasoned(err) {
				t.Errorf("%s %s: an error that the bridge does not know: %v", d.Name, command, err)
			}
			for _, x := range fields {
				if x.Entity == nil {
					t.Errorf("%s %s: a field without an entity", d.Name, command)
				}
			}
		}
	}
}
