package detect

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"sunwire/bridge/config"
	"sunwire/drivers/link"
)

var (
	ch340   = stick{"1-1.1", "1a86:7523", "", "USB2.0-Serial", ""}
	ch340b  = stick{"1-1.2", "1a86:7523", "", "USB2.0-Serial", ""}
	ftdi    = stick{"1-1.3", "0403:6001", "FTDI", "FT232R USB UART", "A50285BI"}
	zigbee  = stick{"1-1.4", "10c4:ea60", "Silicon Labs", "Sonoff Zigbee 3.0 USB Dongle Plus", "f0a1"}
	cables  = stick{"1-1.5", "0403:6015", "VictronEnergy BV", "VE Direct cable", "VE4YV"}
	voltron = stick{"1-1.6", "0665:5161", "INNO TECH", "USB to Serial", ""}
)

// listed is a port in short, for comparing.
func listed(root string) (lines []string) {
	for _, p := range Ports(root) {
		mark := " "
		if p.Ticked {
			mark = "x"
		}
		line := fmt.Sprintf("%s %s | %s | %s", mark, p.Text, p.Title, p.Guess)
		if p.Problem != nil {
			line += " ! " + p.Problem.What + " > " + p.Problem.Mend
		}
		lines = append(lines, line)
	}
	return lines
}

