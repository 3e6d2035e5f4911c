package simulated

import (
	"bytes"
	"io"
	"io/fs"
	"strings"
	"time"
)

// Tree is the files that a simulator shows: it is asked for a path and gives what the file has, and for a path with a slash behind it gives
// the names in that folder, one a line. Nothing, not even an empty answer, is a file that is not there.
type Tree func(path string) []byte

// ReadFile implements fs.ReadFileFS.
func (t Tree) ReadFile(name string) ([]byte, error) {
	b := t(name)
	if b == nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrNotExist}
	}
	return b, nil
}

// ReadDir implements fs.ReadDirFS.
func (t Tree) ReadDir(name string) (entries []fs.DirEntry, err error) {
	names := t(name + "/")
	if names == nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrNotExist}
	}
	for n := range strings.FieldsSeq(string(names)) {
		entries = append(entries, fs.FileInfoToDirEntry(info{name: n}))
	}
	return entries, nil
}

// Open implements fs.FS.
func (t Tree) Open(name string) (fs.File, error) {
	b, err := t.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return &file{info{name, int64(len(b))}, bytes.NewReader(b)}, nil
}

type file struct {
	info
	io.Reader
}

func (f *file) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *file) Close() error               { return nil }

type info struct {
	name string
	size int64
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) Mode() fs.FileMode  { return 0o444 }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return false }
func (i info) Sys() any           { return nil }
