package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"text/tabwriter"

	"sunwire/bridge"
	"sunwire/bridge/config"
	"sunwire/drivers/all"
)

func readOnce(ctx context.Context, c console, args []string) error {
	var path, driver, port, format, level string
	ids, err := flags(c, "read", args, func(fs *flag.FlagSet) {
		fs.StringVar(&path, "c", defaultConfig, "configuration file")
		fs.StringVar(&driver, "driver", "", "name of a driver, instead of a configuration")
		fs.StringVar(&port, "port", "", "its port, such as serial:/dev/ttyUSB0 or hid:0665:5161")
		fs.StringVar(&format, "format", "table", "table or json")
		fs.StringVar(&level, "log", "warn", "debug shows every byte on the wire")
	})
	if err != nil {
		return err
	}
	if format != "table" && format != "json" {
		return fmt.Errorf("--format %s: use table or json", format)
	}
	var cfg *config.Config
	if driver != "" || port != "" {
		cfg, err = config.Parse("command line", fmt.Appendf(nil, "devices: [{id: device, driver: %q, port: %q}]", driver, port), environment())
	} else {
		cfg, err = config.Load(path, environment())
	}
	if err != nil {
		return err
	}
	log, _, err := logger(config.Log{Level: level, Format: "auto"}, c.err)
	if err != nil {
		return err
	}
	return readAll(ctx, cfg, ids, format, log, c.out)
}

// readAll reads the devices with those ids, or all; the error tells of each that gave nothing.
func readAll(ctx context.Context, cfg *config.Config, ids []string, format string, log *slog.Logger, out io.Writer) error {
	for _, id := range ids {
		if !slices.ContainsFunc(cfg.Devices, func(d config.Device) bool { return d.ID == id }) {
			return fmt.Errorf("no device %s in the configuration", id)
		}
	}
	var failed []error
	results := []bridge.Once{}
	for _, d := range cfg.Devices {
		if len(ids) > 0 && !slices.Contains(ids, d.ID) {
			continue
		}
		r, err := bridge.ReadOnce(ctx, d, log)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", d.ID, err))
		}
		results = append(results, r)
	}
	if format == "json" {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		if err := enc.Encode(results); err != nil {
			return err
		}
	} else {
		for _, r := range results {
			if len(r.Values) > 0 { // else the error says all there is to say
				printOnce(out, r)
			}
		}
	}
	return errors.Join(failed...)
}

func printOnce(out io.Writer, r bridge.Once) {
	fmt.Fprintf(out, "%s: %s %s, serial number %s, firmware %s\n", r.ID, r.Manufacturer, r.Model, orNone(r.Serial), orNone(r.Firmware))
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, v := range r.Values {
		fmt.Fprintf(w, "  %s\t%s\t%s %s\n", v.Key, v.Name, unquote(v.Value), v.Unit)
	}
	_ = w.Flush()
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func listDrivers(_ context.Context, c console, args []string) error {
	names, err := flags(c, "drivers", args, func(*flag.FlagSet) {})
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	defer w.Flush() //nolint:errcheck // to the terminal
	if len(names) == 0 {
		for _, d := range all.Drivers() {
			fmt.Fprintf(w, "%s\t%s\t%s\n", d.Name, d.Title, links(d.Links))
		}
		return nil
	}
	d, err := all.Find(names[0])
	if err != nil {
		return err
	}
	desc, err := bridge.Simulated(context.Background(), d, nil)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s: %s\nlinks: %s\n\n", d.Name, d.Title, links(d.Links))
	for _, e := range desc.Entities {
		fmt.Fprintf(w, "%s\t%s\t%s\n", e.Key, e.Name, e.Quantity.Unit)
	}
	return nil
}

func links[T ~string](kinds []T) string {
	var s strings.Builder
	for i, k := range kinds {
		if i > 0 {
			s.WriteString(", ")
		}
		s.WriteString(string(k))
	}
	return s.String()
}
