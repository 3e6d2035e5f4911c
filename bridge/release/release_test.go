package release

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// github answers as the real one does: status and body, and 304 to who has seen its ETag. A body without status is 200, neither: offline.
type github struct {
	mu     sync.Mutex
	status int
	body   string
	asked  []*http.Request
}

func (g *github) says(body string) func(*Watch) {
	return func(*Watch) {
		g.mu.Lock()
		g.body = body
		g.mu.Unlock()
	}
}

func (g *github) RoundTrip(req *http.Request) (*http.Response, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked = append(g.asked, req)
	if g.status == 0 && g.body == "" {
		return nil, errors.New("network is unreachable")
	}
	w := httptest.NewRecorder()
	tag := fmt.Sprintf(`W/"%x"`, len(g.body))
	w.Header().Set("ETag", tag)
	switch {
	case g.status != 0:
		w.WriteHeader(g.status)
		_, _ = io.WriteString(w, g.body)
	case req.Header.Get("If-None-Match") == tag:
		w.WriteHeader(http.StatusNotModified)
	default:
		_, _ = io.WriteString(w, g.body)
	}
	resp := w.Result()
	resp.Request = req
	return resp, nil
}

// watch runs a Watch of 0.2.0 for so long, each phase with what GitHub says in it.
func watch(t *testing.T, g *github, phases ...func(w *Watch)) (logged string) {
	t.Helper()
	var log bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		w := New("v0.2.0", g, func() {}, slog.New(slog.NewTextHandler(&log, nil)))
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); w.Run(ctx) }()
		for _, phase := range phases {
			phase(w)
		}
		stop()
		<-done
	})
	return log.String()
}

func wait(d time.Duration) func(*Watch) { return func(*Watch) { time.Sleep(d); synctest.Wait() } }

func wants(t *testing.T, version string) func(*Watch) {
	return func(w *Watch) {
		if r, ok := w.Newest(); r.Version != version || ok != (version != "") {
			t.Errorf("newest is %+v (%v), want %q", r, ok, version)
		}
	}
}

const answer = `{"tag_name": "v0.3.0", "html_url": "https://example.org/", "body": "### Added\r\n- More.", "assets": []}`

func TestTheNewestReleaseIsAskedForOnceADay(t *testing.T) {
	g := &github{body: answer}
	logged := watch(t, g, wants(t, ""), wait(time.Hour), wants(t, "0.3.0"), func(w *Watch) {
		if r, _ := w.Newest(); r.URL != "https://github.com/sunwire/sunwire/releases/tag/v0.3.0" || r.Summary != "### Added\n- More." {
			t.Errorf("%+v", r)
		}
	}, wait(10*day))
	if n := len(g.asked); n < 9 || n > 11 {
		t.Errorf("asked %d times in ten days", n)
	}
	if ua := g.asked[0].UserAgent(); ua != "sunwire/0.2.0" || g.asked[0].Header.Get("Authorization") != "" || g.asked[0].URL.String() != latest {
		t.Errorf("asked as %q: %v", ua, g.asked[0])
	}
	if g.asked[1].Header.Get("If-None-Match") == "" {
		t.Error("the ETag is not sent back")
	}
	if logged != "" {
		t.Error(logged)
	}
}

func TestNoAnswerIsNoReleaseAndDisturbsNothing(t *testing.T) {
	for name, c := range map[string]struct {
		g     *github
		quiet bool
	}{
		"offline":            {g: &github{}},
		"rate limit":         {g: &github{status: 403, body: answer}},
		"too many requests":  {g: &github{status: 429, body: answer}},
		"server error":       {g: &github{status: 502, body: answer}},
		"not modified":       {g: &github{status: 304}},
		"nothing released":   {g: &github{status: 404, body: `{"message": "Not Found"}`}, quiet: true},
		"no JSON":            {g: &github{body: "<html>log in to the hotel's network</html>"}},
		"other JSON":         {g: &github{body: `[1]`}},
		"no tag":             {g: &github{body: `{}`}},
		"no version":         {g: &github{body: `{"tag_name": "nightly"}`}},
		"a draft":            {g: &github{body: `{"tag_name": "v9.0.0", "draft": true}`}},
		"a prerelease":       {g: &github{body: `{"tag_name": "v9.0.0", "prerelease": true}`}},
		"larger than it may": {g: &github{body: `{"body": "` + strings.Repeat("x", largest) + `", "tag_name": "v9.0.0"}`}},
	} {
		t.Run(name, func(t *testing.T) {
			logged := watch(t, c.g, wait(10*day), wants(t, ""))
			if n := len(c.g.asked); n < 9 || n > 40 {
				t.Errorf("asked %d times in ten days", n)
			}
			if n := strings.Count(logged, "\n"); c.quiet && n != 0 || !c.quiet && n != 1 {
				t.Errorf("logged %d times:\n%s", n, logged)
			}
		})
	}
}

func TestWhatWasLearnedStaysWhileTheNetworkIsAway(t *testing.T) {
	g := &github{body: answer}
	logged := watch(t, g, wait(time.Hour), g.says(""), wait(3*day), wants(t, "0.3.0"),
		g.says(strings.Replace(answer, "v0.3.0", "v0.10.0", 1)), wait(2*day), wants(t, "0.10.0"),
		g.says(""), wait(3*day), wants(t, "0.10.0"))
	if n := strings.Count(logged, "\n"); n != 2 {
		t.Errorf("two outages, logged:\n%s", logged)
	}
}

func TestAnOlderReleaseIsNotOffered(t *testing.T) {
	for _, tag := range []string{"v0.1.9", "v0.2.0-rc.1", "v0.2.0"} {
		g := &github{body: `{"tag_name": "` + tag + `"}`}
		watch(t, g, wait(time.Hour), wants(t, "0.2.0"))
	}
}

func TestWhoShowsItIsToldOfChangesOnly(t *testing.T) {
	g := &github{body: answer}
	var told atomic.Int32
	synctest.Test(t, func(t *testing.T) {
		w := New("0.2.0", g, func() { told.Add(1) }, slog.New(slog.DiscardHandler))
		for _, body := range []string{answer, answer, "", strings.Replace(answer, "More", "Much more", 1)} {
			g.says(body)(w)
			_ = w.learn(t.Context())
		}
	})
	if told.Load() != 2 {
		t.Errorf("told %d times", told.Load())
	}
}

func TestAnotherHostIsNotFollowedTo(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) }))
	defer elsewhere.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/here", http.StatusMovedPermanently)
		case "/away":
			http.Redirect(w, r, elsewhere.URL, http.StatusMovedPermanently)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		default:
			_, _ = io.WriteString(w, answer)
		}
	}))
	defer server.Close()
	for path, ok := range map[string]bool{"/here": true, "/moved": true, "/away": false, "/loop": false} {
		w := New("0.2.0", nil, func() {}, slog.New(slog.DiscardHandler))
		w.url = server.URL + path
		if err := w.learn(t.Context()); (err == nil) != ok {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestASilentServerHoldsNobodyUp(t *testing.T) {
	silent := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(silent)
		<-r.Context().Done()
	}))
	defer server.Close()
	w := New("0.2.0", nil, func() {}, slog.New(slog.DiscardHandler))
	if w.client.Timeout != patience {
		t.Errorf("waits for %v", w.client.Timeout)
	}
	w.url = server.URL
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- w.learn(ctx) }()
	<-silent
	stop()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
