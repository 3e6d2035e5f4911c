package status

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// offered is a Setup that notes what it was asked for.
type offered struct {
	added   [][]string
	reloads int
	results []Result
}

func (o *offered) FirstStart() FirstStart {
	return FirstStart{
		Where:   "the file",
		Choices: []Choice{{Port: `serial:/dev/"x"`, Title: "<b>FTDI</b>", Ticked: true, Open: true}, {Port: "hid:1", Note: "held", Mend: "stop it"}},
	}
}
func (o *offered) Results() []Result                     { return o.results }
func (o *offered) Add(_ context.Context, ports []string) { o.added = append(o.added, ports) }
func (o *offered) Reload() error                         { o.reloads++; return nil }

func TestOnlyWhoIsKnownAndAsksFromThisPageMayChangeAnything(t *testing.T) {
	const ingress = "172.30.32.2:40000"
	type request struct {
		password, peer, host string
		headers              map[string]string
	}
	for name, c := range map[string]struct {
		request
		may bool
	}{
		"loopback without a password": {request{peer: "127.0.0.1:1", host: "localhost:8099"}, false},
		"with the password":           {request{password: "pw", peer: "192.168.1.5:1", host: "pi:8099"}, true},
		"from this page":              {request{"pw", "192.168.1.5:1", "pi:8099", map[string]string{"Origin": "http://pi:8099"}}, true},
		"from another site's page":    {request{"pw", "192.168.1.5:1", "pi:8099", map[string]string{"Origin": "http://evil.example"}}, false},
		"from a page without origin":  {request{"pw", "192.168.1.5:1", "pi:8099", map[string]string{"Origin": "null"}}, false},
		"cross-site by the browser":   {request{"pw", "192.168.1.5:1", "pi:8099", map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "http://pi:8099"}}, false},
		"same-origin by the browser":  {request{"pw", "192.168.1.5:1", "pi:8099", map[string]string{"Sec-Fetch-Site": "same-origin"}}, true},
		"by ingress":                  {request{peer: ingress, host: "172.30.33.4:8099", headers: map[string]string{"Origin": "http://ha.local:8123", "X-Forwarded-Host": "ha.local:8123"}}, true},
		"by ingress, another site":    {request{peer: ingress, host: "172.30.33.4:8099", headers: map[string]string{"Origin": "http://evil.example", "X-Forwarded-Host": "ha.local:8123"}}, false},
		"a stranger as ingress": {request{
			password: "pw", peer: "192.168.1.5:1", host: "pi:8099", headers: map[string]string{"Origin": "http://evil.example", "X-Forwarded-Host": "evil.example"},
		}, false},
	} {
		o := &offered{}
		h := New(twoDevices(time.Now()), Options{Password: c.password, AllowPeers: []netip.Addr{netip.MustParseAddr("172.30.32.2")}, Setup: o})
		for _, path := range []string{"/setup/add", "/setup/reload"} {
			r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(url.Values{"port": {"a", "b"}}.Encode()))
			r.RemoteAddr, r.Host = c.peer, c.host
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			for k, v := range c.headers {
				r.Header.Set(k, v)
			}
			if c.password != "" {
				r.SetBasicAuth("x", c.password)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if done := w.Code == http.StatusSeeOther; done != c.may {
				t.Errorf("%s: %s gives %d", name, path, w.Code)
			}
			if c.may && w.Header().Get("Location") != ".." {
				t.Errorf("%s: leads to %q: below an ingress only a relative path fits", name, w.Header().Get("Location"))
			}
		}
		if (len(o.added) == 1 && slices.Equal(o.added[0], []string{"a", "b"}) && o.reloads == 1) != c.may {
			t.Errorf("%s: added %v, reloads %d", name, o.added, o.reloads)
		}
	}
}

func TestNothingElseTakesAPost(t *testing.T) {
	o := &offered{}
	for _, opts := range []Options{{Password: "pw", Setup: o}, {Password: "pw"}} {
		h := New(twoDevices(time.Now()), opts)
		for _, path := range []string{"/", "/setup", "/api/devices", "/setup/other", "/live", "/setup/add"} {
			if path == "/setup/add" && opts.Setup != nil {
				continue
			}
			r := httptest.NewRequest(http.MethodPost, path, nil)
			r.SetBasicAuth("x", "pw")
			w := httptest.NewRecorder()
			if h.ServeHTTP(w, r); w.Code != http.StatusMethodNotAllowed {
				t.Errorf("POST %s gives %d", path, w.Code)
			}
		}
	}
	for _, path := range []string{"/setup/add", "/setup/reload"} {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.SetBasicAuth("x", "pw")
		New(twoDevices(time.Now()), Options{Password: "pw", Setup: o}).ServeHTTP(httptest.NewRecorder(), r)
	}
	if len(o.added) > 0 || o.reloads > 0 {
		t.Error("a link can change something")
	}
}

func TestTheListOfPortsIsShownWhereItIsOfUse(t *testing.T) {
	o := &offered{}
	page := func(h http.Handler, path string) string {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.SetBasicAuth("x", "pw")
		r.Header.Set("Sec-Fetch-Site", "none") // its address was typed, or is a bookmark
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Body.String()
	}
	empty := twoDevices(time.Now())
	empty.change(func(s *Snapshot) { s.Devices = nil })
	if text := page(New(empty, Options{Password: "pw", Setup: o}), "/"); !strings.Contains(text, `value="serial:/dev/&#34;x&#34;" checked`) ||
		!strings.Contains(text, `value="hid:1" disabled`) || strings.Contains(text, "<b>FTDI") || !strings.Contains(text, "<button>") {
		t.Errorf("a page without devices: %s", text)
	}
	full := New(twoDevices(time.Now()), Options{Password: "pw", Setup: o})
	if text := page(full, "/"); strings.Contains(text, "What is plugged in") {
		t.Error("a page with devices lists ports")
	}
	o.results = []Result{{OK: true, Text: "Found & added"}}
	if text := page(full, "/"); !strings.Contains(text, "Found &amp; added") {
		t.Error("what came of it is not told")
	}
	if text := page(full, "/setup"); !strings.Contains(text, "What is plugged in") || !strings.Contains(text, "Found &amp; added") {
		t.Error("/setup lists no ports")
	}
	if text := page(New(twoDevices(time.Now()), Options{Password: "pw"}), "/"); strings.Contains(text, `href="setup"`) {
		t.Error("a page that may change nothing offers to")
	}
}
