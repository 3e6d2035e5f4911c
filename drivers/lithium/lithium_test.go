package lithium_test

import (
	"maps"
	"strings"
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
	{Driver: lithium.Vatrer, frames: 2, fields: 64, rejected: 2, accepted: map[string]string{
		"aiobmsble/vatrer/test_update[keep_alive] temperature_5":          "it has a place of its own, and is no cell's",
		"aiobmsble/vatrer/test_problem_response[first_bit] temperature_5": "the same",
	}},
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

// With two probes, nothing is read where the third would be, and the places behind the fourth stay where they are.
func TestProbesHaveTheirPlacesHoweverManyThereAre(t *testing.T) {
	const places = "\x00\x02\x00\x12\xff\xf6\x00\x00\x00\x00\x00\x14\x00\x1e"
	for _, c := range []struct {
		drivers.Driver
		command, frame string
	}{
		{lithium.Vatrer, "status", "\x02\x03\x24" + places + strings.Repeat("\x00", 22)},
		{lithium.C4S, "pack", "\x02\x03\x8c" + strings.Repeat("\x00", 104) + places + strings.Repeat("\x00", 22)},
	} {
		decoded, err := c.Decode(c.command, c.Reseal([]byte(c.frame+"??")))
		if err != nil {
			t.Fatal(c.Name, err)
		}
		got := map[string]string{}
		for _, d := range decoded {
			if strings.Contains(d.Entity.Key, "temperature") {
				got[d.Entity.Key] = d.Value.Format(0)
			}
		}
		want := map[string]string{"temperature_1": "18", "temperature_2": "-10", "ambient_temperature": "20", "mosfet_temperature": "30"}
		if !maps.Equal(got, want) {
			t.Errorf("%s: %v, want %v", c.Name, got, want)
		}
	}
}

func TestAProbeThatIsNotThereIsNotJustBelowZero(t *testing.T) {
	frame := "\x01\x03\x76" + strings.Repeat("\x00", 92) + "\x01\x02\xff\xfe\xff\xff" + strings.Repeat("\x00", 22)
	decoded, err := lithium.Gobel.Decode("pack", lithium.Gobel.Reseal([]byte(frame)))
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range decoded {
		if want := map[string]string{"temperature_1": "-0.2", "temperature_2": ""}; d.Value.Format(1) != want[d.Entity.Key] && strings.HasPrefix(d.Entity.Key, "temperature") {
			t.Errorf("%s is %q", d.Entity.Key, d.Value.Format(1))
		}
	}
}

func FuzzDecode(f *testing.F) {
	var all []drivers.Driver
	for _, b := range brands {
		all = append(all, b.Driver)
	}
	drivertest.Fuzz(f, all...)
}
