package main

import (
	"context"
	"errors"
	"flag"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"sunwire/bridge"
	"sunwire/bridge/config"
	"sunwire/bridge/local"
	"sunwire/bridge/notify"
	"sunwire/bridge/setup"
	"sunwire/bridge/status"
	"sunwire/bridge/store"
	"sunwire/bridge/supervisor"
	"sunwire/drivers"
)

const (
	addOnConfig  = "/config/sunwire.yaml"
	addOnOptions = "/data/options.json"
)

func run(ctx context.Context, c console, args []string) error {
	path := configPath()
	if _, err := flags(c, "run", args, func(fs *flag.FlagSet) { fs.StringVar(&path, "c", path, "configuration file") }); err != nil {
		return err
	}
	debug.SetGCPercent(50) // little is ever garbage here, and memory is what a small machine lacks
	s := &running{anew: make(chan struct{}, 1), page: make(chan config.HTTP, 1)}
	boot := slog.New(slog.NewTextHandler(c.err, nil))
	o := setup.Options{Path: path, Env: environment(), Apply: s.apply}
	if token, ok := addOn(); ok {
		s.supervisor = supervisor.New(token, boot)
		o.FormPath, o.Supervisor = addOnOptions, s.supervisor
	}
	first, err := setup.New(o).Load()
	if err != nil && first == nil {
		return err
	}
	if s.log, s.reopen, err = leveled(first.Log, &s.level, c.err); err != nil {
		return err
	}
	if s.supervisor != nil {
		token, _ := addOn()
		s.supervisor = supervisor.New(token, s.log)
		o.Supervisor = s.supervisor
	}
	o.Log = s.log
	s.setup = setup.New(o)
	cfg, err := s.setup.Load() // once more, now that there is a log to tell
	if err != nil {
		s.log.Error("the configuration is wrong; nothing is read until it is mended", "error", err)
		if cfg == nil {
			return err
		}
	}
	s.manager = notify.FromEnvironment(os.LookupEnv, s.log)
	for {
		err = s.serve(ctx, cfg)
		if !errors.Is(err, bridge.ErrAnew) {
			return err
		}
		cfg = s.setup.Config()
	}
}

// addOn tells whether this is Home Assistant's add-on, and the token for its Supervisor.
func addOn() (token string, is bool) {
	token = os.Getenv("SUPERVISOR_TOKEN")
	return token, token != ""
}

// configPath is where the configuration is if nobody says otherwise.
func configPath() string {
	if _, is := addOn(); is {
		return addOnConfig
	}
	return defaultConfig
}

// running is a sunwire that runs.
type running struct {
	log        *slog.Logger
	level      slog.LevelVar
	reopen     func()
	models     func(config.Device) drivers.Model
	setup      *setup.Setup       // nil: the configuration cannot change, as in the demo
	supervisor *supervisor.Client // nil: not an add-on
	manager    *notify.Manager    // of the service; nil: nobody waits for a word

	bridge atomic.Pointer[bridge.Bridge]
	anew   chan struct{}    // the bridge has to be made anew
	page   chan config.HTTP // the page has to be served elsewhere
}

// apply has the running bridge go over to cfg; what it cannot change by itself makes serve return ErrAnew.
func (s *running) apply(cfg *config.Config) error {
	b := s.bridge.Load()
	if b == nil {
		return errors.New("sunwire is just starting or ending; try again")
	}
	old := s.setup.Config()
	err := b.Apply(cfg)
	if errors.Is(err, bridge.ErrAnew) {
		s.log.Info("broker, topics or state folder changed: starting anew")
		offer(s.anew, struct{}{})
		err = nil
	}
	if err != nil {
		return err
	}
	setLevel(&s.level, cfg.Log)
	if cfg.HTTP != old.HTTP {
		offer(s.page, cfg.HTTP)
	}
	if cfg.Log.File != old.Log.File || cfg.Log.Format != old.Log.Format {
		s.log.Warn("log.file and log.format change at the next start")
	}
	return nil
}

// offer puts v into a channel that holds one, in the place of what may be in it.
func offer[T any](c chan T, v T) {
	select {
	case <-c:
	default:
	}
	c <- v
}

