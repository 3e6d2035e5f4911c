package jk

import (
	"fmt"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/battery"
	"sunwire/drivers/link"
	"sunwire/drivers/wire"
)

// Balancer is the active balancer with an RS485 port, such as the B1A24S. It knows neither current nor charge.
var Balancer = wire.Driver(drivers.Driver{
	Name: "jk_balancer", Title: "JK active balancer, RS485 port", Family: "jk", Aliases: []string{"jk485"}, Class: drivers.Battery,
	Links: []link.Kind{link.Serial, link.TCP},
	Paces: [3]time.Duration{10 * time.Second, time.Minute, 24 * time.Hour},
	Bauds: []int{9600}, Commands: func() []string { return []string{"data", "getBalancerData"} },
}, balancer)

// A reply to 55 AA 01 FF 00 00 FF is
//
//	EB 90  01       FF       16 11  0C FB  11     0E       00       00     01     00 03       00 00    ...  A3   DB
//	start  address  command  volts  mean   cells  highest  lowest   state  alarm  difference  current  ...       sum of all before
//
// Numbers are big-endian (mpp-solar, MIT; syssi/esphome-jk-bms, Apache-2.0). The temperature is in 0.1 °C in one capture, and a number that
// can only be whole degrees in another: below 10 °C the two cannot be told apart, and there is none.
func balancer() *wire.Protocol {
	return &wire.Protocol{
		Name: "jk_balancer", Manufacturer: "JK", Model: "Active balancer",
		First: 500 * time.Millisecond, Gap: 100 * time.Millisecond, // a frame takes 77 ms at 9600 baud
		Request: func(c *wire.Command, _ int) []byte { return []byte{0x55, 0xAA, 0x01, byte(c.Code), 0, 0, 0xFF} },
		Length: func(b []byte) int {
			if n := wire.Begins(b, 0xEB, 0x90); n <= 0 {
				return n
			}
			return 74
		},
		Sum: wire.Sum{Of: wire.Add, Size: 1},
		Match: func(c *wire.Command, _ int, f []byte) error {
			if f[2] != 1 || f[3] != byte(c.Code) {
				return fmt.Errorf("%w: an answer to command %#02x of device %d", drivers.ErrFrame, f[3], f[2])
			}
			return nil
		},
		Head: 4, Tail: 1,
		Commands: []wire.Command{{
			Name: "data", Also: []string{"getBalancerData"}, Code: 0xFF, Layout: balancerLayout(), Example: wire.Unhex(balancerExample),
		}},
		Whole: battery.VoltageKey, Parts: battery.CellKey, Instead: "try jk_ttl",
	}
}

func balancerLayout() *wire.Layout {
	moving := battery.Balancing()
	amps := func(key, name string) drivers.Entity {
		return drivers.Entity{Key: key, Name: name, Quantity: drivers.Current.At(3), Category: drivers.Diagnostic, Min: 0, Max: 20}
	}
	trigger := drivers.Entity{Key: "balance_trigger_voltage", Name: "Balance trigger voltage", Quantity: drivers.CellVoltage, Category: drivers.Diagnostic, Max: 1}
	temperature := battery.Probe("temperature_1", "Temperature 1")
	temperature.Min = 10
	return &wire.Layout{Fields: []wire.Field{
		{Entity: battery.Voltage(), Form: wire.U16, Per: 100},
		{At: 7, Any: &moving},
		{At: 8, Form: wire.U8, Alarms: []string{"Wrong number of cells"}},
		{At: 11, Entity: amps("balance_current", "Balance current"), Form: wire.U16, Per: 1000},
		{At: 13, Entity: trigger, Form: wire.U16, Per: 1000},
		{At: 15, Entity: amps("max_balance_current", "Maximum balance current"), Form: wire.U16, Per: 1000},
		{At: 17, Entity: balancerEnabled()},
		{At: 19, Entity: battery.Cell(), Form: wire.U16, Per: 1000, Many: wire.Many{Max: 24, Count: wire.CountAt(4)}},
		{
			At: 67, Entity: temperature, Form: wire.U16,
			Read:  func(raw uint32) (float64, bool) { return float64(raw) / 10, raw >= 100 },
			Write: func(v float64) uint32 { return uint32(v*10 + 0.5) },
		},
	}}
}
