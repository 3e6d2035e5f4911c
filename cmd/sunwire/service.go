package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	manager "github.com/kardianos/service"

	"sunwire/bridge/config"
)

// service makes sunwire a service of this system, and asks after it. It is made for systemd; launchd and Windows are untested.
func service(ctx context.Context, c console, args []string) error {
	if len(args) > 0 {
		for _, verb := range serviceVerbs() {
			if verb.name == args[0] {
				return verb.run(ctx, c, args[1:])
			}
		}
	}
	if len(args) > 0 && (args[0] == "help" || args[0] == "-h" || args[0] == "--help") {
		serviceUsage(c.out)
		return errHelp
	}
	if len(args) > 0 {
		fmt.Fprintf(c.err, "sunwire: service cannot %q\n\n", args[0])
	}
	serviceUsage(c.err)
	return errUsage
}

func serviceVerbs() []command {
	return []command{
		{"install", installArgs, "start sunwire now and with this machine; a configuration that is there is kept", install},
		{"uninstall", "", "stop it, and start it no more; configuration and state stay", uninstall},
		{"start", "", "start it", control("start", manager.Service.Start)},
		{"stop", "", "stop it until the next start of this machine", control("stop", manager.Service.Stop)},
		{"status", "", "whether it runs, where its page is, and whether its configuration is right", serviceStatus},
		{"logs", "[-f] [-n LINES]", "what it said; -f: and says from now on", serviceLogs},
		{"run", "", "", runManaged}, // what launchd and Windows start; systemd starts "sunwire run"
	}
}

func serviceUsage(w io.Writer) {
	fmt.Fprint(w, "Usage: sunwire service VERB\n\n")
	for _, verb := range serviceVerbs() {
		if verb.help != "" {
			fmt.Fprintf(w, "  %-10s %s\n", verb.name, verb.help)
		}
		if verb.args != "" {
			fmt.Fprintf(w, "             %s\n", verb.args)
		}
	}
	fmt.Fprint(w, "\nIt is a service of systemd. With launchd (macOS) and on Windows it builds, and is untested.\n")
}

// plain parses the arguments of a verb that takes none.
func plain(c console, verb string, args []string) error {
	rest, err := flags(c, "service", args, func(*flag.FlagSet) {})
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("service %s takes no arguments", verb)
	}
	return err
}

// managed is sunwire as this system's service manager knows it, c being what is special about it. i is nil where another process runs.
func managed(i manager.Interface, c manager.Config) (manager.Service, error) {
	c.Name, c.DisplayName, c.Description = "sunwire", "sunwire", "solar inverters, batteries and sensors to MQTT"
	return manager.New(i, &c)
}

func control(verb string, do func(manager.Service) error) func(context.Context, console, []string) error {
	return func(_ context.Context, c console, args []string) error {
		if err := plain(c, verb, args); err != nil {
			return err
		}
		if err := permitted(verb); err != nil {
			return err
		}
		s, err := managed(nil, manager.Config{})
		if err == nil {
			err = do(s)
		}
		if err != nil {
			return fmt.Errorf("%s the service: %w; \"sudo sunwire service status\" tells more", verb, err)
		}
		return nil
	}
}

// permitted is nil where there can be a service, for who may change it. Windows, where nobody has a number, tells the latter by itself.
func permitted(verb string) error {
	err := noService()
	if err == nil && os.Geteuid() > 0 {
		err = fmt.Errorf("service %s needs root: sudo sunwire service %s", verb, verb)
	}
	return err
}

func serviceStatus(ctx context.Context, c console, args []string) error {
	if err := plain(c, "status", args); err != nil {
		return err
	}
	state, running := serviceState(ctx)
	fmt.Fprintf(c.out, "service        %s\n", state)
	cfg, err := config.Load(defaultConfig, environment())
	if err != nil {
		fmt.Fprintf(c.out, "configuration  %s\n", strings.ReplaceAll(err.Error(), "\n", "\n               "))
	} else {
		fmt.Fprintf(c.out, "configuration  %s is right: %s\npage           %s\n", defaultConfig, contents(cfg), pageURL(cfg.HTTP.Listen))
	}
	if !running {
		return errors.New("the service does not run: sudo sunwire service start; sunwire service logs says what was wrong")
	}
	return nil
}

// pageURL is what to type into a browser to see the page that listens there.
func pageURL(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "none"
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		if host, err = os.Hostname(); err != nil {
			host = "this-machine"
		}
	}
	return "http://" + net.JoinHostPort(host, port)
}

// program is "sunwire run" in the hands of launchd or Windows.
type program struct {
	run  func(context.Context) error
	stop func()
	done chan error
}

// Start returns at once, as Windows wants it.
func (p *program) Start(manager.Service) error {
	var ctx context.Context
	ctx, p.stop = context.WithCancel(context.Background())
	go func() {
		err := p.run(ctx)
		if ctx.Err() == nil { // nobody stopped it: the service manager sees that the process is gone, and starts it anew
			fmt.Fprintln(os.Stderr, "sunwire:", err)
			os.Exit(1)
		}
		p.done <- err
	}()
	return nil
}

// Stop waits for the last state to be written.
func (p *program) Stop(manager.Service) error {
	p.stop()
	return <-p.done
}

func runManaged(_ context.Context, c console, args []string) error {
	s, err := managed(&program{run: func(ctx context.Context) error { return run(ctx, c, args) }, done: make(chan error, 1)}, manager.Config{})
	if err != nil {
		return err
	}
	return s.Run()
}
