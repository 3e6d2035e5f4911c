// Package heltec reads the active balancers of Heltec and NEEY, which are the same, over Bluetooth.
package heltec

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/battery"
	"sunwire/drivers/link"
	"sunwire/drivers/wire"
)

// Driver knows both layouts: of the balancers (GW-24S4EB, EK-24S4EB), which have neither current nor charge, and of those that are a whole
// battery management system (EK-B24S8E200A).
var Driver = wire.Driver(drivers.Driver{
	Name: "heltec", Title: "Heltec, NEEY: active balancers, Bluetooth", Family: "heltec", Aliases: []string{"neey"}, Class: drivers.Battery,
	Links:    []link.Kind{link.BLE},
	GATT:     link.GATT{Services: []string{"ffe0"}, Notify: "ffe1", Write: "ffe1", Names: []string{"EK-*", "GW-*"}},
	Paces:    [3]time.Duration{10 * time.Second, time.Minute, 24 * time.Hour},
	Commands: func() []string { return []string{"status", "info"} },
}, protocol)

// A question and its answer are
//
//	AA 55  11      01    02        00  14      11 times 00  27        FF
//	55 AA  11      01    02        00  2C 01   values       B6        FF
//	start  device  read  question      length               sum8      end
//
// The sum is of all before it. Numbers are little-endian, most of them floats. (syssi/esphome-jk-bms, aiobmsble, Apache-2.0)
func protocol() *wire.Protocol {
	return &wire.Protocol{
		Name: "heltec", Manufacturer: "Heltec", Model: "Balancer",
		First: 2 * time.Second, Gap: 500 * time.Millisecond,
		Request: func(c *wire.Command, _ int) []byte {
			b := append([]byte{0xAA, 0x55, 0x11, 0x01, byte(c.Code), 0, 20}, make([]byte, 13)...)
			b[19] = end
			sum.Seal(b)
			return b
		},
		Length: func(b []byte) int {
			switch n := wire.Begins(b, 0x55, 0xAA, 0x11, 0x01); {
			case n <= 0:
				return n
			case len(b) < 8:
				return 0
			}
			n := int(binary.LittleEndian.Uint16(b[6:]))
			if n < 10 || n > 300 {
				return -1
			}
			return n
		},
		Sum: sum,
		Match: func(c *wire.Command, _ int, f []byte) error {
			switch {
			case f[4] != byte(c.Code) || f[len(f)-1] != end:
				return fmt.Errorf("%w: an answer to %d, not to %d", drivers.ErrFrame, f[4], c.Code)
			case c.Code == status && (len(f) != 300 || form(f) == unheardOf):
				return fmt.Errorf("%w: neither layout that is known", drivers.ErrFrame)
			}
			return nil
		},
		Tail: 2,
		Commands: []wire.Command{
			{
				Name: "status", Code: status, Pick: form,
				Layout: values(false), Others: []*wire.Layout{values(true)}, Example: wire.Unhex(statusExample),
			},
			{Name: "info", Code: 1, OnDemand: true, Example: wire.Unhex(infoExample), Layout: &wire.Layout{Fields: []wire.Field{
				{At: 8, Entity: battery.Told("model", "Model"), Form: wire.Text, Size: 16, Tells: wire.Model},
				{At: 32, Entity: battery.Told("firmware", "Firmware"), Form: wire.Text, Size: 8, Tells: wire.Firmware},
			}}},
		},
		Whole: battery.VoltageKey, Parts: battery.CellKey, Instead: "read it again, and check the balance wires",
	}
}

const (
	end    = 0xFF
	status = 2 // question

	balancer, complete, unheardOf = -1, 0, 1 // layouts
)

var sum = wire.Sum{Of: wire.Add, Size: 1, Tail: 1}

// form tells the layouts apart: where the one has the nominal capacity, which is set and never 0, the other has the seconds that it has run,
// which as a float are next to nothing for 33 years.
func form(b []byte) int {
	if len(b) < 258 {
		return balancer // it is too short for both
	}
	bits := binary.LittleEndian.Uint32(b[254:])
	switch f := math.Float32frombits(bits); {
	case bits < math.Float32bits(1):
		return balancer
	case f >= 1 && f < 1e5:
		return complete
	}
	return unheardOf
}
