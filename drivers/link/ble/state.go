package ble

import (
	"context"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"
)

// state is what BlueZ last said of a device.
type state struct {
	mu      sync.Mutex
	asOf    dbus.Sequence // signals before that are older than what is known
	now     view
	changed chan struct{} // closed at the next change
}

type view struct {
	connected, resolved bool
	heard               bool // it is in the air: BlueZ keeps the strength only while somebody looks for devices
	rssi                int  // dBm, as last heard; 0: never
	rssiAt              time.Time
}

func newState() *state { return &state{changed: make(chan struct{})} }

// set replaces all by what was asked for. A device that BlueZ does not know has no properties.
func (s *state) set(p properties, asOf dbus.Sequence) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asOf = asOf
	s.now.connected, s.now.resolved, s.now.heard = false, false, false
	s.take(p)
}

// hear takes over what a signal says, unless it is old.
func (s *state) hear(p properties, invalid []string, at dbus.Sequence) (news bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at < s.asOf {
		return false
	}
	for _, name := range invalid {
		if name == "RSSI" {
			s.now.heard = false
		}
	}
	s.take(p)
	return true
}

// forget is for a device that BlueZ knows no more.
func (s *state) forget(at dbus.Sequence) (news bool) {
	return s.hear(properties{"Connected": dbus.MakeVariant(false), "ServicesResolved": dbus.MakeVariant(false)}, []string{"RSSI"}, at)
}

func (s *state) take(p properties) {
	if on, ok := get[bool](p, "Connected"); ok {
		s.now.connected = on
	}
	if on, ok := get[bool](p, "ServicesResolved"); ok {
		s.now.resolved = on
	}
	if dBm, ok := get[int16](p, "RSSI"); ok {
		s.now.heard, s.now.rssi, s.now.rssiAt = true, int(dBm), time.Now()
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *state) view() (view, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now, s.changed
}

// await waits until is holds, for at most limit; then it is errSlow.
func (s *state) await(ctx context.Context, limit time.Duration, is func(view) bool) error {
	end := time.NewTimer(limit)
	defer end.Stop()
	for {
		now, changed := s.view()
		if is(now) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-end.C:
			return errSlow
		case <-changed:
		}
	}
}
