// Package local is a socket in the state folder by which the command line reaches a running sunwire on the same machine: whether it
// is alive, which device was replaced, and what is to be written. Who may write to the state folder may use it; it works without a page.
package local

import (
	"context"
	"encoding/json"
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

	"sunwire/bridge/control"
)

// Service is the running bridge.
type Service interface {
	// Replace lets the device now at the port of id take the old one's place.
	Replace(id string) error
	// Settings are those of the device with that id.
	Settings(id string) ([]control.Setting, error)
	// Write writes a setting, or sends a raw command, and waits for what comes of it.
	Write(ctx context.Context, id string, c control.Command) (control.Result, error)
}

// The command line waits so long: for an answer, and for a write that has others before it.
const (
	soon    = 5 * time.Second
	written = time.Minute
)

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
	mux.HandleFunc("GET /settings", func(w http.ResponseWriter, r *http.Request) {
		all, err := s.Settings(r.FormValue("id"))
		reply(w, all, err)
	})
	mux.HandleFunc("POST /write", func(w http.ResponseWriter, r *http.Request) {
		result, err := s.Write(r.Context(), r.FormValue("id"), control.Command{
			Unit: r.FormValue("unit"), Key: r.FormValue("key"), Value: r.FormValue("value"), Serial: r.FormValue("serial"),
		})
		reply(w, result, err)
	})
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() })
	defer stop()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func reply(w http.ResponseWriter, v any, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	_ = json.NewEncoder(w).Encode(v)
}

// Alive is nil when the sunwire on stateDir answers within 5 s.
func Alive(ctx context.Context, stateDir string) error {
	_, err := call(ctx, stateDir, http.MethodGet, "/healthz", soon)
	return err
}

// Replace asks the running sunwire; ErrAbsent where there is none.
func Replace(ctx context.Context, stateDir, id string) error {
	_, err := call(ctx, stateDir, http.MethodPost, "/replace?id="+url.QueryEscape(id), soon)
	return err
}

// Settings asks the running sunwire for the settings of a device; ErrAbsent where there is none.
func Settings(ctx context.Context, stateDir, id string) (all []control.Setting, err error) {
	body, err := call(ctx, stateDir, http.MethodGet, "/settings?id="+url.QueryEscape(id), soon)
	if err != nil {
		return nil, err
	}
	return all, json.Unmarshal(body, &all)
}

// Write has the running sunwire write; ErrAbsent where there is none. What came of it is in the result: an error means that it is not known.
func Write(ctx context.Context, stateDir, id string, c control.Command) (result control.Result, err error) {
	form := url.Values{"id": {id}, "unit": {c.Unit}, "key": {c.Key}, "value": {c.Value}, "serial": {c.Serial}}
	body, err := call(ctx, stateDir, http.MethodPost, "/write?"+form.Encode(), written)
	if err != nil {
		return result, err
	}
	return result, json.Unmarshal(body, &result)
}

func call(ctx context.Context, stateDir, method, what string, wait time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path(stateDir))
	}}}
	req, err := http.NewRequestWithContext(ctx, method, "http://sunwire"+what, nil)
	if err != nil {
		return nil, err
	}
	resp, err := c.Do(req)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return nil, fmt.Errorf("%w on %s", ErrAbsent, stateDir)
	case err != nil:
		return nil, fmt.Errorf("ask the sunwire on %s: %w", stateDir, err)
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if resp.StatusCode != http.StatusOK {
		return nil, errors.New(strings.TrimSpace(string(body)))
	}
	return body, err
}
