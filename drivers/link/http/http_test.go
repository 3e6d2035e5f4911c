package http

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sunwire/drivers/link"
)

func get(t *testing.T, base, path string) (string, error) {
	t.Helper()
	c, err := Open(base, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	b, err := c.Get(ctx, path)
	return string(b), err
}

func serve(t *testing.T, h http.HandlerFunc) string {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func TestThePathIsBelowTheBaseAndQueriesAreJoined(t *testing.T) {
	base := serve(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.URL.RequestURI()) })
	for _, c := range []struct{ base, path, want string }{
		{"", "", "/"},
		{"/cm?cmnd=Status%2010", "", "/cm?cmnd=Status%2010"},
		{"/", "/v1/forecast?latitude=1", "/v1/forecast?latitude=1"},
		{"/proxy/", "/v1/forecast?latitude=1", "/proxy/v1/forecast?latitude=1"},
		{"?apikey=x", "/v1/forecast?latitude=1", "/v1/forecast?apikey=x&latitude=1"},
	} {
		if got, err := get(t, base+c.base, c.path); err != nil || got != c.want {
			t.Errorf("%q below %q asks for %q, want %q (%v)", c.path, c.base, got, c.want, err)
		}
	}
}

func TestARefusalIsSaidInItsOwnWordsAndNotAskedAgainAtOnce(t *testing.T) {
	base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, "{\"error\":true,\n\"reason\":\"no such variable\"}")
	})
	_, err := get(t, base+"?apikey=hidden", "")
	if err == nil || !strings.Contains(err.Error(), `400 Bad Request: {"error":true, "reason":"no such variable"}`) {
		t.Errorf("said %v", err)
	}
	if errors.Is(err, link.ErrNoReply) || strings.Contains(err.Error(), "hidden") {
		t.Errorf("%v: it must neither be asked again at once, nor show the key", err)
	}
}

func TestAnotherHostIsNotFollowed(t *testing.T) {
	other := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "42") })
	base := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other, http.StatusFound) })
	if got, err := get(t, base, ""); err == nil {
		t.Errorf("the values of another host were read: %q", got)
	}
	same := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			http.Redirect(w, r, "/new", http.StatusFound)
			return
		}
		fmt.Fprint(w, "42")
	})
	if got, err := get(t, same, ""); err != nil || got != "42" {
		t.Errorf("another path of the same host: %q, %v", got, err)
	}
}

func TestHalfAnAnswerAndNoneAreNoReply(t *testing.T) {
	half := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		fmt.Fprint(w, "half")
	})
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for _, base := range []string{half, gone.URL + "?apikey=hidden"} {
		got, err := get(t, base, "")
		if !errors.Is(err, link.ErrNoReply) || got != "" || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: %q, %v", base, got, err)
		}
	}
}

func TestAnEndlessAnswerIsCutOff(t *testing.T) {
	base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		block := make([]byte, 64<<10)
		for range 32 {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	})
	if got, err := get(t, base, ""); err == nil || got != "" {
		t.Errorf("%d bytes were taken", len(got))
	}
}

func TestACancelledRequestIsCancelled(t *testing.T) {
	base := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	c, err := Open(base, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := c.Get(ctx, ""); !errors.Is(err, context.Canceled) || errors.Is(err, link.ErrNoReply) {
		t.Errorf("cancelled, it says %v", err)
	}
}
