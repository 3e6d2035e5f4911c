// Package udev holds the rules by which an ordinary user may open what sunwire reads.
package udev

import _ "embed"

// Rules belong in a file 60-sunwire.rules in a folder of udev.
//
//go:embed 60-sunwire.rules
var Rules string
