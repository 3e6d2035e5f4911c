package main

import (
	"context"
	"flag"

	"sunwire/bridge/config"
	"sunwire/drivers/all"
)

// printSchema prints what editors need to complete and check a configuration.
func printSchema(_ context.Context, c console, args []string) error {
	if _, err := flags(c, "schema", args, func(*flag.FlagSet) {}); err != nil {
		return err
	}
	_, err := c.out.Write(config.Schema(all.Drivers()))
	return err
}
