//go:build unix

package local

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"sunwire/bridge/control"
)

type service struct{ replaced string }

func (s *service) Replace(id string) error {
	if id == "unknown" {
		return fmt.Errorf("no device %s", id)
	}
	s.replaced = id
	return nil
}

func (s *service) Settings(id string) ([]control.Setting, error) {
	if id == "unknown" {
		return nil, fmt.Errorf("no device %s", id)
	}
	return []control.Setting{{Key: "limit", Value: "60", First: "50"}}, nil
}

func (s *service) Write(_ context.Context, id string, c control.Command) (control.Result, error) {
	if id == "unknown" {
		return control.Result{}, fmt.Errorf("no device %s", id)
	}
	return control.Result{Device: id, Unit: c.Unit, Key: c.Key, New: c.Value, Reason: c.Serial, Result: control.Refused}, nil
}

func serve(t *testing.T, dir string, s Service) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := Serve(ctx, dir, s); err != nil {
			t.Error(err)
		}
	})
	for start := time.Now(); Alive(ctx, dir) != nil; time.Sleep(time.Millisecond) {
		if time.Since(start) > 5*time.Second {
			t.Fatal(Alive(ctx, dir))
		}
	}
	return func() { cancel(); wg.Wait() }
}

func TestALivingSunwireAnswersAndADeadOneIsAbsent(t *testing.T) {
	dir := t.TempDir()
	if err := Alive(t.Context(), dir); !errors.Is(err, ErrAbsent) {
		t.Errorf("before the start: %v", err)
	}
	stop := serve(t, dir, &service{})
	if err := Alive(t.Context(), dir); err != nil {
		t.Error(err)
	}
	stop()
	if err := Alive(t.Context(), dir); !errors.Is(err, ErrAbsent) {
		t.Errorf("after the end: %v", err)
	}
	defer serve(t, dir, &service{})() // what a killed one left is no hindrance
}

func TestReplaceReachesTheServiceAndItsErrorComesBack(t *testing.T) {
	dir, s := t.TempDir(), &service{}
	defer serve(t, dir, s)()
	if err := Replace(t.Context(), dir, "inverter"); err != nil || s.replaced != "inverter" {
		t.Errorf("replaced %q: %v", s.replaced, err)
	}
	if err := Replace(t.Context(), dir, "unknown"); err == nil || err.Error() != "no device unknown" {
		t.Errorf("error %v", err)
	}
}

func TestSettingsAndWritesReachTheService(t *testing.T) {
	dir := t.TempDir()
	defer serve(t, dir, &service{})()
	if all, err := Settings(t.Context(), dir, "inverter"); err != nil || len(all) != 1 || all[0].First != "50" {
		t.Errorf("%v, %v", all, err)
	}
	want := control.Result{Device: "inverter", Unit: "two", Key: "limit", New: "50 & more", Reason: "1?2", Result: control.Refused}
	got, err := Write(t.Context(), dir, "inverter", control.Command{Unit: "two", Key: "limit", Value: "50 & more", Serial: "1?2"})
	if err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := Write(t.Context(), dir, "unknown", control.Command{}); err == nil || err.Error() != "no device unknown" {
		t.Errorf("error %v", err)
	}
	if _, err := Settings(t.Context(), dir, "unknown"); err == nil {
		t.Error("settings of nobody")
	}
	if _, err := Write(t.Context(), t.TempDir(), "inverter", control.Command{}); !errors.Is(err, ErrAbsent) {
		t.Errorf("nobody there: %v", err)
	}
}
