package voltronic_test

import (
	"testing"

	"sunwire/drivers/drivertest"
	"sunwire/drivers/voltronic"
)

func TestPI30KeepsTheContract(t *testing.T) {
	drivertest.Run(t, voltronic.PI30, drivertest.Facts{
		Refusal: []byte("(NAKss\r"),
		Derived: []string{"warnings", "problem"},
		Alike:   [][]string{{"QMCHGCR", "QMUCHGCR"}, {"QBOOT", "QOPM"}},
	})
}