func same(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestPortsAreListedByNamesThatLast(t *testing.T) {
	m := newMade(t)
	m.tty("ttyUSB0", ftdi, "usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0", "pci-usb-0:1.3:1.0-port0")
	m.tty("ttyUSB1", ch340, "", "pci-usb-0:1.1:1.0-port0")
	m.link("dev/serial/by-path/pci-usbv2-0:1.1:1.0-port0", "dev/ttyUSB1")
	m.tty("ttyACM0", stick{"1-1.7", "12d1:1506", "HUAWEI", "HUAWEI Mobile", ""}, "", "")
	m.builtin("ttyAMA0", "32")
	m.link("dev/serial0", "dev/ttyAMA0")
	m.builtin("ttyS0", "4")
	m.builtin("ttyS1", "0")
	m.hidraw(0, voltron, "INNO TECH USB to Serial", false)
	m.hidraw(1, stick{"1-1.8", "046d:c31c", "Logitech", "USB Keyboard", ""}, "Logitech USB Keyboard", true)
	m.hidraw(2, stick{"1-1.9", "051d:0002", "APC", "Back-UPS ES", "3B"}, "American Power Conversion Back-UPS", false)
	same(t, listed(m.root),
		"x serial:/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0 | FTDI FT232R USB UART | unknown device behind a USB adapter",
		"x serial:/dev/serial/by-path/pci-usb-0:1.1:1.0-port0 | USB2.0-Serial | unknown device behind a USB adapter",
		"  serial:/dev/ttyACM0 | HUAWEI Mobile | mobile modem",
		"  serial:/dev/serial0 | serial port of the board | unknown device, if any",
		"  serial:/dev/ttyS0 | serial port of the board | unknown device, if any",
		"x hid:0665:5161 | INNO TECH USB to Serial | Voltronic inverter, or a UPS with the same USB chip",
		"  hid:051d:0002 | American Power Conversion Back-UPS | UPS",
	)
	if p := Ports(m.root)[2]; !strings.Contains(p.Note, "after a restart") || p.ID != "12d1:1506" || p.Path != "/dev/ttyACM0" {
		t.Errorf("%+v", p)
	}
	if p := Ports(m.root)[5]; !slices.Contains(p.Drivers, "pi30") || p.Kind != link.HID {
		t.Errorf("%+v", p)
	}
}

// Whichever was plugged in last has the name by-id of both: with it, the readings of two inverters would change places.
func TestTwoAdaptersAlikeAreNeverConfused(t *testing.T) {
	m := newMade(t)
	m.tty("ttyUSB0", ch340, "usb-1a86_USB2.0-Serial-if00-port0", "pci-usb-0:1.1:1.0-port0")
	same(t, listed(m.root), "x serial:/dev/serial/by-id/usb-1a86_USB2.0-Serial-if00-port0 | USB2.0-Serial | unknown device behind a USB adapter")
	m.tty("ttyUSB1", ch340b, "usb-1a86_USB2.0-Serial-if00-port0", "pci-usb-0:1.2:1.0-port0")
	same(t, listed(m.root),
		"x serial:/dev/serial/by-path/pci-usb-0:1.1:1.0-port0 | USB2.0-Serial | unknown device behind a USB adapter",
		"x serial:/dev/serial/by-path/pci-usb-0:1.2:1.0-port0 | USB2.0-Serial | unknown device behind a USB adapter",
	)
	for _, p := range Ports(m.root) {
		if !strings.Contains(p.Note, "USB socket") {
			t.Errorf("%s: %q", p.Text, p.Note)
		}
	}

	m.hidraw(0, voltron, "USB to Serial", false)
	m.hidraw(1, stick{"1-1.10", "0665:5161", "INNO TECH", "USB to Serial", ""}, "USB to Serial", false)
	if got := listed(m.root)[2:]; !strings.HasPrefix(got[0], "x hid:usb-1.6 |") || !strings.HasPrefix(got[1], "x hid:usb-1.10 |") {
		t.Errorf("%q", got)
	}
}

func TestWhatIsNoInverterIsNeverTicked(t *testing.T) {
	for _, c := range []struct {
		stick
		is     string
		ticked bool
	}{
		{zigbee, radio, false},
		{stick{id: "1a86:55d4", manufacturer: "ITEAD", product: "SONOFF Zigbee 3.0 USB Dongle Plus V2"}, radio, false},
		{stick{id: "10c4:ea60", manufacturer: "Nabu Casa", product: "SkyConnect v1.0"}, radio, false},
		{stick{id: "10c4:ea60", manufacturer: "Nabu Casa", product: "Home Assistant Connect ZBT-1"}, radio, false},
		{stick{id: "303a:4001", manufacturer: "Nabu Casa", product: "ZWA-2"}, radio, false},
		{stick{id: "0658:0200"}, radio, false},
		{stick{id: "1cf1:0030", manufacturer: "dresden elektronik ingenieurtechnik GmbH", product: "ConBee II"}, radio, false},
		{stick{id: "0403:6015", manufacturer: "dresden elektronik", product: "ConBee III"}, radio, false},
		{stick{id: "10c4:8a2a", product: "HubZ Smart Home Controller"}, radio, false},
		{stick{id: "0451:16a8", manufacturer: "Texas Instruments", product: "TI CC2531 USB CDC"}, radio, false},
		{stick{id: "0403:6001", manufacturer: "RFXCOM", product: "RFXtrx433"}, radio, false},
		{stick{id: "1915:cafe", product: "nRF52840 OpenThread"}, radio, false},
		{stick{id: "2c7c:0125", manufacturer: "Quectel", product: "EC25-EU"}, modem, false},
		{stick{id: "1546:01a7", manufacturer: "u-blox AG - www.u-blox.com", product: "u-blox 7 - GPS/GNSS Receiver"}, gps, false},
		{stick{id: "2341:0043", manufacturer: "Arduino (www.arduino.cc)"}, board, false},
		{stick{id: "9999:0001", product: "Thing"}, "unknown USB device", false},
		{cables, victron, true},
		{ftdi, adapter, true},
		{ch340, adapter, true},
		{stick{id: "0451:3410", product: "TUSB3410"}, adapter, true},
		{stick{id: "067b:2303", manufacturer: "Prolific Technology Inc.", product: "USB-Serial Controller"}, adapter, true},
		{stick{id: "10c4:ea60", manufacturer: "Silicon Labs", product: "CP2102 USB to UART Bridge Controller"}, adapter, true},
	} {
		u := usbDevice{id: c.id, manufacturer: c.manufacturer, product: c.product}
		if is, ticked := u.guess(); is != c.is || ticked != c.ticked {
			t.Errorf("%s %s is %s, ticked: %t", c.id, c.product, is, ticked)
		}
	}
}

func TestAPortThatIsInUseIsNotTickedAndItsHolderNamed(t *testing.T) {
	m := newMade(t)
	m.tty("ttyUSB0", ftdi, "", "")
	m.tty("ttyUSB1", ch340, "", "")
	m.tty("ttyUSB2", cables, "", "")
	m.hidraw(0, voltron, "USB to Serial", false)
	m.process(812, "/usr/bin/python3 /usr/local/bin/mpp-solar -p /dev/ttyUSB0", "0::/system.slice/mpp-solar.service", "/dev/ttyUSB0")
	m.process(813, "/usr/sbin/sunwire run", "0::/system.slice/sunwire.service", "/dev/ttyUSB1")
	m.process(os.Getpid(), "/usr/sbin/sunwire detect", "0::/user.slice/session-1.scope", "/dev/ttyUSB2")
	m.process(815, "/opt/reader --all", "0::/user.slice/user-1000.slice/session-3.scope", "/dev/hidraw0")
	want := []string{
		"in use by mpp-solar (process 812): two programs on one line get each other's replies > sudo systemctl stop mpp-solar.service",
		"the sunwire that runs already (process 813) reads a device here > sudo systemctl stop sunwire.service",
		"this sunwire itself reads a device here > ",
		"in use by reader (process 815): two programs on one line get each other's replies > sudo kill 815",
	}
	got := listed(m.root)
	for i, w := range want {
		if i >= len(got) || !strings.HasSuffix(got[i], w) || got[i][0] != ' ' {
			t.Errorf("want %q in %q", w, got)
		}
	}
}

func TestTheConsoleIsNotTakenForADevice(t *testing.T) {
	m := newMade(t)
	m.builtin("ttyAMA0", "32")
	m.file("sys/class/tty/console/active", "tty0 ttyAMA0\n")
	ports := Ports(m.root)
	if len(ports) != 1 || ports[0].Problem == nil || !strings.Contains(ports[0].Problem.Mend, "raspi-config") {
		t.Errorf("%+v", ports)
	}
}

func TestTheBusesOfAPCAreLeftAlone(t *testing.T) {
	m := newMade(t)
	for n, name := range []string{"SMBus I801 adapter at efa0", "i915 gmbus dpb"} {
		m.file(fmt.Sprintf("dev/i2c-%d", n), "")
		m.file(fmt.Sprintf("sys/class/i2c-dev/i2c-%d/name", n), name+"\n")
	}
	same(t, listed(m.root),
		"  i2c:0 | SMBus I801 adapter at efa0 | part of this machine: its screens, its memory",
		"  i2c:1 | i915 gmbus dpb | part of this machine: its screens, its memory",
	)
	m.file("proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.4\x00")
	if got := listed(m.root); got[0][0] != ' ' || got[1] != "x i2c:1 | i915 gmbus dpb | sensors on the pin header" {
		t.Errorf("%q", got)
	}
}

func TestAPiWithoutABusIsToldHowToTurnItOn(t *testing.T) {
	m := newMade(t)
	if got := listed(m.root); got != nil {
		t.Errorf("an empty machine has %q", got)
	}
	m.file("proc/device-tree/model", "Raspberry Pi 5 Model B Rev 1.0\x00")
	same(t, listed(m.root), "  i2c:1 | Raspberry Pi 5 Model B Rev 1.0 | sensors on the pin header ! I2C is turned off > sudo raspi-config nonint do_i2c 0, then restart")
}

func TestEveryNameThatIsListedCanBeConfigured(t *testing.T) {
	m := newMade(t)
	m.tty("ttyUSB0", ftdi, "usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0", "")
	m.tty("ttyUSB1", ch340, "", "platform-fd500000.pcie-pci-0000:01:00.0-usb-0:1.1:1.0-port0")
	m.hidraw(0, voltron, "USB to Serial", false)
	m.hidraw(1, stick{"1-1.4.2", "0665:5161", "", "", ""}, "USB to Serial", false)
	m.file("dev/i2c-1", "")
	for _, p := range Ports(m.root) {
		if at, _, err := config.ParsePort(p.Text, nil); err != nil || at.Kind != p.Kind {
			t.Errorf("%s: %+v, %v", p.Text, at, err)
		}
	}
}

func TestAPortIsFoundByWhateverItIsCalled(t *testing.T) {
	known := []Port{
		{Text: "serial:/dev/serial/by-id/usb-FTDI-if00", Kind: link.Serial, Path: "/dev/ttyUSB0", Title: "FTDI"},
		{Text: "hid:0665:5161", Kind: link.HID, Path: "/dev/hidraw3", Title: "Voltronic"},
		{Text: "i2c:1", Kind: link.I2C, Path: "/dev/i2c-1", Title: "bus"},
	}
	for text, want := range map[string]struct{ text, title string }{
		"/dev/ttyUSB0":                           {known[0].Text, "FTDI"},
		"serial:/dev/ttyUSB0":                    {known[0].Text, "FTDI"},
		"serial:/dev/ttyUSB0?baud=9600":          {known[0].Text + "?baud=9600", "FTDI"},
		"serial:/dev/serial/by-id/usb-FTDI-if00": {known[0].Text, "FTDI"},
		"/dev/hidraw3":                           {"hid:0665:5161", "Voltronic"},
		"hid:0665:5161":                          {"hid:0665:5161", "Voltronic"},
		"hid:/dev/hidraw3":                       {"hid:0665:5161", "Voltronic"},
		"i2c:1":                                  {"i2c:1", "bus"},
		"i2c:1/0x77":                             {"i2c:1/0x77", "bus"},
		"serial:/dev/ttyUSB7":                    {"serial:/dev/ttyUSB7", "/dev/ttyUSB7"},
		"tcp://192.168.1.20:8899":                {"tcp://192.168.1.20:8899", "192.168.1.20:8899"},
	} {
		if p, err := Find(text, known); err != nil || p.Text != want.text || p.Title != want.title {
			t.Errorf("%s: %+v, %v", text, p, err)
		}
	}
	for _, text := range []string{"", "ttyUSB0", "sim:", "mqtt:", "http://192.168.1.1", "i2c:1/77"} {
		if p, err := Find(text, known); err == nil {
			t.Errorf("%q: %+v", text, p)
		}
	}
}

func TestAPortThatThisUserMayNotOpenSaysWhichGroupMay(t *testing.T) {
	m := newMade(t)
	gid := os.Getgid()
	m.tty("ttyUSB0", ftdi, "", "")
	m.hidraw(0, voltron, "USB to Serial", false)
	m.tty("ttyUSB1", cables, "", "")
	line, cable := filepath.Join(m.root, "dev/ttyUSB0"), filepath.Join(m.root, "dev/hidraw0")
	if os.Getuid() == 0 { // the listing runs as nobody
		gid = 20
		if err := errors.Join(os.Chown(line, 0, gid), os.Chown(cable, 0, gid)); err != nil {
			t.Fatal(err)
		}
	}
	m.file("etc/group", fmt.Sprintf("root:x:0:\ndialout:x:%d:pi\n", gid))
	if err := errors.Join(os.Chmod(line, 0o060), os.Chmod(cable, 0), os.Chmod(filepath.Join(m.root, "dev/ttyUSB1"), 0o666), os.Chmod(filepath.Dir(m.root), 0o755)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe")
	cmd.Env = append(os.Environ(), listRoot+"="+m.root)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(strings.TrimRight(string(out), "\n"), "\n")
	for i, want := range []string{
		"this user may not open /dev/ttyUSB0 > sudo usermod -aG dialout USER (the user that sunwire runs as), then log in again",
		victron,
		"this user may not open /dev/hidraw0 > install sunwire's udev rule and plug it in again; in the add-on: restart it once",
	} {
		if i >= len(got) || !strings.HasSuffix(got[i], want) || (got[i][0] == 'x') != (want == victron) {
			t.Errorf("want %q in %q", want, got)
		}
	}
}

func TestListingTwiceGivesTheSame(t *testing.T) {
	m := newMade(t)
	m.tty("ttyUSB0", ftdi, "usb-FTDI-if00", "")
	m.hidraw(0, voltron, "x", false)
	if a, b := Ports(m.root), Ports(m.root); !reflect.DeepEqual(a, b) {
		t.Errorf("%+v, then %+v", a, b)
	}
}