// serve runs the bridge, its page and its local socket until ctx ends, or until all has to be made anew.
func (s *running) serve(ctx context.Context, cfg *config.Config) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	kept, err := store.Open(cfg.StateDir, s.log)
	if err != nil {
		return err
	}
	defer kept.Close() //nolint:errcheck // the lock goes with the process anyway
	o := bridge.Options{Version: version, Log: s.log, Store: kept, Models: s.models}
	if s.setup != nil {
		o.Keep, o.Notices = cfg.Missing && !s.isAddOn() || s.setup.Failed(), s.setup.Notices
	}
	if s.supervisor != nil {
		o.Login = s.supervisor.Login
	}
	b, err := bridge.New(cfg, o)
	if err != nil {
		return err
	}
	s.log.Info("sunwire starts", "version", version, "devices", len(cfg.Devices), "page", cfg.HTTP.Listen, "state_dir", cfg.StateDir)
	if cfg.Missing && !s.isAddOn() {
		s.log.Warn("there is no configuration yet: add devices on the page, or see what \"sunwire detect\" finds", "file", cfg.File)
	}
	run, end := context.WithCancelCause(ctx)
	defer end(nil)
	side, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { s.hangups(side) })
	wg.Go(func() { s.watch(side, func() { end(bridge.ErrAnew) }) })
	wg.Go(func() {
		if err := local.Serve(side, cfg.StateDir, b); err != nil {
			s.log.Warn("healthcheck and replace do not reach this sunwire", "error", err)
		}
	})
	wg.Go(func() { s.pages(side, cfg.HTTP, b) })
	wg.Go(func() { s.manager.Watchdog(side, func() bool { return local.Alive(side, cfg.StateDir) == nil }) })
	defer context.AfterFunc(ctx, s.manager.Stopping)()
	s.bridge.Store(b)
	s.manager.Ready()
	err = b.Run(run)
	s.bridge.Store(nil)
	cancel()
	wg.Wait()
	if errors.Is(context.Cause(run), bridge.ErrAnew) && ctx.Err() == nil {
		return bridge.ErrAnew
	}
	s.log.Info("sunwire ends")
	return err
}

func (s *running) isAddOn() bool { return s.supervisor != nil }

// watch calls f when all has to be made anew.
func (s *running) watch(ctx context.Context, f func()) {
	select {
	case <-ctx.Done():
	case <-s.anew:
		f()
	}
}

// hangups reopens the log and reads the configuration again at each SIGHUP.
func (s *running) hangups(ctx context.Context) {
	onHangup(ctx, func() {
		s.reopen()
		if s.setup != nil {
			s.manager.Reloading()
			_ = s.setup.Reload() // it tells itself
			s.manager.Ready()
		}
	})
}

// pages serves the status page, wherever it is to be.
func (s *running) pages(ctx context.Context, at config.HTTP, b *bridge.Bridge) {
	for ctx.Err() == nil {
		here, cancel := context.WithCancel(ctx)
		var wg sync.WaitGroup
		if at.Listen != "" {
			wg.Go(func() { s.servePage(here, at, b) })
		}
		select {
		case <-ctx.Done():
		case at = <-s.page:
		}
		cancel()
		wg.Wait()
	}
}

// servePage serves the page; one that cannot be served is no reason to stop reading inverters.
func (s *running) servePage(ctx context.Context, at config.HTTP, b *bridge.Bridge) {
	o := status.Options{Password: string(at.Password), Log: s.log, Writes: b.Writes}
	if s.setup != nil {
		o.Setup = s.setup
	}
	if s.isAddOn() {
		o.AllowPeers = append(o.AllowPeers, supervisor.Peer)
	}
	for said := ""; ctx.Err() == nil; {
		err := status.Serve(ctx, at.Listen, b, o)
		if ctx.Err() != nil {
			return
		}
		if err != nil && err.Error() != said {
			said = err.Error()
			s.log.Error("the status page cannot be served; trying again", "listen", at.Listen, "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(10 * time.Second):
		}
	}
}
