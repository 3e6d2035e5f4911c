package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"

	"sunwire/bridge/config"
	"sunwire/bridge/detect"
	"sunwire/drivers/all"
	"sunwire/drivers/link/simulated"
)

// waitFor waits for something that another goroutine or process does.
func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	end := time.NewTimer(10 * time.Second)
	defer end.Stop()
	for look := time.NewTicker(5 * time.Millisecond); !done(); {
		select {
		case <-end.C:
			t.Fatal("not in 10 s: ", what)
		case <-look.C:
		}
	}
}

// look runs the command and returns what it printed.
func look(t *testing.T, args ...string) (out string, err error) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	err = detectDevices(t.Context(), console{strings.NewReader(""), &stdout, &stderr}, args)
	return stdout.String() + stderr.String(), err
}

// inverter is a simulated PI30 at 2400 baud on a pseudo-terminal.
func inverter(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "tty")
	d, err := all.Find("pi30")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := (simulated.Line{Baud: 2400, Ends: simulated.EndsInCR}).ServePTY(ctx, path, d.Simulate(nil, 0)); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { stop(); wg.Wait() })
	waitFor(t, "the inverter is plugged in", func() bool { _, err := os.Lstat(path); return err == nil })
	return path
}

// terminal is a pseudo-terminal whose other end says something now and then ("": never) and counts what is written to it.
func terminal(t *testing.T, says string) (path string, written func() int64) {
	t.Helper()
	device, end, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := term.MakeRaw(int(end.Fd())); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var n int64
	var mu sync.Mutex
	var wg sync.WaitGroup
	wg.Go(func() { // ends when the last one has closed the terminal
		b := make([]byte, 256)
		for {
			got, err := device.Read(b)
			mu.Lock()
			n += int64(got)
			mu.Unlock()
			if err != nil {
				return
			}
		}
	})
	if says != "" {
		wg.Go(func() {
			for tick := time.NewTicker(700 * time.Millisecond); ; {
				select {
				case <-ctx.Done():
					tick.Stop()
					return
				case <-tick.C:
					_, _ = io.WriteString(device, says)
				}
			}
		})
	}
	t.Cleanup(func() { stop(); _ = end.Close(); wg.Wait(); _ = device.Close() })
	return end.Name(), func() int64 { mu.Lock(); defer mu.Unlock(); return n }
}

// hold lets another process take a port for itself.
func hold(t *testing.T, path string) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, "flock", "--no-fork", path, "sleep", "600")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(); _ = cmd.Wait() })
	waitFor(t, "the port is held", func() bool {
		return exec.CommandContext(t.Context(), "flock", "--nonblock", path, "true").Run() != nil
	})
}

func TestOfFourPortsTheInverterIsFoundAndTheOthersAreLeftAlone(t *testing.T) {
	t.Parallel()
	inverter := inverter(t)
	talking, toldTalker := terminal(t, "$GPRMC,,V,,,,,,,,,,N*53\r\n")
	silent, toldSilent := terminal(t, "")
	held, toldHeld := terminal(t, "")
	hold(t, held)

	start := time.Now()
	out, err := look(t, "serial:"+inverter, "serial:"+talking, "serial:"+silent, "serial:"+held)
	took := time.Since(start)
	t.Logf("four ports took %.1f s\n%s", took.Seconds(), out)
	if err != nil || took > 30*time.Second {
		t.Errorf("%v after %v", err, took)
	}
	for _, want := range []string{
		"pi30", "92932004102443", "100 %", "talks by itself", "24 47 50 52 4d 43", "nothing answers (tried: ", "in use by process ", "(sleep)",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if toldTalker() > 0 || toldHeld() > 0 {
		t.Errorf("written: %d bytes to the one that talks, %d to the one that is held", toldTalker(), toldHeld())
	}
	if toldSilent() == 0 {
		t.Error("the silent one was not asked at all, so that nothing is proved by the others' silence")
	}
	_, text, _ := strings.Cut(out, "devices:\n")
	cfg, err := config.Parse("printed", []byte("devices:\n"+text), environment())
	if err != nil || len(cfg.Devices) != 1 || cfg.Devices[0].Port.Address != inverter || cfg.Devices[0].Driver != "pi30" {
		t.Errorf("%v: not a configuration:\n%s", err, text)
	}
}

func TestNothingFoundIsToldByTheExitStatus(t *testing.T) {
	t.Parallel()
	path, _ := terminal(t, "")
	out, err := look(t, "--json", "--driver", "PI30", path)
	var found detected
	if err == nil || json.Unmarshal([]byte(out), &found) != nil || len(found.Findings) != 1 || found.Findings[0].Problem == nil {
		t.Errorf("%v: %s", err, out)
	}
	for _, args := range [][]string{{"--driver", "unknown"}, {"carrier pigeon"}, {"--bake"}} {
		if _, err := look(t, args...); err == nil {
			t.Errorf("%q succeeds", args)
		}
	}
}

func TestWithoutAPortNothingIsOpened(t *testing.T) {
	if out, err := look(t); err != nil || !strings.Contains(out, "none was opened") && !strings.Contains(out, "no serial port") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestAllTakesWhatIsTicked(t *testing.T) {
	listed := []detect.Port{{Text: "serial:/dev/a", Ticked: true}, {Text: "serial:/dev/b"}, {Text: "hid:0665:5161", Ticked: true}}
	for _, c := range []struct {
		names []string
		all   bool
		want  []string
	}{
		{nil, false, nil},
		{nil, true, []string{"serial:/dev/a", "hid:0665:5161"}},
		{[]string{"/dev/b"}, false, []string{"/dev/b"}},
		{[]string{"serial:/dev/a"}, true, []string{"serial:/dev/a", "hid:0665:5161"}}, // not twice at once
	} {
		ports, err := chosen(listed, c.names, c.all)
		var got []string
		for _, p := range ports {
			got = append(got, p.Text)
		}
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%q, all %t: %q, %v", c.names, c.all, got, err)
		}
	}
	if _, err := chosen(nil, nil, true); err == nil {
		t.Error("all of nothing is no error")
	}
}

func TestAListSaysWhatIsWrongAndHowToMendIt(t *testing.T) {
	var b strings.Builder
	printPorts(&b, []detect.Port{
		{Text: "serial:/dev/a", Title: "CH340", ID: "1a86:7523", Guess: "unknown", Ticked: true, Note: "keep it there"},
		{Text: "i2c:1", Title: "Pi", Guess: "sensors", Problem: &detect.Problem{What: "I2C is turned off", Mend: "sudo raspi-config"}},
	})
	printConflicts(&b, []detect.Conflict{{Program: "ModemManager", Why: "it asks", State: "enabled", Mend: "sudo systemctl disable --now ModemManager"}})
	for _, want := range []string{
		"[x] serial:/dev/a\n      CH340 (1a86:7523): unknown\n      keep it there\n",
		"[ ] i2c:1\n      Pi: sensors\n      ! I2C is turned off\n        sudo raspi-config\n",
		"ModemManager is in the way (enabled): it asks.\n  Stop it: sudo systemctl disable --now ModemManager\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
}

func TestHelpIsNoFailure(t *testing.T) {
	if _, err := look(t, "-h"); !errors.Is(err, errHelp) {
		t.Error(err)
	}
}
