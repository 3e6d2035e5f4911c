package pace_test

import (
	"testing"

	"sunwire/drivers/drivertest"
	"sunwire/drivers/pace"
)

func TestConformance(t *testing.T) { drivertest.Run(t, pace.Driver, drivertest.Facts{}) }

func TestCaptures(t *testing.T) {
	drivertest.Captures(t, pace.Driver, 2, 28, 4, nil)
}

func FuzzDecode(f *testing.F) { drivertest.Fuzz(f, pace.Driver) }
