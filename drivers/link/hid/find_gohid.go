//go:build !linux && cgo && (gohid || darwin || windows)

package hid

import (
	"fmt"
	"strings"

	gohid "github.com/sstallion/go-hid"

	"sunwire/drivers/link"
)

// Find lists the paths of the devices at a; the first argument is of use on Linux only.
func Find(_ string, a Address) ([]string, error) {
	if a.Path != "" {
		return []string{a.Path}, nil
	}
	var found []string
	err := gohid.Enumerate(a.Vendor, a.Product, func(d *gohid.DeviceInfo) error {
		if a.Socket == "" || strings.Contains(d.Path, "-"+a.Socket+":") {
			found = append(found, d.Path)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look for USB devices: %w", err)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%w: no such USB device: is it plugged in and switched on?", link.ErrLost)
	}
	return found, nil
}
