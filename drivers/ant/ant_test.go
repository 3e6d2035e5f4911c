package ant_test

import (
	"testing"

	"sunwire/drivers/ant"
	"sunwire/drivers/drivertest"
)

// The switches' states tell of problems, so that a problem cannot be shown alone.
var facts = drivertest.Facts{Derived: []string{"alarms", "problem"}}

func TestConformance(t *testing.T) { drivertest.Run(t, ant.Driver, facts) }

func TestConformanceOfTheOldOnes(t *testing.T) { drivertest.Run(t, ant.Old, facts) }

func TestCaptures(t *testing.T) {
	drivertest.Captures(t, ant.Driver, 5, 135, 5, nil)
}

func TestCapturesOfTheOldOnes(t *testing.T) {
	drivertest.Captures(t, ant.Old, 2, 56, 4, map[string]string{
		"aiobmsble/ant_leg/test_update[keep_alive] full_capacity": "the frame says 0; the source estimates it from what remains and the state of charge",
	})
}

func FuzzDecode(f *testing.F) { drivertest.Fuzz(f, ant.Driver) }

func FuzzDecodeOld(f *testing.F) { drivertest.Fuzz(f, ant.Old) }
