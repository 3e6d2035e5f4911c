package notify

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// listen is a service manager's end at name, and what arrives there.
func listen(t *testing.T, name string) func() string {
	t.Helper()
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return func() string {
		t.Helper()
		b := make([]byte, 100)
		if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, err := c.Read(b)
		if err != nil {
			t.Fatalf("nothing was said: %v", err)
		}
		return string(b[:n])
	}
}

func environment(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

// found is the manager of an environment whose words must all arrive: a complaint in the log fails the test.
func found(t *testing.T, pairs ...string) *Manager {
	t.Helper()
	var log bytes.Buffer
	t.Cleanup(func() {
		if log.Len() > 0 {
			t.Errorf("it was said: %s", &log)
		}
	})
	return FromEnvironment(environment(pairs...), slog.New(slog.NewTextHandler(&log, nil)))
}

func TestTheManagerHearsWhatItWaitsFor(t *testing.T) {
	sockets := []string{filepath.Join(t.TempDir(), "notify")}
	if runtime.GOOS == "linux" {
		sockets = append(sockets, fmt.Sprintf("@sunwire-test-%d", os.Getpid()))
	}
	for _, socket := range sockets {
		heard := listen(t, socket)
		m := found(t, "NOTIFY_SOCKET", socket)
		for want, say := range map[string]func(){"READY=1": m.Ready, "RELOADING=1": m.Reloading, "STOPPING=1": m.Stopping} {
			say()
			if got := heard(); got != want {
				t.Errorf("%s: %q was said, want %q", socket, got, want)
			}
		}
	}
}

func TestNobodyIsToldWhereNobodyWaits(t *testing.T) {
	for _, m := range []*Manager{nil, found(t), found(t, "NOTIFY_SOCKET", "")} {
		if m != nil {
			t.Fatalf("a manager was found at %q", m.socket)
		}
		m.Ready()
		m.Reloading()
		m.Stopping()
		m.Watchdog(t.Context(), func() bool { t.Error("it was asked whether it is alive"); return true })
	}
}

func TestADeafManagerIsLoggedAndHoldsNothingUp(t *testing.T) {
	var log bytes.Buffer
	m := FromEnvironment(environment("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "gone")), slog.New(slog.NewTextHandler(&log, nil)))
	m.Ready()
	if !strings.Contains(log.String(), "READY=1") {
		t.Errorf("the log does not say what could not be told: %q", &log)
	}
}

func TestAHangingSunwireIsNotKeptAlive(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	heard := listen(t, socket)
	m := found(t, "NOTIFY_SOCKET", socket, "WATCHDOG_USEC", "30000", "WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var asked atomic.Int32
	hung := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.Watchdog(ctx, func() bool {
			n := asked.Add(1)
			if n == 10 {
				close(hung)
			}
			return n <= 3
		})
	}()
	for range 3 {
		if got := heard(); got != "WATCHDOG=1" {
			t.Errorf("%q was said of a living one", got)
		}
	}
	<-hung
	cancel()
	<-done
	m.Stopping() // comes next if nothing was said of the dead
	if got := heard(); got != "STOPPING=1" {
		t.Errorf("%q was said of a dead one", got)
	}
}

func TestOnlyTheWatchedProcessAnswersTheWatchdog(t *testing.T) {
	for _, c := range []struct {
		usec, pid string
		want      time.Duration
	}{
		{"60000000", strconv.Itoa(os.Getpid()), time.Minute},
		{"60000000", "1", 0},
		{"-5", strconv.Itoa(os.Getpid()), 0},
		{"99999999999999999999", strconv.Itoa(os.Getpid()), 0},
		{"soon", strconv.Itoa(os.Getpid()), 0},
	} {
		m := found(t, "NOTIFY_SOCKET", "@", "WATCHDOG_USEC", c.usec, "WATCHDOG_PID", c.pid)
		if m.watchdog != c.want {
			t.Errorf("WATCHDOG_USEC=%s WATCHDOG_PID=%s: asked within %v, want %v", c.usec, c.pid, m.watchdog, c.want)
		}
	}
	if m := found(t, "NOTIFY_SOCKET", "@", "WATCHDOG_USEC", "60000000"); m.watchdog != time.Minute {
		t.Errorf("without WATCHDOG_PID: asked within %v, want a minute", m.watchdog)
	}
}
