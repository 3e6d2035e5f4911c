package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	manager "github.com/kardianos/service"
	"golang.org/x/term"

	"sunwire/deploy/systemd"
	"sunwire/deploy/udev"
)

const (
	installArgs = "[--page ADDRESS] [--password-file FILE]"

	packaged  = "/usr/bin/sunwire"                    // the program as the package has it, and the unit names it
	installed = "/usr/local/bin/sunwire"              // where install puts it: not in the folder where it was unpacked
	unitPath  = "/etc/systemd/system/sunwire.service" // where install puts the unit
	rulesPath = "/etc/udev/rules.d/60-sunwire.rules"
)

// install makes this program a service of systemd. Done again by a newer one, it is an upgrade.
func install(ctx context.Context, c console, args []string) error {
	var p pageChoice
	var file string
	rest, err := flags(c, "service", args, func(fs *flag.FlagSet) {
		fs.StringVar(&p.listen, "page", "", "address of the page, such as 0.0.0.0:8099; left out: asked for at a terminal, else "+ownPage)
		fs.StringVar(&file, "password-file", "", "file with the page's password; - is standard input")
	})
	switch {
	case err != nil:
		return err
	case len(rest) > 0:
		return errors.New("service install takes no arguments beside its flags: the configuration is " + defaultConfig)
	}
	if err := permitted("install"); err != nil {
		return err
	}
	if packagedUnit() {
		return errors.New("the Debian package has installed the service already: sudo sunwire service start")
	}
	if exists(defaultConfig) {
		fmt.Fprintf(c.out, "%s is kept as it is\n", defaultConfig)
		p = pageChoice{}
	} else if p, err = choosePage(c, p, file); err != nil {
		return err
	}
	return p.install(ctx, c)
}

// choosePage completes what the flags say.
func choosePage(c console, p pageChoice, file string) (pageChoice, error) {
	if file != "" {
		var err error
		if p.password, err = readPassword(c, file); err != nil {
			return p, err
		}
	} else if f, ok := c.terminal(); ok && p.listen == "" {
		return askPage(f, c.out, func() (string, error) {
			b, err := term.ReadPassword(int(f.Fd()))
			return string(b), err
		})
	}
	_, err := p.configuration()
	return p, err
}

// terminal is c's input, where somebody sits at it.
func (c console) terminal() (f *os.File, ok bool) {
	f, ok = c.in.(*os.File)
	return f, ok && term.IsTerminal(int(f.Fd()))
}

func (p pageChoice) install(ctx context.Context, c console) error {
	text, err := p.configuration()
	if err != nil {
		return err
	}
	s, err := managed(nil, manager.Config{Option: manager.KeyValue{"SystemdScript": strings.ReplaceAll(systemd.Unit, packaged, installed)}})
	if err != nil {
		return err
	}
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"copy this program to " + installed, copyProgram},
		{"write " + rulesPath, writeRules},
		{"make what the service needs", func() error { return setUp(ctx, c, text) }},
		{"write " + passwordFile, p.writePassword},
		{"write and enable " + unitPath, func() error {
			if err := os.Remove(unitPath); err != nil && !errors.Is(err, fs.ErrNotExist) { // an older one
				return err
			}
			return s.Install()
		}},
		{"start the service", s.Restart},
	} {
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %w; \"sudo sunwire service status\" tells more", step.what, err)
		}
	}
	fmt.Fprint(c.out, "sunwire runs, and starts with this machine\n\n")
	return serviceStatus(ctx, c, nil)
}

func noService() error { return refusal(os.Getenv, exists) }

// refusal says why there can be no service here; nil: there can.
func refusal(getenv func(string) string, exists func(string) bool) error {
	switch {
	case getenv("SUPERVISOR_TOKEN") != "":
		return errors.New("this is the Home Assistant app: the Supervisor starts it, and its settings are in Home Assistant")
	case exists("/run/systemd/system"):
		return nil
	case exists("/.dockerenv"), exists("/run/.containerenv"):
		return errors.New(`this is a container, which its engine starts: give it "restart: unless-stopped", or --restart unless-stopped`)
	}
	return errors.New("there is no systemd here: have what starts services on this system run: sunwire run -c " + defaultConfig)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func packagedUnit() bool {
	return exists("/usr/lib/systemd/system/sunwire.service") || exists("/lib/systemd/system/sunwire.service")
}

// copyProgram puts the running program into its place, also where an older one is running there.
func copyProgram() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if self, err = filepath.EvalSymlinks(self); err != nil || self == installed {
		return err
	}
	from, err := os.Open(self)
	if err != nil {
		return err
	}
	defer from.Close() //nolint:errcheck // only read
	if err := os.MkdirAll(filepath.Dir(installed), 0o755); err != nil {
		return err
	}
	to, err := os.CreateTemp(filepath.Dir(installed), ".sunwire-*")
	if err != nil {
		return err
	}
	defer os.Remove(to.Name()) //nolint:errcheck // renamed, where all went well
	_, err = io.Copy(to, from)
	if err := errors.Join(err, to.Chmod(0o755), to.Sync(), to.Close()); err != nil {
		return err
	}
	return os.Rename(to.Name(), installed)
}

