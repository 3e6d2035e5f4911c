//go:build unix

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sunwire/bridge/local"

	ctl "sunwire/bridge/control"
)

// writer stands for a running sunwire: what its one device has, and what was written.
type writer struct {
	mu       sync.Mutex
	settings []ctl.Setting
	commands []ctl.Command
}

func (w *writer) Replace(string) error { return nil }

func (w *writer) Settings(id string) ([]ctl.Setting, error) {
	if id != "inverter" {
		return nil, fmt.Errorf("no device %s in the configuration", id)
	}
	return w.settings, nil
}

// Write refuses the float voltage as long as the bulk voltage is below it.
func (w *writer) Write(_ context.Context, _ string, c ctl.Command) (ctl.Result, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.commands = append(w.commands, c)
	r := ctl.Result{Unit: c.Unit, Key: c.Key, New: c.Value, Result: ctl.Done, Reply: "(" + c.Value}
	switch {
	case c.Key == "float" && w.settings[1].Value != "56.4":
		r.Result, r.Reason = ctl.Refused, "above bulk"
	case c.Key == "bulk":
		w.settings[1].Value = c.Value
	case c.Key == "type" && c.Serial != "123":
		r.Result, r.Reason = ctl.Refused, "confirm it"
	}
	return r, nil
}

// beside runs w as the sunwire of a configuration, whose file is returned.
func beside(t *testing.T, w *writer) (file string) {
	t.Helper()
	dir := t.TempDir()
	file = filepath.Join(dir, "sunwire.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, "state_dir: %q\ndevices: [{id: inverter, driver: pi30, port: \"sim:\"}]\n", dir), 0o600); err != nil {
		t.Fatal(err)
	}
	if w == nil {
		return file
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = local.Serve(ctx, dir, w) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	for start := time.Now(); local.Alive(t.Context(), dir) != nil; time.Sleep(time.Millisecond) {
		if time.Since(start) > 5*time.Second {
			t.Fatal("not alive")
		}
	}
	return file
}

func house3() *writer {
	return &writer{settings: []ctl.Setting{
		{Key: "float", Value: "52.0", First: "54.0", Writable: "yes", Min: 48, Max: 58, Measured: "V"},
		{Key: "bulk", Value: "53.0", First: "56.4", Writable: "yes"},
		{Unit: "two", Key: "buzzer", Value: "ON", First: "ON", Options: []string{"a", "b"}, Writable: "it needs control: full"},
		{Key: "slot", Value: "x"},
	}}
}

func TestSettingsAreShownAndCompared(t *testing.T) {
	file := beside(t, house3())
	show, err := call(t, "", "settings", "show", "inverter", "-c", file)
	if err != nil || strings.Count(show, "\n") != 5 || !strings.Contains(show, "two/buzzer") || !strings.Contains(show, "48 to 58") || !strings.Contains(show, "needs control: full") {
		t.Errorf("%s %v", show, err)
	}
	diff, err := call(t, "", "settings", "diff", "inverter", "-c", file)
	if err != nil || strings.Count(diff, "\n") != 3 || !strings.Contains(diff, "float") || !strings.Contains(diff, "bulk") {
		t.Errorf("%s %v", diff, err)
	}
	if _, err := call(t, "", "settings", "show", "nobody", "-c", file); err == nil {
		t.Error("settings of nobody")
	}
	if _, err := call(t, "", "settings", "burn", "inverter", "-c", file); err == nil {
		t.Error("an unknown word")
	}
}

func TestRestoreWritesBackWhatWasFoundInWhateverOrderIsTaken(t *testing.T) {
	w := house3()
	out, err := call(t, "", "settings", "restore", "inverter", "-c", beside(t, w))
	var keys []string
	for _, c := range w.commands {
		keys = append(keys, c.Key+"="+c.Value)
	}
	if err != nil || fmt.Sprint(keys) != "[float=54.0 bulk=56.4 float=54.0]" {
		t.Errorf("%v: %s %v", keys, out, err)
	}
	w = house3()
	w.settings = []ctl.Setting{{Key: "type", Value: "AGM", First: "User"}, w.settings[1]}
	if _, err := call(t, "", "settings", "restore", "inverter", "-c", beside(t, w)); err == nil || !strings.Contains(err.Error(), "type: confirm it") {
		t.Errorf("error %v", err)
	}
}

func TestSetAndSendReachTheRunningSunwire(t *testing.T) {
	w := house3()
	file := beside(t, w)
	if out, err := call(t, "", "set", "inverter", "two/buzzer", "OFF", "-c", file); err != nil || !strings.Contains(out, "two/buzzer: ? -> OFF: done") {
		t.Errorf("%s %v", out, err)
	}
	if _, err := call(t, "", "set", "inverter", "type", "User", "-c", file); err == nil {
		t.Error("a refused write is no error")
	}
	if _, err := call(t, "", "set", "inverter", "type", "User", "--serial", "123", "-c", file); err != nil {
		t.Error(err)
	}
	if out, err := call(t, "", "send", "inverter", "QPIGS", "-c", file); err != nil || out != "(QPIGS\n" {
		t.Errorf("%s %v", out, err)
	}
	if got := w.commands[0]; got.Unit != "two" || got.Key != "buzzer" || w.commands[len(w.commands)-1].Key != ctl.Raw {
		t.Errorf("%+v", w.commands)
	}
}

func TestWithoutARunningSunwireNothingIsSet(t *testing.T) {
	file := beside(t, nil)
	for _, args := range [][]string{{"set", "inverter", "a", "b"}, {"settings", "show", "inverter"}} {
		if _, err := call(t, "", append(args, "-c", file)...); err == nil || !strings.Contains(err.Error(), "start it first") {
			t.Errorf("%v: %v", args, err)
		}
	}
	if _, err := call(t, "", "send", "inverter", "PF", "-c", file); err == nil || !strings.Contains(err.Error(), "--serial 92932004102443") {
		t.Errorf("%v", err)
	}
}
