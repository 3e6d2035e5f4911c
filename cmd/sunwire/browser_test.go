//go:build e2e

package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// browser is a page in Debian's chromium, driven by its DevTools.
type browser struct {
	t      *testing.T
	conn   *websocket.Conn
	asked  int
	faults []string // what the page's script or the browser complained of
}

func openBrowser(t *testing.T) *browser {
	t.Helper()
	cmd := exec.Command("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
		"--disable-sync", "--hide-scrollbars", "--window-size=1000,1400", "--remote-debugging-port=0", "--user-data-dir="+t.TempDir(), "about:blank")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		if _, url, ok := strings.Cut(lines.Text(), "DevTools listening on ws://"); ok {
			host, _, _ := strings.Cut(url, "/")
			go func() {
				for lines.Scan() { // else it blocks one day
				}
			}()
			return attach(t, host)
		}
	}
	t.Fatal("chromium has no DevTools")
	return nil
}

func attach(t *testing.T, host string) *browser {
	t.Helper()
	resp, err := http.Get("http://" + host + "/json")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var targets []struct {
		Type string `json:"type"`
		URL  string `json:"webSocketDebuggerUrl"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&targets); err != nil {
		t.Fatal(err)
	}
	for _, target := range targets {
		if target.Type != "page" {
			continue
		}
		conn, _, err := websocket.DefaultDialer.Dial(target.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		b := &browser{t: t, conn: conn}
		for _, domain := range []string{"Page", "Runtime", "Log"} {
			b.call(domain+".enable", nil, nil)
		}
		return b
	}
	t.Fatal("chromium has no page")
	return nil
}

// call does one thing, and notes what the browser complains of meanwhile.
func (b *browser) call(method string, params map[string]any, into any) {
	b.t.Helper()
	b.asked++
	if params == nil {
		params = map[string]any{}
	}
	if err := b.conn.WriteJSON(map[string]any{"id": b.asked, "method": method, "params": params}); err != nil {
		b.t.Fatal(err)
	}
	for {
		var m struct {
			ID     int             `json:"id"`
			Method string          `json:"method"`
			Params json.RawMessage `json:"params"`
			Result json.RawMessage `json:"result"`
			Error  json.RawMessage `json:"error"`
		}
		_ = b.conn.SetReadDeadline(time.Now().Add(time.Minute))
		if err := b.conn.ReadJSON(&m); err != nil {
			b.t.Fatalf("%s: %v", method, err)
		}
		if m.Method == "Runtime.exceptionThrown" || m.Method == "Log.entryAdded" && strings.Contains(string(m.Params), `"level":"error"`) {
			b.faults = append(b.faults, string(m.Params))
		}
		if m.ID != b.asked {
			continue
		}
		if m.Error != nil {
			b.t.Fatalf("%s: %s", method, m.Error)
		}
		if into != nil {
			if err := json.Unmarshal(m.Result, into); err != nil {
				b.t.Fatal(err)
			}
		}
		return
	}
}

// eval is the value of a JavaScript expression as text; a promise is waited for.
func (b *browser) eval(script string) string {
	b.t.Helper()
	var r struct {
		Result struct {
			Value any `json:"value"`
		} `json:"result"`
		Exception any `json:"exceptionDetails"`
	}
	b.call("Runtime.evaluate", map[string]any{"expression": "Promise.resolve(" + script + ").then(v => JSON.stringify(v))", "awaitPromise": true, "returnByValue": true}, &r)
	if r.Exception != nil {
		return "" // between two pages there is none
	}
	text, _ := r.Result.Value.(string)
	return text
}

func (b *browser) open(url string) {
	b.t.Helper()
	b.call("Page.navigate", map[string]any{"url": url}, nil)
	within(b.t, 10*time.Second, url+" is loaded", func() bool { return b.eval("document.readyState") == `"complete"` })
}

// picture saves what is seen.
func (b *browser) picture(path string) {
	b.t.Helper()
	var r struct{ Data string }
	var height float64
	_ = json.Unmarshal([]byte(b.eval("document.body.scrollHeight")), &height)
	b.call("Page.captureScreenshot", map[string]any{"clip": map[string]any{"x": 0, "y": 0, "width": 1000, "height": height, "scale": 1}}, &r)
	png, err := base64.StdEncoding.DecodeString(r.Data)
	if err == nil {
		err = os.WriteFile(path, png, 0o600)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}