func writeRules() error {
	if err := os.MkdirAll(filepath.Dir(rulesPath), 0o755); err != nil {
		return err
	}
	return os.WriteFile(rulesPath, []byte(udev.Rules), 0o644)
}

// setUp runs the script that the package runs too; text is the configuration where there is none.
func setUp(ctx context.Context, c console, text string) error {
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", systemd.Setup)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(text), c.out, c.err
	return cmd.Run()
}

// writePassword puts the page's password where only sunwire's user reads it.
func (p pageChoice) writePassword() error {
	if p.password == "" {
		return nil
	}
	u, err := user.Lookup("sunwire")
	if err != nil {
		return err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return err
	}
	if err := os.Remove(passwordFile); err != nil && !errors.Is(err, fs.ErrNotExist) { // one that others may read
		return err
	}
	if err := os.WriteFile(passwordFile, []byte(p.password+"\n"), 0o600); err != nil {
		return err
	}
	return os.Chown(passwordFile, uid, gid)
}

func uninstall(_ context.Context, c console, args []string) error {
	if err := plain(c, "uninstall", args); err != nil {
		return err
	}
	if err := permitted("uninstall"); err != nil {
		return err
	}
	switch {
	case exists(unitPath):
	case packagedUnit():
		return errors.New("the Debian package has installed the service: sudo apt remove sunwire")
	default:
		return errors.New("the service is not installed: there is no " + unitPath)
	}
	s, err := managed(nil, manager.Config{})
	if err != nil {
		return err
	}
	if err := s.Stop(); err != nil {
		return fmt.Errorf("stop the service: %w", err)
	}
	if err := s.Uninstall(); err != nil {
		return fmt.Errorf("disable the service and remove %s: %w", unitPath, err)
	}
	if err := os.Remove(rulesPath); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	fmt.Fprintf(c.out, "sunwire is stopped and starts no more. Configuration, state and program are kept; to delete them for good:\n"+
		"  sudo rm -r /etc/sunwire /var/lib/sunwire %s && sudo userdel sunwire\n", installed)
	return nil
}

// serviceState says in words how systemd sees the service.
func serviceState(ctx context.Context) (words string, running bool) {
	out, err := exec.CommandContext(ctx, "systemctl", "show", "sunwire.service",
		"--property=LoadState,ActiveState,SubState,ActiveEnterTimestamp,InactiveEnterTimestamp").Output()
	if err != nil {
		return fmt.Sprintf("systemctl does not tell: %v", err), false
	}
	return inWords(out)
}

// inWords makes words of what systemctl show prints.
func inWords(out []byte) (words string, running bool) {
	is := map[string]string{}
	for line := range bytes.Lines(out) {
		key, value, _ := strings.Cut(strings.TrimSpace(string(line)), "=")
		is[key] = value
	}
	since := func(key string) string {
		if is[key] == "" {
			return ""
		}
		return " since " + is[key]
	}
	switch state := is["ActiveState"]; {
	case is["LoadState"] == "not-found":
		return "not installed: sudo sunwire service install", false
	case state == "active", state == "reloading":
		return "running" + since("ActiveEnterTimestamp"), true
	case is["SubState"] == "auto-restart":
		return "ended, and is started again every 10 s", false
	case state == "inactive":
		return "stopped" + since("InactiveEnterTimestamp"), false
	default:
		return state + since("InactiveEnterTimestamp"), false
	}
}

// serviceLogs shows the journal; Ctrl-C ends it.
func serviceLogs(ctx context.Context, c console, args []string) error {
	var follow bool
	lines := 100
	rest, err := flags(c, "service", args, func(fs *flag.FlagSet) {
		fs.BoolVar(&follow, "f", false, "go on with what is said from now on")
		fs.IntVar(&lines, "n", lines, "so many lines")
	})
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return errors.New("service logs takes -f and -n LINES only; journalctl -u sunwire takes more")
	}
	journal := []string{"--unit=sunwire", "--no-pager", "--lines=" + strconv.Itoa(lines)}
	if follow {
		journal = append(journal, "--follow")
	}
	cmd := exec.CommandContext(ctx, "journalctl", journal...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.in, c.out, c.err
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	if err := cmd.Run(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("show the log: journalctl: %w", err)
	}
	return nil
}
