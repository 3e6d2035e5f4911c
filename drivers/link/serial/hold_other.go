//go:build !linux

package serial

// hold relies on what the serial package does by itself on this system.
func hold(string) (release func(), err error) { return func() {}, nil }

// holder cannot be found on this system.
func holder(string) string { return "" }
