package all_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sunwire/drivers"
	"sunwire/drivers/all"
	"sunwire/drivers/link"
	"sunwire/drivers/link/ble"
	"sunwire/drivers/link/ble/bluez"
	"sunwire/drivers/link/simulated"
)

// Batteries that are asked and answer: what they say by Bluetooth, in pieces of 20 bytes, the least there is, is what they say on a wire that
// keeps it whole.
var airborne = []string{
	"cbt", "cbt_vb", "daly", "daly_d2", "daly_p81", "ecoworthy", "jbd", "jk_ble", "redodo", "renogy", "renogy_pro",
}

func TestByBluetoothABatterySaysTheSameInPieces(t *testing.T) {
	t.Parallel()
	f := bluez.New("hci0")
	t.Cleanup(f.Close)
	bus, err := f.Listen(filepath.Join(t.TempDir(), "bus"))
	if err != nil {
		t.Fatal(err)
	}
	var radio ble.Radio
	for i, name := range airborne {
		d, err := all.Find(name)
		if err != nil {
			t.Fatal(err)
		}
		address := fmt.Sprintf("C8:47:8C:00:00:%02X", i)
		f.Add("hci0", &bluez.Device{Address: address, Services: bluez.Services(d.GATT), Answer: gathered(airSimulator(d))})
		t.Run(name, func(t *testing.T) {
			c, err := ble.Open(t.Context(), ble.Options{Address: address, Bus: bus, GATT: d.GATT, Radio: &radio})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := c.Close(); err != nil {
					t.Error(err)
				}
			}()
			wire, err := simulated.New(link.BLE, airSimulator(d), simulated.Options{})
			if err != nil {
				t.Fatal(err)
			}
			got, want := everything(t, d, c), everything(t, d, wire)
			if len(want) < 10 || !slices.Equal(got, want) {
				t.Errorf("by Bluetooth it says\n%v\nand on a wire\n%v", got, want)
			}
		})
	}
}

// What such devices call themselves, where aiobmsble and its users have seen it.
func TestABatteryIsKnownByItsNameInTheAir(t *testing.T) {
	for name, want := range map[string]string{
		"DL-40D10000A1B2":      "daly daly_d2 daly_p81",
		"JBD-SP04S034":         "jbd",
		"12100BL0001":          "jbd",
		"XYZC123456":           "cbt",
		"VB123456789":          "cbt_vb",
		"ECO-WORTHY 02_A1B2":   "ecoworthy",
		"R-12100BNNA70-A00123": "redodo",
		"LT-12100BG-A07H01":    "redodo",
		"BT-TH-6A7B8C9D":       "renogy",
		"RNGRBP12345":          "renogy_pro",
		"BT-ROCC2440":          "",
		"LT-12V1544":           "",
	} {
		var known []string
		for _, d := range all.Drivers() {
			if slices.Contains(airborne, d.Name) && ble.Fits(d.GATT, name, nil) {
				known = append(known, d.Name)
			}
		}
		if got := strings.Join(known, " "); got != want {
			t.Errorf("%s may be %q, want %q", name, got, want)
		}
	}
}

// Where each is spoken to, as aiobmsble has it.
func TestABatteryIsSpokenToWhereItListens(t *testing.T) {
	for name, want := range map[string]string{
		"cbt": "ffe5 ffe0: ffe9 ffe4", "daly": "fff0: fff2 fff1", "daly_d2": "fff0: fff2 fff1", "daly_p81": "fff0: fff2 fff1",
		"ecoworthy": "fff0: fff2 fff1", "cbt_vb": "ffe5 ffe0: ffe9 ffe4", "jbd": "ff00: ff02 ff01", "redodo": "ffe0: ffe2 ffe1",
		"renogy": "ffd0 fff0: ffd1 fff1", "renogy_pro": "ffd0 fff0: ffd1 fff1",
	} {
		d, err := all.Find(name)
		if got := strings.Join(d.GATT.Services, " ") + ": " + d.GATT.Write + " " + d.GATT.Notify; err != nil || got != want {
			t.Errorf("%s is written to and heard at %s, want %s", name, got, want)
		}
	}
}

// airSimulator is the device as it is on the air: Daly's A5 has another host number there.
func airSimulator(d drivers.Driver) link.Simulator {
	if d.Name == "daly" {
		return d.Simulate(nil, 0x80)
	}
	return d.Simulate(nil, 0)
}

// gathered puts a request together that was written in pieces.
func gathered(s link.Simulator) func([]byte) []byte {
	var request []byte
	return func(b []byte) []byte {
		request = append(request, b...)
		reply := s.Answer(request)
		if reply != nil || len(request) > 64 {
			request = nil
		}
		return reply
	}
}

// everything is what the device describes itself as, and all it says.
func everything(t *testing.T, d drivers.Driver, c link.Conn) (out []string) {
	t.Helper()
	dev, err := d.Open(c, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	desc, err := dev.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out = append(out, desc.Manufacturer, desc.Model, desc.Serial, desc.Firmware)
	for _, q := range desc.Queries {
		readings, err := dev.Poll(t.Context(), q)
		if err != nil {
			t.Errorf("%s: %v", q.Name, err)
			continue
		}
		for _, f := range readings[0].Sample {
			out = append(out, f.Key+" "+f.Value.Format(-1))
		}
	}
	return out
}
