//go:build unix

package simulated

import (
	"os"

	"github.com/creack/pty"
	"golang.org/x/term"
)

// openPTY makes a pseudo-terminal that passes bytes on as they are. The slave is not kept open: its lock would outlive its user.
func openPTY() (master *os.File, slave string, err error) {
	m, s, err := pty.Open()
	if err != nil {
		return nil, "", err
	}
	if _, err := term.MakeRaw(int(s.Fd())); err != nil {
		return nil, "", err
	}
	return m, s.Name(), s.Close()
}
