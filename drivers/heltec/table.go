package heltec

import (
	"fmt"

	"sunwire/drivers"
	"sunwire/drivers/battery"
	"sunwire/drivers/wire"
)

// values is the layout of a status. Behind the state of balancing, the complete one stands a byte further back and has more.
func values(complete bool) *wire.Layout {
	amps := drivers.Entity{Key: "balance_current", Name: "Balance current", Quantity: drivers.Current.At(3), Category: drivers.Diagnostic, Min: -20, Max: 20}
	float := func(at int, e drivers.Entity) wire.Field { return wire.Field{At: at, Entity: e, Form: wire.F32} }
	cell := battery.Cell()
	cell.Min = 0.5 // a place without a cell says 0
	fields := []wire.Field{
		{At: 9, Entity: cell, Form: wire.F32, Many: wire.Many{Max: cells, Count: fitted}},
		float(201, battery.Voltage()),
		{At: 216, Entity: battery.Balancing(), On: 5, States: []string{
			1: "Wrong number of cells", 3: "Resistance of a balance wire too high", 7: "Low voltage", 8: "System overtemperature",
			9: "Host fault", 10: "Low battery voltage, balancing stopped", 11: "Temperature too high, balancing stopped", 13: "",
		}},
	}
	one, two := battery.Probe("temperature_1", "Temperature 1"), battery.Probe("temperature_2", "Temperature 2")
	alarms := 232
	if complete {
		alarms = 269
		fields = append(fields, float(218, amps),
			float(222, battery.Current(drivers.Charging, 1000)), float(226, one), float(230, two), float(234, battery.Mosfet()),
			float(238, battery.Probe("balancer_temperature", "Balancer temperature")), float(246, battery.Remaining(6000)),
			float(250, battery.StateOfCharge(1)), float(254, battery.Full(6000)))
	} else {
		fields = append(fields, float(217, amps), float(221, one), float(225, two))
	}
	// The three bytes before, of cells that were not found, name those that were never there too.
	for n, what := range []string{"overvoltage", "undervoltage", "polarity reversed", "balance wire resistance too high"} {
		fields = append(fields, wire.Field{At: alarms + 3*n, Form: wire.U24, Alarms: each(what)})
	}
	for n, what := range [][]string{{"System overheating", "System overheating at the second probe"}, {"Charge fault"}, {"Discharge fault"}} {
		fields = append(fields, wire.Field{At: alarms + 12 + n, Alarms: what})
	}
	return &wire.Layout{Little: true, Fields: fields}
}

const cells = 24

func each(what string) (names []string) {
	for n := range cells {
		names = append(names, fmt.Sprintf("Cell %02d %s", n+1, what))
	}
	return names
}

// fitted counts the cells up to the last one that says something.
func fitted(b []byte, at int) (n, taken int) {
	for i := range min(4*cells, len(b)-at) {
		if b[at+i] != 0 {
			n = i/4 + 1
		}
	}
	return n, 0
}

// The examples are a GW-24S4EB, firmware ZH-1.2.3, with 16 cells (aiobmsble, tests, Apache-2.0).
const (
	infoExample = "55aa11010100640047572d3234533445420000000000000048572d322e382e305a482d312e322e3356312e302e30000032303232303533310500" +
		"000001910a0000000000000000000000000000000000000000000000000000000000000000000000abff"
	statusExample = "55aa110102002c0138e7fa5040b6045140850e5140f0055140b6045140751e51407f4f5140430251401c3d5140786a5140fe825140167e5140bc" +
		"765140167e51408b805140ca66514000000000000000000000000000000000000000000000000000000000000000003593243e6894263e3d251b" +
		"3e908e1b3eb3f3233e2e91253ec61b1a3e4a7c1c3e6f1b1a3ec2431b3e851e183e4b27193e5edf183ed0eb1a3ee6d4183e0cfe183e0000000000" +
		"000000000000000000000000000000000000000000000000000000de405142de4051400017083c0a000f0519a182c0c3f54842c3f54842000000" +
		"00000000000000000000000000000000000000000000762e09000000000000000000000000000000000000000000000000000000000000000000" +
		"0000000000000000b6ff"
)
