package simulated

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sunwire/drivers/link"
	"sunwire/drivers/link/serial"
	"sunwire/drivers/link/stream"
	"sunwire/drivers/link/tcp"
)

const soon = 5 * time.Second

// opened opens as often as it takes.
func opened(t *testing.T, open func() (*stream.Conn, error)) *stream.Conn {
	t.Helper()
	c, err := open()
	for end := time.Now().Add(soon); err != nil && time.Now().Before(end); c, err = open() {
		<-time.After(time.Millisecond)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func answers(t *testing.T, c *stream.Conn) {
	t.Helper()
	got, err := c.Transact(t.Context(), link.Request{Bytes: []byte("Q1\r"), Frame: lines, First: soon, Gap: time.Second})
	if err != nil || string(got) != "(Q1\r" {
		t.Errorf("got %q, %v", got, err)
	}
}

func isLost(t *testing.T, c *stream.Conn) {
	t.Helper()
	select {
	case <-c.Lost():
	case <-time.After(soon):
		t.Error("the link is not lost")
	}
	_ = c.Close()
}

// plugs pulls the cable of a line that is being served, plugs it in again and ends it.
func plugs(t *testing.T, serve func(context.Context, Line) error, open func() (*stream.Conn, error)) {
	t.Helper()
	trouble := NewTrouble(1)
	ctx, stop := context.WithCancel(t.Context())
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := serve(ctx, Line{Ends: EndsInCR, Trouble: trouble}); err != nil {
			t.Error(err)
		}
	})
	for range 2 { // one user after another
		c := opened(t, open)
		answers(t, c)
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	for range 3 {
		c := opened(t, open)
		answers(t, c)
		_ = trouble.Set(string(Unplug))
		isLost(t, c)
		if c, err := open(); err == nil { // a socket is there, but closes at once
			isLost(t, c)
		} else if !errors.Is(err, link.ErrLost) {
			t.Errorf("open of what is unplugged: %v", err)
		}
		_ = trouble.Set(string(None))
	}
	c := opened(t, open)
	answers(t, c)
	stop()
	serving.Wait()
	isLost(t, c)
	if c, err := open(); err == nil {
		t.Error("it is there after its end")
		_ = c.Close()
	}
}

func TestATerminalIsUnpluggedAndReturns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "inverter")
	if err := os.Symlink("/dev/pts/99999", path); err != nil { // left by one that was killed
		t.Fatal(err)
	}
	plugs(t, func(ctx context.Context, l Line) error { return l.ServePTY(ctx, path, echoing{}) },
		func() (*stream.Conn, error) { return serial.Open(serial.Options{Path: path}) })
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the link stays: %v", err)
	}
}

func TestASocketIsUnpluggedAndReturns(t *testing.T) {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	plugs(t, func(ctx context.Context, l Line) error { return l.ServeTCP(ctx, listener, echoing{}) },
		func() (*stream.Conn, error) { return tcp.Open(t.Context(), addr, false, nil) })
}

func TestServingEndsWhileUnplugged(t *testing.T) {
	trouble := NewTrouble(1)
	_ = trouble.Set(string(Unplug))
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	if err := (Line{Trouble: trouble}).ServePTY(ctx, filepath.Join(t.TempDir(), "x"), echoing{}); err != nil {
		t.Error(err)
	}
}

func TestNoFileIsReplacedByATerminal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(path, []byte("data"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := Line{}.ServePTY(t.Context(), path, echoing{})
	if err == nil || !strings.Contains(err.Error(), "choose another path") {
		t.Error(err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "data" {
		t.Errorf("the file is %q, %v", b, err)
	}
}
