package detect

import (
	"cmp"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Conflict is a program that takes ports away from sunwire, or talks in between.
type Conflict struct {
	Program string `json:"program"`
	Why     string `json:"why"`
	State   string `json:"state"` // running or enabled, and where that shows
	Mend    string `json:"mend"`  // the command that stops it, also after the next start
}

// rivals are the programs that are known to do so. A pattern is one of path.Match.
var rivals = []struct {
	program, why string
	names        []string // of its processes
	units        []string // of its services
	rules        []string // files by which udev starts it; then its units have to be masked
}{
	{"mpp-solar", "it reads the same inverters", []string{"mpp-solar", "mppsolar", "jkbms"}, []string{"mpp-solar*.service", "mppsolar*.service", "jkbms*.service"}, nil},
	{"powermon", "it reads the same inverters", []string{"powermon"}, []string{"powermon*.service"}, nil},
	{"inverter_poller", "it reads the same inverters", []string{"inverter_poller", "inverter-mqtt", "inverter-mqtt.sh"}, []string{"inverter-mqtt*.service", "inverter_poller*.service"}, nil},
	{"SolPipLog", "it reads the same inverters", []string{"solpiplog*", "SolPipLog*"}, []string{"solpiplog*.service"}, nil},
	{
		"NUT", "its drivers take an inverter's USB port for a UPS",
		[]string{"nutdrv_qx", "blazer_usb", "blazer_ser", "usbhid-ups", "nutdrv_atcl_usb"},
		[]string{"nut-driver.target", "nut-driver.service", "nut-driver@*.service", "nut-driver-enumerator*"},
		nil,
	},
	{"ModemManager", "it tries on each new serial port whether a modem answers", []string{"ModemManager"}, []string{"ModemManager.service"}, nil},
	{
		"brltty", "it takes CH340 and CP210x adapters for Braille displays, and their ports vanish",
		[]string{"brltty"},
		[]string{"brltty.service", "brltty-udev.service"},
		[]string{"lib/udev/rules.d/*brltty*.rules", "usr/lib/udev/rules.d/*brltty*.rules"},
	},
	{"gpsd", "it takes USB adapters for GPS receivers", []string{"gpsd"}, []string{"gpsd.service", "gpsd.socket"}, nil},
	{"ser2net", "it gives serial ports to the network", []string{"ser2net"}, []string{"ser2net.service"}, nil},
}

// Conflicts lists the programs that run, or will after the next start, and fight over ports. root is as for Ports.
func Conflicts(root string) (cs []Conflict) {
	m := machine{root, processes(root)}
	for _, r := range rivals {
		c := Conflict{Program: r.program, Why: r.why}
		var units []string
		for _, u := range r.units {
			units = append(units, m.enabled(u)...)
		}
		slices.Sort(units)
		if units = slices.Compact(units); len(units) > 0 {
			c.State, c.Mend = "enabled: "+strings.Join(units, ", "), "sudo systemctl disable --now "+strings.Join(units, " ")
		}
		if len(r.rules) > 0 && slices.ContainsFunc(r.rules, m.exists) {
			c.State, c.Mend = "started by udev", "sudo systemctl mask --now "+strings.Join(r.units, " ")
			if !slices.ContainsFunc(r.units, func(u string) bool { return !m.masked(u) }) {
				c.State, c.Mend = "", ""
			}
		}
		if i := slices.IndexFunc(m.processes, func(p process) bool { return matches(r.names, p.name) || matches(r.names, p.command) }); i >= 0 {
			p := &m.processes[i]
			c.State = fmt.Sprintf("running: process %d", p.pid)
			c.Mend = cmp.Or(c.Mend, p.stop(true))
		}
		if c.State != "" {
			cs = append(cs, c)
		}
	}
	return cs
}

func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { ok, err := path.Match(p, name); return ok && err == nil })
}

func (m *machine) exists(pattern string) bool { return len(m.glob(pattern)) > 0 }

// enabled are the services that a target wants at start, without those that are masked.
func (m *machine) enabled(pattern string) (units []string) {
	for _, found := range m.glob("etc/systemd/system/*.wants/" + pattern) {
		if u := filepath.Base(found); !m.masked(u) {
			units = append(units, u)
		}
	}
	return units
}

// masked reports whether a service is a link to nowhere, so that nobody can start it.
func (m *machine) masked(unit string) bool {
	to, err := os.Readlink(m.at("etc/systemd/system/" + unit))
	return err == nil && to == "/dev/null"
}
