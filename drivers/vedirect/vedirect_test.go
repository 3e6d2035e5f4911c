package vedirect_test

import (
	"testing"

	"sunwire/drivers/drivertest"
	"sunwire/drivers/vedirect"
)

func TestConformanceOfText(t *testing.T) { drivertest.Run(t, vedirect.Text, drivertest.Facts{}) }

func TestCapturesOfText(t *testing.T) {
	drivertest.Captures(t, vedirect.Text, 11, 143, 2, nil)
}

func TestConformanceOfHEX(t *testing.T) { drivertest.Run(t, vedirect.HEX, drivertest.Facts{}) }

func TestCapturesOfHEX(t *testing.T) {
	drivertest.Captures(t, vedirect.HEX, 5, 5, 12, nil)
}

func FuzzDecodeText(f *testing.F) { drivertest.Fuzz(f, vedirect.Text) }

func FuzzDecodeHEX(f *testing.F) { drivertest.Fuzz(f, vedirect.HEX) }
