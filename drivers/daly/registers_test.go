package daly_test

import (
	"testing"

	"sunwire/drivers/daly"
	"sunwire/drivers/drivertest"
	"sunwire/drivers/link"
	"sunwire/drivers/link/simulated"
)

func TestConformanceOfD2(t *testing.T) { drivertest.Run(t, daly.D2, drivertest.Facts{}) }

func TestConformanceOfP81(t *testing.T) { drivertest.Run(t, daly.P81, drivertest.Facts{}) }

func TestCapturesOfD2(t *testing.T) {
	drivertest.Captures(t, daly.D2, 25, 248, 3, nil)
}

func TestCapturesOfP81(t *testing.T) {
	drivertest.Captures(t, daly.P81, 4, 30, 0, map[string]string{
		"syssi/esphome-daly-bms/daly_bms_ble/daly_bms_ble_p81_ess_dl_bms/P81_STATUS_FRAME balancing": "the word is 7, which is none of its states, and no cell's bit is set",
	})
}

func FuzzDecodeD2(f *testing.F) { drivertest.Fuzz(f, daly.D2) }

func FuzzDecodeP81(f *testing.F) { drivertest.Fuzz(f, daly.P81) }

// Over Bluetooth the host has another number than on the wire, and the first question is asked with it.
func TestByBluetoothTheHostIs80AtOnce(t *testing.T) {
	c, err := simulated.New(link.BLE, daly.Driver.Simulate(nil, 0x80), simulated.Options{})
	if err != nil {
		t.Fatal(err)
	}
	d, err := daly.Driver.Open(c, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	if desc, err := d.Describe(t.Context()); err != nil || len(desc.Entities) < 20 {
		t.Errorf("%d entities, error %v", len(desc.Entities), err)
	}
}

func TestPacksOnOneWireAnswerOnlyForThemselves(t *testing.T) {
	c, err := simulated.New(link.Serial, daly.P81.Simulate(nil, 2), simulated.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[uint16]bool{1: false, 2: true} {
		d, err := daly.P81.Open(c, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Describe(t.Context()); (err == nil) != want {
			t.Errorf("address %d: %v", address, err)
		}
	}
}
