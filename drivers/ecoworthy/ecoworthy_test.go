package ecoworthy_test

import (
	"bytes"
	"testing"

	"sunwire/drivers/drivertest"
	"sunwire/drivers/ecoworthy"
)

func TestConformance(t *testing.T) { drivertest.Run(t, ecoworthy.Driver, drivertest.Facts{}) }

func TestCaptures(t *testing.T) {
	drivertest.Captures(t, ecoworthy.Driver, 4, 25, 4, nil)
}

func FuzzDecode(f *testing.F) { drivertest.Fuzz(f, ecoworthy.Driver) }

func TestAnAlarmIsSeenInItsPlace(t *testing.T) {
	request := []byte("\xff\x08\x02\x00\x0b\x01\x00\x64\x01\xff\xff\xff\xff\xff\xff\xff\x00\x2d")
	for at, want := range map[int]bool{50: false, 51: true, 52: true, 53: false} {
		frame := bytes.Clone(ecoworthy.Driver.Simulate(nil, 0).Answer(request))
		if len(frame) != 84 {
			t.Fatalf("%d bytes", len(frame))
		}
		frame[at] = 1
		got, err := ecoworthy.Driver.Decode("pack", ecoworthy.Driver.Reseal(frame))
		if err != nil {
			t.Fatal(err)
		}
		if on, told := got[len(got)-1].Value.Bool(); got[len(got)-1].Entity.Key != "problem" || !told || on != want {
			t.Errorf("byte %d: a problem: %v", at, on)
		}
	}
}
