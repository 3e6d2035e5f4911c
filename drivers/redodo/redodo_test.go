package redodo_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"sunwire/drivers/drivertest"
	"sunwire/drivers/redodo"
)

func TestConformance(t *testing.T) { drivertest.Run(t, redodo.Driver, drivertest.Facts{}) }

func TestCaptures(t *testing.T) {
	const turned = "batmon-ha turns the sign"
	drivertest.Captures(t, redodo.Driver, 3, 54, 4, map[string]string{"batmon-ha/litime/litime_8s_redodo_aiobmsble current": turned})
}

func FuzzDecode(f *testing.F) { drivertest.Fuzz(f, redodo.Driver) }

// reply is the simulator's, changed.
func reply(t *testing.T, change func(frame []byte)) []byte {
	t.Helper()
	frame := bytes.Clone(redodo.Driver.Simulate(nil, 0).Answer([]byte{0, 0, 4, 1, 0x13, 0x55, 0xAA, 0x17}))
	if len(frame) != 105 {
		t.Fatalf("%d bytes", len(frame))
	}
	change(frame)
	return redodo.Driver.Reseal(frame)
}

func TestProtectionsAreSaidInWords(t *testing.T) {
	for word, want := range map[uint32]string{
		0: "No alarms", 4: "Overcharge", 0x20 | 0x80: "Overdischarge, Discharge overcurrent", 0x40: "Charge overcurrent", 0x400: "Undertemperature",
		0x100: "Overtemperature", 0x4000: "Short circuit", 1: "Unknown alarm 0", 0x10000: "Unknown alarm 16",
	} {
		got, err := redodo.Driver.Decode("status", reply(t, func(f []byte) { binary.LittleEndian.PutUint32(f[76:], word) }))
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range got {
			if s, _ := d.Value.Text(); d.Entity.Key == "alarms" && s != want {
				t.Errorf("%#x is %q, want %q", word, s, want)
			}
		}
	}
}

func TestTheAnswerToAnotherCommandIsNone(t *testing.T) {
	if got, err := redodo.Driver.Decode("status", reply(t, func(f []byte) { f[4] = 0x96 })); err == nil {
		t.Errorf("%d fields", len(got))
	}
}
