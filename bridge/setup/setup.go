// Package setup is the life of the configuration: it is read at the start, applied anew while sunwire runs, and written by the page's
// first start, which looks for devices where the user said so.
package setup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"sunwire/bridge/config"
	"sunwire/bridge/detect"
	"sunwire/bridge/status"
)

// Supervisor is what an add-on asks of Home Assistant's.
type Supervisor interface {
	// Options are the add-on's options as the user wrote them.
	Options(ctx context.Context) (map[string]any, error)
	SetOptions(ctx context.Context, options map[string]any) error
}

// Options say where the configuration is.
type Options struct {
	Path       string // of the file
	FormPath   string // of the add-on's options as JSON; "": there are none
	Env        config.Env
	Supervisor Supervisor   // in an add-on
	Log        *slog.Logger // nil until the first Load has told where to
	// Apply has the running service go over to another configuration.
	Apply func(*config.Config) error
	// Probe looks for devices; nil: detect.Probe.
	Probe func(ctx context.Context, ports []detect.Port, o detect.Options) []detect.Finding
	// Root is of the file system whose ports are listed; "": this machine's.
	Root string
}

// Setup is the configuration of a running sunwire. Its methods may be called from any goroutine.
type Setup struct {
	o Options

	changing sync.Mutex // one change at a time

	mu      sync.Mutex
	cfg     *config.Config  // that holds now
	form    []byte          // the add-on's options where they were changed since the start
	problem string          // why the last change was refused
	results []status.Result // of the last Add
	added   time.Time
	seen    listing
}

// New is a setup; Load comes first.
func New(o Options) *Setup {
	if o.Root == "" {
		o.Root = "/"
	}
	if o.Probe == nil {
		o.Probe = detect.Probe
	}
	s := &Setup{o: o}
	s.o.Env.MayLack = true
	if o.FormPath != "" {
		s.o.Env.Form = s.readForm
	}
	return s
}

func (s *Setup) readForm() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.form != nil {
		return s.form, nil
	}
	data, err := os.ReadFile(s.o.FormPath)
	if errors.Is(err, fs.ErrNotExist) { // not started by the Supervisor
		return []byte("{}"), nil
	}
	return data, err
}

// Load reads the configuration for the start. A wrong one is an error; in an add-on, whose log few people find, it is one without devices
// and the error besides, so that the page can say what is wrong.
func (s *Setup) Load() (*config.Config, error) {
	cfg, err := config.Load(s.o.Path, s.o.Env)
	if err != nil && s.o.Env.AddOn {
		cfg = config.Empty(s.o.Path, s.o.Env)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg, s.problem = cfg, ""
	if err != nil {
		s.problem = err.Error()
	}
	if cfg != nil && s.o.Log != nil {
		s.tell(cfg)
	}
	return cfg, err
}

// Failed reports whether the last configuration was refused.
func (s *Setup) Failed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.problem != ""
}

// Config is the configuration that holds now.
func (s *Setup) Config() *config.Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cfg
}

// Reload reads the configuration again and applies it. A wrong one is refused, and the old one stays.
func (s *Setup) Reload() error {
	s.changing.Lock()
	defer s.changing.Unlock()
	return s.reload()
}

func (s *Setup) reload() error {
	cfg, err := config.Load(s.o.Path, s.o.Env)
	if err == nil && cfg.Missing && !s.Config().Missing && len(s.Config().Devices) > 0 {
		err = fmt.Errorf("%s is gone; the devices that were in it stay until the next start", s.o.Path)
	}
	if err == nil {
		err = s.o.Apply(cfg)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.problem = err.Error()
		s.o.Log.Error("the configuration was not taken; the old one stays", "error", err)
		return err
	}
	s.cfg, s.problem = cfg, ""
	s.tell(cfg)
	return nil
}

// tell logs what people should know of cfg.
func (s *Setup) tell(cfg *config.Config) {
	for _, note := range cfg.Notes {
		s.o.Log.Warn("configuration", "note", note)
	}
}

// Notices are why the configuration was not taken, and what people should know of the one that holds.
func (s *Setup) Notices() (problems, notes []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.problem != "" {
		problems = append(problems, "the configuration was not taken: "+s.problem)
	}
	if s.cfg != nil {
		notes = s.cfg.Notes
	}
	return problems, notes
}

// write adds devices where the configuration is kept: to the add-on's form while there is no file, else to the file.
func (s *Setup) write(ctx context.Context, devices []config.FormDevice) error {
	text, err := os.ReadFile(s.o.Path)
	missing := errors.Is(err, fs.ErrNotExist)
	switch {
	case missing && s.o.Supervisor != nil:
		return s.writeForm(ctx, devices)
	case err != nil && !missing:
		return fmt.Errorf("add to %s: %w", s.o.Path, err)
	}
	next, err := config.AddToFile(text, devices)
	if err != nil {
		return fmt.Errorf("add to %s: %w", s.o.Path, err)
	}
	if _, err := config.Parse(s.o.Path, next, s.o.Env); err != nil {
		return fmt.Errorf("add to %s: %w", s.o.Path, err)
	}
	return replace(s.o.Path, next)
}

// writeForm sends the options as the user wrote them, secrets by their names, and keeps what the Supervisor would make of them at the
// next start.
func (s *Setup) writeForm(ctx context.Context, devices []config.FormDevice) error {
	now, err := s.readForm()
	if err != nil {
		return fmt.Errorf("read the add-on's options: %w", err)
	}
	next, err := config.AddToForm(now, devices)
	if err != nil {
		return err
	}
	written, err := s.o.Supervisor.Options(ctx)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(written)
	if err != nil {
		return err
	}
	if raw, err = config.AddToForm(raw, devices); err != nil {
		return err
	}
	var options map[string]any
	if err := json.Unmarshal(raw, &options); err != nil {
		return err
	}
	if err := s.o.Supervisor.SetOptions(ctx, options); err != nil {
		return err
	}
	s.mu.Lock()
	s.form = next
	s.mu.Unlock()
	return nil
}
