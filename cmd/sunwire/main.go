// Command sunwire reads a house's solar inverters, batteries and sensors and publishes them over MQTT, so that Home Assistant finds
// them by itself.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// version is set by the build: -ldflags "-X main.version=1.2.3".
var version = "dev"

// console is where a command reads and writes.
type console struct {
	in       io.Reader
	out, err io.Writer
}

// command is one word of the command line.
type command struct {
	name, args, help string
	run              func(ctx context.Context, c console, args []string) error
}

func commands() []command {
	return []command{
		{"run", "-c FILE", "read the configured devices and publish them", run},
		{"demo", "[--mqtt ADDR] [--http ADDR]", "a simulated house with a broker of its own: nothing else is needed", demo},
		{"read", "[-c FILE] [ID...] | --driver NAME --port PORT", "read once and print; nothing is published", readOnce},
		{"check", "FILE", "check a configuration; nothing is opened", check},
		{"detect", "[PORT...] [--driver NAME] [--all]", "list the ports of this machine, and look what hangs on those named", detectDevices},
		{"schema", "", "print the JSON Schema of the configuration, for editors", printSchema},
		{"drivers", "[NAME]", "list what can be read, or all that one driver gives", listDrivers},
		{"simulate", "DRIVER --port pty:PATH|tcp:ADDR", "be a device, for trying things out", simulate},
		{"decode", "--driver D --command C --hex H | --jsonl", "decode recorded replies", decode},
		{"replace", "ID [-c FILE]", "let the device that is now at this port take the old one's place", replace},
		{"settings", "show|diff|restore ID [-c FILE]", "show a device's settings, what differs from those first found, or write those back", settings},
		{"set", "ID KEY VALUE [--serial S] [-c FILE]", "write one setting of a device that a running sunwire reads", set},
		{"send", "ID COMMAND [--serial S] [-c FILE]", "send a raw command and print the reply", send},
		{"service", "install|uninstall|start|stop|status|logs", "run as a service of this system, from its start", service},
		{"healthcheck", "[-c FILE]", "ask a running sunwire whether it is alive", healthcheck},
		{"version", "", "print the version", printVersion},
	}
}

// errUsage means that the command line was wrong and that the reason has been printed; errHelp, that the help was asked for.
var errUsage, errHelp = errors.New("usage"), errors.New("help")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := dispatch(ctx, console{os.Stdin, os.Stdout, os.Stderr}, os.Args[1:])
	stop()
	switch {
	case err == nil, errors.Is(err, errHelp):
	case errors.Is(err, errUsage):
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "sunwire:", err)
		os.Exit(1)
	}
}

func dispatch(ctx context.Context, c console, args []string) error {
	if len(args) == 0 || args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		usage(c.out)
		return nil
	}
	for _, cmd := range commands() {
		if cmd.name == args[0] {
			return cmd.run(ctx, c, args[1:])
		}
	}
	fmt.Fprintf(c.err, "sunwire: there is no command %q\n\n", args[0])
	usage(c.err)
	return errUsage
}

func usage(w io.Writer) {
	fmt.Fprint(w, "sunwire reads inverters, batteries and house sensors and publishes them to Home Assistant over MQTT.\n\nUsage: sunwire COMMAND [ARGUMENTS]\n\n")
	for _, cmd := range commands() {
		fmt.Fprintf(w, "  %-12s %s\n", cmd.name, cmd.help)
	}
	fmt.Fprint(w, "\nsunwire COMMAND -h tells what a command takes. It never writes to a device unless you turn that on.\n")
}

// flags parses args for the command name: flags may stand before and behind the other arguments, which are returned.
func flags(c console, name string, args []string, define func(*flag.FlagSet)) ([]string, error) {
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	fs.SetOutput(c.err)
	fs.Usage = func() {
		for _, cmd := range commands() {
			if cmd.name == name {
				fmt.Fprintf(c.err, "Usage: sunwire %s %s\n\n%s.\n", name, cmd.args, strings.ToUpper(cmd.help[:1])+cmd.help[1:])
			}
		}
		fs.PrintDefaults()
	}
	define(fs)
	var rest []string
	for {
		if err := fs.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return nil, errHelp
			}
			return nil, errUsage
		}
		if fs.NArg() == 0 {
			return rest, nil
		}
		rest, args = append(rest, fs.Arg(0)), fs.Args()[1:]
	}
}

func printVersion(_ context.Context, c console, _ []string) error {
	_, err := fmt.Fprintln(c.out, "sunwire", version)
	return err
}
