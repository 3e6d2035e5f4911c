//go:build cgo && (gohid || darwin || windows)

package hid

import (
	"errors"
	"fmt"
	"io"
	"strings"

	gohid "github.com/sstallion/go-hid"

	"sunwire/drivers/link"
)

// Find lists the paths of the devices at a; sys is of no use here.
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

// device puts the report number that the library wants before each report.
type device struct {
	*gohid.Device
	closed chan struct{}
}

func open(path string) (io.ReadWriteCloser, error) {
	d, err := gohid.OpenPath(path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w: check that it is plugged in, and that the user may use it", path, err)
	}
	return &device{d, make(chan struct{})}, nil
}

func (d *device) Write(b []byte) (int, error) {
	n, err := d.Device.Write(append([]byte{0}, b...))
	return max(0, n-1), err
}

// Read looks up twice a second whether the device was closed: the library cannot be woken.
func (d *device) Read(b []byte) (int, error) {
	for {
		select {
		case <-d.closed:
			return 0, errors.Join(io.EOF, d.Device.Close())
		default:
		}
		n, err := d.Device.ReadWithTimeout(b, 500_000_000)
		if errors.Is(err, gohid.ErrTimeout) {
			continue
		}
		return n, err
	}
}

// Close lets the reader end, which closes the device.
func (d *device) Close() error {
	close(d.closed)
	return nil
}
