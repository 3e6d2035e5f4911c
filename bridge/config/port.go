package config

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"sunwire/drivers"
	"sunwire/drivers/link"
)

// scheme is one way to write a port.
type scheme struct {
	name    string
	kind    link.Kind
	example string
	address func(text string) (address, wrong string) // in the form that Port.Address has
	params  []param                                   // nil: what stands behind ? belongs to the address
}

// param is one parameter of a port, NAME=VALUE behind the question mark.
type param struct {
	name string
	form *regexp.Regexp
	want string
}

var (
	baud = param{"baud", regexp.MustCompile(`^[1-9][0-9]{1,7}$`), "the speed of the line, such as 2400"}
	echo = param{"echo", regexp.MustCompile(`^[01]$`), "1 where the adapter hears what it sends itself, else 0"}

	serialParams = []param{
		baud, echo,
		{"parity", regexp.MustCompile(`^[NEO]$`), "N (none), E (even) or O (odd)"},
		{"stop", regexp.MustCompile(`^(1|1\.5|2)$`), "1, 1.5 or 2"},
	}
	tcpParams = []param{echo}
	bleParams = []param{
		{"adapter", regexp.MustCompile(`^hci[0-9]{1,3}$`), "the Bluetooth adapter, such as hci0"},
		{"keep", regexp.MustCompile(`^(true|false|1|0)$`), "true to stay connected between two readings, else false"},
	}
	simParams = []param{baud, {"seed", regexp.MustCompile(`^[0-9]{1,9}$`), "a whole number"}}
	none      = []param{}

	schemes = []scheme{
		{"serial", link.Serial, "serial:/dev/ttyUSB0?baud=2400", serialAddress, serialParams},
		{"hid", link.HID, "hid:0665:5161", hidAddress, none},
		{"tcp", link.TCP, "tcp://192.168.1.20:8899", hostPort, tcpParams},
		{"udp", link.UDP, "udp://192.168.1.20:8899", hostPort, none},
		{"ble", link.BLE, "ble:C8:47:8C:12:34:56", bluetooth, bleParams},
		{"i2c", link.I2C, "i2c:1/0x76", i2cBus, none},
		{"http", link.HTTP, "http://192.168.1.20", web, nil},
		{"https", link.HTTP, "https://api.example.org", web, nil},
		{"mqtt", link.MQTT, "mqtt:", ownBroker, nil},
		{"files", link.File, "files:", folder, none},
		{"sim", "", "sim:", nothing, simParams},
		{"replay", "", "replay:/home/pi/inverter.txtar", recording, nil},
	}
)

// ParsePort reads a port as it is written in the configuration, for driver d (nil: any). address is that of i2c:BUS/ADDRESS, 0 where
// none is written. A plain path is serial or hid by its name; where the name does not tell, Kind is serial and what it really is shows
// when it is opened. No error shows an address: it may have credentials.
func ParsePort(text string, d *drivers.Driver) (port Port, address uint16, err error) {
	s, rest, err := schemeOf(text, d)
	if err != nil {
		return Port{}, 0, err
	}
	port = Port{Text: public(text), Kind: s.kind, Sim: s.name == "sim", Replay: s.name == "replay"}
	if s.params != nil {
		var query string
		rest, query, _ = strings.Cut(rest, "?")
		if port.Params, err = s.parse(query); err != nil {
			return Port{}, 0, err
		}
	}
	if s.kind == link.I2C {
		if rest, address, err = chip(rest); err != nil {
			return Port{}, 0, err
		}
	}
	if strings.HasPrefix(s.name, "http") {
		rest = s.name + ":" + rest
	}
	var wrong string
	if port.Address, wrong = s.address(rest); wrong != "" {
		return Port{}, 0, fmt.Errorf("%s; write it as in %s", wrong, s.example)
	}
	if err := s.usable(d); err != nil {
		return Port{}, 0, err
	}
	return port, address, nil
}

// schemeOf finds what the text begins with, or what a plain path is by its name.
func schemeOf(text string, d *drivers.Driver) (s scheme, rest string, err error) {
	name, rest, colon := strings.Cut(text, ":")
	if strings.HasPrefix(text, "/") {
		name, rest = pathScheme(text, d), text
	} else if !colon {
		return s, "", fmt.Errorf("does not say what kind of port it is; %s", howTo(d))
	}
	i := slices.IndexFunc(schemes, func(s scheme) bool { return s.name == name })
	if i >= 0 {
		return schemes[i], rest, nil
	}
	var names []string
	for _, s := range schemes {
		names = append(names, s.name)
	}
	if near := nearest(name, names); near != "" {
		return s, "", fmt.Errorf("there are no ports called %s:; did you mean %s:?", name, near)
	}
	return s, "", fmt.Errorf("does not begin with a kind of port; %s", howTo(d))
}

// pathScheme guesses by the name, and where that tells nothing by what the driver can use.
func pathScheme(path string, d *drivers.Driver) string {
	switch base := filepath.Base(path); {
	case strings.HasPrefix(base, "hidraw"):
		return "hid"
	case strings.HasPrefix(base, "i2c-"), strings.Contains(path, "/i2c-"):
		return "i2c"
	case strings.HasPrefix(base, "tty"), strings.Contains(path, "/serial/"), strings.Contains(path, "/pts/"):
		return "serial"
	}
	if d != nil && !slices.Contains(d.Links, link.Serial) && slices.Contains(d.Links, link.HID) {
		return "hid"
	}
	return "serial"
}

// howTo is how a port is written that the driver can use.
func howTo(d *drivers.Driver) string {
	var ways []string
	for _, s := range schemes {
		if s.name == "sim" || s.name != "https" && s.kind != "" && (d == nil || slices.Contains(d.Links, s.kind)) {
			ways = append(ways, s.example)
		}
	}
	return "write it as in " + strings.Join(ways, ", ")
}

