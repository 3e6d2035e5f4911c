//go:build !unix

package store

import "os"

// acquire opens path; there is no lock on this system.
func acquire(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o640)
}
