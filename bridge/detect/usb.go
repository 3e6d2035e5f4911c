package detect

import (
	"os"
	"path/filepath"
	"strings"
)

// usbDevice is what the kernel knows of the device behind a port.
type usbDevice struct {
	id                            string // vendor:product, "" where it hangs on no USB
	product, manufacturer, serial string
	socket                        string // 1-1.3
}

// usb finds the USB device that the folder of a port in /sys belongs to: the nearest one above it with a vendor.
func (m *machine) usb(folder string) usbDevice {
	real, err := filepath.EvalSymlinks(folder)
	if err != nil {
		return usbDevice{}
	}
	for dir := real; len(dir) > len(m.root); dir = filepath.Dir(dir) {
		if vendor := read(dir, "idVendor"); vendor != "" {
			return usbDevice{
				id: vendor + ":" + read(dir, "idProduct"), product: read(dir, "product"), manufacturer: read(dir, "manufacturer"),
				serial: read(dir, "serial"), socket: filepath.Base(dir),
			}
		}
	}
	return usbDevice{}
}

// title is what the plug says of itself, without saying it twice.
func (u *usbDevice) title() string {
	switch {
	case u.product == "" && u.manufacturer == "":
		return "USB device " + u.id
	case u.product == "" || strings.Contains(u.manufacturer, u.product):
		return u.manufacturer
	case u.manufacturer == "" || strings.Contains(u.product, u.manufacturer):
		return u.product
	}
	return u.manufacturer + " " + u.product
}

func read(folder, name string) string {
	text, _ := os.ReadFile(filepath.Join(folder, name)) // what is not there is not known
	return strings.TrimSpace(string(text))
}

// What a plug can be.
const (
	inverter = "Voltronic inverter, or a UPS with the same USB chip"
	ups      = "UPS"
	adapter  = "unknown device behind a USB adapter"
	victron  = "Victron device on a VE.Direct cable"
	radio    = "radio stick (Zigbee, Z-Wave, Thread or another)"
	modem    = "mobile modem"
	gps      = "GPS receiver"
	board    = "microcontroller board"
	meter    = "electricity meter reader"
)

// plugs tells by vendor:product, and by a word in what a plug says of itself, what it probably is. The first row that fits counts: a
// radio is told from the bare adapter chip it is made of by its words. Sources: the tables by which Home Assistant finds USB sticks, the
// udev rules of ModemManager and gpsd, usb.ids.
var plugs = []struct {
	id, word string // id: vendor:product, "vendor:", or "" for any; word in lower case, "" for any
	is       string
	ticked   bool
}{
	{"0665:5161", "", inverter, true},
	{"", "ve direct", victron, true},
	{"", "ve.direct", victron, true},

	{"", "zigbee", radio, false},
	{"", "z-wave", radio, false},
	{"", "zwave", radio, false},
	{"", "z-stick", radio, false},
	{"", "zooz", radio, false},
	{"", "zwa-2", radio, false},
	{"", "zbt-", radio, false},
	{"", "skyconnect", radio, false},
	{"", "conbee", radio, false},
	{"", "dresden", radio, false},
	{"", "sonoff", radio, false},
	{"", "slzb", radio, false},
	{"", "smlight", radio, false},
	{"", "tubeszb", radio, false},
	{"", "zigstar", radio, false},
	{"", "zigate", radio, false},
	{"", "2652", radio, false},
	{"", "2531", radio, false},
	{"", "thread", radio, false},
	{"", "rfxtrx", radio, false},
	{"", "enocean", radio, false},
	{"", "bv 2010/10", radio, false},
	{"0658:0200", "", radio, false},
	{"10c4:8a2a", "", radio, false},
	{"10c4:8b34", "", radio, false},
	{"1cf1:", "", radio, false},
	{"0451:3410", "", adapter, true},
	{"0451:", "", radio, false},
	{"1915:", "", radio, false},
	{"10bf:", "", radio, false},

	{"", "modem", modem, false},
	{"", "gsm", modem, false},
	{"", " lte", modem, false},
	{"12d1:", "", modem, false},
	{"19d2:", "", modem, false},
	{"2c7c:", "", modem, false},
	{"1199:", "", modem, false},
	{"1e0e:", "", modem, false},
	{"1bc7:", "", modem, false},
	{"0af0:", "", modem, false},

	{"", "gps", gps, false},
	{"", "gnss", gps, false},
	{"", "u-blox", gps, false},
	{"1546:", "", gps, false},

	{"", "arduino", board, false},
	{"2341:", "", board, false},
	{"303a:", "", board, false},
	{"2e8a:", "", board, false},
	{"16c0:", "", board, false},

	{"", "rainforest", meter, false},
	{"", "p1 converter", meter, false},

	{"051d:", "", ups, false},
	{"0764:", "", ups, false},
	{"0463:", "", ups, false},

	{"1a86:", "", adapter, true},
	{"0403:", "", adapter, true},
	{"10c4:", "", adapter, true},
	{"067b:", "", adapter, true},
	{"04e2:", "", adapter, true},
}

// guess says what a device probably is, and whether it is worth looking at without being asked to.
func (u *usbDevice) guess() (is string, ticked bool) {
	said := strings.ToLower(u.manufacturer + " " + u.product)
	for _, p := range plugs {
		if (u.id == p.id || p.id == "" || strings.HasSuffix(p.id, ":") && strings.HasPrefix(u.id, p.id)) && strings.Contains(said, p.word) {
			return p.is, p.ticked
		}
	}
	return "unknown USB device", false
}
