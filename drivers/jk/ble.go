package jk

import (
	"bytes"
	"fmt"
	"math"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/battery"
	"sunwire/drivers/link"
	"sunwire/drivers/wire"
)

// BLE is every JK with Bluetooth. Their frames have one of three layouts, and show themselves which.
var BLE = bluetooth("jk_ble", dialects)

func bluetooth(name string, dialects func() []dialect) drivers.Driver {
	return wire.Variants(drivers.Driver{
		Name: name, Title: "JK BMS, Bluetooth", Family: "jk", Aliases: []string{"jk02", "jk02_32", "jkv11", "jk04"}, Class: drivers.Battery,
		Links:    []link.Kind{link.BLE},
		Paces:    [3]time.Duration{10 * time.Second, 5 * time.Minute, 24 * time.Hour},
		GATT:     link.GATT{Services: []string{"ffe0"}, Notify: "ffe1", Write: "ffe1", Names: []string{"JK-*", "JK_*"}},
		Commands: func() []string { return []string{"status", "settings", "info"} },
	}, "status", func() (all []*wire.Protocol) {
		for _, d := range dialects() {
			all = append(all, d.protocol())
		}
		return all
	})
}

// A question is 20 bytes, and the answers come in pieces as long as the connection happens to carry, sometimes behind an "AT\r\n" of the
// radio's own:
//
//	AA 55 90 EB  96       00 00 00 00 00 00 00 00 00 00 00 00 00 00  10
//	start        command  length, value                              sum of 19 bytes
//
// Command 97 gives the info; 96 gives the settings, and begins a stream of status frames, about two a second (syssi/esphome-jk-bms,
// aiobmsble, Apache-2.0). AA 55 90 EB C8 01 01 ... is its word that a command was taken; it comes unasked, too.
func (d *dialect) protocol() *wire.Protocol {
	return &wire.Protocol{
		Name: "jk_ble", Manufacturer: "JK", Model: "BMS", Variant: d.name, Why: d.why, Greeting: "info",
		First: 3 * time.Second, Gap: 500 * time.Millisecond, // the first status comes up to a second after the question; a frame is 15 pieces at worst
		Request: func(c *wire.Command, _ int) []byte { return question(byte(c.Code)) },
		Length:  bleLength,
		Sum:     wire.Sum{Of: wire.Add, Size: 1},
		Piece:   true,
		Match: func(c *wire.Command, _ int, f []byte) error {
			if len(f) == jk02Frame && f[4] == types[c.Name] || len(f) == bleTaken && f[4] == taken && c.Name == "taken" {
				return nil
			}
			return fmt.Errorf("%w: a frame of type %#02x, which is not %s", drivers.ErrFrame, f[4], c.Name)
		},
		Payload: func(c *wire.Command, f []byte) ([]byte, error) {
			if fits := d.fits[c.Name]; fits != nil && !fits(f) {
				return nil, fmt.Errorf("%w: this is not the layout %s", drivers.ErrFrame, d.name)
			}
			return f[:len(f)-1], nil
		},
		Commands: []wire.Command{
			{Name: "info", Also: bleInfo, Code: 0x97, OnDemand: true, Layout: infoLayout(), Example: d.example("info")},
			{Name: "settings", Also: bleCells, Code: 0x96, Pace: drivers.Slow, Layout: d.settings, Example: d.example("settings")},
			{Name: "status", Also: bleCells, Code: 0x96, Layout: d.status, Example: d.example("status")},
			{Name: "taken", Also: bleWrites, OnDemand: true, Layout: takenLayout()},
		},
		Setter: d.set,
		Whole:  battery.VoltageKey, Parts: battery.CellKey, Instead: "show us its frames, from sunwire read --log debug",
	}
}

const bleTaken = 20 // bytes

// mpp-solar's names. It took the first frame that came for the answer to a write.
var (
	bleInfo   = []string{"getInfo"}
	bleCells  = []string{"getCellData", "setCellOVP"}
	bleWrites = []string{"setBalanceStart", "setCellOVP", "setChargingOn", "setChargingOff", "setDischargingOn", "setDischargingOff"}

	startReply = []byte{0x55, 0xAA, 0xEB, 0x90}
	startAsked = []byte{0xAA, 0x55, 0x90, 0xEB}
)

