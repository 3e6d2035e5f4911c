package tdt_test

import (
	"errors"
	"testing"

	"sunwire/drivers"
	"sunwire/drivers/drivertest"
	"sunwire/drivers/link"
	"sunwire/drivers/link/simulated"
	"sunwire/drivers/tdt"
)

func TestConformance(t *testing.T) { drivertest.Run(t, tdt.Driver, drivertest.Facts{}) }

func TestCaptures(t *testing.T) {
	drivertest.Captures(t, tdt.Driver, 7, 158, 8, nil)
}

func TestABoardThatListensToTheOtherHeadIsFound(t *testing.T) {
	c, err := simulated.New(link.BLE, tdt.Driver.Simulate(nil, 0x1E), simulated.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	d, err := tdt.Driver.Open(c, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = d.Describe(t.Context()); !errors.Is(err, drivers.ErrNoReply) {
		t.Errorf("with the first head: %v", err)
	}
	if _, err = d.Describe(t.Context()); err != nil {
		t.Errorf("with the second: %v", err)
	}
}

func FuzzDecode(f *testing.F) { drivertest.Fuzz(f, tdt.Driver) }
