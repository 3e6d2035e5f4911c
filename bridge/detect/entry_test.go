package detect

import (
	"context"
	"testing"

	"sunwire/bridge/config"
	"sunwire/drivers"
	"sunwire/drivers/all"
	"sunwire/drivers/link"
)

func parsed(t *testing.T, es []Entry) []config.Device {
	t.Helper()
	text := "devices:\n" + YAML(es)
	cfg, err := config.Parse("found", []byte(text), config.Env{Drivers: all.Drivers()})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if len(cfg.Devices) != len(es) {
		t.Fatalf("%d devices of %d\n%s", len(cfg.Devices), len(es), text)
	}
	return cfg.Devices
}

func TestWhatWasFoundIsAConfiguration(t *testing.T) {
	found := []Finding{
		{Port: Port{Kind: link.Serial}, Matches: []Match{
			{Driver: "pi30", Port: "serial:/dev/serial/by-path/pci-0000:01:00.0-usb-0:1.1:1.0-port0", Manufacturer: "Voltronic", Model: "MKS2-5000", Serial: "92932004102443"},
			{Driver: "pi30", Port: "serial:/dev/never", Confidence: 10},
		}},
		{Port: Port{Kind: link.Serial}},
		{Port: Port{Kind: link.HID}, Matches: []Match{{Driver: "pi30", Port: "hid:usb-1.3", Title: "Voltronic"}}},
		{Port: Port{Kind: link.I2C}, Matches: []Match{{Driver: "bme280", Port: "i2c:1/0x76"}, {Driver: "bme280", Port: "i2c:1/0x77"}}},
	}
	es := Entries(found, []string{"house_2"})
	for i, want := range []struct{ id, port string }{
		{"inverter", found[0].Matches[0].Port}, {"inverter_2", "hid:usb-1.3"}, {"house", "i2c:1/0x76"}, {"house_3", "i2c:1/0x77"},
	} {
		if i >= len(es) || es[i].ID != want.id || es[i].Port != want.port {
			t.Fatalf("%+v", es)
		}
	}
	if es[0].Found != "Voltronic MKS2-5000, serial number 92932004102443" {
		t.Error(es[0].Found)
	}
	for i, d := range parsed(t, es) {
		if d.ID != es[i].ID || d.Port.Text != es[i].Port {
			t.Errorf("%+v", d)
		}
	}
	if Entries(nil, nil) != nil || YAML(nil) != "" {
		t.Error("nothing found makes a configuration")
	}
}

// What a device says of itself is its own affair; the configuration must not be.
func FuzzNothingThatADeviceSaysSpoilsTheConfiguration(f *testing.F) {
	f.Add("MKS\n  - id: evil", "1\r\x00\u2028\u0085")
	f.Add("ends in :", "#{}[]\"'%")
	f.Fuzz(func(t *testing.T, model, serial string) {
		es := Entries([]Finding{{Matches: []Match{{Driver: "pi30", Port: "hid:0665:5161", Model: model, Serial: serial, Title: model}}}}, nil)
		if d := parsed(t, es)[0]; d.ID != "inverter" || d.Driver != "pi30" {
			t.Errorf("%+v", d)
		}
	})
}

func TestOfTwoThatFitAlikeTheOneThatKnowsMoreIsFirst(t *testing.T) {
	knowing := func(name string, entities int) drivers.Driver {
		return drivers.Driver{Name: name, Family: "f", Links: []link.Kind{link.Serial}, Detect: func(context.Context, link.Conn) (drivers.Match, error) {
			return drivers.Match{Confidence: 80, Descriptor: drivers.Descriptor{Entities: make([]drivers.Entity, entities)}}, nil
		}}
	}
	f := probed(t, &wall{}, Options{Drivers: []drivers.Driver{knowing("less", 3), knowing("more", 5), knowing("least", 1)}})
	if len(f.Matches) != 3 || f.Matches[0].Driver != "more" || f.Matches[2].Driver != "least" {
		t.Errorf("%+v", f.Matches)
	}
}
