//go:build !(gohid && cgo)

package hid

import (
	"fmt"
	"io"
	"os"
	"syscall"
)

// open opens a hidraw file so that closing it ends a read that waits, and holds it against other programs.
func open(path string) (io.ReadWriteCloser, error) {
	fd, err := syscall.Open(path, syscall.O_RDWR|syscall.O_NONBLOCK|syscall.O_CLOEXEC|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, explain(path, err)
	}
	if err := syscall.Flock(fd, syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = syscall.Close(fd)
		return nil, fmt.Errorf("open %s: it is in use by another program: two programs on one device get each other's replies; stop the other one (sudo fuser -v %s shows it)", path, path)
	}
	return os.NewFile(uintptr(fd), path), nil
}