// usable checks that the driver can use such a port.
func (s *scheme) usable(d *drivers.Driver) error {
	switch {
	case d == nil || s.name == "replay" || slices.Contains(d.Links, s.kind):
		return nil
	case s.name != "sim":
		return fmt.Errorf("%s cannot use %s: ports; %s", d.Name, s.name, howTo(d))
	case d.Simulate == nil:
		return fmt.Errorf("%s has no simulator", d.Name)
	}
	return nil
}

// parse reads and checks the parameters.
func (s *scheme) parse(query string) (url.Values, error) {
	if query == "" {
		return nil, nil
	}
	var names []string
	for _, p := range s.params {
		names = append(names, p.name)
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, fmt.Errorf("behind ? stand NAME=VALUE, joined by &, as in %s", s.example)
	}
	var wrong []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		vs := values[name]
		i := slices.Index(names, name)
		switch {
		case i < 0:
			wrong = append(wrong, fmt.Sprintf("%s: takes no %q; %s", s.name, name, instead(name, names)))
			continue
		case len(vs) > 1:
			wrong = append(wrong, fmt.Sprintf("%s stands there twice", name))
		}
		if name == "parity" {
			vs[0] = strings.ToUpper(vs[0])
		}
		if !s.params[i].form.MatchString(vs[0]) {
			wrong = append(wrong, fmt.Sprintf("%s is %s", name, s.params[i].want))
		}
	}
	if len(wrong) > 0 {
		return nil, errors.New(strings.Join(wrong, "; "))
	}
	return values, nil
}

var (
	usbID     = regexp.MustCompile(`^[0-9a-fA-F]{4}:[0-9a-fA-F]{4}$`)
	usbSocket = regexp.MustCompile(`^usb-[0-9]+([.-][0-9]+)*$`)
	bleID     = regexp.MustCompile(`^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}$`)
	comPort   = regexp.MustCompile(`^COM[0-9]+$`)
	i2cPath   = regexp.MustCompile(`^(?:/dev/i2c-)?([0-9]{1,3})(/0x7[0-7]\.[0-7])?(?:/(.*))?$`)
)

func serialAddress(text string) (address, wrong string) {
	if !strings.HasPrefix(text, "/") && !comPort.MatchString(text) {
		return "", "a serial port is a whole path"
	}
	return text, ""
}

func hidAddress(text string) (address, wrong string) {
	switch {
	case usbID.MatchString(text):
		return strings.ToLower(text), ""
	case strings.HasPrefix(text, "/"), usbSocket.MatchString(text):
		return text, ""
	}
	return "", "a HID port is VENDOR:PRODUCT in hexadecimal, a path such as /dev/hidraw0, or a socket such as usb-1.3"
}

func bluetooth(text string) (address, wrong string) {
	if !bleID.MatchString(text) {
		return "", "a Bluetooth device is six pairs of hexadecimal digits; \"sunwire detect --bluetooth\" lists them"
	}
	return strings.ToUpper(text), ""
}

func hostPort(text string) (address, wrong string) {
	host, port, err := net.SplitHostPort(strings.TrimPrefix(text, "//"))
	if n, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || n == 0 || host == "" || strings.ContainsAny(host, "/@") {
		return "", "wants a host and a port number from 1 to 65535"
	}
	return net.JoinHostPort(host, port), ""
}

// chip takes bus and address of i2c:BUS/ADDRESS apart. The bus may be one channel of a multiplexer: i2c:BUS/MULTIPLEXER.CHANNEL/ADDRESS.
func chip(text string) (bus string, address uint16, err error) {
	m := i2cPath.FindStringSubmatch(text)
	if m == nil || m[3] == "" {
		return text, 0, nil
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(m[3], "0x"), 16, 16)
	switch {
	case strings.Contains(m[3], "."):
		return "", 0, errors.New("a multiplexer is at 0x70 to 0x77 and has channels 0 to 7, as in i2c:1/0x70.3/0x76")
	case err != nil || !strings.HasPrefix(m[3], "0x") || n < 0x03 || n > 0x77:
		return "", 0, errors.New("the address on the bus is written 0x03 to 0x77, in hexadecimal, as in i2c:1/0x76")
	}
	return m[1] + m[2], uint16(n), nil
}

// i2cBus is the number of the bus, and behind a slash the multiplexer and its channel.
func i2cBus(text string) (address, wrong string) {
	m := i2cPath.FindStringSubmatch(text)
	if m == nil || m[3] != "" || strings.HasSuffix(text, "/") {
		return "", "an I2C port is the number of the bus, or /dev/i2c-NUMBER, and the address of the chip"
	}
	return m[1] + m[2], ""
}

func web(text string) (address, wrong string) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "":
		return "", "wants a host"
	case u.User != nil:
		return "", "user and password have no place in a port, it is shown on the page"
	}
	return text, ""
}

// folder is the one that has what is in /sys; "" is /sys.
func folder(text string) (address, wrong string) {
	if text != "" && !strings.HasPrefix(text, "/") {
		return "", "files: stands alone, for what Linux itself measures, or with the whole path of a folder like /sys"
	}
	return text, ""
}

func ownBroker(text string) (address, wrong string) {
	if text != "" {
		return "", "is the broker of this sunwire, and has no address"
	}
	return "", ""
}

func nothing(text string) (address, wrong string) {
	if text != "" {
		return "", "a simulation has no address"
	}
	return "", ""
}

func recording(text string) (address, wrong string) {
	if text == "" {
		return "", "wants the path of a recording"
	}
	return text, ""
}
