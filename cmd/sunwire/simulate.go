package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"sunwire/drivers/all"
	"sunwire/drivers/link"
	"sunwire/drivers/link/simulated"
)

func simulate(ctx context.Context, c console, args []string) error {
	var port, fault string
	var baud int
	var seed uint64
	names, err := flags(c, "simulate", args, func(fs *flag.FlagSet) {
		fs.StringVar(&port, "port", "", "pty:PATH (a pseudo-terminal, found at PATH) or tcp:ADDRESS")
		fs.IntVar(&baud, "baud", 0, "pace of the line, both ways; 0: as fast as it goes")
		fs.StringVar(&fault, "fault", "none", "what goes wrong: "+faults())
		fs.Uint64Var(&seed, "seed", 1, "of what is random in a fault")
	})
	if err != nil {
		return err
	}
	if len(names) != 1 {
		return errors.New("simulate takes one driver: sunwire simulate pi30 --port pty:/tmp/inverter")
	}
	d, err := all.Find(names[0])
	if err != nil {
		return err
	}
	if slices.Contains(d.Links, link.I2C) {
		return fmt.Errorf("a %s hangs on an I2C bus, which cannot be simulated from outside: use port: \"sim:\" in a configuration", d.Name)
	}
	if slices.Contains(d.Links, link.File) {
		return fmt.Errorf("a %s is files of the kernel, which cannot be simulated from outside: use port: \"sim:\" in a configuration", d.Name)
	}
	trouble := simulated.NewTrouble(seed)
	if err := trouble.Set(fault); err != nil {
		return err
	}
	go orders(ctx, c, trouble) // ends with its input, at the latest with the process
	l := simulated.Line{Baud: baud, Ends: simulated.EndsInCR, Trouble: trouble}
	sim := d.Simulate(nil, 0)
	switch kind, where, _ := strings.Cut(port, ":"); kind {
	case "pty":
		fmt.Fprintf(c.out, "a simulated %s at serial:%s; type a fault and for how long, such as \"silence 6s\": %s\n", d.Name, where, faults())
		return l.ServePTY(ctx, where, sim)
	case "tcp":
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", strings.TrimPrefix(where, "//"))
		if err != nil {
			return err
		}
		fmt.Fprintf(c.out, "a simulated %s at tcp://%s\n", d.Name, listener.Addr())
		return l.ServeTCP(ctx, listener, sim)
	}
	return fmt.Errorf("--port %q: use pty:PATH or tcp:ADDRESS", port)
}

func faults() string {
	var names []string
	for _, f := range simulated.Faults() {
		names = append(names, string(f))
	}
	return strings.Join(names, ", ")
}

// orders takes faults from the keyboard: a name, and how long it lasts.
func orders(ctx context.Context, c console, t *simulated.Trouble) {
	lines := bufio.NewScanner(c.in)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) == 0 {
			continue
		}
		if err := t.Set(words[0]); err != nil {
			fmt.Fprintln(c.err, err)
			continue
		}
		if len(words) > 1 {
			d, err := time.ParseDuration(words[1])
			if err != nil {
				fmt.Fprintf(c.err, "%q is no duration such as 6s\n", words[1])
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(d):
			}
			_ = t.Set(string(simulated.None))
		}
		fmt.Fprintln(c.out, "now:", words[0])
	}
}
