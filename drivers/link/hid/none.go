//go:build !linux && !(cgo && (gohid || darwin || windows))

package hid

import (
	"errors"
	"io"
)

var errNone = errors.New("this sunwire was built without USB HID for this system: use a serial port, or build it with cgo")

// Find has nothing to look with.
func Find(string, Address) ([]string, error) { return nil, errNone }

func open(string) (io.ReadWriteCloser, error) { return nil, errNone }
