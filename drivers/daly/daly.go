// Package daly reads the battery management systems of Daly over UART, RS485 or Bluetooth. They speak one of three protocols, which are told
// apart by how a frame begins: A5, D2 or 81.
package daly

import (
	"fmt"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/battery"
	"sunwire/drivers/link"
	"sunwire/drivers/wire"
)

// Driver speaks the A5 protocol. Newer boards speak another one on the same plug: D2 or P81.
var Driver = byRadio(wire.Driver(drivers.Driver{
	Name: "daly", Title: "Daly BMS (A5)", Family: "daly", Aliases: []string{"daly40"}, Class: drivers.Battery,
	Links: []link.Kind{link.Serial, link.TCP, link.BLE}, GATT: gatt(),
	Paces: [3]time.Duration{5 * time.Second, time.Minute, 24 * time.Hour},
	Bauds: []int{9600}, Commands: func() []string {
		return []string{"status", "soc", "cells", "extremes", "temperatures", "mosfets", "balancing", "alarms"}
	},
}, protocol))

// Questions and answers are frames of 13 bytes:
//
//	A5     40    90       08      00 00 00 00 00 00 00 00  7D
//	A5     01    90       08      02 14 00 00 75 45 03 78  89
//	start  from  command  length  voltage, -, current, soc sum of all before
//
// The host is 40 on the wire and 80 over Bluetooth, and on some wires. Cell voltages and temperatures come in a series of frames that begin
// with their number, as many as are needed or always 16. Numbers are big-endian. (syssi/esphome-daly-bms, Apache-2.0; mpp-solar, MIT)
//
// The current counts from 30000, + = discharging: so say python-daly-bms (MIT) and batmon-ha (MIT), and so does a capture of mpp-solar in
// which 6.3 A stand beside the state "discharging".
func protocol() *wire.Protocol {
	return &wire.Protocol{
		Name: "daly", Manufacturer: "Daly", Model: "BMS",
		Address: uart, Second: bluetooth,
		First: 500 * time.Millisecond, Gap: 150 * time.Millisecond, // a frame takes 14 ms at 9600 baud; between two of a series some boards rest 100 ms
		Request: func(c *wire.Command, host int) []byte { return frame(host, byte(c.Code), 0) },
		Length:  length,
		Sum:     sum, Piece: true,
		Match:   match,
		Payload: payload, Wrap: wrap,
		Commands: []wire.Command{
			{Name: "status", Code: 0x94, Pace: drivers.Slow, Layout: status(), Example: sealed("\xa5\x01\x94\x08\x10\x01\x00\x00\x00\x00\x03\x40")},
			{Name: "soc", Also: []string{"SOC"}, Code: 0x90, Layout: soc(), Example: sealed("\xa5\x01\x90\x08\x02\x14\x00\x00\x75\x45\x03\x78")},
			{Name: "cells", Also: []string{"cellVoltages"}, Code: 0x95, Per: 3, Number: "cell_count", Layout: cells(), Example: sixteen()},
			{Name: "extremes", Also: []string{"cellMinMaxVoltages"}, Code: 0x91, OnDemand: true, Layout: extremes(), Example: sealed("\xa5\x01\x91\x08\x0d\x00\x0f\x0c\xfe\x01\x03\x78")},
			{
				Name: "temperatures", Also: []string{"cellTemperatures"}, Code: 0x96, Pace: drivers.Slow, Per: 7, Number: "sensor_count",
				Layout: temperatures(), Example: sealed("\xa5\x01\x96\x08\x01\x37\x00\x00\x00\x00\x00\x00"),
			},
			{Name: "mosfets", Also: []string{"mosStatus"}, Code: 0x93, Layout: mosfets(), Example: sealed("\xa5\x01\x93\x08\x02\x01\x01\x78\x00\x03\xcb\x40")},
			{Name: "balancing", Code: 0x97, Pace: drivers.Slow, Layout: balancing(), Example: sealed("\xa5\x01\x97\x08\x00\x00\x00\x00\x00\x00\x00\x00")},
			{Name: "alarms", Code: 0x98, Layout: alarms(), Example: sealed("\xa5\x01\x98\x08\x00\x00\x00\x00\x00\x00\x00\x00")},
		},
		Whole: battery.VoltageKey, Parts: battery.CellKey, Instead: "read it again, and check the wires",
		Setter: setter(),
		Asleep: func(c *wire.Command, payload []byte) bool { // a current of 0 would be 30000 here
			return c.Code == 0x90 && string(payload) == "\x00\x00\x00\x00\x00\x00\x00\x00"
		},
	}
}

const (
	size            = 13
	uart, bluetooth = 0x40, 0x80 // hosts
)

var sum = wire.Sum{Of: wire.Add, Size: 1}

// frame is from that host, or from the board, with one byte of data.
func frame(from int, command, data byte) []byte {
	b := []byte{0xA5, byte(from), command, 8, data, 0, 0, 0, 0, 0, 0, 0, 0}
	sum.Seal(b)
	return b
}

func length(b []byte) int {
	if n := wire.Begins(b, 0xA5); n <= 0 {
		return n
	}
	if len(b) > 3 && b[3] != 8 {
		return -1
	}
	return size
}

// match: every frame is from the board, answers this command and, in a series, has its number; some boards begin with 0.
func match(c *wire.Command, _ int, f []byte) error {
	if len(f) > size && c.Per == 0 {
		return fmt.Errorf("%w: %d bytes instead of %d", drivers.ErrFrame, len(f), size)
	}
	for n := 0; n*size < len(f); n++ {
		piece := f[n*size:]
		if piece[1] != 1 || piece[2] != byte(c.Code) {
			return fmt.Errorf("%w: a frame from %#02x to command %#02x", drivers.ErrFrame, piece[1], piece[2])
		}
		if c.Per > 0 && int(piece[4]) != n+int(f[4]) || c.Per > 0 && f[4] > 1 {
			return fmt.Errorf("%w: frame %d of a series has the number %d", drivers.ErrFrame, n+1, piece[4])
		}
	}
	return nil
}

// payload is the data of a frame, or of a series one after the other, without their numbers.
func payload(c *wire.Command, f []byte) ([]byte, error) {
	if c.Per == 0 {
		return f[4 : size-1], nil
	}
	width := 7 // seven bytes, or three words of two
	if c.Per == 3 {
		width = 6
	}
	out := make([]byte, 0, len(f))
	for ; len(f) >= size; f = f[size:] {
		out = append(out, f[5:5+width]...)
	}
	return out, nil
}

func wrap(c *wire.Command, f, data []byte) []byte {
	if c.Per == 0 {
		return f
	}
	width := len(data) * size / len(f)
	for n := 0; n*size < len(f); n++ {
		copy(f[n*size+5:], data[n*width:(n+1)*width])
	}
	return f
}

// gatt is where all of them are spoken to by Bluetooth. What is behind it, only an answer tells.
func gatt() link.GATT {
	return link.GATT{Services: []string{"fff0"}, Notify: "fff1", Write: "fff2", Names: []string{"DL-*"}}
}

// byRadio begins with the host that is usual there. Which one a board listens to is not written on it.
func byRadio(d drivers.Driver) drivers.Driver {
	open := d.Open
	d.Open = func(c link.Conn, address uint16, options any) (drivers.Device, error) {
		dev, err := open(c, address, options)
		if board, ok := dev.(*wire.Controller); ok && c.Kind() == link.BLE {
			board.Readdress(bluetooth)
		}
		return dev, err
	}
	d.Detect = wire.Detect(d.Open)
	return d
}
