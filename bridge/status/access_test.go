package status

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestNobodyComesInWhoShouldNot(t *testing.T) {
	ingress := netip.MustParseAddr("172.30.32.2")
	auth := func(password string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth("anyone", password) }
	}
	host := func(h string) func(*http.Request) { return func(r *http.Request) { r.Host = h } }
	from := func(peer string) func(*http.Request) { return func(r *http.Request) { r.RemoteAddr = peer } }
	tests := []struct {
		name string
		opts Options
		path string
		edit []func(*http.Request)
		want int
	}{
		{"by name", Options{}, "/", nil, 200},
		{"by address", Options{}, "/", []func(*http.Request){host("127.0.0.1:8099")}, 200},
		{"by IPv6", Options{}, "/", []func(*http.Request){host("[::1]:8099"), from("[::1]:4000")}, 200},
		{"by IPv6 without port", Options{}, "/", []func(*http.Request){host("[::1]")}, 200},
		{"name without port", Options{}, "/", []func(*http.Request){host("LOCALHOST")}, 200},
		{"a rebound name", Options{}, "/api/devices", []func(*http.Request){host("evil.example:8099")}, 403},
		{"a rebound name that looks local", Options{}, "/", []func(*http.Request){host("localhost.evil.example")}, 403},
		{"no name", Options{}, "/", []func(*http.Request){host("")}, 403},
		{"health by a rebound name", Options{}, "/health", []func(*http.Request){host("evil.example")}, 403},
		{"from the network without a password", Options{}, "/", []func(*http.Request){from("192.168.1.5:4000")}, 403},
		{"through ingress", Options{AllowPeers: []netip.Addr{ingress}}, "/", []func(*http.Request){from("172.30.32.2:4000"), host("ha.example")}, 200},
		{"through ingress, mapped", Options{AllowPeers: []netip.Addr{ingress}}, "/", []func(*http.Request){from("[::ffff:172.30.32.2]:4000"), host("ha")}, 200},
		{"through ingress with a password set", Options{Password: "p", AllowPeers: []netip.Addr{ingress}}, "/", []func(*http.Request){from("172.30.32.2:4000")}, 200},
		{"beside ingress", Options{AllowPeers: []netip.Addr{ingress}}, "/", []func(*http.Request){from("172.30.32.3:4000")}, 403},
		{"says it is ingress", Options{AllowPeers: []netip.Addr{ingress}}, "/", []func(*http.Request){from("172.30.32.3:4000"), func(r *http.Request) {
			r.Header.Set("X-Forwarded-For", "172.30.32.2")
			r.Header.Set("X-Remote-User-Id", "1")
		}}, 403},
		{"no password given", Options{Password: "sesame"}, "/api/devices", nil, 401},
		{"wrong password", Options{Password: "sesame"}, "/metrics", []func(*http.Request){auth("Sesame")}, 401},
		{"empty password", Options{Password: "sesame"}, "/", []func(*http.Request){auth("")}, 401},
		{"right password", Options{Password: "sesame"}, "/", []func(*http.Request){auth("sesame")}, 200},
		{"right password from the network by a name of its own", Options{Password: "sesame"}, "/metrics", []func(*http.Request){auth("sesame"), from("10.0.0.9:1"), host("pi.lan")}, 200},
		{"health needs no password", Options{Password: "sesame"}, "/health", nil, 200},
		{"nor does this one", Options{Password: "sesame"}, "/api/health", nil, 200},
		{"nor liveness", Options{Password: "sesame"}, "/healthz", []func(*http.Request){from("10.0.0.9:1"), host("pi.lan")}, 200},
		{"not by a longer path", Options{Password: "sesame"}, "/health/", nil, 401},
		{"unknown path", Options{}, "/api/nothing", nil, 404},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := get(t, New(twoDevices(time.Now()), tt.opts), tt.path, tt.edit...)
			if w.Code != tt.want {
				t.Errorf("%d %s, want %d", w.Code, w.Body, tt.want)
			}
			if asks := w.Header().Get("WWW-Authenticate") != ""; asks != (tt.want == 401) {
				t.Errorf("asks for a password: %v", asks)
			}
			if w.Code >= 400 && strings.Contains(w.Body.String(), "Inverter") {
				t.Error("refused, and yet shows the devices")
			}
		})
	}
}

func TestThePageOnlyReads(t *testing.T) {
	h := New(twoDevices(time.Now()), Options{})
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW"} {
		for _, path := range []string{"/", "/api/devices", "/api/stream", "/healthz", "/nothing"} {
			w := get(t, h, path, func(r *http.Request) { r.Method = method })
			if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: %d, Allow %q", method, path, w.Code, w.Header().Get("Allow"))
			}
		}
	}
	for _, path := range []string{"/", "/api/devices", "/api/stream", "/live", "/health", "/metrics"} {
		if w := get(t, h, path, func(r *http.Request) { r.Method = http.MethodHead }); w.Code != http.StatusOK {
			t.Errorf("HEAD %s: %d", path, w.Code)
		}
	}
}

func TestARequestWithABodyIsNotWaitedFor(t *testing.T) {
	src := twoDevices(time.Now())
	s := httptest.NewServer(New(src, Options{}))
	defer s.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	body, trickle := newTrickle()
	defer trickle()
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, s.URL, body)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("answered %s", resp.Status)
	}
}

func TestEveryAnswerHasItsGuardsAndMayBeFramed(t *testing.T) {
	h := New(twoDevices(time.Now()), Options{})
	for _, path := range []string{"/", "/api/devices", "/health", "/metrics", "/nothing"} {
		header := get(t, h, path).Header()
		if header.Get("Cache-Control") != "no-store" || header.Get("X-Content-Type-Options") != "nosniff" || header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s: %v", path, header)
		}
		if header.Get("X-Frame-Options") != "" || strings.Contains(header.Get("Content-Security-Policy"), "frame-ancestors") {
			t.Errorf("%s: Home Assistant could not show it in its frame: %v", path, header)
		}
	}
}
