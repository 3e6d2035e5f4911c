package tdt_test

import (
	"testing"

	"sunwire/drivers/drivertest"
	"sunwire/drivers/tdt"
)

func TestConformance(t *testing.T) { drivertest.Run(t, tdt.Driver, drivertest.Facts{}) }

func TestCaptures(t *testing.T) {
	drivertest.Captures(t, tdt.Driver, 7, 158, 8, nil)
}

func FuzzDecode(f *testing.F) { drivertest.Fuzz(f, tdt.Driver) }
