package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"sunwire/bridge"
	"sunwire/bridge/config"
	ctl "sunwire/bridge/control" // control is a function of the service command
	"sunwire/bridge/local"
)

const asFound = "all settings are as they were found"

// confirmed reads the configuration that -c names and the serial number that --serial does, for the command name.
func confirmed(c console, name string, args []string) (cfg *config.Config, rest []string, serial string, err error) {
	var path string
	rest, err = flags(c, name, args, func(fs *flag.FlagSet) {
		fs.StringVar(&path, "c", configPath(), "configuration file")
		fs.StringVar(&serial, "serial", "", "the device's serial number, to confirm what could do harm")
	})
	if err != nil {
		return nil, nil, "", err
	}
	cfg, err = config.Load(path, environment())
	return cfg, rest, serial, err
}

// settings shows the settings of a device, or brings back those that it was found with.
func settings(ctx context.Context, c console, args []string) error {
	cfg, rest, serial, err := confirmed(c, "settings", args)
	if err != nil {
		return err
	}
	if len(rest) != 2 || !slices.Contains([]string{"show", "diff", "restore"}, rest[0]) {
		return errors.New("settings takes a word and an id: sunwire settings show|diff|restore ID")
	}
	id := rest[1]
	all, err := local.Settings(ctx, cfg.StateDir, id)
	if err != nil {
		return needed(err)
	}
	different := slices.DeleteFunc(slices.Clone(all), func(s ctl.Setting) bool { return s.First == "" || s.Value == s.First })
	switch rest[0] {
	case "show":
		return printSettings(c, all)
	case "diff":
		if len(different) == 0 {
			fmt.Fprintln(c.out, asFound)
			return nil
		}
		return printSettings(c, different)
	}
	return restore(ctx, c, cfg, id, serial, different)
}

func needed(err error) error {
	if errors.Is(err, local.ErrAbsent) {
		return fmt.Errorf("%w: settings are read and written by a running sunwire; start it first", err)
	}
	return err
}

func name(s ctl.Setting) string { return strings.TrimPrefix(s.Unit+"/"+s.Key, "/") }

func printSettings(c console, all []ctl.Setting) error {
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "KEY\tNOW\tFIRST FOUND\tUNIT\tTAKES\tCAN BE WRITTEN")
	for _, s := range all {
		takes := strings.Join(s.Options, ", ")
		if takes == "" && s.Min != s.Max {
			takes = fmt.Sprintf("%g to %g", s.Min, s.Max)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", name(s), orUnknown(s.Value), orUnknown(s.First), s.Measured, takes, s.Writable)
	}
	return w.Flush()
}

func orUnknown(text string) string {
	if text == "" {
		return "?"
	}
	return text
}

// restore writes back what was first found. One limit may hang on another: what is refused is tried again as long as something else was
// written meanwhile.
func restore(ctx context.Context, c console, cfg *config.Config, id, serial string, todo []ctl.Setting) error {
	if len(todo) == 0 {
		fmt.Fprintln(c.out, asFound)
		return nil
	}
	var refused []error
	for before := len(todo) + 1; len(todo) > 0 && len(todo) < before; {
		before, refused = len(todo), nil
		var left []ctl.Setting
		for _, s := range todo {
			r, err := local.Write(ctx, cfg.StateDir, id, ctl.Command{Unit: s.Unit, Key: s.Key, Value: s.First, Serial: serial})
			switch {
			case err != nil:
				return needed(err)
			case r.Result == ctl.Refused:
				left, refused = append(left, s), append(refused, fmt.Errorf("%s: %s", name(s), r.Reason))
			default:
				printResult(c, r)
			}
		}
		todo = left
	}
	return errors.Join(refused...)
}

func printResult(c console, r ctl.Result) {
	fmt.Fprintf(c.out, "%s: %s -> %s: %s", strings.TrimPrefix(r.Unit+"/"+r.Key, "/"), orUnknown(r.Old), r.New, r.Result)
	if r.Now != "" && r.Now != r.New {
		fmt.Fprintf(c.out, "; the device shows %s", r.Now)
	}
	if r.Reason != "" {
		fmt.Fprintf(c.out, " (%s)", r.Reason)
	}
	fmt.Fprintln(c.out)
}

// set writes one setting; KEY of a unit is UNIT/KEY.
func set(ctx context.Context, c console, args []string) error {
	cfg, rest, serial, err := confirmed(c, "set", args)
	if err != nil {
		return err
	}
	if len(rest) != 3 {
		return errors.New("set takes an id, a key and a value: sunwire set inverter max_charge_current 40")
	}
	unit, key, of := strings.Cut(rest[1], "/")
	if !of {
		unit, key = "", rest[1]
	}
	return tell(c)(local.Write(ctx, cfg.StateDir, rest[0], ctl.Command{Unit: unit, Key: key, Value: rest[2], Serial: serial}))
}

// tell prints what came of a write; one that did not reach its end is an error.
func tell(c console) func(ctl.Result, error) error {
	return func(r ctl.Result, err error) error {
		if err != nil {
			return needed(err)
		}
		switch r.Result {
		case ctl.Done, ctl.Skipped, ctl.DryRun:
			printResult(c, r)
			return nil
		default:
			return fmt.Errorf("%s: %s: %s", r.Key, r.Result, r.Reason)
		}
	}
}

// send sends a raw command: through the running sunwire where there is one, which has the port open, else by itself.
func send(ctx context.Context, c console, args []string) error {
	cfg, rest, serial, err := confirmed(c, "send", args)
	if err != nil {
		return err
	}
	if len(rest) != 2 {
		return errors.New("send takes an id and a command: sunwire send inverter QPIGS")
	}
	i := slices.IndexFunc(cfg.Devices, func(d config.Device) bool { return d.ID == rest[0] })
	if i < 0 {
		return fmt.Errorf("no device %s in the configuration", rest[0])
	}
	r, err := local.Write(ctx, cfg.StateDir, rest[0], ctl.Command{Key: ctl.Raw, Value: rest[1], Serial: serial})
	switch {
	case err == nil && r.Result == ctl.Done:
		fmt.Fprintln(c.out, r.Reply)
		return nil
	case !errors.Is(err, local.ErrAbsent):
		return tell(c)(r, err)
	}
	log, _, err := logger(config.Log{Level: "warn", Format: "auto"}, c.err)
	if err != nil {
		return err
	}
	reply, err := bridge.SendOnce(ctx, cfg.Devices[i], rest[1], serial, log)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "%s\n", reply)
	return err
}
