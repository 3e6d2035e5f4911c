package hid

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sunwire/drivers/link"
)

// plug makes hidraw n in a made-up /sys, at a USB socket; devices is where the kernel has the real folders.
func plug(t *testing.T, sys string, n int, socket, id string) (unplug func()) {
	t.Helper()
	node := fmt.Sprintf("hidraw%d", n)
	usb := "usb1"
	if hub, _, ok := strings.Cut(socket, "."); ok {
		usb += "/" + hub
	}
	hid := filepath.Join(sys, "devices/pci0000:00/0000:00:14.0", usb, socket, socket+":1.0", fmt.Sprintf("0003:%s.%04X", strings.ToUpper(id), n))
	real := filepath.Join(hid, "hidraw", node)
	vendor, product, _ := strings.Cut(id, ":")
	uevent := fmt.Sprintf("DRIVER=hid-generic\nHID_ID=0003:0000%s:0000%s\nHID_NAME=INNO TECH USB to Serial\n", strings.ToUpper(vendor), strings.ToUpper(product))
	class := filepath.Join(sys, "class/hidraw", node)
	err := errors.Join(os.MkdirAll(real, 0o755), os.MkdirAll(filepath.Dir(class), 0o755), os.WriteFile(filepath.Join(hid, "uevent"), []byte(uevent), 0o600),
		os.Symlink(hid, filepath.Join(real, "device")), os.Symlink(real, class))
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := errors.Join(os.Remove(class), os.RemoveAll(hid)); err != nil {
			t.Fatal(err)
		}
	}
}

func finds(t *testing.T, sys, address string, want ...string) {
	t.Helper()
	a, err := ParseAddress(address)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Find(sys, a)
	if !slices.Equal(got, want) || (err != nil) != (len(want) == 0) || err != nil && !errors.Is(err, link.ErrLost) {
		t.Errorf("%s is %q, %v; want %q", address, got, err, want)
	}
}

func TestADeviceIsFoundWhereItIsNow(t *testing.T) {
	sys := t.TempDir()
	finds(t, sys, "0665:5161")
	unplug := plug(t, sys, 0, "1-1.3", "0665:5161")
	plug(t, sys, 1, "1-2", "046d:c31c")
	finds(t, sys, "0665:5161", "/dev/hidraw0")
	finds(t, sys, "046D:C31C", "/dev/hidraw1")
	finds(t, sys, "usb-1.3", "/dev/hidraw0")
	finds(t, sys, "usb-1-1.3", "/dev/hidraw0")
	finds(t, sys, "usb-2", "/dev/hidraw1")
	finds(t, sys, "usb-1") // the hub it hangs on
	finds(t, sys, "usb-3")
	finds(t, sys, "1234:5678")

	second := plug(t, sys, 3, "1-1.4", "0665:5161")
	finds(t, sys, "0665:5161", "/dev/hidraw0", "/dev/hidraw3")
	finds(t, sys, "usb-1.4", "/dev/hidraw3")
	second()

	unplug()
	finds(t, sys, "0665:5161")
	finds(t, sys, "usb-1.3")
	plug(t, sys, 2, "1-1.3", "0665:5161")
	finds(t, sys, "0665:5161", "/dev/hidraw2")
	finds(t, sys, "usb-1.3", "/dev/hidraw2")
}

func TestWhatIsThereInsteadIsListed(t *testing.T) {
	sys := t.TempDir()
	_, err := Find(sys, Address{Vendor: 0x0665, Product: 0x5161})
	if err == nil || !strings.Contains(err.Error(), "there are: none") {
		t.Error(err)
	}
	plug(t, sys, 0, "1-2", "046d:c31c")
	plug(t, sys, 1, "1-3", "1234:5678")
	if err := os.WriteFile(filepath.Join(sys, "class/hidraw/hidraw0/device/uevent"), []byte("HID_ID=damaged\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Find(sys, Address{Vendor: 0x0665, Product: 0x5161})
	if err == nil || !strings.HasSuffix(err.Error(), "there are: 1234:5678") {
		t.Error(err)
	}
}

func TestAPathThatIsNotThereIsLost(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hidraw0")
	if _, err := Find("/sys", Address{Path: path}); !errors.Is(err, link.ErrLost) {
		t.Error(err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := Find("/sys", Address{Path: path}); err != nil || !slices.Equal(got, []string{path}) {
		t.Error(got, err)
	}
}
