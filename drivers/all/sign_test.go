package all_test

import (
	"testing"

	"sunwire/drivers"
	"sunwire/drivers/all"
	"sunwire/drivers/link/simulated"
)

// What + means on each wire, and who says so. A wrong sign is the worst value there is, and no frame tells of it.
var signs = map[string]drivers.Direction{
	"jk_ttl":        drivers.Charging,    // syssi/esphome-jk-bms: the top bit is set while charging
	"jk_pb":         drivers.Charging,    // syssi/esphome-jk-bms, aiobmsble
	"jk_ble":        drivers.Charging,    // the same: 31.881 A, at which aiobmsble says that it is charged
	"jbd":           drivers.Charging,    // syssi/esphome-jbd-bms, aiobmsble; batmon-ha turns it
	"daly":          drivers.Discharging, // python-daly-bms, batmon-ha; a capture of 6.3 A in the state "discharging"
	"daly_d2":       drivers.Charging,    // syssi/esphome-daly-bms, aiobmsble; captures of -2.5 A in the state "discharging"; batmon-ha turns it
	"daly_p81":      drivers.Charging,    // the same; a capture of -8.9 A in the state "discharging"
	"ant":           drivers.Discharging, // GPSAntBMS-iOS: -33.1 A in the state "charging"
	"ant_old":       drivers.Discharging, // aiobmsble turns it; batmon-ha
	"heltec":        drivers.Charging,    // aiobmsble: 2.026 A while it says that it charges
	"cbt":           drivers.Charging,    // aiobmsble: -3.14 A have a remaining time
	"cbt_vb":        drivers.Charging,    // aiobmsble; no capture has a current
	"ecoworthy":     drivers.Charging,    // aiobmsble: -1.14 A and -6 A have a remaining time
	"redodo":        drivers.Charging,    // aiobmsble: -1.435 A have a remaining time; batmon-ha turns it
	"renogy":        drivers.Charging,    // Renogy's Modbus protocol V1.7: -36.18 A are discharging
	"renogy_pro":    drivers.Charging,    // aiobmsble: -1.2 A have a remaining time
	"pylontech":     drivers.Charging,    // python-pylontech
	"pace":          drivers.Charging,    // syssi/esphome-pace-bms
	"seplos_v2":     drivers.Charging,    // syssi/esphome-seplos-bms: -6.76 A are discharging
	"seplos_v3":     drivers.Charging,    // syssi/esphome-seplos-bms: -10 A are discharging
	"c4s":           drivers.Charging,    // aiobmsble: less than 0 with a run time; so are the next
	"eg4_ll":        drivers.Charging,
	"gobel":         drivers.Charging,
	"humsienk":      drivers.Charging,
	"pylontech_rt":  drivers.Charging,
	"roypow":        drivers.Charging,
	"saihang":       drivers.Charging, // its code; no frame with a current is published, nor of gobel
	"vatrer":        drivers.Charging,
	"tdt":           drivers.Charging, // aiobmsble: -5.7 A with a run time, 5 A while it says that it charges
	"vedirect":      drivers.Charging, // a BMV-702 says -7625 mA while its consumed charge grows
	"vedirect_hex":  drivers.Charging, // the same monitor, the same quantity
	"seplos_v2_ble": drivers.Charging, // as the wired one
}

func TestTheSignOfEachCurrentIsWhatItsSourcesSay(t *testing.T) {
	for _, d := range all.Drivers() {
		if _, stated := signs[d.Name]; !stated && d.Class != drivers.Battery {
			continue
		}
		c, err := simulated.New(d.Links[0], d.Simulate(nil, 0), simulated.Options{})
		if err != nil {
			t.Fatal(err)
		}
		dev, err := d.Open(c, 0, nil)
		if err != nil {
			t.Fatal(d.Name, err)
		}
		desc, err := dev.Describe(t.Context())
		if err != nil {
			t.Fatal(d.Name, err)
		}
		for _, unit := range append([]drivers.Descriptor{desc}, desc.Units...) {
			for _, e := range unit.Entities {
				if (e.Role == drivers.BatteryCurrent || e.Role == drivers.BatteryPower) && e.Positive != signs[d.Name] {
					t.Errorf("%s: + of %s is %d, its sources say %d", d.Name, e.Key, e.Positive, signs[d.Name])
				}
			}
		}
	}
}
