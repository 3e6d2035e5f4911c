package voltronic_test

import (
	"testing"

	"sunwire/drivers"
	"sunwire/drivers/drivertest"
	"sunwire/drivers/voltronic"
)

var (
	nak     = []byte("(NAKss\r")
	caret   = []byte("^0\x1b\xe3\r")
	derived = []string{
		"pv_power_estimate",                                                          // in a reply that ends before the PV power
		"warnings", "problem", "grid_available", "pv_power", "default_display_sleep", // the last is in steps
		"warning_battery_weak_1", "warning_battery_weak_2", "warning_equalization", // bits that only some firmware sends
	}
	// Replies that nothing on the wire tells apart: counters, lists and codes of one width.
	alike = [][]string{
		{"QMCHGCR", "QMUCHGCR"},
		{"QBOOT", "QOPM"},
		{"QVFW3", "VERFW"},
		{"QOPPT", "QCHPT"},
		{"QET", "QEY", "QEM", "QED", "QLT", "QLY", "QLM", "QLD"},
		{"MCHGCR", "MUCHGCR"},
		{"ACCT", "ACLT"},
		{"ET", "EY", "EM", "ED"},
	}
)

func TestEveryDialectKeepsTheContract(t *testing.T) {
	for _, d := range []drivers.Driver{
		voltronic.PI30, voltronic.PI30MAX, voltronic.PI30MST, voltronic.PI30M044, voltronic.PI30M045, voltronic.PI30REVO, voltronic.PI41,
		voltronic.PI16, voltronic.PI17, voltronic.PI17Infini, voltronic.PI17M058, voltronic.PI18, voltronic.PI18SV, voltronic.PI18LVX,
		voltronic.Voltronic,
	} {
		t.Run(d.Name, func(t *testing.T) {
			refusal := nak
			if d.Name[:3] == "pi1" && d.Name != "pi16" {
				refusal = caret
			}
			drivertest.Run(t, d, drivertest.Facts{Refusal: refusal, Derived: derived, Shorter: derived[:1], Alike: alike})
		})
	}
}
