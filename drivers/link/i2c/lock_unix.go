//go:build unix

package i2c

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// fileLock is flock on the bus: it keeps apart all that opened it for themselves, and the kernel gives it up when a process dies.
type fileLock struct{ *os.File }

func (l *fileLock) Lock() error   { return l.flock(unix.LOCK_EX) }
func (l *fileLock) Unlock() error { return l.flock(unix.LOCK_UN) }

func (l *fileLock) flock(how int) error {
	for {
		if err := unix.Flock(int(l.Fd()), how); err != unix.EINTR {
			if err != nil {
				return fmt.Errorf("lock the bus: %w", err)
			}
			return nil
		}
	}
}
