//go:build unix

package local

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"
)

type service struct{ replaced string }

func (s *service) Replace(id string) error {
	if id == "unknown" {
		return fmt.Errorf("no device %s", id)
	}
	s.replaced = id
	return nil
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
