package seplos_test

import (
	"testing"

	"sunwire/drivers/drivertest"
	"sunwire/drivers/seplos"
)

func TestConformance(t *testing.T) { drivertest.Run(t, seplos.V2, drivertest.Facts{}) }

func TestConformanceOfV3(t *testing.T) { drivertest.Run(t, seplos.V3, drivertest.Facts{}) }

func TestCapturesOfV2(t *testing.T) {
	drivertest.Captures(t, seplos.V2, 1, 21, 0, nil)
}

func TestCapturesOfV3(t *testing.T) {
	drivertest.Captures(t, seplos.V3, 2, 14, 12, nil)
}

func FuzzDecodeV2(f *testing.F) { drivertest.Fuzz(f, seplos.V2) }

func FuzzDecodeV3(f *testing.F) { drivertest.Fuzz(f, seplos.V3) }
