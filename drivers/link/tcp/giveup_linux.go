package tcp

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// giveUp bounds how long the kernel sends again what nobody acknowledges; by itself it takes a quarter of an hour.
func giveUp(_, _ string, c syscall.RawConn) error {
	var failed error
	err := c.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(lostAfter.Milliseconds()))
	})
	return errors.Join(err, failed)
}
