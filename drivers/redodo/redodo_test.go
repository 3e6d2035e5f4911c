package redodo_test

import (
	"testing"

	"sunwire/drivers/drivertest"
	"sunwire/drivers/redodo"
)

func TestConformance(t *testing.T) { drivertest.Run(t, redodo.Driver, drivertest.Facts{}) }

func TestCaptures(t *testing.T) {
	const turned = "batmon-ha turns the sign"
	drivertest.Captures(t, redodo.Driver, 3, 54, 4, map[string]string{"batmon-ha/litime/litime_8s_redodo_aiobmsble current": turned})
}

func FuzzDecode(f *testing.F) { drivertest.Fuzz(f, redodo.Driver) }
