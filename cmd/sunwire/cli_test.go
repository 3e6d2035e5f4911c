package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"sunwire/bridge"
	"sunwire/bridge/config"
)

// call runs a command line and returns what it printed.
func call(t *testing.T, in string, args ...string) (out string, err error) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	err = dispatch(t.Context(), console{strings.NewReader(in), &stdout, &stderr}, args)
	return stdout.String() + stderr.String(), err
}

const (
	qpigs = "283030302e302030302e30203233302e302034392e392030313631203031313920303033203436302035372e353020303132203130302030303639203030313420" +
		"3130332e382035372e3435203030303030203030313130313130203030203030203030383536203031 30248c0d"
	nak = "284e414b73730d"
)

func TestDecodeAnswersEachLineInOrder(t *testing.T) {
	in := strings.Join([]string{
		`{"driver":"pi30","command":"QPIGS","reply":"` + qpigs + `"}`,
		`{"driver":"pi30","command":"QPIGS","reply":"` + nak + `"}`,
		`{"driver":"pi30","command":"QPIRI","reply":"` + qpigs + `"}`,
		`{"driver":"pi30","command":"QPIGS","reply":"` + strings.Replace(qpigs, "3233", "3234", 1) + `"}`,
		`no json`,
		`{"driver":"nothing","command":"X","reply":""}`,
	}, "\n") // the last line without its end
	out, err := call(t, in, "decode", "--jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var results []decodeResult
	for line := range strings.Lines(out) {
		var r decodeResult
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		results = append(results, r)
	}
	if len(results) != 6 {
		t.Fatalf("%d answers to 6 lines", len(results))
	}
	first := results[0]
	if !first.OK || len(first.Values) != 30 || first.Values[8].Key != "battery_voltage" || string(first.Values[8].Raw) != "57.5" ||
		string(first.Values[8].Value) != "57.50" || first.Values[8].Unit != "V" {
		t.Errorf("QPIGS gives %+v", first)
	}
	if r := results[1]; !r.OK || len(r.Values) != 1 || r.Values[0].Key != "reply" || string(r.Values[0].Value) != `"NAK"` {
		t.Errorf("a refusal gives %+v", r)
	}
	for i, why := range map[int]string{2: "another command's reply", 3: "a damaged frame", 4: "no JSON", 5: "an unknown driver"} {
		if r := results[i]; r.OK || r.Error == "" || len(r.Values) > 0 || r.Values == nil {
			t.Errorf("%s gives %+v", why, r)
		}
	}
}

func TestAFailureIsToldByTheExitStatus(t *testing.T) {
	for _, args := range [][]string{
		{"decode", "--driver", "pi30", "--command", "QPIGS", "--hex", "00"},
		{"read", "--driver", "pi30", "--port", "serial:/dev/is-not-there"},
		{"read", "--driver", "unknown", "--port", "sim:"},
		{"check", "/is/not/there.yaml"},
		{"check"},
		{"drivers", "unknown"},
		{"simulate", "bme280", "--port", "pty:/tmp/x"},
		{"simulate", "ds18b20", "--port", "pty:/tmp/x"},
		{"simulate", "pi30", "--port", "carrier pigeon"},
		{"run", "-c", "/"},
		{"healthcheck", "-c", "/is/not/there.yaml"},
		{"bake"},
	} {
		if out, err := call(t, "", args...); err == nil {
			t.Errorf("%v succeeds and prints %q", args, out)
		}
	}
}

func TestReadPrintsWhatTheDeviceSays(t *testing.T) {
	out, err := call(t, "", "read", "--driver", "pi30", "--port", "sim:")
	if err != nil || !strings.Contains(out, "serial number 92932004102443") || !strings.Contains(out, "battery_voltage") {
		t.Errorf("%v: %s", err, out)
	}
	out, err = call(t, "", "read", "--driver", "bme280", "--port", "sim:", "--format", "json")
	var devices []struct {
		Model  string `json:"model"`
		Values []struct {
			Key   string  `json:"key"`
			Value float64 `json:"value"`
		} `json:"values"`
	}
	if err != nil || json.Unmarshal([]byte(out), &devices) != nil || devices[0].Model != "BME280" || len(devices[0].Values) != 6 {
		t.Errorf("%v: %s", err, out)
	}
}

func TestADeviceThatGaveNothingIsNotPrinted(t *testing.T) {
	if out, err := call(t, "", "read", "--driver", "pi30", "--port", "serial:/dev/is-not-there"); err == nil || out != "" {
		t.Errorf("%v, and beside that it prints %q", err, out)
	}
}

func TestARecordingIsReadLikeADevice(t *testing.T) {
	out, err := call(t, "", "read", "--driver", "pi30", "--port", "replay:../../testdata/frames/pi30/pip4048.txtar")
	if !strings.Contains(out, "9293333010501") || !strings.Contains(out, "57.50 V") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestAReplacementIsNotedWhileNothingRuns(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "sunwire.yaml")
	text := "state_dir: " + dir + "/state\ndevices: [{id: inverter, driver: pi30, port: 'sim:'}]\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := call(t, "", "replace", "inverter", "-c", path); err == nil || !strings.Contains(err.Error(), "nothing to replace") {
		t.Errorf("a device never seen: %v", err)
	}
}

func TestTheUsageNamesEveryCommand(t *testing.T) {
	out, err := call(t, "", "help")
	for _, c := range commands() {
		if !strings.Contains(out, c.name) {
			t.Errorf("%v: %s is not in %s", err, c.name, out)
		}
	}
	if _, err := call(t, "", "read", "-h"); !errors.Is(err, errHelp) {
		t.Error(err)
	}
}

func TestALogFileThatWasMovedAwayIsMadeAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sunwire.log")
	log, reopen, err := logger(config.Log{Level: "info", Format: "text", File: path}, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	defer reopen()
	written := func(want string) {
		t.Helper()
		if text, err := os.ReadFile(path); err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%v: %q is not in %q", err, want, text)
		}
	}
	log.Info("one")
	written("one")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	reopen() // as SIGHUP does
	log.Info("two")
	written("two")
	if err := os.Rename(path, path+".2"); err != nil {
		t.Fatal(err)
	}
	for start := time.Now(); time.Since(start) < 3*time.Second; time.Sleep(50 * time.Millisecond) {
		log.Info("three") // without a signal it is noticed within a second
		if _, err := os.Stat(path); err == nil {
			break
		}
	}
	written("three")
}

func TestTheExamplesFurtherDevicesAreRight(t *testing.T) {
	text, err := os.ReadFile("../../config.yaml.example")
	if err != nil {
		t.Fatal(err)
	}
	list, more, _ := strings.Cut(string(text), "# More that may stand")
	more = regexp.MustCompile("(?m)^#(  |groups:)").ReplaceAllString("# More"+more, "$1")
	cfg, err := config.Parse("example", []byte(list+more), environment())
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, d := range cfg.Devices {
		names[d.Driver] = true
		if _, err := bridge.Simulated(t.Context(), *d.Spec, d.Options); err != nil {
			t.Errorf("%s: %v", d.ID, err)
		}
	}
	if !names["openmeteo"] || !names["httpjson"] || !names["mqttin"] || len(cfg.Groups) != 1 {
		t.Errorf("there are %v", names)
	}
}
