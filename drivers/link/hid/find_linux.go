package hid

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"sunwire/drivers/link"
)

// Find lists the hidraw files of the devices at a, looked up now: a device that was unplugged comes back under another number. sys is
// the root of the kernel's tree, /sys but for tests.
func Find(sys string, a Address) ([]string, error) {
	if a.Path != "" {
		if _, err := os.Stat(a.Path); err != nil {
			return nil, explain(a.Path, err)
		}
		return []string{a.Path}, nil
	}
	nodes, err := filepath.Glob(filepath.Join(sys, "class/hidraw/hidraw*"))
	if err != nil {
		return nil, err
	}
	var found, there []string
	for _, n := range nodes {
		id := identity(n)
		if id == "" {
			continue
		}
		there = append(there, id)
		if a.Socket != "" && at(n, a.Socket) || a.Socket == "" && id == fmt.Sprintf("%04x:%04x", a.Vendor, a.Product) {
			found = append(found, "/dev/"+filepath.Base(n))
		}
	}
	switch {
	case len(found) > 0:
		return found, nil
	case len(there) == 0:
		there = []string{"none"}
	}
	return nil, fmt.Errorf("%w: no such USB device: is it plugged in and switched on? there are: %s", link.ErrLost, strings.Join(there, ", "))
}

// identity is vendor:product of a hidraw node; its uevent says HID_ID=0003:00000665:00005161.
func identity(node string) string {
	text, err := os.ReadFile(filepath.Join(node, "device/uevent"))
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if id, ok := strings.CutPrefix(strings.TrimSpace(line), "HID_ID="); ok {
			if p := strings.Split(id, ":"); len(p) == 3 && len(p[1]) == 8 && len(p[2]) == 8 {
				return strings.ToLower(p[1][4:] + ":" + p[2][4:])
			}
		}
	}
	return ""
}

// at reports whether a node hangs on that USB socket: its folder in /sys is .../1-1.3/1-1.3:1.0/0003:0665:5161.0001/hidraw/hidraw0.
func at(node, socket string) bool {
	real, err := filepath.EvalSymlinks(node)
	if err != nil {
		return false
	}
	for part := range strings.SplitSeq(real, string(filepath.Separator)) {
		device, _, isInterface := strings.Cut(part, ":") // the hubs before it have none
		if _, place, ok := strings.Cut(device, "-"); ok && isInterface && (socket == place || socket == device) {
			return true
		}
	}
	return false
}

func explain(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENXIO), errors.Is(err, syscall.ENODEV):
		return fmt.Errorf("open %s: %w: it is not plugged in; hid:0665:5161 finds it under any number", path, link.ErrLost)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("open %s: permission denied: install the udev rule, or add the user that sunwire runs as to the group plugdev; in the add-on: restart it once after plugging", path)
	}
	return fmt.Errorf("open %s: %w", path, err)
}
