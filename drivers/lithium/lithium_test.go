package lithium_test

import (
	"testing"

	"sunwire/drivers"
	"sunwire/drivers/drivertest"
	"sunwire/drivers/lithium"
)

// brands are all drivers, with how many published frames and fields they are compared with, and how many frames they must reject.
var brands = []struct {
	drivers.Driver
	frames, fields, rejected int
	facts                    drivertest.Facts
	accepted                 map[string]string
}{
	{Driver: lithium.EG4, frames: 2, fields: 24, rejected: 2},
	{Driver: lithium.Gobel, frames: 7, fields: 82, rejected: 2, accepted: map[string]string{
		"aiobmsble/gobel/test_unexpected_data_ignored design_capacity": "the source cuts the decimals off",
		"aiobmsble/gobel/test_update[keep_alive] design_capacity":      "the source cuts the decimals off",
	}},
	{Driver: lithium.Vatrer, frames: 2, fields: 64, rejected: 2},
	{Driver: lithium.C4S, frames: 1, fields: 13, rejected: 1},
	{Driver: lithium.Humsienk, frames: 4, fields: 88, rejected: 3, facts: drivertest.Facts{Shared: []string{"charging_allowed", "discharging_allowed", "heating"}}},
	{Driver: lithium.RoyPow, frames: 3, fields: 48, rejected: 4},
	{Driver: lithium.Saihang, frames: 1, fields: 23, rejected: 2},
	{Driver: lithium.PylontechRT, frames: 1, fields: 9, rejected: 5},
}

func TestConformance(t *testing.T) {
	for _, b := range brands {
		t.Run(b.Name, func(t *testing.T) { drivertest.Run(t, b.Driver, b.facts) })
	}
}

func TestCaptures(t *testing.T) {
	for _, b := range brands {
		t.Run(b.Name, func(t *testing.T) { drivertest.Captures(t, b.Driver, b.frames, b.fields, b.rejected, b.accepted) })
	}
}

func FuzzDecode(f *testing.F) {
	var all []drivers.Driver
	for _, b := range brands {
		all = append(all, b.Driver)
	}
	drivertest.Fuzz(f, all...)
}
