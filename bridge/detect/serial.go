package detect

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sunwire/drivers/link"
)

// serialPorts lists the lines that have a chip behind them, each by the name that stays the same after the next start.
func (m *machine) serialPorts() (ports []Port) {
	var plugged []usbDevice
	nodes := slices.Concat(m.glob("sys/class/tty/ttyUSB*"), m.glob("sys/class/tty/ttyACM*"), m.glob("sys/class/tty/ttyAMA*"), m.glob("sys/class/tty/ttyS*"))
	for _, node := range nodes {
		name := filepath.Base(node)
		if read(node, "type") == "0" { // a place without a chip
			continue
		}
		if _, err := os.Stat(m.at("dev/" + name)); err != nil { // in a container the kernel has more than there is to open
			continue
		}
		u := m.usb(filepath.Join(node, "device"))
		p := Port{Kind: link.Serial, Path: "/dev/" + name}
		if u.id != "" {
			p.Title, p.ID = u.title(), u.id
			p.Guess, p.Ticked = u.guess()
		} else {
			p.Title, p.Guess = "serial port of the board", "unknown device, if any"
			p.Problem = m.console(name)
		}
		ports, plugged = append(ports, p), append(plugged, u)
	}
	for i := range ports {
		m.name(&ports[i], plugged, i)
	}
	return ports
}

// name gives a port its lasting name. Adapters without a serial number of their own are all called the same by-id, and that name belongs
// to the one that was plugged in last: such a one goes by its USB socket where there are several.
func (m *machine) name(p *Port, plugged []usbDevice, i int) {
	byID, byPath := m.linkTo("dev/serial/by-id/*", p.Path), m.linkTo("dev/serial/by-path/*", p.Path)
	u := plugged[i]
	twins := slices.ContainsFunc(plugged, func(o usbDevice) bool { return o.id == u.id && o.serial == u.serial && o.socket != u.socket })
	if u.id != "" && twins {
		byID = ""
		p.Note = "there are several like it: named by its USB socket, keep it there"
	}
	p.Text = "serial:" + cmp.Or(byID, byPath, m.linkTo("dev/serial[0-9]", p.Path), p.Path)
	if p.Text == "serial:"+p.Path && u.id != "" {
		p.Note = fmt.Sprintf("no lasting name is known here: after a restart %s may be another device", p.Path)
	}
}

// linkTo is the first link that leads to a device file, "" where none does.
func (m *machine) linkTo(pattern, path string) string {
	want, err := filepath.EvalSymlinks(m.at(path))
	if err != nil {
		return ""
	}
	for _, l := range m.glob(pattern) {
		if real, err := filepath.EvalSymlinks(l); err == nil && real == want {
			return "/" + strings.TrimPrefix(strings.TrimPrefix(l, m.root), "/")
		}
	}
	return ""
}

// console says that Linux itself talks on a line, and lets people log in there.
func (m *machine) console(name string) *Problem {
	if !slices.Contains(strings.Fields(read(m.at("sys/class/tty/console"), "active")), name) {
		return nil
	}
	return &Problem{
		"it is the console of this machine",
		"Raspberry Pi: sudo raspi-config, Interface Options, Serial Port: no login shell, but the port hardware enabled; then restart",
	}
}