// question is a command, with a value of as many bytes as it says first.
func question(command byte, value ...byte) []byte {
	b := make([]byte, bleTaken)
	copy(b, append(append(bytes.Clone(startAsked), command), value...))
	b[bleTaken-1] = byte(wire.Add(b))
	return b
}

// bleLength lets a new beginning end a frame: notifications are lost as a whole, and a sum of bytes is a weak witness.
func bleLength(b []byte) int {
	if n := wire.Begins(b, startAsked...); n >= 0 {
		return n * bleTaken
	}
	if n := wire.Begins(b, startReply...); n <= 0 {
		return n
	}
	if rest := b[len(startReply):min(len(b), jk02Frame)]; bytes.Contains(rest, startReply) || bytes.Contains(rest, startAsked) {
		return -1
	}
	return jk02Frame
}

func takenLayout() *wire.Layout {
	taken := drivers.Entity{Key: "taken", Name: "Taken", Platform: drivers.Binary, Category: drivers.Diagnostic}
	return &wire.Layout{Fields: []wire.Field{{At: 6, Entity: taken}}}
}

// dialect is one of the layouts.
type dialect struct {
	name, why        string // name is mpp-solar's
	settings, status *wire.Layout
	set              *wire.Setter
	fits             map[string]func(frame []byte) bool // by command; status: true of no other dialect's frames
	examples         map[string]string                  // by command, in hexadecimal
}

func (d *dialect) example(command string) []byte {
	if b := wire.Unhex(d.examples[command]); len(b) > 0 {
		return b[:jk02Frame]
	}
	return nil
}

// dialects are all of them; the first is the one that the simulator speaks.
func dialects() []dialect {
	return []dialect{
		{
			name: "jk02_32", why: "its frames have room for 32 cells", settings: settingsLayout(false, bleRegister), status: statusLayout(32), set: bleSetter(),
			fits:     map[string]func([]byte) bool{"settings": isSettings, "status": func(f []byte) bool { return covers(f, 70, 32) }},
			examples: map[string]string{"info": pbInfoExample, "settings": pbSettingsExample, "status": pbStatusExample},
		},
		{
			name: "jk02", why: "its frames have room for 24 cells", settings: settingsLayout(false, bleRegister), status: statusLayout(24), set: bleSetter(),
			fits: map[string]func([]byte) bool{"settings": isSettings, "status": func(f []byte) bool { return covers(f, 54, 24) }},
		},
		{
			name: "jk04", why: "the numbers in its frames have floating points", settings: jk04Settings(), status: jk04Status(),
			fits: map[string]func([]byte) bool{"settings": isFloatSettings, "status": coversFloats},
		},
	}
}

// covers reports whether the mask at a place is one of fitted cells: there are some, and no other cell says anything. In another layout
// other numbers stand there: cells that are not fitted, the resistance of wires, half a float.
func covers(f []byte, place, cells int) bool {
	mask := u32(f, place)
	for n := range cells {
		if says := f[6+2*n] != 0 || f[7+2*n] != 0; says && mask>>n&1 == 0 {
			return false
		}
	}
	return mask != 0 && uint64(mask)>>cells == 0
}

// coversFloats is the same with floats, and each must be a voltage.
func coversFloats(f []byte) bool {
	mask := u32(f, jk04Mask)
	for n := range jk04Cells {
		v := math.Float32frombits(u32(f, 6+4*n))
		if v != 0 && (mask>>n&1 == 0 || !(v > 0.1 && v < 6)) {
			return false
		}
	}
	return mask != 0 && mask>>jk04Cells == 0
}

// isSettings: 2 to 32 cells and three switches stand where JK04 has one switch and nothing.
func isSettings(f []byte) bool {
	n := u32(f, 114)
	return n >= 2 && n <= 32 && u32(f, 118) <= 1 && u32(f, 122) <= 1 && u32(f, 126) <= 1
}

func isFloatSettings(f []byte) bool {
	n := u32(f, 34)
	return n >= 2 && n <= jk04Cells && u32(f, 114) <= 1
}
