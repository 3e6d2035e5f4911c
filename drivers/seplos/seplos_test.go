package seplos_test

import (
	"testing"

	"sunwire/drivers/drivertest"
	"sunwire/drivers/seplos"
)

func TestConformance(t *testing.T) { drivertest.Run(t, seplos.V2, drivertest.Facts{}) }

func TestConformanceOfV3(t *testing.T) { drivertest.Run(t, seplos.V3, drivertest.Facts{}) }

func TestCapturesOfV2(t *testing.T) {
	drivertest.Captures(t, seplos.V2, 3, 40, 0, nil)
}

func TestCapturesOfV3(t *testing.T) {
	drivertest.Captures(t, seplos.V3, 9, 26, 12, nil)
}

func FuzzDecodeV2(f *testing.F) { drivertest.Fuzz(f, seplos.V2) }

func FuzzDecodeV3(f *testing.F) { drivertest.Fuzz(f, seplos.V3) }

func TestAlarmsOfV2AreThoseOfTheirBits(t *testing.T) {
	alarms := []byte("~20014600806200011000000000000000000000000000000000060000000000000000140000000000000300000200000000000000000002EB2F\r")
	drivertest.Alarms(t, seplos.V2, "alarms", alarms, map[string]string{
		"13=00": "No alarms", "19=01": "Cell 01 voltage too low", "53=02": "Temperature 1 too high", "65=02": "Current too high",
		"67=01": "Battery voltage too low", "71=80": "Current limiter fault", "73=01": "Cell voltage high", "75=80": "Discharge undertemperature protection",
		"77=40": "No alarms", "77=20": "MOSFET overtemperature protection", "79=20": "Short circuit", "81=20": "Terminals reversed", "83=0F": "No alarms",
		"85=FF": "No alarms", "89=1F": "No alarms", "91=01": "Cell 01 disconnected", "93=80": "Cell 16 disconnected", "95=FF": "No alarms", "97=02": "Clock fault",
	})
}

func TestAlarmsOfV3AreThoseOfTheirBits(t *testing.T) {
	alarms := []byte("\x01\x01\x12\x00\x00\x00\x00\x00\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x03\x00\x00\x7a\xf5")
	drivertest.Alarms(t, seplos.V3, "alarms", alarms, map[string]string{
		"0=01": "No alarms", "3=01": "Cell 01 voltage low", "4=80": "Cell 16 voltage low", "5=02": "Cell 02 voltage high", "7=80": "Cell 08 temperature low",
		"8=01": "Cell 01 temperature high", "9=ff": "No alarms", "11=ff": "No alarms", "12=02": "Cell overvoltage protection", "13=10": "Discharge temperature high",
		"14=40": "No alarms", "14=01": "Ambient temperature high", "15=40": "Short circuit", "16=08": "Locked by discharge overcurrent", "17=10": "Cell voltage difference",
		"18=0f": "No alarms", "19=ff": "No alarms", "20=02": "Front-end chip fault",
	})
}
