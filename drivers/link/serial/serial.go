// Package serial opens serial lines: USB adapters, built-in ports, pseudo-terminals. A line that is open here is open nowhere else.
package serial

import (
	"errors"
	"fmt"
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
	Stop   string // "", 1, 1.5 or 2; 1.5 on Windows only
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
// What is not there is link.ErrLost.
func Open(o Options) (*stream.Conn, error) {
	mode, err := o.mode()
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", o.Path, err)
	}
	real, err := filepath.EvalSymlinks(o.Path)
	if err != nil {
		return nil, explain(o.Path, err)
	}
	p, err := hold(real, mode)
	if err != nil {
		return nil, explain(o.Path, err)
	}
	return stream.New(link.Serial, p, stream.Options{Name: "serial:" + o.Path, Echo: o.Echo, Flush: p.ResetInputBuffer, Log: o.Log}), nil
}

// held says that the line is in use, and by whom where that can be seen.
type held struct{ by string }

func (h held) Error() string {
	const why = "two programs on one line get each other's replies"
	if h.by == "" {
		return "it is in use by another program: " + why + "; stop the other one (sudo fuser -v shows it)"
	}
	return "it is in use by " + h.by + ": " + why
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
		return fmt.Errorf("open %s: %w", path, held{})
	case code == serial.InvalidSerialPort:
		return fmt.Errorf("open %s: this is not a serial port, or none with such a baud, parity or stop: %w", path, err)
	}
	return fmt.Errorf("open %s: %w", path, err)
}

// others lists the serial ports that there are.
func others() string {
	if found := ports(); len(found) > 0 {
		return "there are: " + strings.Join(found, ", ")
	}
	return "this machine has no serial port now"
}
