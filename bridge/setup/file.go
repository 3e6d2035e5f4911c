package setup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// replace writes a configuration so that a power cut leaves the old or the new one. A file that is mounted by itself, as containers do,
// cannot be replaced: it is written in place, with a copy of the old one beside it for as long as that takes.
func replace(path string, text []byte) error {
	mode := fs.FileMode(0o640)
	old, err := os.ReadFile(path)
	if info, serr := os.Stat(path); serr == nil {
		mode = info.Mode().Perm()
	}
	if real, rerr := filepath.EvalSymlinks(path); rerr == nil {
		path = real
	}
	tmp := path + ".new"
	if werr := write(tmp, text, mode); werr != nil {
		_ = os.Remove(tmp)
		return fmt.Errorf("write the configuration: %w: sunwire needs to be allowed to write to %s", werr, filepath.Dir(path))
	}
	rerr := os.Rename(tmp, path)
	if rerr == nil || errors.Is(err, fs.ErrNotExist) {
		return rerr
	}
	_ = os.Remove(tmp)
	if err := write(path+".old", old, mode); err != nil {
		return fmt.Errorf("write the configuration: %w", errors.Join(rerr, err))
	}
	if err := write(path, text, mode); err != nil {
		return fmt.Errorf("write the configuration: %w: the old one is %s.old", err, path)
	}
	return os.Remove(path + ".old")
}

func write(path string, text []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}
