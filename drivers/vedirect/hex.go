package vedirect

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/link"
	"sunwire/drivers/wire"
)

// HEX asks for registers, one at a time; more than the text says, and with more digits. A device that is asked stops its text for a while.
var HEX = wire.Driver(drivers.Driver{
	Name: "vedirect_hex", Title: "Victron VE.Direct, HEX protocol", Family: "victron", Class: drivers.Inverter,
	Links: []link.Kind{link.Serial, link.TCP},
	Paces: [3]time.Duration{10 * time.Second, time.Minute, 24 * time.Hour},
	Bauds: []int{19200}, Commands: func() []string {
		return []string{
			"serial", "state", "voltage", "current", "power", "temperature", "soc", "time_to_go", "consumed", "capacity", "pv_voltage", "pv_power",
			"pv_current", "charger_voltage", "charger_current", "charger_temperature", "yield", "yield_today", "max_power_today", "load_current",
		}
	},
}, hexProtocol)

// Question and answer are
//
//	:  7        8D ED     00               DF  LF
//	:  7        8D ED     00     F3 04     DD  LF
//	   command  register  flags  value     sum
//
// in hexadecimal digits, little-endian. The command's digit, all bytes and the sum add up to 55. Flags other than 0 mean that there is no
// such register (1), that it is not supported (2), or a wrong parameter (4). (Victron, VE.Direct HEX protocol)
func hexProtocol() *wire.Protocol {
	return &wire.Protocol{
		Name: "vedirect_hex", Manufacturer: "Victron Energy", Model: "VE.Direct device",
		First: 600 * time.Millisecond, Gap: 100 * time.Millisecond, // a block of text that has begun is said to its end first
		Request: func(c *wire.Command, _ int) []byte { return sealedHex("7", byte(c.Code), byte(c.Code>>8), 0) },
		Length: func(b []byte) int {
			const shortest, furthest = 10, 96 // characters
			if n := wire.Begins(b, ':'); n <= 0 {
				return n
			}
			switch n := bytes.IndexByte(b, '\n') + 1; {
			case n == 0 && len(b) <= furthest:
				return 0
			case n < shortest || n > furthest:
				return -1
			default:
				return n
			}
		},
		Sum: hexSum, Exact: true,
		Match: func(c *wire.Command, _ int, f []byte) error {
			b, err := hex.DecodeString(string(f[2 : len(f)-1]))
			switch {
			case err != nil || f[1] != '7' || len(b) < 4 || !bytes.Equal(bytes.ToUpper(f), f):
				return fmt.Errorf("%w: not an answer to a get", drivers.ErrFrame)
			case uint16(b[0])|uint16(b[1])<<8 != c.Code:
				return fmt.Errorf("%w: register %02X%02X instead of %04X", drivers.ErrFrame, b[1], b[0], c.Code)
			case b[2] == 1 || b[2] == 2:
				return fmt.Errorf("flags %02X: %w", b[2], drivers.ErrUnsupported)
			case b[2] != 0 || len(b) == 4:
				return fmt.Errorf("%w: flags %02X", drivers.ErrFrame, b[2])
			}
			return nil
		},
		Payload: func(_ *wire.Command, f []byte) ([]byte, error) {
			b, err := hex.DecodeString(string(f[8 : len(f)-3]))
			if err != nil {
				return nil, fmt.Errorf("%w: %w", drivers.ErrFrame, err)
			}
			return b, nil
		},
		Wrap: func(_ *wire.Command, f, value []byte) []byte {
			return append(append(f[:8:8], fmt.Sprintf("%X", value)...), "00\n"...)
		},
		Commands: registers(),
	}
}

var hexSum = wire.Sum{Of: addUp, Size: 2, From: 1, Tail: 1, Hex: true}

// addUp is what the command's digit and the bytes lack to 55.
func addUp(digits []byte) uint32 {
	b, err := hex.DecodeString("0" + string(digits))
	if err != nil {
		return 1 << 16 // no sum of a byte
	}
	return (0x55 - wire.Add(b)) & 0xFF
}

func sealedHex(command string, b ...byte) []byte {
	out := fmt.Appendf(nil, ":%s%X00\n", command, b)
	hexSum.Seal(out)
	return out
}

