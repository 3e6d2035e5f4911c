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

// Fuzz decodes whatever comes: nothing panics, with its own checksum or a new one, and every field has its entity.
func Fuzz(f *testing.F, d drivers.Driver) {
	f.Helper()
	var all []capture
	if text, err := os.ReadFile(filepath.Join(discoverytest.Testdata(f), "captures", d.Name+".json")); err == nil {
		if err := json.Unmarshal(text, &all); err != nil {
			f.Fatal(err)
		}
	}
	f.Add([]byte{})
	for _, c := range all {
		b, _ := hex.DecodeString(c.Reply)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, reply []byte) {
		for _, frame := range [][]byte{reply, d.Reseal(reply)} {
			for _, command := range d.Commands() {
				fields, err := d.Decode(command, frame)
				if err != nil && !reasoned(err) {
					t.Errorf("%s: an error that the bridge does not know: %v", command, err)
				}
				for _, x := range fields {
					if x.Entity == nil {
						t.Errorf("%s: a field without an entity", command)
					}
				}
			}
		}
	})
}
