package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sunwire/bridge/config"
	"sunwire/deploy/systemd"
)

// parsed reads text as the service will, with password in the file that it may name.
func parsed(t *testing.T, text, password string) *config.Config {
	t.Helper()
	env := environment()
	env.ReadFile = func(name string) ([]byte, error) {
		if name != passwordFile {
			return nil, os.ErrNotExist
		}
		return []byte(password + "\n"), nil
	}
	cfg, err := config.Parse(defaultConfig, []byte(text), env)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestAFreshInstallationShowsItsPageToThisMachineAlone(t *testing.T) {
	text, err := pageChoice{}.configuration()
	if err != nil {
		t.Fatal(err)
	}
	cfg := parsed(t, text, "")
	if cfg.HTTP.Listen != ownPage || cfg.HTTP.Password != "" || len(cfg.Devices) != 0 {
		t.Errorf("the first configuration has the page at %s and %d devices", cfg.HTTP.Listen, len(cfg.Devices))
	}
	if text != systemd.Configuration {
		t.Error("the package's first configuration is another one")
	}
}

func TestThePasswordOfThePageIsInAFileOfItsOwn(t *testing.T) {
	const secret = `cor"rect: horse`
	text, err := pageChoice{listen: "0.0.0.0:80", password: secret}.configuration()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text, "horse") {
		t.Error("the password is in the configuration")
	}
	if cfg := parsed(t, text, secret); cfg.HTTP.Listen != "0.0.0.0:80" || string(cfg.HTTP.Password) != secret {
		t.Errorf("the page is at %s, and its password is another one", cfg.HTTP.Listen)
	}
}

func TestAnOpenPageIsNotInstalled(t *testing.T) {
	for _, p := range []pageChoice{{listen: "0.0.0.0:8099"}, {listen: "192.168.1.5:8099"}, {listen: "everywhere"}, {listen: "127.0.0.1"}} {
		if text, err := p.configuration(); err == nil {
			t.Errorf("a page at %q without a password makes %s", p.listen, text)
		} else if strings.Contains(err.Error(), defaultConfig) {
			t.Errorf("%q: the error names a file that is not there yet: %v", p.listen, err)
		}
	}
}

func TestWhatCannotBeIsAskedAgain(t *testing.T) {
	secrets := []string{"", "horse"}
	secret := func() (string, error) {
		s := secrets[0]
		secrets = secrets[1:]
		return s, nil
	}
	var out bytes.Buffer
	p, err := askPage(strings.NewReader("0.0.0.0:8099\n0.0.0.0:8099\n"), &out, secret)
	if err != nil || p.listen != "0.0.0.0:8099" || p.password != "horse" {
		t.Errorf("the page is at %q, %v", p.listen, err)
	}
	if !strings.Contains(out.String(), "http.password") || strings.Contains(out.String(), "horse") {
		t.Errorf("it said: %s", &out)
	}
	if p, err := askPage(strings.NewReader("\n"), io.Discard, func() (string, error) { return "", nil }); err != nil || p != (pageChoice{}) {
		t.Errorf("a return for each question gives %v, %v", p.listen, err)
	}
	if _, err := askPage(strings.NewReader(""), io.Discard, secret); err == nil {
		t.Error("nobody answered, and it went on")
	}
}

func TestAnEmptyPasswordFileIsNoPassword(t *testing.T) {
	name := filepath.Join(t.TempDir(), "password")
	for text, want := range map[string]string{"horse\r\n": "horse", " two words \n": " two words ", "\n": "", "": ""} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, from := range []string{name, "-"} {
			got, err := readPassword(console{in: strings.NewReader(text)}, from)
			if got != want || (err == nil) != (want != "") {
				t.Errorf("%q by %s gives %q, %v", text, from, got, err)
			}
		}
	}
}

func TestThePageIsNamedByWhatABrowserCanOpen(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for listen, want := range map[string]string{
		"127.0.0.1:8099": "http://127.0.0.1:8099",
		"[::1]:80":       "http://[::1]:80",
		"0.0.0.0:8099":   "http://" + host + ":8099",
		"[::]:8099":      "http://" + host + ":8099",
		":8099":          "http://" + host + ":8099",
		"":               "none",
	} {
		if got := pageURL(listen); got != want {
			t.Errorf("a page that listens on %q is %q, want %q", listen, got, want)
		}
	}
}

func TestAnUnknownVerbIsToldWhichThereAre(t *testing.T) {
	for _, args := range [][]string{{}, {"instal"}, {"-h"}} {
		var out bytes.Buffer
		err := service(t.Context(), console{out: &out, err: &out}, args)
		help := len(args) > 0 && args[0] == "-h"
		if want := map[bool]error{true: errHelp, false: errUsage}[help]; !errors.Is(err, want) {
			t.Errorf("%v ends with %v, want %v", args, err, want)
		}
		for _, verb := range []string{"install", "uninstall", "start", "stop", "status", "logs", "untested"} {
			if !strings.Contains(out.String(), verb) {
				t.Errorf("%v is not told of %s: %s", args, verb, &out)
			}
		}
	}
	for _, verb := range []string{"start", "stop", "uninstall", "status"} {
		if err := service(t.Context(), console{out: io.Discard, err: io.Discard}, []string{verb, "now"}); err == nil ||
			!strings.Contains(err.Error(), "no arguments") {
			t.Errorf("service %s now: %v", verb, err)
		}
	}
}
