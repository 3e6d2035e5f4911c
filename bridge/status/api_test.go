package status

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"sunwire/bridge/control"
)

var rewrite = flag.Bool("update", false, "write the golden files anew")

// get asks h as a browser on the same machine does.
func get(t testing.TB, h http.Handler, path string, edit ...func(*http.Request)) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.RemoteAddr, r.Host = "127.0.0.1:40000", "localhost:8099"
	for _, f := range edit {
		f(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *rewrite {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (go test ./bridge/status -update, if that is meant); it is now\n%s", path, got)
	}
}

func goldenJSON(t *testing.T, name string, got []byte) {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, got, "", "  "); err != nil {
		t.Fatal(err)
	}
	golden(t, name, b.Bytes())
}

// In a bubble the clock starts at midnight UTC on 1 January 2000, so that ages are the same each time.

func TestTheNamesInTheSnapshotAreFrozen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := get(t, New(twoDevices(time.Now().UTC()), Options{}), "/api/devices")
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("answered %d, %v", w.Code, w.Header())
		}
		goldenJSON(t, "devices.json", w.Body.Bytes())
	})
}

func TestAListWithoutEntriesIsAListAndNotNull(t *testing.T) {
	w := get(t, New(&house{snap: Snapshot{Schema: 1, Devices: []Device{{ID: "a"}}}}, Options{}), "/api/devices")
	for _, want := range []string{`"problems":[]`, `"values":[]`, `"failures":{}`} {
		if !bytes.Contains(w.Body.Bytes(), []byte(want)) {
			t.Errorf("no %s in %s", want, w.Body)
		}
	}
	w = get(t, New(&house{}, Options{}), "/api/devices")
	if !bytes.Contains(w.Body.Bytes(), []byte(`"devices":[]`)) {
		t.Errorf("no empty list in %s", w.Body)
	}
}

func TestABrokenValueIsAnErrorAndNotHalfADocument(t *testing.T) {
	src := twoDevices(time.Now())
	src.snap.Devices[0].Values[0].Value = json.RawMessage("23x")
	if w := get(t, New(src, Options{}), "/api/devices"); w.Code != http.StatusInternalServerError || bytes.Contains(w.Body.Bytes(), []byte("23x")) {
		t.Errorf("answered %d: %s", w.Code, w.Body)
	}
}

func TestTheNamesInTheHealthReportAreFrozen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := twoDevices(time.Now().UTC())
		src.snap.Devices[1].LastUpdate = time.Time{}
		h := New(src, Options{})
		w := get(t, h, "/health")
		goldenJSON(t, "health.json", bytes.ReplaceAll(w.Body.Bytes(), []byte(time.Now().Format(time.RFC3339Nano)), []byte("2000-01-01T00:00:00Z")))
		if again := get(t, h, "/api/health"); again.Body.String() != w.Body.String() {
			t.Errorf("/api/health says %s, /health %s", again.Body, w.Body)
		}
	})
}

func TestOnlyACriticalDeviceOverItsMaxAgeIsUnavailability(t *testing.T) {
	now := time.Now()
	old := now.Add(-6 * time.Minute)
	tests := []struct {
		name   string
		change func(*Snapshot)
		status string
		ok     bool
	}{
		{"fresh", func(*Snapshot) {}, "ok", true},
		{"the broker is away", func(s *Snapshot) { s.Broker.Connected = false }, "degraded", true},
		{"the critical one is old", func(s *Snapshot) { s.Devices[0].LastUpdate = old }, "unhealthy", false},
		{"the critical one is at its limit", func(s *Snapshot) { s.Devices[0].LastUpdate = now.Add(-5 * time.Minute) }, "ok", true},
		{"the other one is old", func(s *Snapshot) { s.Devices[1].LastUpdate = old }, "degraded", true},
		{"the critical one never answered in three hours", func(s *Snapshot) { s.Devices[0].LastUpdate = time.Time{} }, "unhealthy", false},
		{"the critical one has not answered yet", func(s *Snapshot) { s.Devices[0].LastUpdate, s.Started = time.Time{}, now.Add(-time.Minute) }, "degraded", true},
		{"the other one never answered", func(s *Snapshot) { s.Devices[1].LastUpdate = time.Time{} }, "degraded", true},
		{"a critical one is old and the last one fresh", func(s *Snapshot) {
			s.Devices[0].LastUpdate, s.Devices[1].Critical = old, true
		}, "unhealthy", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			src := twoDevices(now)
			tt.change(&src.snap)
			if report, ok := checkHealth(&src.snap, now); report.Status != tt.status || ok != tt.ok {
				t.Errorf("%s, healthy %v; want %s, %v", report.Status, ok, tt.status, tt.ok)
			}
		})
	}
	src := twoDevices(now.Add(-time.Hour))
	if w := get(t, New(src, Options{}), "/health"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("/health answered %d an hour after the last update", w.Code)
	}
	if w := get(t, New(src, Options{}), "/healthz"); w.Code != http.StatusOK || w.Body.String() != "ok\n" {
		t.Errorf("/healthz answered %d %q: it is about the process alone", w.Code, w.Body)
	}
}

func TestTheLastWritesAreShown(t *testing.T) {
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for want, writes := range map[string]func() []control.Result{
		`{"schema":1,"writes":[]}` + "\n": nil,
		`{"schema":1,"writes":[{"time":"2026-11-23T12:00:00Z","device":"inverter","key":"limit","source":"mqtt","old":"50","new":"60","now":"60","result":"done"}]}` + "\n": func() []control.Result {
			return []control.Result{{Time: at, Device: "inverter", Key: "limit", Source: control.MQTT, Old: "50", New: "60", Now: "60", Result: control.Done}}
		},
	} {
		w := get(t, New(twoDevices(time.Now()), Options{Writes: writes}), "/api/writes")
		if w.Code != http.StatusOK || w.Body.String() != want {
			t.Errorf("%d %s, want %s", w.Code, w.Body, want)
		}
	}
}
