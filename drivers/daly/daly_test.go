package daly_test

import (
	"testing"

	"sunwire/drivers/daly"
	"sunwire/drivers/drivertest"
)

func TestConformance(t *testing.T) { drivertest.Run(t, daly.Driver, drivertest.Facts{}) }

func TestCaptures(t *testing.T) {
	drivertest.Captures(t, daly.Driver, 12, 50, 0, nil)
}

func FuzzDecode(f *testing.F) { drivertest.Fuzz(f, daly.Driver) }
