package pace_test

import (
	"testing"

	"sunwire/drivers/drivertest"
	"sunwire/drivers/pace"
)

func TestConformance(t *testing.T) { drivertest.Run(t, pace.Driver, drivertest.Facts{}) }

func TestCaptures(t *testing.T) {
	drivertest.Captures(t, pace.Driver, 3, 33, 5, nil)
}

func FuzzDecode(f *testing.F) { drivertest.Fuzz(f, pace.Driver) }

func TestAlarmsAreThoseOfTheirBits(t *testing.T) {
	status := []byte("~25014600004C000110000000000000000000000000000000000600000000000000000000000E000000000000EF3A\r")
	drivertest.Alarms(t, pace.Driver, "status", status, map[string]string{
		"13=00": "No alarms", "19=01": "Cell 01 voltage too low", "49=F0": "Cell 16 voltage at fault", "53=02": "Temperature 1 too high",
		"65=02": "Charge current too high", "67=01": "Battery voltage too low", "69=80": "Discharge current has the unknown alarm 128",
		"71=C0": "Short circuit, Charger overvoltage protection", "73=81": "Charge overtemperature protection", "75=1E": "Terminals reversed",
		"75=8E": "No alarms", "77=FF": "No alarms", "79=21": "Charge MOSFET fault, Measurement fault", "81=FF": "No alarms",
		"85=02": "Cell voltage low", "87=80": "State of charge low",
	})
}
