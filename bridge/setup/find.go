package setup

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sunwire/bridge/config"
	"sunwire/bridge/detect"
	"sunwire/bridge/status"
	"sunwire/drivers/link"
)

// listingAge is how long a list of ports is shown again: making one looks through all processes.
const listingAge = 3 * time.Second

// news is how long the page tells what came of an Add.
const news = 2 * time.Minute

// listing is what was plugged in at a time.
type listing struct {
	at        time.Time
	ports     []detect.Port
	conflicts []detect.Conflict
}

// FirstStart is what the page shows of what could be configured.
func (s *Setup) FirstStart() status.FirstStart {
	l := s.list()
	s.mu.Lock()
	defer s.mu.Unlock()
	f := status.FirstStart{Where: s.o.Path}
	if s.o.Supervisor != nil && s.cfg.Missing {
		f.Where = "the add-on's options"
	}
	for _, p := range l.ports {
		c := status.Choice{Port: p.Text, Title: p.Title, Guess: p.Guess, Note: p.Note, Ticked: p.Ticked, Open: true}
		switch by := s.usedBy(p); {
		case by != "":
			c.Note, c.Ticked, c.Open = "in use: "+by, false, false
		case p.Problem != nil:
			c.Note, c.Mend, c.Ticked, c.Open = p.Problem.What, p.Problem.Mend, false, false
		case len(p.Drivers) == 0:
			c.Note, c.Ticked, c.Open = "sunwire has no driver for such a port yet", false, false
		}
		f.Choices = append(f.Choices, c)
	}
	for _, c := range l.conflicts {
		f.Warnings = append(f.Warnings, status.Result{Text: fmt.Sprintf("%s (%s): %s", c.Program, c.State, c.Why), Mend: c.Mend})
	}
	return f
}

func (s *Setup) list() listing {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen.ports == nil || time.Since(s.seen.at) > listingAge {
		s.seen = listing{time.Now(), detect.Ports(s.o.Root), detect.Conflicts(s.o.Root)}
	}
	return s.seen
}

// usedBy is the configured device at p, "" where there is none. On a bus there is room for others.
func (s *Setup) usedBy(p detect.Port) string {
	if p.Kind == link.I2C {
		return ""
	}
	for _, d := range s.cfg.Devices {
		if same(p, d.Port) {
			return d.Name
		}
	}
	return ""
}

func same(p detect.Port, c config.Port) bool {
	if c.Text == p.Text || c.Kind == p.Kind && strings.HasSuffix(p.Text, ":"+c.Address) {
		return true
	}
	real, err := filepath.EvalSymlinks(c.Address)
	return err == nil && real == p.Path
}

// Results are what came of the last Add, for as long as it is news.
func (s *Setup) Results() []status.Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.added) > news {
		return nil
	}
	return s.results
}

// Add looks for devices at the ports, which the user has ticked, and adds what it finds to the configuration. What came of it is part of
// the next FirstStart.
func (s *Setup) Add(ctx context.Context, ports []string) {
	s.changing.Lock()
	defer s.changing.Unlock()
	results := s.add(ctx, ports)
	s.mu.Lock()
	s.results, s.added, s.seen = results, time.Now(), listing{}
	s.mu.Unlock()
}

func (s *Setup) add(ctx context.Context, ports []string) (results []status.Result) {
	var chosen []detect.Port
	for _, c := range s.FirstStart().Choices {
		i := slices.IndexFunc(s.list().ports, func(p detect.Port) bool { return p.Text == c.Port })
		if c.Open && i >= 0 && slices.Contains(ports, c.Port) {
			chosen = append(chosen, s.list().ports[i])
		}
	}
	if len(chosen) == 0 {
		return []status.Result{{Text: "No port was ticked that can be looked at."}}
	}
	s.o.Log.Info("looking for devices", "ports", ports)
	found := s.o.Probe(ctx, chosen, detect.Options{Log: s.o.Log})
	for _, f := range found {
		if f.Problem != nil {
			results = append(results, status.Result{Text: f.Port.Title + ": " + f.Problem.What, Mend: f.Problem.Mend})
		}
	}
	cfg := s.Config()
	var taken []string
	for _, d := range cfg.Devices {
		taken = append(taken, d.ID)
	}
	for _, g := range cfg.Groups {
		taken = append(taken, g.ID)
	}
	var devices []config.FormDevice
	for _, e := range detect.Entries(found, taken) {
		port, address, err := config.ParsePort(e.Port, nil)
		if err != nil {
			results = append(results, status.Result{Text: fmt.Sprintf("%s: %v", e.Port, err)})
			continue
		}
		if slices.ContainsFunc(cfg.Devices, func(d config.Device) bool {
			return d.Port.Kind == port.Kind && d.Port.Address == port.Address && d.Address == address
		}) {
			results = append(results, status.Result{OK: true, Text: e.Found + " is configured already."})
			continue
		}
		devices = append(devices, config.FormDevice{ID: e.ID, Driver: e.Driver, Port: port})
		results = append(results, status.Result{OK: true, Text: fmt.Sprintf("%s was found and added as %s.", e.Found, e.ID)})
	}
	if len(devices) == 0 {
		return results
	}
	if err := s.write(ctx, devices); err != nil {
		return append(results, status.Result{Text: "It could not be written down: " + err.Error()})
	}
	if err := s.reload(); err != nil {
		return append(results, status.Result{Text: "It was written down, but not applied: " + err.Error()})
	}
	return results
}
