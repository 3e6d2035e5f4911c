package bme280_test

import (
	"testing"

	"sunwire/drivers/bme280"
	"sunwire/drivers/drivertest"
)

func TestConformance(t *testing.T) {
	elevation := 40.0
	drivertest.Run(t, bme280.Driver, drivertest.Facts{
		Options: &bme280.Options{Elevation: &elevation},
		Derived: []string{"sea_level_pressure"},
	})
}
