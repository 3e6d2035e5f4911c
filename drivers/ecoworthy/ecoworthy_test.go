package ecoworthy_test

import (
	"testing"

	"sunwire/drivers/drivertest"
	"sunwire/drivers/ecoworthy"
)

func TestConformance(t *testing.T) { drivertest.Run(t, ecoworthy.Driver, drivertest.Facts{}) }

func TestCaptures(t *testing.T) {
	drivertest.Captures(t, ecoworthy.Driver, 4, 25, 4, nil)
}

func FuzzDecode(f *testing.F) { drivertest.Fuzz(f, ecoworthy.Driver) }
