package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"sunwire/bridge"
	"sunwire/bridge/config"
	"sunwire/bridge/local"
	"sunwire/bridge/status"
	"sunwire/bridge/store"
	"sunwire/drivers"
	"sunwire/drivers/all"
)

const defaultConfig = "/etc/sunwire/sunwire.yaml"

func run(ctx context.Context, c console, args []string) error {
	cfg, _, err := configured(c, "run", args)
	if err != nil {
		return err
	}
	log, reopen, err := logger(cfg.Log, c.err)
	if err != nil {
		return err
	}
	debug.SetGCPercent(50) // little is ever garbage here, and memory is what a small machine lacks
	return serve(ctx, cfg, log, reopen, nil)
}

// configured reads the configuration that -c names, for the command name.
func configured(c console, name string, args []string) (*config.Config, []string, error) {
	var path string
	rest, err := flags(c, name, args, func(fs *flag.FlagSet) {
		fs.StringVar(&path, "c", defaultConfig, "configuration file")
	})
	if err != nil {
		return nil, nil, err
	}
	cfg, err := config.Load(path, environment())
	if err != nil {
		return nil, nil, err
	}
	return cfg, rest, nil
}

func environment() config.Env {
	return config.Env{Drivers: all.Drivers(), Getenv: os.LookupEnv, ReadFile: os.ReadFile}
}

// serve runs the bridge, its page and its local socket until ctx ends.
func serve(ctx context.Context, cfg *config.Config, log *slog.Logger, reopen func(), models func(config.Device) drivers.Model) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	kept, err := store.Open(cfg.StateDir, log)
	if err != nil {
		return err
	}
	defer kept.Close() //nolint:errcheck // the lock goes with the process anyway
	b, err := bridge.New(cfg, bridge.Options{Version: version, Log: log, Store: kept, Models: models})
	if err != nil {
		return err
	}
	log.Info("sunwire starts", "version", version, "devices", len(cfg.Devices), "page", cfg.HTTP.Listen, "state_dir", cfg.StateDir)
	side, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { onHangup(side, reopen) })
	wg.Go(func() {
		if err := local.Serve(side, cfg.StateDir, b); err != nil {
			log.Warn("healthcheck and replace do not reach this sunwire", "error", err)
		}
	})
	if cfg.HTTP.Listen != "" {
		wg.Go(func() { page(side, cfg, b, log) })
	}
	err = b.Run(ctx)
	cancel()
	wg.Wait()
	log.Info("sunwire ends")
	return err
}

// page serves the status page; a page that cannot be served is no reason to stop reading inverters.
func page(ctx context.Context, cfg *config.Config, b *bridge.Bridge, log *slog.Logger) {
	for ctx.Err() == nil {
		err := status.Serve(ctx, cfg.HTTP.Listen, b, status.Options{Password: string(cfg.HTTP.Password), Log: log})
		if ctx.Err() != nil {
			return
		}
		log.Error("the status page cannot be served; trying again", "listen", cfg.HTTP.Listen, "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(10 * time.Second):
		}
	}
}

func check(_ context.Context, c console, args []string) error {
	rest, err := flags(c, "check", args, func(*flag.FlagSet) {})
	if err != nil {
		return err
	}
	if len(rest) != 1 {
		return errors.New("check takes one file: sunwire check FILE")
	}
	cfg, err := config.Load(rest[0], environment())
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "%s is right: %d devices\n", rest[0], len(cfg.Devices))
	return err
}

func replace(ctx context.Context, c console, args []string) error {
	cfg, rest, err := configured(c, "replace", args)
	if err != nil {
		return err
	}
	if len(rest) != 1 {
		return errors.New("replace takes one id: sunwire replace ID -c FILE")
	}
	err = local.Replace(ctx, cfg.StateDir, rest[0])
	if errors.Is(err, local.ErrAbsent) {
		err = replaceAtRest(cfg, rest[0], c.err)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "the device found next at the port of %s takes the old one's place, with its entities and history\n", rest[0])
	return err
}

// replaceAtRest notes the replacement while no sunwire runs.
func replaceAtRest(cfg *config.Config, id string, stderr io.Writer) error {
	kept, err := store.Open(cfg.StateDir, slog.New(slog.NewTextHandler(stderr, nil)))
	if err != nil {
		return err
	}
	d, ok := kept.Get(id)
	if !ok {
		return errors.Join(fmt.Errorf("no device %s has been seen yet: there is nothing to replace", id), kept.Close())
	}
	d.Adopt = true
	kept.Put(d)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	kept.Run(ctx)
	return kept.Close()
}

func healthcheck(ctx context.Context, c console, args []string) error {
	cfg, _, err := configured(c, "healthcheck", args)
	if err != nil {
		return err
	}
	return local.Alive(ctx, cfg.StateDir)
}
