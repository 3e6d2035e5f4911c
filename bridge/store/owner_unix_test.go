//go:build unix

package store

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestWhatRootWritesBelongsToTheFoldersOwner(t *testing.T) {
	dir, want := t.TempDir(), os.Getuid()
	s := open(t, dir)
	if want == 0 { // else all is one user's anyway
		want = 1234
		if err := os.Chown(filepath.Join(dir, "devices"), want, want); err != nil {
			t.Fatal(err)
		}
	}
	s.Put(Device{ID: "a"})
	save(s)
	info, err := os.Stat(filepath.Join(dir, "devices", "a.json"))
	if err != nil {
		t.Fatal(err)
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); !ok || int(owner.Uid) != want {
		t.Errorf("%+v: the service could not write it any more", info.Sys())
	}
}
