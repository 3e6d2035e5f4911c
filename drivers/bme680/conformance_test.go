package bme680_test

import (
	"testing"

	"sunwire/drivers/bme680"
	"sunwire/drivers/drivertest"
)

func TestConformance(t *testing.T) {
	// The cell has ten bits a range: what it is set to comes out to a thousandth, which bme680_test.go checks.
	drivertest.Run(t, bme680.Driver, drivertest.Facts{Derived: []string{"gas_resistance", "air_quality_index"}})
}
