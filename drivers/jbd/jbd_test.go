package jbd_test

import (
	"testing"

	"sunwire/drivers/drivertest"
	"sunwire/drivers/jbd"
)

func TestConformance(t *testing.T) { drivertest.Run(t, jbd.Driver, drivertest.Facts{}) }

func TestCaptures(t *testing.T) {
	drivertest.Captures(t, jbd.Driver, 19, 123, 2, nil)
}

func FuzzDecode(f *testing.F) { drivertest.Fuzz(f, jbd.Driver) }
