// Package notify tells the service manager how sunwire fares, by systemd's protocol: datagrams to the socket that $NOTIFY_SOCKET names
// (man sd_notify). Who starts sunwire by hand has no such manager, and then nothing is said.
package notify

import (
	"context"
	"log/slog"
	"net"
	"os"
	"strconv"
	"time"
)

// Manager is the service manager that waits for word. A nil Manager is none, and takes every call. What cannot be said is logged: the
// manager acts on silence in its own time, and nobody here could do more.
type Manager struct {
	socket   string
	watchdog time.Duration // after such a silence the manager restarts the service; 0: never
	log      *slog.Logger
}

// FromEnvironment finds the service manager that started this process; nil without one. getenv is os.LookupEnv.
func FromEnvironment(getenv func(name string) (value string, ok bool), log *slog.Logger) *Manager {
	socket, _ := getenv("NOTIFY_SOCKET")
	if socket == "" {
		return nil
	}
	m := &Manager{socket: socket, log: log}
	if pid, ok := getenv("WATCHDOG_PID"); ok && pid != strconv.Itoa(os.Getpid()) {
		return m // inherited: another process is watched
	}
	text, _ := getenv("WATCHDOG_USEC")
	if usec, err := strconv.ParseUint(text, 10, 40); err == nil { // 40 bits of microseconds are twelve days
		m.watchdog = time.Duration(usec) * time.Microsecond
	}
	return m
}

// Ready says that the service has started, or has its configuration anew: "systemctl start" waits for it.
func (m *Manager) Ready() { m.say("READY=1") }

// Reloading says that the configuration is being read anew. Ready must follow, also when it was refused.
func (m *Manager) Reloading() { m.say("RELOADING=1") }

// Stopping says that the service is on its way out.
func (m *Manager) Stopping() { m.say("STOPPING=1") }

// Watchdog keeps the manager from restarting the service for as long as alive says so, until ctx ends. It asks three times in the time
// that the unit allows (WatchdogSec=), so that one slow answer is not the end. Without a watchdog it returns at once.
func (m *Manager) Watchdog(ctx context.Context, alive func() bool) {
	if m == nil || m.watchdog < 3 {
		return
	}
	tick := time.NewTicker(m.watchdog / 3)
	defer tick.Stop()
	for ctx.Err() == nil {
		if alive() {
			m.say("WATCHDOG=1")
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

func (m *Manager) say(state string) {
	if m == nil {
		return
	}
	if err := send(m.socket, state); err != nil {
		m.log.Warn("the service manager cannot be told", "state", state, "error", err)
	}
}

// send is one datagram. Each has its own socket: the manager may have been restarted meanwhile.
func send(socket, state string) error {
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: socket, Net: "unixgram"}) // @name is abstract: net knows that too
	if err != nil {
		return err
	}
	defer c.Close() //nolint:errcheck // a datagram has gone, or has not
	if err := c.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	_, err = c.Write([]byte(state))
	return err
}
