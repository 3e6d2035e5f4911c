//go:build !(gohid && cgo)

package hid

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"

	"sunwire/drivers/link"
)

// node is a hidraw file as good as a pseudo-terminal can play one; inverter is the other end.
func node(t testing.TB) (inverter *os.File, path string) {
	t.Helper()
	inverter, end, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = inverter.Close(); _ = end.Close() })
	if _, err := term.MakeRaw(int(end.Fd())); err != nil {
		t.Fatal(err)
	}
	return inverter, end.Name()
}

func wholeLine(b []byte, silent bool) (int, []byte, error) {
	if n := len(b); n > 0 && b[n-1] == '\r' {
		return 0, b, nil
	}
	if silent {
		return 0, nil, link.ErrFrame
	}
	return 0, nil, nil
}

func TestAnExchangeInReports(t *testing.T) {
	inverter, path := node(t)
	c, err := Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	asked := make(chan string, 1)
	go func() {
		request := make([]byte, 16)
		_, _ = io.ReadFull(inverter, request)
		asked <- string(request)
		for _, report := range []string{"(9293200", "4102\x1f\x00\r\x00"} {
			_, _ = inverter.WriteString(report)
			time.Sleep(10 * time.Millisecond) // a pause between two reports; the link must not take the first for all
		}
	}()
	const question = "QPIGS2\x68\x2d\r"
	got, err := c.Transact(t.Context(), link.Request{Bytes: []byte(question), Frame: wholeLine, First: 5 * time.Second, Gap: time.Second})
	if err != nil || string(got) != "(92932004102\x1f\x00\r" {
		t.Errorf("got %q, %v", got, err)
	}
	if a := <-asked; a != question+strings.Repeat("\x00", 16-len(question)) {
		t.Errorf("asked %q", a)
	}
	if c.Kind() != link.HID {
		t.Error(c.Kind())
	}
}

func TestADeviceIsOpenOnceAndItsLossIsNoticed(t *testing.T) {
	inverter, path := node(t)
	c, err := Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, nil); err == nil || !strings.Contains(err.Error(), "in use by another program") {
		t.Errorf("opened twice: %v", err)
	}
	if err := c.Close(); err != nil { // while the reader waits
		t.Error(err)
	}
	if c, err = Open(path, nil); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = inverter.Close()
	select {
	case <-c.Lost():
	case <-time.After(5 * time.Second):
		t.Error("nobody noticed")
	}
	if _, err := Open(filepath.Join(t.TempDir(), "hidraw0"), nil); !errors.Is(err, link.ErrLost) {
		t.Error(err)
	}
}
