// Package detect finds what is plugged in. Ports and Conflicts list what there is and open nothing; Probe opens the ports that the user
// named, listens, and asks only what reads. Nothing here prints: the command line and the page show the same results.
package detect

import (
	"path/filepath"
	"slices"

	"sunwire/drivers"
	"sunwire/drivers/all"
	"sunwire/drivers/link"
)

// Port is a place where a device may hang.
type Port struct {
	Text    string    `json:"port"` // as the configuration has it: serial:/dev/serial/by-id/..., hid:0665:5161, i2c:1
	Kind    link.Kind `json:"kind"`
	Path    string    `json:"path,omitempty"`    // the device file, which may have another number after the next plugging; "" on a network
	Title   string    `json:"title"`             // what the plug says of itself
	ID      string    `json:"id,omitempty"`      // USB vendor:product
	Guess   string    `json:"guess"`             // what it probably is
	Note    string    `json:"note,omitempty"`    // what the user should know about this name
	Ticked  bool      `json:"ticked"`            // worth looking at without being asked to
	Drivers []string  `json:"drivers,omitempty"` // to be tried, in this order
	*Radio            // of a Bluetooth device
	Problem *Problem  `json:"problem,omitempty"` // why it cannot be opened now
}

// Problem is something that is wrong, and what the user can do about it.
type Problem struct {
	What string `json:"what"`
	Mend string `json:"mend,omitempty"`
}

// Ports lists the serial ports, HID devices and I2C buses of this machine without opening any: another program may be using them. root
// is the file system's, "/" but for tests.
func Ports(root string) []Port {
	m := machine{root: root, processes: processes(root)}
	ports := slices.Concat(m.serialPorts(), m.hidPorts(), m.buses())
	for i := range ports {
		p := &ports[i]
		p.Title = oneLine(p.Title)
		for _, d := range candidates(p.Kind, all.Drivers(), nil) {
			p.Drivers = append(p.Drivers, d.Name)
		}
		if p.Problem == nil && p.Path != "" {
			p.Problem = m.closed(p)
		}
		p.Ticked = p.Ticked && p.Problem == nil && len(p.Drivers) > 0
	}
	return ports
}

// candidates are the drivers that can be looked for on such a link. Those that might write to another device by it need to be named.
func candidates(kind link.Kind, ds []drivers.Driver, named []string) (fit []drivers.Driver) {
	for _, d := range ds {
		wanted := slices.Contains(named, d.Name)
		if d.Detect != nil && slices.Contains(d.Links, kind) && (wanted || len(named) == 0 && !d.Careful) {
			fit = append(fit, d)
		}
	}
	return fit
}

// machine is the file system of the machine that is looked at.
type machine struct {
	root      string
	processes []process
}

func (m *machine) at(name string) string { return filepath.Join(m.root, name) }

func (m *machine) glob(pattern string) []string {
	found, _ := filepath.Glob(m.at(pattern)) // the only error is a bad pattern
	return found
}

// closed is why p cannot be opened now, as far as that shows from outside.
func (m *machine) closed(p *Port) *Problem {
	if p.Kind != link.I2C { // the kernel keeps the transfers of several programs on a bus apart
		for i := range m.processes {
			if h := &m.processes[i]; slices.Contains(h.files, p.Path) {
				return h.holds()
			}
		}
	}
	return m.denied(p)
}
