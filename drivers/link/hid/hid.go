// Package hid reaches inverters that show themselves as USB HID devices (0665:5161 and the like): bytes in reports of eight, filled up
// with zeros.
//
// On Linux the kernel's hidraw files are read and written without any library. With cgo and the build tag gohid, and on macOS and Windows
// with cgo, github.com/sstallion/go-hid is used; elsewhere there is a clear error.
package hid

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"

	"sunwire/drivers/link"
	"sunwire/drivers/link/stream"
)

// reportSize is that of Voltronic's and of most cheap USB interfaces: eight bytes each way, without a report number.
const reportSize = 8

// Address says which device is meant: a path, a socket, or vendor and product.
type Address struct {
	Path            string // /dev/hidraw0
	Socket          string // 1-1.3: the USB socket, as the kernel names it
	Vendor, Product uint16
}

// ParseAddress takes /dev/hidraw0, usb-1.3 (a socket, of any bus) or 0665:5161.
func ParseAddress(s string) (Address, error) {
	if socket, ok := strings.CutPrefix(s, "usb-"); ok && socket != "" {
		return Address{Socket: socket}, nil
	}
	if strings.HasPrefix(s, "/") {
		return Address{Path: s}, nil
	}
	if v, p, ok := strings.Cut(s, ":"); ok {
		vendor, err1 := strconv.ParseUint(v, 16, 16)
		product, err2 := strconv.ParseUint(p, 16, 16)
		if err1 == nil && err2 == nil {
			return Address{Vendor: uint16(vendor), Product: uint16(product)}, nil
		}
	}
	return Address{}, fmt.Errorf("hid:%s: give vendor and product such as hid:0665:5161, a path such as hid:/dev/hidraw0, or a USB socket such as hid:usb-1.3", s)
}

// Open opens a device that Find found.
func Open(path string, log *slog.Logger) (*stream.Conn, error) {
	raw, err := open(path)
	if err != nil {
		return nil, err
	}
	return stream.New(link.HID, &reports{raw: raw}, stream.Options{Name: "hid:" + path, Log: log}), nil
}

// reports makes a stream of bytes of reports.
type reports struct {
	raw io.ReadWriteCloser // one report a call
	in  [64]byte
}

// Write sends b in as many reports as it takes; the last is filled up with zeros, which the device passes over.
func (r *reports) Write(b []byte) (int, error) {
	for n := 0; n < len(b); n += reportSize {
		var report [reportSize]byte
		copy(report[:], b[n:])
		if _, err := r.raw.Write(report[:]); err != nil {
			return n, err
		}
	}
	return len(b), nil
}

// Read gives the bytes of one report. Zeros behind a CR, or alone, are filling; elsewhere they belong to the reply, whose checksum may
// hold one.
func (r *reports) Read(b []byte) (int, error) {
	for {
		n, err := r.raw.Read(r.in[:])
		report := r.in[:n]
		if bare := bytes.TrimRight(report, "\x00"); len(bare) == 0 || bare[len(bare)-1] == '\r' {
			report = bare
		}
		if len(report) > 0 || err != nil || n == 0 {
			return copy(b, report), err
		}
	}
}

func (r *reports) Close() error { return r.raw.Close() }
