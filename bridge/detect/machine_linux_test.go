package detect

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

// With the root of a made-up machine in listRoot, the test's binary lists its ports, as an ordinary user.
const (
	listRoot = "SUNWIRE_TEST_LIST"
	nobody   = 65534
)

func TestMain(m *testing.M) {
	if root := os.Getenv(listRoot); root != "" {
		if os.Getuid() == 0 {
			if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(nobody), syscall.Setuid(nobody)); err != nil {
				fmt.Println(err)
				return
			}
		}
		fmt.Println(strings.Join(listed(root), "\n"))
		return
	}
	goleak.VerifyTestMain(m)
}

// made is a made-up machine: a folder that looks like the root of one.
type made struct {
	t    *testing.T
	root string
}

func newMade(t *testing.T) made { return made{t, t.TempDir()} }

func (m made) file(name, text string) {
	m.t.Helper()
	path := filepath.Join(m.root, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
		m.t.Fatal(err)
	}
}

// link makes a link to a place on that machine, relative as the kernel and udev make them.
func (m made) link(name, to string) {
	m.t.Helper()
	path := filepath.Join(m.root, name)
	rel, err := filepath.Rel(filepath.Dir(path), filepath.Join(m.root, to))
	if err = errors.Join(err, os.MkdirAll(filepath.Dir(path), 0o755), os.Symlink(rel, path)); err != nil {
		m.t.Fatal(err)
	}
}

// raw makes a link that leads nowhere here, as those in /proc and those that mask a service do.
func (m made) raw(name, to string) {
	m.t.Helper()
	path := filepath.Join(m.root, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.Symlink(to, path)); err != nil {
		m.t.Fatal(err)
	}
}

// stick is a USB device in socket 1-1.3 and the like.
type stick struct{ socket, id, manufacturer, product, serial string }

const bus = "sys/devices/platform/pcie/usb1/1-1/"

func (m made) usb(s stick) (folder string) {
	vendor, product, _ := strings.Cut(s.id, ":")
	folder = bus + s.socket
	for name, text := range map[string]string{
		"idVendor": vendor, "idProduct": product, "manufacturer": s.manufacturer, "product": s.product, "serial": s.serial,
	} {
		if text != "" {
			m.file(folder+"/"+name, text+"\n")
		}
	}
	return folder
}

// tty plugs in a USB serial port. byID and byPath are the names that udev gives it, "" for none.
func (m made) tty(name string, s stick, byID, byPath string) {
	port := m.usb(s) + "/" + s.socket + ":1.0/" + name
	m.file(port+"/tty/"+name+"/dev", "188:0")
	m.link(port+"/tty/"+name+"/device", port)
	m.link("sys/class/tty/"+name, port+"/tty/"+name)
	m.file("dev/"+name, "")
	if byID != "" {
		_ = os.Remove(filepath.Join(m.root, "dev/serial/by-id", byID)) // udev gives it to the last one
		m.link("dev/serial/by-id/"+byID, "dev/"+name)
	}
	if byPath != "" {
		m.link("dev/serial/by-path/"+byPath, "dev/"+name)
	}
}

// builtin makes a port of the board; kind is its UART's type, 0 for a place without a chip.
func (m made) builtin(name, kind string) {
	folder := "sys/devices/platform/serial/tty/" + name
	m.file(folder+"/type", kind+"\n")
	m.link(folder+"/device", "sys/devices/platform/serial")
	m.link("sys/class/tty/"+name, folder)
	m.file("dev/"+name, "")
}

// hidraw plugs in a HID device; with input it is one that a person's hand is on.
func (m made) hidraw(n int, s stick, name string, input bool) {
	node := fmt.Sprintf("hidraw%d", n)
	vendor, product, _ := strings.Cut(strings.ToUpper(s.id), ":")
	hid := fmt.Sprintf("%s/%s:1.0/0003:%s:%s.%04X", m.usb(s), s.socket, vendor, product, n)
	m.file(hid+"/uevent", fmt.Sprintf("DRIVER=hid-generic\nHID_ID=0003:0000%s:0000%s\nHID_NAME=%s\n", vendor, product, name))
	m.file(hid+"/hidraw/"+node+"/dev", "240:0")
	m.link(hid+"/hidraw/"+node+"/device", hid)
	m.link("sys/class/hidraw/"+node, hid+"/hidraw/"+node)
	m.file("dev/"+node, "")
	if input {
		m.file(hid+"/input/input5/name", name)
	}
}

// process starts a program that has these devices open.
func (m made) process(pid int, cmdline, cgroup string, open ...string) {
	dir := fmt.Sprintf("proc/%d", pid)
	words := strings.Split(cmdline, " ")
	comm := filepath.Base(words[0])
	m.file(dir+"/comm", comm[:min(15, len(comm))]+"\n")
	m.file(dir+"/cmdline", strings.Join(words, "\x00")+"\x00")
	m.file(dir+"/cgroup", cgroup+"\n")
	m.raw(dir+"/fd/0", "/dev/null")
	for i, path := range open {
		m.raw(fmt.Sprintf("%s/fd/%d", dir, i+3), path)
	}
}
