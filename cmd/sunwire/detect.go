package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"sunwire/bridge/config"
	"sunwire/bridge/detect"
	"sunwire/drivers/all"
)

// detected is what detect --json prints.
type detected struct {
	Ports     []detect.Port     `json:"ports"`
	Conflicts []detect.Conflict `json:"conflicts"`
	Findings  []detect.Finding  `json:"findings,omitempty"`
	Devices   []detect.Entry    `json:"devices,omitempty"`
}

func detectDevices(ctx context.Context, c console, args []string) error {
	var driver, level string
	var ticked, asJSON, bluetooth bool
	names, err := flags(c, "detect", args, func(fs *flag.FlagSet) {
		fs.StringVar(&driver, "driver", "", "look for this driver's device only; needed where its question is not safe for other devices")
		fs.BoolVar(&ticked, "all", false, "look at all ports that the list marks with [x]")
		fs.BoolVar(&bluetooth, "bluetooth", false, "listen for some seconds to what is in the air; nothing is connected")
		fs.BoolVar(&asJSON, "json", false, "print JSON")
		fs.StringVar(&level, "log", "warn", "debug shows every byte on the wire")
	})
	if err != nil {
		return err
	}
	if driver != "" {
		d, err := all.Find(driver)
		if err != nil {
			return err
		}
		if driver = d.Name; d.Detect == nil {
			return fmt.Errorf("%s devices cannot be looked for: try \"sunwire read --driver %s --port PORT\"", driver, driver)
		}
	}
	log, _, err := logger(config.Log{Level: level, Format: "auto"}, c.err)
	if err != nil {
		return err
	}
	found := detected{Ports: detect.Ports("/"), Conflicts: detect.Conflicts("/")}
	if bluetooth {
		air, err := detect.Bluetooth(ctx)
		if err != nil {
			return err
		}
		found.Ports = append(found.Ports, air...)
	}
	ports, err := chosen(found.Ports, names, ticked)
	if err != nil {
		return err
	}
	if len(ports) > 0 {
		if !asJSON {
			printConflicts(c.out, found.Conflicts)
			fmt.Fprintf(c.out, "Looking at %s; this takes 3 to 30 seconds.\n\n", count(len(ports), "port"))
		}
		found.Findings = detect.Probe(ctx, ports, detect.Options{Driver: driver, Log: log})
		found.Devices = detect.Entries(found.Findings, nil)
	}
	switch {
	case asJSON:
		enc := json.NewEncoder(c.out)
		enc.SetIndent("", "  ")
		err = enc.Encode(found)
	case len(ports) > 0:
		printFindings(c.out, found.Findings)
		printDevices(c.out, found.Devices)
	default:
		printConflicts(c.out, found.Conflicts)
		if bluetooth {
			found.Ports = printAir(c.out, found.Ports)
		}
		printPorts(c.out, found.Ports)
	}
	if err == nil && len(ports) > 0 && len(found.Devices) == 0 {
		err = errors.New("no device was found")
	}
	return err
}

// chosen are the ports to be looked at: those named, and with all those ticked.
func chosen(listed []detect.Port, names []string, ticked bool) (ports []detect.Port, err error) {
	add := func(p detect.Port) {
		if !slices.ContainsFunc(ports, func(o detect.Port) bool { return o.Text == p.Text }) {
			ports = append(ports, p)
		}
	}
	for _, n := range names {
		p, err := detect.Find(n, listed)
		if err != nil {
			return nil, err
		}
		add(p)
	}
	for _, p := range listed {
		if p.Ticked && ticked {
			add(p)
		}
	}
	if ticked && len(ports) == 0 {
		return nil, errors.New("no port of this machine is worth looking at without being named: \"sunwire detect\" lists them")
	}
	return ports, nil
}

func printPorts(out io.Writer, ports []detect.Port) {
	if len(ports) == 0 {
		fmt.Fprint(out, "This machine has no serial port, no USB device of that kind and no I2C bus: is the cable plugged in here?\n")
		return
	}
	fmt.Fprint(out, "The ports of this machine (none was opened):\n\n")
	for _, p := range ports {
		printPort(out, p)
	}
	fmt.Fprint(out, "\nNow let sunwire look at them: sunwire detect --all takes those with [x], sunwire detect PORT any.\n"+
		"What is in the air is listed by sunwire detect --bluetooth.\n"+
		"It listens first, and asks only what changes nothing.\n")
}

func printPort(out io.Writer, p detect.Port) {
	mark := "[ ]"
	if p.Ticked {
		mark = "[x]"
	}
	title := p.Title
	if p.ID != "" {
		title += " (" + p.ID + ")"
	}
	fmt.Fprintf(out, "  %s %s\n      %s: %s\n", mark, p.Text, title, p.Guess)
	if p.Note != "" {
		fmt.Fprintf(out, "      %s\n", p.Note)
	}
	printProblem(out, "      ", p.Problem)
}

// printAir prints the Bluetooth devices; rest are the other ports.
func printAir(out io.Writer, ports []detect.Port) (rest []detect.Port) {
	fmt.Fprint(out, "In the air, the nearest first (nothing was connected):\n\n")
	none := true
	for _, p := range ports {
		if p.Radio == nil {
			rest = append(rest, p)
			continue
		}
		none = false
		printPort(out, p)
	}
	if none {
		fmt.Fprint(out, "  nothing: is the device on, and is no phone connected to it?\n")
	}
	fmt.Fprintln(out)
	return rest
}

func printProblem(out io.Writer, indent string, p *detect.Problem) {
	if p == nil {
		return
	}
	fmt.Fprintf(out, "%s! %s\n", indent, p.What)
	if p.Mend != "" {
		fmt.Fprintf(out, "%s  %s\n", indent, p.Mend)
	}
}

func printConflicts(out io.Writer, cs []detect.Conflict) {
	for _, c := range cs {
		fmt.Fprintf(out, "%s is in the way (%s): %s.\n  Stop it: %s\n\n", c.Program, c.State, c.Why, c.Mend)
	}
}

func printFindings(out io.Writer, fs []detect.Finding) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	head := "DRIVER\tVARIANT\tDEVICE\tSERIAL NUMBER\tCONFIDENCE\tTIME\tPORT\n"
	for _, f := range fs {
		for _, m := range f.Matches {
			device := cmp.Or(strings.TrimSpace(m.Manufacturer+" "+m.Model), m.Title)
			fmt.Fprintf(w, "%s%s\t%s\t%s\t%s\t%d %%\t%s\t%s\n", head, m.Driver, cmp.Or(m.Variant, "-"), device, orNone(m.Serial), m.Confidence, seconds(m.Took), m.Port)
			head = ""
		}
	}
	_ = w.Flush()
	if head == "" {
		fmt.Fprintln(out)
	}
	for _, f := range fs {
		if len(f.Matches) > 0 {
			continue
		}
		fmt.Fprintf(out, "%s: nothing found (%s)\n", f.Port.Text, seconds(f.Took))
		printProblem(out, "  ", f.Problem)
		if f.Heard != "" {
			fmt.Fprintf(out, "  heard: %s\n", f.Heard)
		}
		if len(f.Careful) > 0 {
			fmt.Fprintf(out, "  not tried, as what they ask would be a write to another device: %s; name one with --driver if you know that it is there\n",
				strings.Join(f.Careful, ", "))
		}
		fmt.Fprintln(out)
	}
}

func printDevices(out io.Writer, es []detect.Entry) {
	if len(es) > 0 {
		fmt.Fprintf(out, "For the configuration (%s):\n\ndevices:\n%s", defaultConfig, detect.YAML(es))
	}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
