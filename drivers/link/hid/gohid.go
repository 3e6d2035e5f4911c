//go:build cgo && (gohid || darwin || windows)

package hid

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	gohid "github.com/sstallion/go-hid"
)

// look is how long a read takes to notice that the device was closed: the library cannot be woken, and takes no call after closing.
const look = 500 * time.Millisecond

// device puts the report number that the library wants before each report.
type device struct {
	raw     *gohid.Device
	reading sync.Mutex
	closed  chan struct{}
	close   func() error
}

func open(path string) (io.ReadWriteCloser, error) {
	raw, err := gohid.OpenPath(path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w: check that it is plugged in, and that the user may use it", path, err)
	}
	d := &device{raw: raw, closed: make(chan struct{})}
	d.close = sync.OnceValue(func() error {
		close(d.closed)
		d.reading.Lock()
		defer d.reading.Unlock()
		return raw.Close()
	})
	return d, nil
}

func (d *device) isClosed() bool {
	select {
	case <-d.closed:
		return true
	default:
		return false
	}
}

func (d *device) Write(b []byte) (int, error) {
	if d.isClosed() {
		return 0, os.ErrClosed
	}
	n, err := d.raw.Write(append([]byte{0}, b...))
	return max(0, n-1), err
}

func (d *device) Read(b []byte) (int, error) {
	d.reading.Lock()
	defer d.reading.Unlock()
	for !d.isClosed() {
		if n, err := d.raw.ReadWithTimeout(b, look); !errors.Is(err, gohid.ErrTimeout) {
			return max(0, n), err
		}
	}
	return 0, io.EOF
}

// Close waits for the reader, then closes the device.
func (d *device) Close() error { return d.close() }
