package serial

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"go.bug.st/serial"
	"golang.org/x/sys/unix"
)

// port is the line as a file: closing it wakes the reader, and a write can have a deadline.
type port struct{ *os.File }

// hold takes the line for this process: by TIOCEXCL, and by flock, which keeps out programs that run as root as well. The kernel lets go
// of both when the process dies, but on a pseudo-terminal TIOCEXCL stays as long as its other end: there, flock is enough.
func hold(path string, mode *serial.Mode) (*port, error) {
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOCTTY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.EBUSY) {
		return nil, held{holder(path)}
	}
	if err != nil {
		return nil, err
	}
	p := &port{f}
	err = p.control(func(fd int) error { return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) })
	if errors.Is(err, unix.EWOULDBLOCK) {
		_ = f.Close()
		return nil, held{holder(path)}
	}
	if err == nil {
		err = set(path, mode)
	}
	if err == nil && !strings.HasPrefix(path, "/dev/pts/") {
		err = p.control(func(fd int) error { return unix.IoctlSetInt(fd, unix.TIOCEXCL, 0) })
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return p, nil
}

// set lets the serial package set the line, which stays so as long as anybody has it open. Its own descriptor would be handed on to
// child processes.
func set(path string, mode *serial.Mode) error {
	line, err := serial.Open(path, mode)
	if err != nil {
		return err
	}
	return line.Close()
}

// control does what os.File cannot; its Fd would make the file one that blocks.
func (p *port) control(f func(fd int) error) error {
	c, err := p.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = c.Control(func(fd uintptr) { failed = f(int(fd)) })
	return errors.Join(err, failed)
}

// Write gives up what an adapter that hung up does not take: closing the port would wait for it.
func (p *port) Write(b []byte) (int, error) {
	n, err := p.File.Write(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		_ = p.control(func(fd int) error { return unix.IoctlSetInt(fd, unix.TCFLSH, unix.TCOFLUSH) })
	}
	return n, err
}

// ResetInputBuffer throws away what the kernel has received.
func (p *port) ResetInputBuffer() error {
	return p.control(func(fd int) error { return unix.IoctlSetInt(fd, unix.TCFLSH, unix.TCIFLUSH) })
}

// holder finds who has path open, where /proc lets us see it.
func holder(path string) string {
	fds, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	self := ""
	for _, fd := range fds {
		to, err := os.Readlink(fd)
		if err != nil || to != path {
			continue
		}
		pid := strings.Split(fd, "/")[2]
		if pid == strconv.Itoa(os.Getpid()) {
			self = "this sunwire itself, for another device"
			continue
		}
		name, _ := os.ReadFile("/proc/" + pid + "/comm")
		return fmt.Sprintf("process %s (%s)", pid, strings.TrimSpace(string(name)))
	}
	return self
}

// ports lists the serial ports without opening any: another program may be using them.
func ports() []string {
	found, _ := filepath.Glob("/dev/serial/by-id/*")
	if len(found) == 0 { // nobody makes those links in a container
		usb, _ := filepath.Glob("/dev/ttyUSB*")
		acm, _ := filepath.Glob("/dev/ttyACM*")
		found = slices.Concat(usb, acm)
	}
	types, _ := filepath.Glob("/sys/class/tty/tty*/type")
	for _, t := range types {
		if kind, err := os.ReadFile(t); err == nil && strings.TrimSpace(string(kind)) != "0" { // 0: a place without a chip
			found = append(found, "/dev/"+filepath.Base(filepath.Dir(t)))
		}
	}
	return found
}