// registers is the table: a command a register, whose example is sealed from its bytes.
func registers() []wire.Command {
	v, a := drivers.Voltage.At(2), drivers.Current
	state := coded("", "mode", "Mode", states).Entity
	codes := make([]uint32, 0, len(state.Options))
	for _, n := range coded("", "", "", states).codes {
		codes = append(codes, uint32(n))
	}
	get := func(name string, code uint16, f wire.Field, value ...byte) wire.Command {
		return wire.Command{
			Name: name, Code: code, Layout: &wire.Layout{Little: true, Fields: []wire.Field{f}},
			Example: sealedHex("7", append([]byte{byte(code), byte(code >> 8), 0}, value...)...),
		}
	}
	word := func(e drivers.Entity, per float64) wire.Field {
		return wire.Field{Entity: e, Form: wire.U16, Per: per, None: []uint32{0xFFFF}}
	}
	of := func(form wire.Form, f wire.Field, none uint32) wire.Field {
		f.Form, f.None = form, []uint32{none}
		return f
	}
	celsius := of(wire.S16, word(number("charger_temperature", "Charger temperature", drivers.Temperature, "", -40, 120), 100), 0x7FFF)
	battery := word(number("battery_temperature", "Battery temperature", drivers.Temperature, "", -40, 120), 100)
	battery.Zero = 27315
	serial := get("serial", 0x010A, wire.Field{Entity: label("serial_number", "Serial number"), Form: wire.Text, Tells: wire.Serial}, []byte("HQ0000SIM02")...)
	serial.OnDemand = true
	capacity := get("capacity", 0x1000, word(number("design_capacity", "Design capacity", drivers.Charge.At(0), "", 0, 65000), 1), 0xC8, 0)
	capacity.Pace, capacity.Also = drivers.Slow, []string{"batteryCapacity"}
	return []wire.Command{
		serial,
		get("state", 0x0201, wire.Field{Entity: state, Codes: codes}, 5),
		get("voltage", 0xED8D, of(wire.S16, word(number("battery_voltage", "Battery voltage", v, drivers.BatteryVoltage, 0, 100), 100), 0x7FFF), 0xF3, 4),
		get("current", 0xED8C, of(wire.S32, word(signed("battery_current", "Battery current", drivers.Current.At(3), drivers.BatteryCurrent, 5000), 1000), 0x7FFFFFFF), 0, 1, 0, 0),
		get("power", 0xED8E, of(wire.S16, word(signed("battery_power", "Battery power", drivers.Power, drivers.BatteryPower, 32000), 1), 0x7FFF), 3, 0),
		get("temperature", 0xEDEC, battery, 0x77, 0x74),
		get("soc", 0x0FFF, word(number("state_of_charge", "State of charge", drivers.StateOfCharge.At(2), drivers.BatteryCharge, 0, 100), 100), 0x88, 0x13),
		get("time_to_go", 0x0FFE, word(number("time_to_go", "Time to go", drivers.Minutes, "", 0, 65000), 1), 0x10, 0x0E),
		get("consumed", 0xEEFF, of(wire.S32, word(number("consumed_capacity", "Consumed capacity", drivers.Charge, "", -10000, 10000), 10), 0x7FFFFFFF), 0x9C, 0xFF, 0xFF, 0xFF),
		capacity,
		get("pv_voltage", 0xEDBB, word(number("pv_voltage", "PV voltage", v, "", 0, 500), 100), 0x34, 0x12),
		get("pv_power", 0xEDBC, of(wire.U32, word(number("pv_power", "PV power", drivers.Power.At(2), drivers.PVPower, 0, 20000), 100), 0xFFFFFFFF), 0x40, 0xE2, 1, 0),
		get("pv_current", 0xEDBD, word(number("pv_current", "PV current", a, "", 0, 500), 10), 0x20, 0),
		get("charger_voltage", 0xEDD5, word(number("charger_voltage", "Charger voltage", v, "", 0, 100), 100), 0xF3, 4),
		get("charger_current", 0xEDD7, word(number("charge_current", "Charge current", a, "", 0, 500), 10), 0x40, 0),
		get("charger_temperature", 0xEDDB, celsius, 0x10, 0x0E),
		get("yield", 0xEDDC, of(wire.U32, word(number("pv_energy", "PV energy", drivers.Energy.At(2), drivers.PVEnergy, 0, 1e6), 100), 0xFFFFFFFF), 0x50, 0x20, 0, 0),
		get("yield_today", 0xEDD3, word(number("pv_energy_today", "PV energy today", drivers.Energy.At(2), "", 0, 600), 100), 0x10, 0),
		get("max_power_today", 0xEDD2, word(number("pv_power_max_today", "Maximum PV power today", drivers.Power, "", 0, 20000), 1), 0x77, 0),
		get("load_current", 0xEDAD, word(number("load_current", "Load current", a, "", 0, 500), 10), 0x05, 0),
	}
}
