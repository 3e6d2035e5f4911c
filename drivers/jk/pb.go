package jk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/battery"
	"sunwire/drivers/link"
	"sunwire/drivers/wire"
)

// PB is the RS485 port of the PB series (inverter BMS), several packs on one bus.
var PB = overhearing(wire.Driver(drivers.Driver{
	Name: "jk_pb", Title: "JK PB series, RS485 port", Family: "jk", Aliases: []string{"jkpb"}, Class: drivers.Battery,
	Links: []link.Kind{link.Serial, link.TCP},
	Paces: [3]time.Duration{5 * time.Second, time.Minute, 24 * time.Hour},
	Bauds: []int{115200}, Commands: func() []string { return []string{"status", "settings", "info"} },
	Careful: true, // in Modbus, its question is a write to a register
}, pb))

// A question is a Modbus write of one register of which only the number counts; the reply has the form that JK uses over Bluetooth,
// followed by the acknowledgement of the write, which alone tells the address:
//
//	01 10 16 20 00 01 02 00 00 D6 F1
//	55 AA EB 90  02    05       1D 0D 1D 0D ...   B5        01 10 16 20 00 01  04 4B
//	start        type  counter  values            sum of    acknowledgement    CRC-16
//	                                              299 bytes
//
// Numbers are little-endian. Where the value stands is the layout "JK02, 32 cells" (syssi/esphome-jk-bms, aiobmsble, Apache-2.0). The third
// to fifth temperature are left out: sources differ in which is which. The power in the frame has no sign and is computed instead.
func pb() *wire.Protocol {
	return &wire.Protocol{
		Name: "jk_pb", Manufacturer: "JK", Model: "PB",
		Address: 1, Last: 15,
		First: 500 * time.Millisecond, Gap: 50 * time.Millisecond, // answers begin within 150 ms; a frame takes 27 ms at 115200 baud
		Request: func(c *wire.Command, address int) []byte {
			b := []byte{byte(address), 0x10, byte(c.Code >> 8), byte(c.Code), 0, 1, 2, 0, 0, 0, 0}
			modbus.Seal(b)
			return b
		},
		Length: func(b []byte) int {
			if n := wire.Begins(b, 0x55, 0xAA, 0xEB, 0x90); n <= 0 {
				return n
			}
			return jk02Frame + pbAck
		},
		Sum: wire.Sum{Of: wire.Add, Size: 1, Tail: pbAck},
		Match: func(c *wire.Command, address int, f []byte) error {
			ack := f[jk02Frame:]
			switch {
			case !modbus.Right(ack) || ack[1] != 0x10:
				return fmt.Errorf("%w: the acknowledgement is damaged", drivers.ErrFrame)
			case ack[2] != byte(c.Code>>8) || ack[3] != byte(c.Code) || f[4] != types[c.Name]:
				return fmt.Errorf("%w: a frame of type %d, which is not %s", drivers.ErrFrame, f[4], c.Name)
			case address != wire.Any && int(ack[0]) != address:
				return fmt.Errorf("%w: the pack with address %d answered", drivers.ErrFrame, ack[0])
			}
			return nil
		},
		Head: 0, Tail: pbAck + 1,
		Claim: func(f []byte, address int) { f[jk02Frame] = byte(address); modbus.Seal(f[jk02Frame:]) },
		Commands: []wire.Command{
			{Name: "info", Also: pbNames, Code: 0x161C, OnDemand: true, Layout: infoLayout(), Example: wire.Unhex(pbInfoExample)},
			{Name: "status", Also: pbNames, Code: 0x1620, Layout: statusLayout(32), Example: wire.Unhex(pbStatusExample)},
			{Name: "settings", Also: pbNames, Code: 0x161E, Pace: drivers.Slow, Layout: settingsLayout(true, pbRegister), Example: wire.Unhex(pbSettingsExample)},
		},
		Setter: pbSetter(),
		Whole:  battery.VoltageKey, Parts: battery.CellKey, Instead: "firmware before 11 has another layout and speaks it over Bluetooth only",
	}
}

const pbAck = 8 // bytes

var (
	modbus = wire.Sum{Of: wire.Modbus, Size: 2, Little: true}
	// mpp-solar's names; which is which differs between its commands and its captures, so that the frame's own type counts.
	pbNames = []string{"getBalancerData", "getCellData", "getAdditionalInfo", "getInfo"}
)

// overhearing lets the device listen before it asks: where a pack is master (address 0), or an inverter asks, a second voice would spoil
// both. It then takes what passes by; an address that nobody asks is not heard.
func overhearing(d drivers.Driver) drivers.Driver {
	open := d.Open
	d.Open = func(c link.Conn, address uint16, options any) (drivers.Device, error) {
		dev, err := open(c, address, options)
		if err != nil {
			return nil, err
		}
		base, _ := dev.(*wire.Controller)
		t, _ := c.(link.Transactor)
		return &pack{Controller: base, link: t}, nil
	}
	d.Detect = wire.Detect(d.Open)
	return d
}

type pack struct {
	*wire.Controller
	link     link.Transactor
	listened bool
}

const (
	masterPace  = 3 * time.Second  // a master asks at least one of its packs in this time
	masterCycle = 20 * time.Second // and 15 packs in that
)

// Describe listens before its first question.
func (p *pack) Describe(ctx context.Context) (drivers.Descriptor, error) {
	if !p.listened {
		_, err := p.link.Transact(ctx, link.Request{Frame: spoken, First: masterPace, Gap: 100 * time.Millisecond})
		switch {
		case err == nil:
			p.Overhear = masterCycle
			p.Skip("settings") // a master hardly asks for them, and what is not read is not written
		case !errors.Is(err, drivers.ErrNoReply):
			return drivers.Descriptor{}, fmt.Errorf("jk_pb: listen for another master: %w", err)
		}
		p.listened = true
	}
	return p.Controller.Describe(ctx)
}

// spoken finds anything that a master or one of its packs says.
func spoken(b []byte, silent bool) (skip int, frame []byte, err error) {
	const question = 11
	for i := range b {
		if n := wire.Begins(b[i:], 0x55, 0xAA, 0xEB, 0x90); n > 0 && len(b)-i >= jk02Frame {
			return i, b[i : i+jk02Frame], nil
		}
		if q := b[i:min(i+question, len(b))]; len(q) == question && q[1] == 0x10 && slices.Contains([]byte{0x1C, 0x1E, 0x20}, q[3]) && modbus.Right(q) {
			return i, q, nil
		}
	}
	if silent {
		return 0, nil, fmt.Errorf("%w: somebody else speaks on this bus: [% x]", drivers.ErrFrame, b[:min(len(b), 32)])
	}
	return max(0, len(b)-jk02Frame), nil, nil
}
