package heltec_test

import (
	"testing"

	"sunwire/drivers/drivertest"
	"sunwire/drivers/heltec"
)

func TestConformance(t *testing.T) { drivertest.Run(t, heltec.Driver, drivertest.Facts{}) }

func TestCaptures(t *testing.T) {
	drivertest.Captures(t, heltec.Driver, 10, 185, 3, nil)
}

func FuzzDecode(f *testing.F) { drivertest.Fuzz(f, heltec.Driver) }
