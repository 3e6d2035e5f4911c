package renogy_test

import (
	"testing"

	"sunwire/drivers/drivertest"
	"sunwire/drivers/renogy"
)

// The state of charge is computed, and alarms stand between the two switches.
var facts = drivertest.Facts{Derived: []string{"state_of_charge"}, Packed: []string{"charging_allowed", "discharging_allowed"}}

func TestConformance(t *testing.T) { drivertest.Run(t, renogy.Driver, facts) }

func TestConformanceOfPro(t *testing.T) { drivertest.Run(t, renogy.Pro, facts) }

func TestCaptures(t *testing.T) {
	drivertest.Captures(t, renogy.Driver, 3, 16, 3, nil)
}

func TestCapturesOfPro(t *testing.T) {
	const id = "aiobmsble/renogy_pro/test_update[keep_alive] "
	drivertest.Captures(t, renogy.Pro, 3, 17, 0, map[string]string{
		id + "cycles":          "some of these batteries have its bytes the wrong way round: there is none",
		id + "full_capacity":   "the source cuts the decimals off: the wire says 211.93",
		id + "state_of_charge": "so that it has 99 % of 98.6",
	})
}

func FuzzDecode(f *testing.F) { drivertest.Fuzz(f, renogy.Driver) }

func FuzzDecodePro(f *testing.F) { drivertest.Fuzz(f, renogy.Pro) }
