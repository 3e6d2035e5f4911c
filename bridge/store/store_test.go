package store

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sunwire/drivers"
)

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// save writes what was put, as the end of Run does.
func save(s *Store) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s.Run(ctx)
}

func put(t *testing.T, dir string, d Device) {
	t.Helper()
	s := open(t, dir)
	s.Put(d)
	save(s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestWhatWasPutIsThereAfterARestart(t *testing.T) {
	dir := t.TempDir()
	d := Device{ID: "inverter", UID: "voltronic_1", Serial: "1", Answered: map[string]bool{"QPIGS": true}}
	d.Descriptor.Entities = []drivers.Entity{{Key: "k", Quantity: drivers.Voltage, Setting: &drivers.Setting{Max: 60}}}
	put(t, dir, d)
	s := open(t, dir)
	got, ok := s.Get("inverter")
	if !ok || got.UID != d.UID || !got.Answered["QPIGS"] || got.Descriptor.Entities[0].Quantity != drivers.Voltage || got.Descriptor.Entities[0].Setting.Max != 60 {
		t.Errorf("got %+v", got)
	}
}

func TestTheInstanceStaysTheSame(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir)
	name := first.Instance
	_ = first.Close()
	if second := open(t, dir); second.Instance != name || len(name) < 8 {
		t.Errorf("instance %q, then %q", name, second.Instance)
	}
}

func TestAFileCutByAPowerLossGivesTheOneBefore(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, Device{ID: "inverter", UID: "old"})
	put(t, dir, Device{ID: "inverter", UID: "new"})
	path := filepath.Join(dir, "devices", "inverter.json")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, cut := range []int{0, 1, len(whole) / 2, len(whole) - 1} {
		if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		s := open(t, dir)
		if got, _ := s.Get("inverter"); got.UID != "old" {
			t.Errorf("cut to %d bytes: %q", cut, got.UID)
		}
		_ = s.Close()
	}
	if err := os.Remove(path); err != nil { // between the two renames
		t.Fatal(err)
	}
	if got, _ := open(t, dir).Get("inverter"); got.UID != "old" {
		t.Errorf("between two renames: %q", got.UID)
	}
}

func TestANewerVersionIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, Device{ID: "inverter", UID: "old"})
	path := filepath.Join(dir, "devices", "inverter.json")
	newer := []byte(`{"version":2,"id":"inverter","everything":"else"}`)
	if err := os.WriteFile(path, newer, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(dir, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "newer sunwire") {
		t.Errorf("error %v", err)
	}
	if now, _ := os.ReadFile(path); string(now) != string(newer) {
		t.Error("the newer file was touched")
	}
}

func TestASecondSunwireOnTheSameFolderIsRefused(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	_, err := Open(dir, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "in use by another sunwire") {
		t.Errorf("error %v", err)
	}
}

func TestWhatWasForgottenDoesNotComeBack(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, Device{ID: "inverter", UID: "a"})
	put(t, dir, Device{ID: "inverter", UID: "b"})
	s := open(t, dir)
	s.Forget("inverter")
	save(s)
	_ = s.Close()
	if _, ok := open(t, dir).Get("inverter"); ok {
		t.Error("it is still there")
	}
}
