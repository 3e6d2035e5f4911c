//go:build !linux

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"path/filepath"

	manager "github.com/kardianos/service"
)

// Untested: it builds.

const installArgs = "[-c FILE]"

func noService() error { return nil }

func install(ctx context.Context, c console, args []string) error {
	path := defaultConfig
	if _, err := flags(c, "service", args, func(fs *flag.FlagSet) { fs.StringVar(&path, "c", path, "configuration file") }); err != nil {
		return err
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	if err := errors.Join(permitted("install"), check(ctx, c, []string{path})); err != nil {
		return err
	}
	s, err := managed(nil, manager.Config{Arguments: []string{"service", "run", "-c", path}})
	if err != nil {
		return err
	}
	if err := s.Install(); err != nil {
		return fmt.Errorf("install the service: %w", err)
	}
	return s.Start()
}

func uninstall(_ context.Context, c console, args []string) error {
	if err := errors.Join(plain(c, "uninstall", args), permitted("uninstall")); err != nil {
		return err
	}
	s, err := managed(nil, manager.Config{})
	if err != nil {
		return err
	}
	return errors.Join(s.Stop(), s.Uninstall())
}

func serviceState(context.Context) (words string, running bool) {
	s, err := managed(nil, manager.Config{})
	if err != nil {
		return err.Error(), false
	}
	switch state, err := s.Status(); {
	case err != nil:
		return err.Error(), false
	case state == manager.StatusRunning:
		return "running", true
	default:
		return "stopped", false
	}
}

func serviceLogs(context.Context, console, []string) error {
	return errors.New("this system keeps no log of services: set log.file in the configuration, and read that file")
}
