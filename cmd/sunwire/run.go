package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"

	"sunwire/bridge/config"
	"sunwire/bridge/local"
	"sunwire/bridge/store"
	"sunwire/drivers/all"
)

const defaultConfig = "/etc/sunwire/sunwire.yaml"

// configured reads the configuration that -c names, for the command name.
func configured(c console, name string, args []string) (*config.Config, []string, error) {
	var path string
	rest, err := flags(c, name, args, func(fs *flag.FlagSet) {
		fs.StringVar(&path, "c", configPath(), "configuration file")
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
	_, is := addOn()
	return config.Env{Drivers: all.Drivers(), Getenv: os.LookupEnv, ReadFile: os.ReadFile, AddOn: is}
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
	_, err = fmt.Fprintf(c.out, "%s is right: %s\n", rest[0], contents(cfg))
	return err
}

// contents counts what a configuration has.
func contents(cfg *config.Config) string {
	text := count(len(cfg.Devices), "device")
	if len(cfg.Groups) > 0 {
		text += " and " + count(len(cfg.Groups), "group")
	}
	return text
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

// healthcheck asks the sunwire that runs on the configured state folder. A configuration that is missing or wrong is no sign of ill
// health: a running sunwire says on its page what is wrong with it.
func healthcheck(ctx context.Context, c console, args []string) error {
	path := configPath()
	if _, err := flags(c, "healthcheck", args, func(fs *flag.FlagSet) { fs.StringVar(&path, "c", path, "configuration file") }); err != nil {
		return err
	}
	env := environment()
	env.MayLack = true
	cfg, err := config.Load(path, env)
	if err != nil {
		cfg = config.Empty(path, env)
	}
	return local.Alive(ctx, cfg.StateDir)
}
