package serial

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"go.bug.st/serial"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"sunwire/drivers/link"
)

// The test's binary is also the other program on the line: with a path in holdPath it opens that, says how it went, and holds it until
// its input ends. It runs as an ordinary user, unless keepRoot is set.
const (
	holdPath = "SUNWIRE_TEST_HOLD"
	keepRoot = "SUNWIRE_TEST_KEEP_ROOT"
	nobody   = 65534
)

func TestMain(m *testing.M) {
	if path := os.Getenv(holdPath); path != "" {
		if os.Getuid() == 0 && os.Getenv(keepRoot) == "" {
			if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(nobody), syscall.Setuid(nobody)); err != nil {
				fmt.Println(err)
				return
			}
		}
		c, err := Open(Options{Path: path})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("open")
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = c.Close()
		return
	}
	goleak.VerifyTestMain(m)
}

// terminal makes a pseudo-terminal that anybody may open. Its other end is the device.
func terminal(t testing.TB) (device *os.File, path string) {
	t.Helper()
	device, end, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = device.Close() })
	if err := errors.Join(end.Chmod(0o666), end.Close()); err != nil {
		t.Fatal(err)
	}
	return device, end.Name()
}

// another opens path in another process; said is what it says, "open" or an error.
func another(t *testing.T, path string, env ...string) (process *os.Process, said string) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	cmd := exec.CommandContext(ctx, "/proc/self/exe")
	cmd.Env = append(append(os.Environ(), holdPath+"="+path), env...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait(); stop() })
	said, err = bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return cmd.Process, strings.TrimSpace(said)
}

// question is answered by what device says of it: "a\r" by "(a\r".
func question(s string) link.Request {
	return link.Request{Bytes: []byte(s + "\r"), First: 5 * time.Second, Gap: 50 * time.Millisecond, Frame: func(b []byte, silent bool) (int, []byte, error) {
		if n := len(b); n > 0 && b[n-1] == '\r' {
			return 0, b, nil
		}
		if silent {
			return 0, nil, link.ErrFrame
		}
		return 0, nil, nil
	}}
}

func answer(device *os.File) {
	r := bufio.NewReader(device)
	for {
		request, err := r.ReadString('\r')
		if err != nil {
			return
		}
		if _, err := device.WriteString("(" + request); err != nil {
			return
		}
	}
}

func TestThePathIsResolvedAnewAtEachOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "inverter")
	for _, name := range []string{"one", "two"} {
		device, end := terminal(t)
		_ = os.Remove(path)
		if err := os.Symlink(end, path); err != nil {
			t.Fatal(err)
		}
		c, err := Open(Options{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		go answer(device)
		got, err := c.Transact(t.Context(), question(name))
		if err != nil || string(got) != "("+name+"\r" {
			t.Errorf("got %q, %v", got, err)
		}
		if err := errors.Join(c.Close(), device.Close()); err != nil {
			t.Error(err)
		}
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, path := terminal(t)
	for _, c := range []struct {
		o    Options
		lost bool
		want string
	}{
		{Options{Path: filepath.Join(dir, "ttyUSB9")}, true, "is the cable plugged in? " + others()},
		{Options{Path: file}, false, "this is not a serial port"},
		{Options{Path: path, Parity: "X"}, false, `parity "X": use N, E or O`},
		{Options{Path: path, Stop: "3"}, false, `stop "3": use 1, 1.5 or 2`},
		{Options{Path: path, Stop: "1.5"}, false, "stop bits"},
	} {
		conn, err := Open(c.o)
		if err == nil {
			t.Errorf("%+v: opened", c.o)
			_ = conn.Close()
			continue
		}
		if !strings.Contains(err.Error(), "open "+c.o.Path+": ") || !strings.Contains(err.Error(), c.want) || errors.Is(err, link.ErrLost) != c.lost {
			t.Errorf("%+v: %v", c.o, err)
		}
	}
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	if _, said := another(t, path); !strings.Contains(said, "permission denied: add the user that sunwire runs as to the group dialout") {
		t.Errorf("without rights: %q", said)
	}
	if got := others(); len(ports()) == 0 && got != "this machine has no serial port now" || len(ports()) > 0 && !strings.Contains(got, ports()[0]) {
		t.Errorf("ports %q: %q", ports(), got)
	}
}

func TestAnUnpluggedCableIsNoticedAndTheNextOneOpens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "inverter")
	for _, waiting := range []bool{false, true, false} {
		device, end := terminal(t)
		_ = os.Remove(path)
		if err := os.Symlink(end, path); err != nil {
			t.Fatal(err)
		}
		c, err := Open(Options{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		pulled := make(chan time.Time, 1)
		pull := func() {
			pulled <- time.Now()
			_ = device.Close()
		}
		if waiting {
			time.AfterFunc(50*time.Millisecond, pull)
			if _, err = c.Transact(t.Context(), question("a")); !errors.Is(err, link.ErrLost) || !strings.Contains(err.Error(), "unplugged") {
				t.Errorf("while waiting for a reply: %v", err)
			}
		} else {
			pull()
			select {
			case <-c.Lost():
			case <-time.After(5 * time.Second):
				t.Fatal("not noticed while nobody asks")
			}
		}
		if took := time.Since(<-pulled); took > 100*time.Millisecond {
			t.Errorf("noticed after %v", took)
		}
		if _, err := c.Transact(t.Context(), question("a")); !errors.Is(err, link.ErrLost) {
			t.Errorf("after it: %v", err)
		}
		_ = c.Close()
	}
}

// Of parity, a pseudo-terminal keeps what is checked and which one, but not that there is any.
func TestSettingsReachTheLine(t *testing.T) {
	_, path := terminal(t)
	for _, c := range []struct {
		o           Options
		speed       uint32
		check, odd  bool
		twoStopBits bool
	}{
		{o: Options{}, speed: 2400},
		{o: Options{Baud: 19200, Parity: "E", Stop: "2"}, speed: 19200, check: true, twoStopBits: true},
		{o: Options{Baud: 115200, Parity: "o", Stop: "1"}, speed: 115200, check: true, odd: true},
		{o: Options{Baud: 12345, Parity: "N"}, speed: 12345},
		{o: Options{Baud: 9600}, speed: 9600},
	} {
		c.o.Path = path
		conn, err := Open(c.o)
		if err != nil {
			t.Errorf("%+v: %v", c.o, err)
			continue
		}
		f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOCTTY, 0)
		if err != nil {
			t.Fatal(err)
		}
		got, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS2)
		_ = f.Close()
		_ = conn.Close()
		if err != nil {
			t.Fatal(err)
		}
		if got.Ospeed != c.speed || got.Ispeed != c.speed {
			t.Errorf("%+v: %d and %d baud", c.o, got.Ospeed, got.Ispeed)
		}
		if check, odd, two := got.Iflag&unix.INPCK != 0, got.Cflag&unix.PARODD != 0, got.Cflag&unix.CSTOPB != 0; check != c.check || odd != c.odd || two != c.twoStopBits {
			t.Errorf("%+v: parity checked %t, odd %t, two stop bits %t", c.o, check, odd, two)
		}
		if got.Iflag&(unix.ICRNL|unix.IXON) != 0 || got.Lflag&(unix.ECHO|unix.ICANON|unix.ISIG) != 0 || got.Oflag&unix.OPOST != 0 {
			t.Errorf("%+v: the line changes bytes: %+v", c.o, got)
		}
	}
}

// What the kernel has received before a request is thrown away there.
func TestStaleBytesAreNoReply(t *testing.T) {
	device, path := terminal(t)
	c, err := Open(Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := device.WriteString("(old\r"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond) // the kernel hands it over in its own time
	go answer(device)
	if got, err := c.Transact(t.Context(), question("new")); err != nil || string(got) != "(new\r" {
		t.Errorf("got %q, %v", got, err)
	}

	device, path = terminal(t)
	p, err := hold(path, &serial.Mode{BaudRate: DefaultBaud, DataBits: 8}) // nobody reads here
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	received := func() (n int) {
		if err := p.control(func(fd int) (err error) { n, err = unix.IoctlGetInt(fd, unix.TIOCINQ); return err }); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if _, err := device.WriteString("(old\r"); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(5 * time.Second); received() < 5 && time.Now().Before(end); {
	}
	if err := p.ResetInputBuffer(); err != nil || received() > 0 {
		t.Errorf("%d bytes are still there, %v", received(), err)
	}
}

func TestAnAdapterThatHungUpBlocksNobody(t *testing.T) {
	_, path := terminal(t) // whose other end takes nothing
	mode, err := Options{}.mode()
	if err != nil {
		t.Fatal(err)
	}
	p, err := hold(path, mode)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.SetWriteDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	for err == nil {
		_, err = p.Write(make([]byte, 1000))
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
}
