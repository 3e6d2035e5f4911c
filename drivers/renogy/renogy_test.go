package renogy_test

import (
	"strings"
	"testing"

	"sunwire/drivers/drivertest"
	"sunwire/drivers/link"
	"sunwire/drivers/link/simulated"
	"sunwire/drivers/renogy"
)

// Alarms stand on both sides of the two switches.
var facts = drivertest.Facts{Shared: []string{"charging_allowed", "discharging_allowed"}}

func TestConformance(t *testing.T) { drivertest.Run(t, renogy.Driver, facts) }

func TestConformanceOfPro(t *testing.T) { drivertest.Run(t, renogy.Pro, facts) }

func TestCaptures(t *testing.T) {
	drivertest.Captures(t, renogy.Driver, 3, 15, 3, nil)
}

func TestCapturesOfPro(t *testing.T) {
	const id = "aiobmsble/renogy_pro/test_update[keep_alive] "
	drivertest.Captures(t, renogy.Pro, 3, 16, 0, map[string]string{
		id + "cycles":        "some of these batteries have its bytes the wrong way round: there is none",
		id + "full_capacity": "the source cuts the decimals off: the wire says 211.93",
	})
}

func FuzzDecode(f *testing.F) { drivertest.Fuzz(f, renogy.Driver) }

func FuzzDecodePro(f *testing.F) { drivertest.Fuzz(f, renogy.Pro) }

func TestAlarmsAreSaidInWords(t *testing.T) {
	for words, want := range map[string]string{
		"\x00\x00\x00\x00|\x00\x00\x00\x00|\x00\x00\x00\x00|\x00\x0e\x02\x00": "No alarms",
		"\x00\x00\x00\x01|\x00\x00\x00\x08|\x00\x00\x00\x00|\x00\x0e\x00\x00": "Cell 1 voltage low, Cell 2 temperature high",
		"\x80\x00\x00\x00|\x00\x00\x00\x00|\x00\x00\x00\x02|\x00\x0f\x00\x00": "Cell 16 voltage high, Unknown alarm 1, Short circuit",
		"\x00\x00\x00\x00|\x00\x00\x00\x00|\x00\x00\x00\x00|\xc0\x1e\x20\x00": "Charge overcurrent 2, Charge overtemperature, Battery undervoltage, heating",
	} {
		got, err := renogy.Driver.Decode("alarms", renogy.Driver.Reseal([]byte("\x30\x03\x10"+strings.ReplaceAll(words, "|", "")+"??")))
		if err != nil {
			t.Fatal(err)
		}
		var said string
		for _, d := range got {
			if s, ok := d.Value.Text(); ok {
				said = s
			}
		}
		for _, d := range got {
			if on, _ := d.Value.Bool(); on && d.Entity.Key == "heating" {
				said += ", heating"
			}
		}
		if said != want {
			t.Errorf("% x: %q, want %q", words, said, want)
		}
	}
}

func TestABatteryThatNeverSawTheAppIsFoundUnlessAnAddressIsGiven(t *testing.T) {
	for given, want := range map[uint16]bool{0: true, 48: false, 247: true} {
		c, err := simulated.New(link.Serial, renogy.Driver.Simulate(nil, 247), simulated.Options{})
		if err != nil {
			t.Fatal(err)
		}
		d, err := renogy.Driver.Open(c, given, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = d.Describe(t.Context())
		if err != nil {
			_, err = d.Describe(t.Context())
		}
		if (err == nil) != want {
			t.Errorf("address %d given: %v", given, err)
		}
	}
}
