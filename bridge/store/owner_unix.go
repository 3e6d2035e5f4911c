//go:build unix

package store

import (
	"os"
	"path/filepath"
	"syscall"
)

// own gives what root writes to the folder's owner: sunwire replace is often called with sudo, while the service is another user's.
func own(f *os.File) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(filepath.Dir(f.Name()))
	if err != nil {
		return err
	}
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return f.Chown(int(s.Uid), int(s.Gid))
	}
	return nil
}
