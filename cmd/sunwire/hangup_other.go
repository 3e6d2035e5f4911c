//go:build !unix

package main

import "os"

// hangups never come on this system.
func hangups() <-chan os.Signal { return nil }
