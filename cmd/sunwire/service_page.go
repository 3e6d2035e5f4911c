package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"sunwire/bridge/config"
	"sunwire/deploy/systemd"
)

const (
	passwordFile = "/etc/sunwire/page.password"
	ownPage      = "127.0.0.1:8099"
)

// pageChoice is who may see the page of a new installation.
type pageChoice struct {
	listen   string // host:port; "": as the first configuration has it
	password string
}

// configuration is the first configuration with that page in it. The password itself is not: it goes into passwordFile. The error names
// what is wrong with the choice.
func (p pageChoice) configuration() (string, error) {
	text := systemd.Configuration
	if p.listen != "" {
		text = strings.Replace(text, strconv.Quote(ownPage), strconv.Quote(p.listen), 1)
	}
	if p.password != "" {
		line := `password: "file:` + passwordFile + `"`
		text = strings.Replace(text, "#"+line, line, 1)
	}
	env := environment()
	env.ReadFile = func(string) ([]byte, error) { return []byte(p.password), nil } // it is not written yet
	_, err := config.Parse(defaultConfig, []byte(text), env)
	if wrong := (config.Errors)(nil); errors.As(err, &wrong) {
		return "", fmt.Errorf("the page: %s", wrong[0].Text)
	}
	return text, err
}

// askPage asks at a terminal until the answers can be used. secret reads a line that is not shown.
func askPage(in io.Reader, out io.Writer, secret func() (string, error)) (pageChoice, error) {
	lines := bufio.NewReader(in)
	fmt.Fprintf(out, "The page shows what sunwire reads, and adds devices.\n\nIts address: %s is for this machine alone, 0.0.0.0:8099 for your whole network.\n", ownPage)
	for {
		fmt.Fprintf(out, "Address [%s]: ", ownPage)
		line, err := lines.ReadString('\n')
		if err != nil {
			return pageChoice{}, fmt.Errorf("ask for the page's address: %w; --page gives it", err)
		}
		p := pageChoice{listen: strings.TrimSpace(line)}
		fmt.Fprint(out, "Password (for any user name; none for this machine alone): ")
		if p.password, err = secret(); err != nil {
			return pageChoice{}, fmt.Errorf("ask for the page's password: %w; --password-file gives it", err)
		}
		fmt.Fprintln(out)
		if _, err = p.configuration(); err == nil {
			return p, nil
		}
		fmt.Fprintf(out, "That cannot be: %v\n", err)
	}
}

// readPassword is the password in the file name, - being standard input.
func readPassword(c console, name string) (string, error) {
	var data []byte
	var err error
	if name == "-" {
		data, err = io.ReadAll(io.LimitReader(c.in, 4096))
	} else {
		data, err = os.ReadFile(name)
	}
	if err != nil {
		return "", fmt.Errorf("read the page's password: %w", err)
	}
	password := strings.TrimRight(string(data), "\r\n")
	if password == "" {
		return "", fmt.Errorf("the file with the page's password, %s, is empty", name)
	}
	return password, nil
}
