package main

import (
	"slices"
	"strings"
	"testing"

	"sunwire/deploy/systemd"
)

func TestNoServiceIsMadeWhereAnotherStartsSunwire(t *testing.T) {
	for _, c := range []struct {
		token string
		files []string
		want  string
	}{
		{"", []string{"/run/systemd/system"}, ""},
		{"", []string{"/run/systemd/system", "/run/.containerenv"}, ""}, // a container with a systemd of its own
		{"secret", []string{"/run/systemd/system"}, "Supervisor"},
		{"", []string{"/.dockerenv"}, "container"},
		{"", []string{"/run/.containerenv"}, "container"},
		{"", nil, "no systemd"},
	} {
		err := refusal(func(string) string { return c.token }, func(path string) bool { return slices.Contains(c.files, path) })
		if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret")) {
			t.Errorf("token %q, %v: %v, want %q", c.token, c.files, err, c.want)
		}
	}
}

func TestAServiceThatKeepsEndingIsNotCalledRunning(t *testing.T) {
	for _, c := range []struct {
		out, want string
		running   bool
	}{
		{
			"LoadState=loaded\nActiveState=active\nSubState=running\nActiveEnterTimestamp=Mon 2026-11-23 17:00:00 CET\n",
			"running since Mon 2026-11-23 17:00:00 CET", true,
		},
		{"LoadState=loaded\nActiveState=reloading\nSubState=reload\nActiveEnterTimestamp=\n", "running", true},
		{"LoadState=loaded\nActiveState=activating\nSubState=auto-restart\n", "ended, and is started again every 10 s", false},
		{"LoadState=loaded\nActiveState=activating\nSubState=start\n", "activating", false},
		{
			"LoadState=loaded\nActiveState=inactive\nSubState=dead\nInactiveEnterTimestamp=Mon 2026-11-23 18:00:00 CET\n",
			"stopped since Mon 2026-11-23 18:00:00 CET", false,
		},
		{"LoadState=loaded\nActiveState=failed\nSubState=failed\n", "failed", false},
		{"LoadState=not-found\nActiveState=inactive\nSubState=dead\n", "not installed: sudo sunwire service install", false},
	} {
		if words, running := inWords([]byte(c.out)); words != c.want || running != c.running {
			t.Errorf("%q is %q, running: %t; want %q", c.out, words, running, c.want)
		}
	}
}

func TestUnitScriptAndProgramMeanTheSameFiles(t *testing.T) {
	if start := "ExecStart=" + packaged + " run -c " + defaultConfig + "\n"; !strings.Contains(systemd.Unit, start) {
		t.Errorf("the unit has no line %s", start)
	}
	if strings.Contains(systemd.Unit, "{{") {
		t.Error("the unit has {{ in it: the service library would take that for a template")
	}
	if state := "StateDirectory=sunwire\n"; !strings.Contains(systemd.Unit, state) || parsed(t, systemd.Configuration, "").StateDir != "/var/lib/sunwire" {
		t.Error("the unit's state folder is not where the configuration looks for it")
	}
	if !strings.Contains(systemd.Setup, "cat >"+defaultConfig+"\n") {
		t.Error("setup.sh does not make the configuration that the unit names")
	}
}
