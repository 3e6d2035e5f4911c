// Package supervisortest is a Supervisor for tests: the part of its API that an add-on may use, and Home Assistant's way to the add-on's
// page. It behaves as the Supervisor of August 2026 does (its supervisor/api, supervisor/apps and Home Assistant's hassio/ingress), in its
// refusals above all. The real one listens on 172.30.32.2 port 80; .ci/supervised makes a network where this one can.
package supervisortest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"gopkg.in/yaml.v3"
)

// Token is what the add-on has in SUPERVISOR_TOKEN.
const Token = "a1b2c3d4e5f6a1b2c3d4e5f6a1b2c3d4e5f6a1b2c3d4e5f6a1b2c3d4"

// Entry is the page's path in Home Assistant: what Self calls ingress_entry.
const Entry = "/api/hassio_ingress/Zq3vT0kenOfThisAddOn"

// Broker is the data of services/mqtt, of which the Mosquitto app keeps user and password.
type Broker struct {
	Host     string `json:"host"`
	Port     any    `json:"port"` // a number; a text in the documentation
	SSL      bool   `json:"ssl"`
	Protocol string `json:"protocol"`
	Username string `json:"username,omitempty"`
	Password string `json:"password,omitempty"`
	AddOn    string `json:"addon"`
}

// User is who is logged in at Home Assistant.
type User struct{ ID, Name, DisplayName string }

// Supervisor is the fake. It is an http.Handler for both ways: the API that the add-on asks, and Entry, where a browser asks.
type Supervisor struct {
	// Set before it is used.

	OptionsFile string     // where the add-on finds its options at a start; "" = nowhere
	OnRestart   func()     // called by self/restart after the options were written; the answer waits for it
	Page        string     // host:port of the add-on's page
	From        netip.Addr // where requests to the page come from; not valid: any address of this machine
	User        User

	mu      sync.Mutex
	config  manifest
	options map[string]any // of the user; the defaults are below them
	broker  *Broker
	denied  bool
	state   string // of the Supervisor, while it is not ready
	latest  string

	proxy *httputil.ReverseProxy
}

// manifest is what is needed of an add-on's config.yaml.
type manifest struct {
	Name    string
	Slug    string
	Version string
	Options map[string]any
	Schema  map[string]any
}

// New is a Supervisor that runs the add-on in folder, and has no broker yet.
func New(folder string) (*Supervisor, error) {
	text, err := os.ReadFile(filepath.Join(folder, "config.yaml"))
	if err != nil {
		return nil, fmt.Errorf("the add-on: %w", err)
	}
	s := &Supervisor{options: map[string]any{}, User: User{"4f5e6d", "anna", "Anna"}}
	if err := yaml.Unmarshal(text, &s.config); err != nil {
		return nil, fmt.Errorf("the add-on in %s: %w", folder, err)
	}
	s.config.Slug = "1a2b3c4d_" + s.config.Slug
	s.latest = s.config.Version
	s.proxy = s.ingress()
	return s, nil
}

// SetBroker is what the Mosquitto app does when it starts; nil is its removal.
func (s *Supervisor) SetBroker(b *Broker) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broker = b
}

// Deny makes services/mqtt forbidden, as for an add-on that does not list the service.
func (s *Supervisor) Deny(denied bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.denied = denied
}

// NotReady lets the Supervisor refuse everything with its state, such as setup; "" = it is ready.
func (s *Supervisor) NotReady(state string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = state
}

// Release puts a version into the store.
func (s *Supervisor) Release(version string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latest = version
}

// ServeHTTP is the Supervisor and, below Entry, Home Assistant.
func (s *Supervisor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case harmful(r):
		http.Error(w, "400: Bad Request", http.StatusBadRequest)
		return
	case strings.HasPrefix(r.URL.Path, Entry+"/"):
		s.proxy.ServeHTTP(w, r)
		return
	case r.URL.Path == Entry: // without its slash
		http.Error(w, "404: Not Found", http.StatusNotFound)
		return
	}
	s.mu.Lock()
	state := s.state
	s.mu.Unlock()
	switch r.Header.Get("Authorization") {
	case "Bearer " + Token:
	case "":
		http.Error(w, "401: Unauthorized", http.StatusUnauthorized)
		return
	default:
		http.Error(w, "403: Forbidden", http.StatusForbidden)
		return
	}
	if state != "" {
		no(w, http.StatusBadRequest, "System is not ready with state: "+state)
		return
	}
	switch r.Method + " " + r.URL.Path {
	case "GET /services/mqtt":
		s.service(w)
	case "GET /addons/self/info":
		s.info(w)
	case "GET /addons/self/options/config":
		s.started(w)
	case "POST /addons/self/options":
		s.setOptions(w, r)
	case "POST /addons/self/restart":
		if err := s.Start(); err != nil {
			no(w, http.StatusBadRequest, err.Error())
			return
		}
		if s.OnRestart != nil {
			s.OnRestart()
		}
		yes(w, nil)
	default: // whatever needs more rights than ours, and what there is not
		http.Error(w, "403: Forbidden", http.StatusForbidden)
	}
}

func (s *Supervisor) service(w http.ResponseWriter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.denied:
		no(w, http.StatusForbidden, "No access to mqtt service!")
	case s.broker == nil:
		no(w, http.StatusBadRequest, "Service not enabled")
	default:
		yes(w, s.broker)
	}
}

func (s *Supervisor) info(w http.ResponseWriter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	yes(w, map[string]any{
		"name": s.config.Name, "slug": s.config.Slug, "state": "started", "rating": 8, "options": s.merged(),
		"version": s.config.Version, "version_latest": s.latest, "update_available": s.latest != s.config.Version,
		"ingress": true, "ingress_entry": Entry, "ingress_port": 8099, "ip_address": "172.30.33.4",
	})
}

// yes and no are the Supervisor's two kinds of answers.

func yes(w http.ResponseWriter, data any) {
	if data == nil {
		data = map[string]any{}
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(map[string]any{"result": "ok", "data": data})
}

func no(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"result": "error", "message": message})
}
