package status

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestThePageStaysSmall(t *testing.T) {
	lines := strings.Count(pageText, "\n")
	t.Logf("%d lines, %d bytes", lines, len(pageText))
	if lines > 300 || len(pageText) > 40<<10 {
		t.Errorf("%d lines, %d bytes: at most 300 and 40 KB", lines, len(pageText))
	}
	if outside := regexp.MustCompile(`(src|href|url)\s*[=(]\s*["']?(https?:|//)`).FindString(pageText); outside != "" {
		t.Errorf("loads from elsewhere: %s", outside)
	}
	if absolute := regexp.MustCompile(`(src|href|EventSource)[=(]["']/`).FindString(pageText); absolute != "" {
		t.Errorf("an absolute link does not work below a prefix: %s", absolute)
	}
}

func TestThePageIsUsefulWithoutItsScript(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(twoDevices(time.Now().Add(time.Second)), Options{})
		time.Sleep(time.Second)
		text := get(t, h, "/").Body.String()
		for _, want := range []string{
			"All is well", `<b role="img" aria-label="ok">✓</b>`, "Broker connected", "Home Assistant listens", "Devices announced", "Values flow",
			"<dt>PV power</dt><dd>958<i> W</i><small>times 1.02, -4</small></dd>", "<dd>52.40<i> V</i></dd>", `<div class="none"><dt>Battery current</dt><dd>–</dd>`, "<dd>Battery</dd>",
			`data-now="1000"`, `<p class="state ok">Live <time data-t="-2000">3 s ago</time>`, ">12 s ago</time>", ">3 h ago</time>", "99 % of the last 100 queries answered", "543 ms a query",
			"QPIGS: no reply within 500 ms", ">40 min ago</time>", "unit_1, serial number 92932004102444", "8 more values", "4 diagnostic values", "sunwire 1.0.0 on raspberrypi",
			"serial:/dev/ttyUSB0", "http-equiv=\"refresh\"",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("no %q on the page", want)
			}
		}
		if t.Failed() {
			t.Log(text)
		}
	})
}

func TestWhatIsWrongIsExplained(t *testing.T) {
	now := time.Now()
	tests := []struct {
		name     string
		change   func(*Snapshot)
		headline string
		want     []string
	}{
		{"no broker", func(s *Snapshot) { s.Broker = Broker{URL: "mqtt://pi:1883", Error: "connection refused"} }, "Needs attention", []string{
			"Broker not connected", "mqtt://pi:1883: connection refused", `<b role="img" aria-label="bad">!</b>`, "Is the MQTT broker running?", "once the broker is connected",
		}},
		{"nobody listens", func(s *Snapshot) { s.Broker.HomeAssistant = false }, "Needs attention", []string{"Home Assistant does not listen", "add the integration MQTT"}},
		{"just connected", func(s *Snapshot) {
			s.Broker.HomeAssistant, s.Broker.Announced, s.Broker.Since = false, 0, now.Add(-time.Second)
		}, "Not ready yet", []string{"no answer yet", "none yet"}},
		{"no device", func(s *Snapshot) { s.Devices = nil }, "Not ready yet", []string{"No device is configured", "sunwire drivers"}},
		{"never seen", func(s *Snapshot) {
			s.Devices[1] = Device{ID: "house", MaxAge: time.Minute, Link: Link{Up: true}}
		}, "Not ready yet", []string{"Not announced yet: house", "No values yet from house", "Waiting"}},
		{"silent", func(s *Snapshot) {
			s.Devices[0].Online, s.Devices[0].LastUpdate = false, now.Add(-time.Hour)
		}, "Needs attention", []string{"No values from Inverter", "No answer", "Is it switched on", "1 h ago"}},
		{"a silent chip", func(s *Snapshot) {
			s.Devices[1].Port, s.Devices[1].Online, s.Devices[1].LastUpdate = "i2c:1/0x76", false, now.Add(-time.Hour)
			s.Devices[1].LastError = "the bus hangs: turn all off and on"
		}, "Needs attention", []string{"No answer", `<p class="alert"> the bus hangs: turn all off and on</p>`}},
		{"unplugged", func(s *Snapshot) {
			s.Devices[0].LastUpdate, s.Devices[0].Link = now.Add(-time.Hour), Link{Error: "/dev/ttyUSB0 is not there"}
		}, "Needs attention", []string{"No link", "/dev/ttyUSB0 is not there"}},
		{"late", func(s *Snapshot) { s.Devices[0].LastUpdate = now.Add(-time.Hour) }, "Needs attention", []string{"Late", "older than max_age"}},
		{"a problem", func(s *Snapshot) { s.Problems = []string{"two devices have one serial number"} }, "Needs attention", []string{"two devices have one serial number"}},
		{"a device complains", func(s *Snapshot) {
			s.Devices[0].Values[15].Value, s.Devices[0].Values[16].Value = json.RawMessage(`"ON"`), json.RawMessage(`"Fan locked"`)
		}, "All is well", []string{`<p class="alert">Problem: Fan locked</p>`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			src := twoDevices(now)
			tt.change(&src.snap)
			text := get(t, New(src, Options{}), "/").Body.String()
			for _, want := range append(tt.want, "<h2>"+tt.headline+"</h2>") {
				if !strings.Contains(text, want) {
					t.Errorf("no %q on the page", want)
				}
			}
		})
	}
}

