//go:build !linux

package serial

import (
	"errors"
	"io"

	"go.bug.st/serial"
)

// port is that of the serial package; its own closing is the end of what can be read.
type port struct{ serial.Port }

// hold relies on what the serial package does by itself on this system.
func hold(path string, mode *serial.Mode) (*port, error) {
	p, err := serial.Open(path, mode)
	if err != nil {
		return nil, err
	}
	return &port{p}, nil
}

func (p *port) Read(b []byte) (int, error) {
	n, err := p.Port.Read(b)
	var pe *serial.PortError
	if errors.As(err, &pe) && pe.Code() == serial.PortClosed {
		return n, io.EOF
	}
	if n == 0 && err == nil { // without a time-out, nothing read means that the other end is gone
		return 0, io.EOF
	}
	return n, err
}

// ports lists the serial ports.
func ports() []string {
	found, _ := serial.GetPortsList()
	return found
}
