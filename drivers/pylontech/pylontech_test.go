package pylontech_test

import (
	"testing"

	"sunwire/drivers/drivertest"
	"sunwire/drivers/pylontech"
)

func TestConformance(t *testing.T) { drivertest.Run(t, pylontech.Driver, drivertest.Facts{}) }

func TestCaptures(t *testing.T) {
	drivertest.Captures(t, pylontech.Driver, 14, 255, 5, nil)
}

func FuzzDecode(f *testing.F) { drivertest.Fuzz(f, pylontech.Driver) }
