// Package systemd holds what makes sunwire a service of systemd. The Debian package installs these very files.
package systemd

import _ "embed"

// Unit is the service. It names the program as /usr/bin/sunwire, where the Debian package has it.
//
//go:embed sunwire.service
var Unit string

// Setup is a shell script for root: user, groups, folders, and the configuration on its standard input where there is none.
//
//go:embed setup.sh
var Setup string

// Configuration is the first sunwire.yaml: a broker and a page on this machine, and no device.
//
//go:embed sunwire.yaml
var Configuration string
