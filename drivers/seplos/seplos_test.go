package seplos_test

import (
	"encoding/hex"
	"errors"
	"testing"

	"sunwire/drivers"
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
		"77=40": "No alarms", "77=80": "Secondary trip protection", "77=20": "MOSFET overtemperature protection", "79=20": "Short circuit", "81=20": "Terminals reversed", "83=0F": "No alarms",
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

func TestConformanceOfV2ByBluetooth(t *testing.T) {
	drivertest.Run(t, seplos.V2BLE, drivertest.Facts{})
}

func TestCapturesOfV2ByBluetooth(t *testing.T) {
	drivertest.Captures(t, seplos.V2BLE, 3, 99, 7, nil)
}

// ofV2 is of 16 cells and 304 Ah (aiobmsble, tests, Apache-2.0).
const ofV2 = "7e14006100006a0000100d440d470d4c0d470d450d460d460d580d580d590d480d440d480d430d480d47060b930b920b900b950bd00ba0049c1543749d0676c0" +
	"03d676c000d603e81546000000000000000000000000000000000000000000000000020308000000000000000000020000d8c30d"

func TestAnAnswerToSomethingElseIsRefused(t *testing.T) {
	for at, to := range map[int]byte{3: 0x62, 4: 1, 115: 0} {
		b, _ := hex.DecodeString(ofV2)
		b[at] = to
		if _, err := seplos.V2BLE.Decode("pack", seplos.V2BLE.Reseal(b)); !errors.Is(err, drivers.ErrFrame) {
			t.Errorf("%#02x at %d: %v", to, at, err)
		}
	}
}

func TestAlarmsOfV2ByBluetoothAreThoseOfTheirBits(t *testing.T) {
	pack, _ := hex.DecodeString(ofV2)
	drivertest.Alarms(t, seplos.V2BLE, "pack", pack, map[string]string{
		"7=01": "No alarms", "74=01": "Cell 01 voltage too low", "89=02": "Cell 16 voltage too high", "90=02": "Temperature 1 too high",
		"95=f0": "Temperature 6 at fault", "96=02": "Current too high", "97=01": "Battery voltage too low", "98=ff": "No alarms", "99=0f": "No alarms",
		"101=80": "Current limiter fault", "102=01": "Cell voltage high", "103=80": "Discharge undertemperature protection", "104=40": "No alarms",
		"105=20": "Short circuit", "106=20": "Terminals reversed", "107=ff": "No alarms", "108=02": "Clock fault", "110=ff": "No alarms",
	})
}

func FuzzDecodeV2BLE(f *testing.F) { drivertest.Fuzz(f, seplos.V2BLE) }
