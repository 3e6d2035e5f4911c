package files

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"sunwire/drivers/link"
)

func TestLinksAreFollowedAndWhatComesLaterIsSeen(t *testing.T) {
	root := t.TempDir()
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(filepath.Join(root, "devices/w1/28-0"), 0o755))
	must(os.MkdirAll(filepath.Join(root, "bus"), 0o755))
	c, err := Open(root)
	must(err)
	if _, err := fs.ReadFile(c, "bus/28-0/w1_slave"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("before it is there: %v", err)
	}
	must(os.Symlink("../devices/w1/28-0", filepath.Join(root, "bus/28-0"))) // as in /sys
	must(os.WriteFile(filepath.Join(root, "devices/w1/28-0/w1_slave"), []byte("1\n"), 0o644))
	if b, err := fs.ReadFile(c, "bus/28-0/w1_slave"); err != nil || string(b) != "1\n" {
		t.Errorf("%q, %v", b, err)
	}
	if names, err := fs.ReadDir(c, "bus"); err != nil || len(names) != 1 || names[0].Name() != "28-0" {
		t.Errorf("%v, %v", names, err)
	}
}

func TestAFolderThatIsNotThereIsLost(t *testing.T) {
	if _, err := Open(filepath.Join(t.TempDir(), "sys")); !errors.Is(err, link.ErrLost) {
		t.Error(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file); err == nil || errors.Is(err, link.ErrLost) {
		t.Error(err)
	}
}
