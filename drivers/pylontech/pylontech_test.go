package pylontech_test

import (
	"testing"

	"sunwire/drivers/drivertest"
	"sunwire/drivers/pylontech"
)

func TestConformance(t *testing.T) { drivertest.Run(t, pylontech.Driver, drivertest.Facts{}) }

func TestCaptures(t *testing.T) {
	drivertest.Captures(t, pylontech.Driver, 14, 255, 5, nil)
}

func FuzzDecode(f *testing.F) { drivertest.Fuzz(f, pylontech.Driver) }

func TestAlarmsAreThoseOfTheirBits(t *testing.T) {
	alarms := []byte("~20024600B03210020800000000000000000500000000000000000006000000F425\r")
	drivertest.Alarms(t, pylontech.Driver, "alarms", alarms, map[string]string{
		"13=10": "No alarms", "19=02": "Cell 01 voltage too high", "37=01": "Temperature 1 too low", "47=02": "Charge current too high",
		"49=02": "Battery voltage too high", "51=F0": "Discharge current at fault", "53=81": "Battery overvoltage, Battery undervoltage",
		"55=0F": "No alarms", "57=FF": "No alarms", "59=80": "Cell 08 fault", "61=01": "Cell 09 fault",
	})
}
