// Package serial opens serial lines: USB adapters, built-in ports, pseudo-terminals. A line that is open here is open nowhere else.
package serial

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"

	"go.bug.st/serial"

	"sunwire/drivers/link"
	"sunwire/drivers/link/stream"
)

// Options are a line's settings; zero values mean 2400 baud, 8 data bits, no parity, 1 stop bit.
type Options struct {
	Path   string
	Baud   int
	Parity string // "", N, E or O
	Stop   string // "", 1, 1.5 or 2
	Echo   bool   // the adapter gives back what is written
	Log    *slog.Logger
}

// DefaultBaud is what inverters of the Voltronic family speak.
const DefaultBaud = 2400

func (o Options) mode() (*serial.Mode, error) {
	m := &serial.Mode{BaudRate: o.Baud, DataBits: 8}
	if m.BaudRate == 0 {
		m.BaudRate = DefaultBaud
	}
	switch strings.ToUpper(o.Parity) {
	case "", "N":
	case "E":
		m.Parity = serial.EvenParity
	case "O":
		m.Parity = serial.OddParity
	default:
		return nil, fmt.Errorf("parity %q: use N, E or O", o.Parity)
	}
	switch o.Stop {
	case "", "1":
	case "1.5":
		m.StopBits = serial.OnePointFiveStopBits
	case "2":
		m.StopBits = serial.TwoStopBits
	default:
		return nil, fmt.Errorf("stop %q: use 1, 1.5 or 2", o.Stop)
	}
	return m, nil
}

// Open opens and holds the line. The path is resolved now: a link such as /dev/serial/by-id/... may point elsewhere than last time.
func Open(o Options) (*stream.Conn, error) {
	mode, err := o.mode()
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", o.Path, err)
	}
	real, err := filepath.EvalSymlinks(o.Path)
	if err != nil {
		return nil, explain(o.Path, err)
	}
	release, err := hold(real)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", o.Path, err)
	}
	p, err := serial.Open(real, mode)
	if err != nil {
		release()
		return nil, explain(o.Path, err)
	}
	return stream.New(link.Serial, &port{p, release}, stream.Options{Name: "serial:" + o.Path, Echo: o.Echo, Flush: p.ResetInputBuffer, Log: o.Log}), nil
}

// port lets go of the line when it is closed.
type port struct {
	serial.Port
	release func()
}

// Read is that of the port; the port's own closing is the end of what can be read.
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

func (p *port) Close() error {
	err := p.Port.Close()
	p.release()
	return err
}

// explain says what the user can do.
func explain(path string, err error) error {
	var pe *serial.PortError
	code := serial.PortErrorCode(-1)
	if errors.As(err, &pe) {
		code = pe.Code()
	}
	switch {
	case errors.Is(err, fs.ErrNotExist), code == serial.PortNotFound:
		return fmt.Errorf("open %s: %w: is the cable plugged in? %s", path, link.ErrLost, others())
	case errors.Is(err, fs.ErrPermission), code == serial.PermissionDenied:
		return fmt.Errorf("open %s: permission denied: add the user that sunwire runs as to the group dialout, then log in again", path)
	case code == serial.PortBusy:
		return fmt.Errorf("open %s: %w", path, busy(path))
	case code == serial.InvalidSerialPort:
		return fmt.Errorf("open %s: this is not a serial port: %w", path, err)
	}
	return fmt.Errorf("open %s: %w", path, err)
}

// others lists the serial ports that there are.
func others() string {
	found, _ := filepath.Glob("/dev/serial/by-id/*")
	if len(found) == 0 {
		found, _ = serial.GetPortsList()
	}
	if len(found) == 0 {
		return "this machine has no serial port now"
	}
	return "there are: " + strings.Join(found, ", ")
}

func busy(path string) error {
	if who := holder(path); who != "" {
		return fmt.Errorf("it is in use by %s: two programs on one line get each other's replies; stop the other one", who)
	}
	return errors.New("it is in use by another program: two programs on one line get each other's replies; stop the other one (sudo fuser -v shows it)")
}
