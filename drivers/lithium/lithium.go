// Package lithium reads batteries of many brands that have Bluetooth and a small protocol of their own. Each is a table in a file; what is
// known of them is what others recorded and published (aiobmsble, Apache-2.0).
package lithium

import (
	"time"

	"sunwire/drivers"
	"sunwire/drivers/battery"
	"sunwire/drivers/link"
	"sunwire/drivers/wire"
)

// brand makes a driver of a table. What + of a current means, and everything else, stands there.
func brand(name, title string, g link.GATT, table func() *wire.Protocol) drivers.Driver {
	return wire.Driver(drivers.Driver{
		Name: name, Title: title, Family: name, Class: drivers.Battery,
		Links: []link.Kind{link.BLE}, GATT: g,
		Paces: [3]time.Duration{10 * time.Second, time.Minute, 24 * time.Hour},
		Commands: func() (names []string) {
			for _, c := range table().Commands {
				names = append(names, c.Name)
			}
			return names
		},
	}, func() *wire.Protocol {
		p := table()
		p.Name = name
		p.First, p.Gap = 2*time.Second, 500*time.Millisecond // notifications of 20 bytes may come every 50 ms
		p.Whole, p.Parts, p.Instead = battery.VoltageKey, battery.CellKey, "it is not a battery that this driver is for"
		return p
	})
}

// nordic is the serial port of Nordic's chips, which many have.
func nordic(names ...string) link.GATT {
	return link.GATT{
		Services: []string{"6e400001-b5a3-f393-e0a9-e50e24dcca9e"}, Notify: "6e400003-b5a3-f393-e0a9-e50e24dcca9e",
		Write: "6e400002-b5a3-f393-e0a9-e50e24dcca9e", Names: names,
	}
}

// modbus reads holding registers of the device with that address.
func modbus(p *wire.Protocol, address byte) *wire.Protocol { return wire.RTU(p, 3, address, address) }

// word counts a row by the word at a place of the payload, with its high byte left out.
func word(place int) func([]byte, int) (int, int) {
	return func(b []byte, _ int) (int, int) {
		if place+1 >= len(b) {
			return -1, 0
		}
		return int(b[place+1]), 0
	}
}

// cells is a row of cells in mV.
func cells(at int, many wire.Many) wire.Field {
	return wire.Field{At: at, Entity: battery.Cell(), Form: wire.U16, Per: 1000, Many: many}
}

// celsius is a temperature in steps of 1/per degree, above zero.
func celsius(at int, e drivers.Entity, form wire.Form, zero, per float64) wire.Field {
	if per == 1 {
		e = battery.At(0, e)
	}
	return wire.Field{At: at, Entity: e, Form: form, Zero: zero, Per: per}
}

// switches is a word of n ons and offs of which two tell what is allowed.
func switches(n, charge, discharge int) []drivers.Entity {
	bits := make([]drivers.Entity, n)
	bits[charge], bits[discharge] = battery.ChargingAllowed(), battery.DischargingAllowed()
	return bits
}

// moving is on while charge is moved between cells: a bit for each.
func moving() *drivers.Entity {
	e := battery.Balancing()
	return &e
}

func ambient() drivers.Entity { return battery.Probe("ambient_temperature", "Ambient temperature") }
