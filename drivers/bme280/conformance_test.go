package bme280_test

import (
	"testing"

	"sunwire/drivers/bme280"
	"sunwire/drivers/chip"
	"sunwire/drivers/drivertest"
)

func TestConformance(t *testing.T) {
	elevation := 40.0
	drivertest.Run(t, bme280.Driver, drivertest.Facts{
		Options: &chip.Air{Elevation: &elevation},
		Derived: []string{"sea_level_pressure"},
	})
}

func TestBMP280Conformance(t *testing.T) { drivertest.Run(t, bme280.BMP280, drivertest.Facts{}) }
