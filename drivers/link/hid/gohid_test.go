//go:build cgo && (gohid || darwin || windows)

package hid

import (
	"path/filepath"
	"testing"
)

func TestALibraryThatFindsNothingSaysSo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hidraw0")
	if c, err := Open(path, nil); err == nil {
		t.Errorf("opened %s: %v", path, c)
	}
}
