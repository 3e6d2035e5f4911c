//go:build e2e

package status

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// ingress cuts off a prefix as Home Assistant does: without the slash at its end it knows no page.
const ingress = "/api/hassio_ingress/3fA_-token"

// behindIngress serves page below the prefix. The browser's virtual time stands still while a stream is open, so each is ended after a
// while and the script must open it anew; opened is told of the first, the second ...
func behindIngress(page http.Handler, opened func(n int)) http.Handler {
	streams := 0
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, ok := strings.CutPrefix(r.URL.Path, ingress)
		if !ok || path == "" {
			http.NotFound(w, r)
			return
		}
		if path == "/live" {
			streams++
			opened(streams)
			ctx, cancel := context.WithTimeout(r.Context(), 700*time.Millisecond)
			defer cancel()
			r = r.WithContext(ctx)
		}
		r.URL.Path = path
		r.Header.Set("X-Ingress-Path", ingress)
		if path != "/" {
			page.ServeHTTP(w, r)
			return
		}
		whole := httptest.NewRecorder()
		page.ServeHTTP(whole, r)
		maps.Copy(w.Header(), whole.Header())
		_, _ = io.WriteString(w, strings.ReplaceAll(whole.Body.String(), "<details>", "<details open>")) // as if the reader had opened them
	})
}

// chromium runs Debian's browser once, without a window, and returns what it writes.
func chromium(t *testing.T, url string, args ...string) (stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "chromium", append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
		"--disable-sync", "--hide-scrollbars", "--enable-logging=stderr", "--user-data-dir=" + t.TempDir(), "--virtual-time-budget=3000",
	}, append(args, url)...)...)
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &out, &log, 5*time.Second
	if err := cmd.Run(); err != nil {
		t.Fatalf("chromium: %v\n%s", err, log.String())
	}
	return out.String(), log.String()
}

func TestTheScriptShowsNewValuesBelowAPrefixAndAfterALostStream(t *testing.T) {
	src := twoDevices(time.Now())
	s := httptest.NewServer(behindIngress(New(src, Options{}), func(n int) {
		src.change(func(s *Snapshot) { // the page is out with the old values
			if n == 1 {
				s.Devices[1].Values[0].Value = json.RawMessage("null")
				s.Devices[1].LastError = "sensor <b>stuck</b>"
			}
			s.Devices[0].Values[9].Value = json.RawMessage([]string{"958", "1042", "1043"}[min(n, 2)])
		})
	}))
	defer s.Close()
	dom, log := chromium(t, s.URL+ingress+"/", "--dump-dom")
	for _, want := range []string{
		"<dt>PV power</dt><dd>1043<i> W</i><small>times 1.02, -4</small></dd>", `<div class="none"><dt>Temperature</dt><dd>–</dd></div>`, "sensor &lt;b&gt;stuck&lt;/b&gt;",
	} {
		if !strings.Contains(dom, want) {
			t.Errorf("no %q on the page after an event", want)
		}
	}
	if n := strings.Count(dom, `<details open="">`); n != 2 {
		t.Errorf("%d of the 2 lists that were open still are", n)
	}
	if empty := regexp.MustCompile(`<time[^>]*></time>`).FindString(dom); empty != "" {
		t.Errorf("the script does not count: %s", empty)
	}
	if said := regexp.MustCompile(`(?m)^.*CONSOLE.*$`).FindString(log); said != "" {
		t.Errorf("console: %s", said)
	}
	if t.Failed() {
		t.Logf("%s\n%s", dom, log)
	}
}

// TestScreenshots needs eyes: SUNWIRE_SCREENSHOTS names the folder they are kept in.
func TestScreenshots(t *testing.T) {
	dir := os.Getenv("SUNWIRE_SCREENSHOTS")
	if dir == "" {
		dir = t.TempDir()
	}
	ill := twoDevices(time.Now())
	ill.snap.Broker = Broker{URL: "mqtt://192.168.1.10:1883", Error: "not authorized: check mqtt: username and password"}
	ill.snap.Devices[0].Link, ill.snap.Devices[0].LastUpdate = Link{Error: "open /dev/ttyUSB0: no such file: is the cable plugged in?"}, time.Now().Add(-2*time.Hour)
	ill.snap.Devices[0].Online = false
	for i := range ill.snap.Devices[0].Values {
		ill.snap.Devices[0].Values[i].Value = json.RawMessage("null")
	}
	ill.snap.Devices[0].Values[15].Value = json.RawMessage(`"ON"`)
	ill.snap.Devices[0].Values[16].Value = json.RawMessage(`"Fan locked, battery voltage too low"`)
	for name, src := range map[string]*house{"well": twoDevices(time.Now()), "ill": ill} {
		s := httptest.NewServer(behindIngress(New(src, Options{}), func(int) {}))
		for look, args := range map[string][]string{
			"light": {"--window-size=360,800"}, "dark": {"--window-size=360,800", "--force-dark-mode", "--blink-settings=preferredColorScheme=0"},
			"wide": {"--window-size=1100,900"},
		} {
			file := filepath.Join(dir, name+"-"+look+".png")
			chromium(t, s.URL+ingress+"/", append(args, "--screenshot="+file)...)
			if b, err := os.ReadFile(file); err != nil || !bytes.HasPrefix(b, []byte("\x89PNG")) {
				t.Errorf("%s: %v", file, err)
			}
		}
		s.Close()
	}
}
