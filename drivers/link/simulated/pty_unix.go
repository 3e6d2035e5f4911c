//go:build unix

package simulated

import (
	"errors"
	"os"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// openPTY makes a pseudo-terminal that passes bytes on as they are. The slave is not kept open: its lock would outlive its user.
func openPTY() (master *os.File, slave string, err error) {
	m, s, err := pty.Open()
	if err != nil {
		return nil, "", err
	}
	defer m.Close() //nolint:errcheck // another descriptor stays open
	_, err = term.MakeRaw(int(s.Fd()))
	if err = errors.Join(err, s.Close()); err != nil {
		return nil, "", err
	}
	if master, err = interruptible(m); err != nil {
		return nil, "", err
	}
	return master, s.Name(), nil
}

// interruptible is f as a file whose closing wakes who reads from it.
func interruptible(f *os.File) (*os.File, error) {
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}
