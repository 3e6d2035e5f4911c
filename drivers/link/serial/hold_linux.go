package serial

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// hold takes the line for this process by flock, which keeps out what TIOCEXCL (set by the serial package) lets through: programs that
// run as root. The kernel lets go of it when the process dies.
func hold(path string) (release func(), err error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOCTTY|syscall.O_NONBLOCK, 0)
	switch {
	case errors.Is(err, syscall.EBUSY):
		return nil, busy(path)
	case err != nil:
		return nil, explain(path, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, busy(path)
	}
	return func() { _ = f.Close() }, nil
}

// holder finds the other process that has path open, where /proc lets us see it.
func holder(path string) string {
	fds, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	self := strconv.Itoa(os.Getpid())
	for _, fd := range fds {
		to, err := os.Readlink(fd)
		pid := strings.Split(fd, "/")[2]
		if err != nil || to != path || pid == self {
			continue
		}
		name, _ := os.ReadFile("/proc/" + pid + "/comm")
		return fmt.Sprintf("process %s (%s)", pid, strings.TrimSpace(string(name)))
	}
	return ""
}
