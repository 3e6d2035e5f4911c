package detect

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sunwire/drivers/link"
)

// hidPorts lists the HID devices that are no keyboards, mice or the like. Where several are alike, each is named by its USB socket.
func (m *machine) hidPorts() (ports []Port) {
	var sockets []string
	for _, node := range m.glob("sys/class/hidraw/hidraw*") {
		name := filepath.Base(node)
		info := hidInfo(node)
		if _, err := os.Stat(m.at("dev/" + name)); err != nil || info["HID_ID"] == "" {
			continue
		}
		u := m.usb(filepath.Join(node, "device"))
		if u.id == "" {
			continue
		}
		p := Port{Kind: link.HID, Path: "/dev/" + name, Title: info["HID_NAME"], ID: u.id, Text: "hid:" + u.id}
		if p.Title == "" {
			p.Title = u.title()
		}
		p.Guess, p.Ticked = u.guess()
		if _, err := os.Stat(filepath.Join(node, "device/input")); err == nil && !p.Ticked { // a person's hand is on it
			continue
		}
		ports, sockets = append(ports, p), append(sockets, u.socket)
	}
	for i := range ports {
		p := &ports[i]
		if slices.ContainsFunc(ports[:i], sameID(p)) || slices.ContainsFunc(ports[i+1:], sameID(p)) {
			_, place, _ := strings.Cut(sockets[i], "-")
			p.Text, p.Note = "hid:usb-"+place, "there are several like it: named by its USB socket, keep it there"
		}
	}
	return ports
}

func sameID(p *Port) func(Port) bool { return func(o Port) bool { return o.ID == p.ID } }

// hidInfo is what the kernel says of a hidraw node, such as HID_NAME=INNO TECH USB to Serial.
func hidInfo(node string) map[string]string {
	info := map[string]string{}
	for line := range strings.Lines(read(node, "device/uevent")) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			info[key] = value
		}
	}
	return info
}
