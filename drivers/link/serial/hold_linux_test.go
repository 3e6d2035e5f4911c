package serial

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.bug.st/serial"
	"golang.org/x/sys/unix"
)

func TestALineIsOpenOnce(t *testing.T) {
	_, path := terminal(t)
	c, err := Open(Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(Options{Path: path})
	if err == nil || !strings.Contains(err.Error(), "in use by this sunwire itself") {
		t.Errorf("opened twice in one process: %v", err)
	}
	for _, env := range []string{"X=", keepRoot + "=1"} {
		if _, said := another(t, path, env); !strings.Contains(said, "in use by") {
			t.Errorf("opened by another process: %q", said)
		}
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}

	process, said := another(t, path)
	if said != "open" {
		t.Fatalf("after closing, another process says %q", said)
	}
	want := fmt.Sprintf("process %d (", process.Pid)
	if _, err := Open(Options{Path: path}); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("the holder is %s...): %v", want, err)
	}
}

// By another name, so that it is none of those pseudo-terminals where that lock would outlive its holder.
func TestARealLineIsLockedInTheKernel(t *testing.T) {
	_, path := terminal(t)
	for name, want := range map[string]int{path: 0, "/proc/self/root" + path: 1} {
		p, err := hold(name, &serial.Mode{BaudRate: DefaultBaud, DataBits: 8})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.control(func(fd int) error {
			locked, err := unix.IoctlGetInt(fd, unix.TIOCGEXCL)
			if locked != want {
				t.Errorf("%s: locked %d, want %d", name, locked, want)
			}
			return err
		}); err != nil {
			t.Error(err)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A program without flock takes the line for itself, as minicom may.
func TestTheKernelsOwnLockIsExplained(t *testing.T) {
	_, path := terminal(t)
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.IoctlSetInt(int(f.Fd()), unix.TIOCEXCL, 0); err != nil {
		t.Fatal(err)
	}
	if _, said := another(t, path); !strings.Contains(said, "in use by") {
		t.Errorf("opened: %q", said)
	}
}

func TestNoLockOutlivesAProcessThatWasKilled(t *testing.T) {
	_, path := terminal(t)
	process, said := another(t, path)
	if said != "open" {
		t.Fatal(said)
	}
	if err := process.Kill(); err != nil {
		t.Fatal(err)
	}
	said = "" // an ordinary user, whom TIOCEXCL would keep out; the other needs a moment to die
	for end := time.Now().Add(5 * time.Second); said != "open" && time.Now().Before(end); {
		_, said = another(t, path)
	}
	if said != "open" {
		t.Error(said)
	}
}

func TestALineIsNotHandedOnToOtherProcesses(t *testing.T) {
	_, path := terminal(t)
	c, err := Open(Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fds, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, fd := range fds {
		if to, err := os.Readlink(fd); err != nil || to != path {
			continue
		}
		n++
		info, err := os.ReadFile("/proc/self/fdinfo/" + filepath.Base(fd))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(info)) {
			if flags, ok := strings.CutPrefix(line, "flags:"); ok {
				bits, err := strconv.ParseUint(strings.TrimSpace(flags), 8, 64)
				if err != nil || bits&syscall.O_CLOEXEC == 0 {
					t.Errorf("flags %s, %v: a child process would keep the line", flags, err)
				}
			}
		}
	}
	if n != 1 {
		t.Errorf("the line is open %d times", n)
	}
}
