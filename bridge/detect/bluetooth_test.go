package detect

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"sunwire/drivers"
	"sunwire/drivers/daly"
	"sunwire/drivers/link"
	"sunwire/drivers/link/ble"
	"sunwire/drivers/link/ble/bluez"
)

const batteryAddress = "C8:47:8C:00:00:01"

// airborne is a driver of Bluetooth devices that say their name when they are asked.
func airborne(name, service string) drivers.Driver {
	g := link.GATT{Services: []string{service}, Notify: "ffe1", Write: "ffe1", Names: []string{strings.ToUpper(name) + "-*"}}
	return drivers.Driver{
		Name: name, Title: "A " + name, Family: name, Links: []link.Kind{link.BLE}, GATT: g,
		Detect: func(ctx context.Context, c link.Conn) (drivers.Match, error) {
			reply, err := c.(link.Transactor).Transact(ctx, link.Request{
				Bytes: []byte("who?"), First: 1e9, Gap: 1e8,
				Frame: func(b []byte, _ bool) (int, []byte, error) { return 0, b, nil },
			})
			if err == nil && string(reply) != name {
				err = fmt.Errorf("%w: %q", link.ErrFrame, reply)
			}
			return drivers.Match{Confidence: 90, Descriptor: drivers.Descriptor{Serial: "123"}}, err
		},
	}
}

func TestWhatIsInTheAirIsListedAndNotTicked(t *testing.T) {
	ports := inTheAir([]ble.Advertiser{
		{Address: "11:22:33:44:55:66", Name: "TV\x1b[2J", RSSI: -40, Services: []string{"feaf"}},
		{Address: batteryAddress, Name: "JK-B2A24S", RSSI: -70, Services: []string{"ffe0"}},
	}, []drivers.Driver{airborne("jk", "ffe0"), airborne("daly", "fff0")})
	said, err := json.Marshal(ports)
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"port":"ble:C8:47:8C:00:00:01","kind":"ble","title":"JK-B2A24S","guess":"A jk","note":"-70 dBm; services ffe0","ticked":false,` +
		`"drivers":["jk"],"rssi":-70,"services":["ffe0"]},` +
		`{"port":"ble:11:22:33:44:55:66","kind":"ble","title":"TV?[2J","guess":"no device that sunwire knows by its name",` +
		`"note":"-40 dBm; services feaf","ticked":false,"rssi":-40,"services":["feaf"]}]`
	if string(said) != want {
		t.Errorf("got  %s\nwant %s", said, want)
	}
}

func TestABluetoothDeviceIsFoundByTheDriverWhoseCharacteristicsItHas(t *testing.T) {
	jk, daly := airborne("jk", "ffe0"), airborne("daly", "fff0")
	f := bluez.New("hci0")
	defer f.Close()
	f.Add("hci0", &bluez.Device{Address: batteryAddress, Name: "JK-1", RSSI: -60, Services: bluez.Services(jk.GATT), Answer: func([]byte) []byte { return []byte("jk") }})
	at, err := f.Listen(filepath.Join(t.TempDir(), "bus"))
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", at)
	port, err := Find("ble:c8:47:8c:00:00:01", nil)
	if err != nil {
		t.Fatal(err)
	}
	found := Probe(t.Context(), []Port{port}, Options{Drivers: []drivers.Driver{daly, jk}})[0]
	if found.Problem != nil || len(found.Matches) != 1 || found.Matches[0].Driver != "jk" || found.Matches[0].Serial != "123" {
		t.Errorf("found %+v, %+v", found, found.Problem)
	}
	if h := f.Held(); h.Connected+h.Notifying+h.Scans != 0 {
		t.Errorf("left behind: %+v", h)
	}
	f.Change(f.Device(batteryAddress), func(d *bluez.Device) { d.Services = nil })
	found = Probe(t.Context(), []Port{port}, Options{Drivers: []drivers.Driver{daly, jk}})[0]
	if found.Problem == nil || !strings.Contains(found.Problem.What, "no characteristic ffe1") {
		t.Errorf("found %+v, %+v", found, found.Problem)
	}
}

// All of Daly's have the same name and the same characteristics: only the answer tells which protocol it is.
func TestWhichProtocolADalySpeaksIsFoundByAsking(t *testing.T) {
	f := bluez.New("hci0")
	defer f.Close()
	battery := f.Add("hci0", &bluez.Device{Address: batteryAddress, Name: "DL-40D1", RSSI: -60, Services: bluez.Services(daly.D2.GATT)})
	at, err := f.Listen(filepath.Join(t.TempDir(), "bus"))
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", at)
	port, err := Find("ble:c8:47:8c:00:00:01", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []drivers.Driver{daly.D2, daly.P81} {
		f.Change(battery, func(b *bluez.Device) { b.Answer = d.Simulate(nil, 0).Answer })
		found := Probe(t.Context(), []Port{port}, Options{Drivers: []drivers.Driver{daly.Driver, daly.D2, daly.P81}})[0]
		if len(found.Matches) != 1 || found.Matches[0].Driver != d.Name {
			t.Errorf("%s is found as %+v, %+v", d.Name, found.Matches, found.Problem)
		}
	}
}