func TestOnlyTheScriptAndStyleOfThisVeryAnswerRun(t *testing.T) {
	h := New(twoDevices(time.Now()), Options{})
	nonces := map[string]bool{}
	for range 2 {
		w := get(t, h, "/")
		m := regexp.MustCompile(`script-src 'nonce-([^']+)'; style-src 'nonce-([^']+)'`).FindStringSubmatch(w.Header().Get("Content-Security-Policy"))
		if m == nil || m[1] != m[2] || strings.Count(w.Body.String(), ` nonce="`+m[1]+`"`) != 2 {
			t.Fatalf("policy %s", w.Header().Get("Content-Security-Policy"))
		}
		nonces[m[1]] = true
		if inline := regexp.MustCompile(` (style|on[a-z]+)=`).FindString(w.Body.String()); inline != "" {
			t.Errorf("the policy forbids %s", inline)
		}
	}
	if len(nonces) != 2 {
		t.Error("the nonce can be foretold")
	}
}

func TestLinksStartBelowTheIngress(t *testing.T) {
	tests := map[string]string{
		"": "", "/api/hassio_ingress/3f_-A.b": "/api/hassio_ingress/3f_-A.b/", "/solar/": "/solar/",
		"//elsewhere.example": "", "https://elsewhere.example": "", "/a//b": "", `/a"b`: "", "/a b": "", "/": "", `/\elsewhere`: "", "javascript:x": "",
	}
	for given, want := range tests {
		if got := base(given); got != want {
			t.Errorf("base(%q) = %q, want %q", given, got, want)
		}
		text := get(t, New(twoDevices(time.Now()), Options{}), "/", func(r *http.Request) { r.Header.Set("X-Ingress-Path", given) }).Body.String()
		if has := strings.Contains(text, `<base href="`+want+`">`); has != (want != "") {
			t.Errorf("%q: base on the page: %v", given, has)
		}
	}
}

func TestAClockThatIsSetDoesNotAgeTheValues(t *testing.T) {
	now := time.Now()
	h := &handler{epoch: now.Add(-time.Hour)}
	m := h.moment(now.Add(-3*time.Second), now)
	if m.Ago != "3 s ago" || m.T != (time.Hour-3*time.Second).Milliseconds() {
		t.Errorf("%+v", m)
	}
	if h.moment(time.Time{}, now) != nil {
		t.Error("never is not a moment")
	}
}

func TestAges(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0 s ago", 59 * time.Second: "59 s ago", time.Minute: "1 min ago", 59*time.Minute + 59*time.Second: "59 min ago",
		time.Hour: "1 h ago", 47 * time.Hour: "47 h ago", 48 * time.Hour: "2 days ago",
	} {
		if got := ago(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}

func TestADeviceOfAnUnknownKindStillShowsItsFirstValuesLarge(t *testing.T) {
	g := groupOf("", []Value{
		num("z", "Z", "1", "", "", "", "diagnostic"), num("a", "A", "2", "", "", "", ""), num("b", "B", "null", "", "", "", ""),
		num("c", "C", `"ON"`, "", "", "", ""), num("d", "D", `"a text"`, "", "", "", ""), num("e", "E", "6", "", "", "", ""),
	})
	if len(g.Tiles) != 4 || len(g.More) != 1 || len(g.Diagnostics) != 1 || g.Tiles[0].Name != "A" || g.Tiles[1].Text != "–" || g.Tiles[2].Text != "On" {
		t.Errorf("%+v", g)
	}
}

func BenchmarkPage(b *testing.B)    { benchmark(b, "/") }
func BenchmarkDevices(b *testing.B) { benchmark(b, "/api/devices") }
func BenchmarkMetrics(b *testing.B) { benchmark(b, "/metrics") }
func BenchmarkHealth(b *testing.B)  { benchmark(b, "/health") }

// benchmark asks for path with two devices of 90 values.
func benchmark(b *testing.B, path string) {
	h := New(manyValues(90), Options{})
	bytes := get(b, h, path).Body.Len()
	b.ReportAllocs()
	for b.Loop() {
		if w := get(b, h, path); w.Code != http.StatusOK {
			b.Fatal(w.Code)
		}
	}
	b.ReportMetric(float64(bytes), "bytes")
}

// BenchmarkEvent is one event of the page's stream in which everything changed.
func BenchmarkEvent(b *testing.B) {
	h := &handler{src: manyValues(90), epoch: time.Now()}
	b.ReportAllocs()
	for b.Loop() {
		p := h.view(time.Now())
		for i := range p.Devices {
			if p.Devices[i].html() == "" {
				b.Fatal("nothing")
			}
		}
	}
}
