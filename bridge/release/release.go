// Package release tells which version of sunwire is the newest, for an update entity where no other program watches over versions: in
// the add-on the Supervisor does. It asks the project's own page of releases, by one request a day that says nothing but the version
// that asks. What it cannot learn is absent and disturbs nothing.
package release

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"
)

const (
	page   = "https://github.com/sunwire/sunwire/releases/tag/v"
	latest = "https://api.github.com/repos/sunwire/sunwire/releases/latest"

	patience = 20 * time.Second
	largest  = 1 << 20 // bytes of an answer

	day    = 24 * time.Hour
	again  = 6 * time.Hour   // after a failure
	spread = 2 * time.Hour   // added at random, so that not all houses ask at once
	settle = 5 * time.Minute // after a power cut the network comes later than sunwire
)

// Release is a published version.
type Release struct {
	Version string // as 1.2.3
	URL     string // its page
	Summary string // the first lines of what changed: markdown, at most 255 characters; "" = none
}

// Watch keeps what the newest release is.
type Watch struct {
	installed string
	client    http.Client
	changed   func()
	log       *slog.Logger

	url, etag string // etag: of the answer that newest was made of
	newest    atomic.Pointer[Release]
	failing   bool
}

var errNone = errors.New("nothing has been released yet")

// New makes a Watch for the installed version, which Is must take. changed is called when Newest has something else to say. A nil
// transport is the usual one.
func New(installed string, transport http.RoundTripper, changed func(), log *slog.Logger) *Watch {
	return &Watch{
		installed: bare(installed), url: latest, changed: changed, log: log,
		client: http.Client{Transport: transport, Timeout: patience, CheckRedirect: sameHost},
	}
}

// Installed is the version that runs, as Newest would write it.
func (w *Watch) Installed() string { return w.installed }

// Newest is the newest release, or the installed one where none is newer; not ok as long as that could not be learned.
func (w *Watch) Newest() (r Release, ok bool) {
	p := w.newest.Load()
	if p == nil {
		return Release{}, false
	}
	theirs, _ := parse(p.Version)
	if ours, _ := parse(w.installed); compare(theirs, ours) < 0 {
		return Release{Version: w.installed, URL: page + w.installed}, true
	}
	return *p, true
}

// Run asks once a day until ctx ends. That there is no answer is logged once, until there is one.
func (w *Watch) Run(ctx context.Context) {
	pause := settle + rand.N(settle)
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		switch err := w.learn(ctx); {
		case err == nil, errors.Is(err, errNone):
			w.failing, pause = false, day+rand.N(spread)
		default:
			if !w.failing && ctx.Err() == nil {
				w.log.Info("cannot learn whether there is a newer version; update_check: false stops asking", "error", err)
			}
			w.failing, pause = true, again+rand.N(spread)
		}
	}
}

// learn asks and keeps the answer.
func (w *Watch) learn(ctx context.Context) error {
	r, etag, err := w.ask(ctx)
	if err != nil || r == nil {
		return err
	}
	w.etag = etag
	if old := w.newest.Swap(r); old == nil || *old != *r {
		w.changed()
	}
	return nil
}

// ask makes the one request; no release and no error: as last time.
func (w *Watch) ask(ctx context.Context) (r *Release, etag string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url, nil)
	if err != nil {
		return nil, "", fmt.Errorf("asking for the newest release: %w", err)
	}
	req.Header.Set("Accept", "application/vnd.github+json")
	req.Header.Set("User-Agent", "sunwire/"+w.installed)
	if w.etag != "" {
		req.Header.Set("If-None-Match", w.etag)
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return nil, "", fmt.Errorf("asking for the newest release: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // it was read as far as it is wanted
	switch {
	case resp.StatusCode == http.StatusNotModified && w.etag != "":
		return nil, "", nil
	case resp.StatusCode == http.StatusNotFound:
		return nil, "", errNone
	case resp.StatusCode != http.StatusOK:
		return nil, "", fmt.Errorf("asking for the newest release: %s answered %s", req.Host, resp.Status)
	}
	if r, err = decode(io.LimitReader(resp.Body, largest)); err != nil {
		return nil, "", fmt.Errorf("reading what %s says of the newest release: %w", req.Host, err)
	}
	return r, resp.Header.Get("ETag"), nil
}

// decode reads an answer. Of all addresses in it none is passed on: the page follows from the version.
func decode(body io.Reader) (*Release, error) {
	var a struct {
		Tag        string `json:"tag_name"`
		Body       string `json:"body"`
		Draft      bool   `json:"draft"`
		Prerelease bool   `json:"prerelease"`
	}
	if err := json.NewDecoder(body).Decode(&a); err != nil {
		return nil, err
	}
	if !Is(a.Tag) || a.Draft || a.Prerelease {
		return nil, fmt.Errorf("%.40q is no release", a.Tag)
	}
	v := bare(a.Tag)
	return &Release{Version: v, URL: page + v, Summary: summary(a.Body)}, nil
}

func sameHost(req *http.Request, via []*http.Request) error {
	first := via[0].URL
	if req.URL.Scheme != first.Scheme || req.URL.Host != first.Host || len(via) > 3 {
		return fmt.Errorf("sent on to %s", req.URL.Host)
	}
	return nil
}
