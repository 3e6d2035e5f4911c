package detect

import (
	"path/filepath"
	"strings"

	"sunwire/drivers/link"
)

// buses lists the I2C buses. Ticked is the one on the pin header of a small board: a PC has its memory and its screens on such buses.
func (m *machine) buses() (ports []Port) {
	model := strings.TrimRight(read(m.at("proc/device-tree"), "model"), "\x00")
	for _, dev := range m.glob("dev/i2c-*") {
		number := strings.TrimPrefix(filepath.Base(dev), "i2c-")
		p := Port{
			Text: "i2c:" + number, Kind: link.I2C, Path: "/dev/i2c-" + number,
			Title: read(m.at("sys/class/i2c-dev/i2c-"+number), "name"), Guess: "part of this machine: its screens, its memory",
		}
		if model != "" && number == "1" {
			p.Guess, p.Ticked = "sensors on the pin header", true
		}
		ports = append(ports, p)
	}
	if len(ports) == 0 && strings.HasPrefix(model, "Raspberry Pi") {
		ports = append(ports, Port{
			Text: "i2c:1", Kind: link.I2C, Title: model, Guess: "sensors on the pin header",
			Problem: &Problem{"I2C is turned off", "sudo raspi-config nonint do_i2c 0, then restart"},
		})
	}
	return ports
}
