package cbt_test

import (
	"testing"

	"sunwire/drivers/cbt"
	"sunwire/drivers/drivertest"
)

func TestConformance(t *testing.T) { drivertest.Run(t, cbt.Driver, drivertest.Facts{}) }

func TestConformanceOfVB(t *testing.T) { drivertest.Run(t, cbt.VB, drivertest.Facts{}) }

func TestCaptures(t *testing.T) {
	drivertest.Captures(t, cbt.Driver, 10, 36, 2, nil)
}

func TestCapturesOfVB(t *testing.T) {
	drivertest.Captures(t, cbt.VB, 3, 23, 6, nil)
}

func FuzzDecode(f *testing.F) { drivertest.Fuzz(f, cbt.Driver) }

func FuzzDecodeVB(f *testing.F) { drivertest.Fuzz(f, cbt.VB) }
