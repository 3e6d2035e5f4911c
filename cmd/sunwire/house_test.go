package main

import (
	"math"
	"testing"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/jk"
	"sunwire/drivers/link"
	"sunwire/drivers/link/simulated"
)

func TestTheDemosBatteryIsTheOneOfItsInverter(t *testing.T) {
	h := newHouse(time.Now())
	c, err := simulated.New(link.Serial, jk.TTL.Simulate(modelFunc(h.pack), 0), simulated.Options{})
	if err != nil {
		t.Fatal(err)
	}
	dev, err := jk.TTL.Open(c, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	desc, err := dev.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, charge := range []float64{0.05, 0.5, 1} { // it may be discharged, both, charged
		h.charge = charge
		rs, err := dev.Poll(t.Context(), desc.Queries[0])
		if err != nil {
			t.Fatal(err)
		}
		number := func(key string) float64 { f, _ := rs[0].Sample.Get(key).Float(); return f }
		seen := func(key string) float64 { f, _ := h.inverter(key); return f }
		if flows := seen("battery_charge_current") - seen("battery_discharge_current"); math.Abs(number("current")-flows) > 0.5 {
			t.Errorf("the BMS counts %v A into the battery, the inverter %v", number("current"), flows)
		}
		if v := seen("battery_voltage"); math.Abs(number("voltage")-v) > 0.1 || math.Abs(16*number("cell_05_voltage")-v) > 0.2 {
			t.Errorf("the BMS has %v V and %v V a cell, the inverter %v V", number("voltage"), number("cell_05_voltage"), v)
		}
		if soc := seen("state_of_charge"); math.Abs(number("state_of_charge")-soc) > 1 {
			t.Errorf("the BMS has %v %%, the inverter %v %%", number("state_of_charge"), soc)
		}
	}
	for _, e := range desc.Entities {
		if e.Key == "current" && e.Positive != drivers.Charging {
			t.Error("the house thinks that + is into the battery")
		}
	}
}
