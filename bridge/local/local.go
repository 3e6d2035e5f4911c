// Package local is a socket in the state folder by which the command line reaches a running sunwire on the same machine: whether it
// is alive, and which device was replaced. Who may write to the state folder may use it; it works without a page.
package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Service is the running bridge.
type Service interface {
	// Replace lets the device now at the port of id take the old one's place.
	Replace(id string) error
}

// ErrAbsent means that no sunwire runs on that state folder.
var ErrAbsent = errors.New("no sunwire is running")

func path(stateDir string) string { return filepath.Join(stateDir, "sunwire.sock") }

// Serve answers until ctx ends. The caller holds the lock of stateDir, so that a socket that is there is a dead one's.
func Serve(ctx context.Context, stateDir string, s Service) error {
	if err := os.Remove(path(stateDir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", path(stateDir))
	if err != nil {
		return fmt.Errorf("listen on %s: %w", path(stateDir), err)
	}
	if err := os.Chmod(path(stateDir), 0o600); err != nil {
		return errors.Join(err, l.Close())
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.HandleFunc("POST /replace", func(w http.ResponseWriter, r *http.Request) {
		if err := s.Replace(r.FormValue("id")); err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
		}
	})
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() })
	defer stop()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Alive is nil when the sunwire on stateDir answers within 5 s.
func Alive(ctx context.Context, stateDir string) error {
	return call(ctx, stateDir, http.MethodGet, "/healthz")
}

// Replace asks the running sunwire; ErrAbsent where there is none.
func Replace(ctx context.Context, stateDir, id string) error {
	return call(ctx, stateDir, http.MethodPost, "/replace?id="+url.QueryEscape(id))
}

func call(ctx context.Context, stateDir, method, what string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path(stateDir))
	}}}
	req, err := http.NewRequestWithContext(ctx, method, "http://sunwire"+what, nil)
	if err != nil {
		return err
	}
	resp, err := c.Do(req)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w on %s", ErrAbsent, stateDir)
	case err != nil:
		return fmt.Errorf("ask the sunwire on %s: %w", stateDir, err)
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
	if resp.StatusCode != http.StatusOK {
		return errors.New(strings.TrimSpace(string(body)))
	}
	return nil
}
