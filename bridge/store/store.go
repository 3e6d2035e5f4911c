// Package store keeps what must survive a power cut: identities, what was read of a device's nature, and what was announced to Home
// Assistant. One small JSON file a device, written atomically, with one older generation beside it.
package store

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"sunwire/bridge/control"
	"sunwire/drivers"
)

// version is that of the files' layout. A newer one is left alone.
const version = 1

// Device is what is kept of one configured device.
type Device struct {
	Version    int                          `json:"version"`
	ID         string                       `json:"id"`
	Driver     string                       `json:"driver"`
	UID        string                       `json:"uid"`             // settled at the first successful Describe
	Serial     string                       `json:"serial"`          // "" where the identity is the place
	Adopt      bool                         `json:"adopt,omitempty"` // the next serial number takes the place of this one
	Descriptor drivers.Descriptor           `json:"descriptor"`
	Answered   map[string]bool              `json:"answered"`            // queries that have been answered at least once
	Announced  map[string]map[string]string `json:"announced,omitempty"` // by uid: what Home Assistant knows, key to platform
	First      map[string]string            `json:"first,omitempty"`     // settings as they were when the device was first met, by unit/key
	Control    control.State                `json:"control,omitzero"`    // what the write path has to remember
}

// Store is an open state folder. It is safe for concurrent use; Put never waits for the disk.
type Store struct {
	dir      string
	log      *slog.Logger
	lock     *os.File
	Instance string // made at the first start; names this installation to the broker

	mu      sync.Mutex
	devices map[string]Device
	dirty   map[string]bool
	wake    chan struct{}
}

type instance struct {
	Version  int    `json:"version"`
	Instance string `json:"instance"`
}

// Open locks dir, which is made where it is missing, and reads it. A second sunwire on the same folder, a folder that cannot be
// written and a file of a newer version are errors that say what to do.
func Open(dir string, log *slog.Logger) (*Store, error) {
	if err := os.MkdirAll(filepath.Join(dir, "devices"), 0o750); err != nil {
		return nil, fmt.Errorf("state_dir %s: %w: make it writable for the user sunwire runs as, or set state_dir to another folder", dir, err)
	}
	lock, err := acquire(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, fmt.Errorf("state_dir %s: %w", dir, err)
	}
	s := &Store{dir: dir, log: log, lock: lock, devices: map[string]Device{}, dirty: map[string]bool{}, wake: make(chan struct{}, 1)}
	if err := s.load(); err != nil {
		_ = lock.Close()
		return nil, err
	}
	return s, nil
}

func (s *Store) load() error {
	var in instance
	switch err := read(filepath.Join(s.dir, "instance.json"), &in); {
	case errors.Is(err, fs.ErrNotExist):
		in = instance{version, strings.ToLower(rand.Text()[:12])}
		if err := write(filepath.Join(s.dir, "instance.json"), in); err != nil {
			return err
		}
	case err != nil:
		return err
	}
	s.Instance = in.Instance
	files, err := filepath.Glob(filepath.Join(s.dir, "devices", "*.json"))
	if err != nil {
		return err
	}
	older, _ := filepath.Glob(filepath.Join(s.dir, "devices", "*.json.old"))
	for _, o := range older { // its successor may have been lost between two renames
		files = append(files, strings.TrimSuffix(o, ".old"))
	}
	for _, f := range files {
		var d Device
		if err := read(f, &d); err != nil {
			return err
		}
		s.devices[d.ID] = d
	}
	return nil
}

// Get is what is kept of the device with that id.
func (s *Store) Get(id string) (Device, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, ok := s.devices[id]
	return d, ok
}

// All is what is kept of every device, by id, those that have left the configuration among them.
func (s *Store) All() map[string]Device {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[string]Device, len(s.devices))
	maps.Copy(all, s.devices)
	return all
}

// Put keeps d; Run writes it soon. d's maps must not be changed afterwards.
func (s *Store) Put(d Device) {
	d.Version = version
	s.mu.Lock()
	s.devices[d.ID] = d
	s.dirty[d.ID] = true
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Forget drops what is kept of id.
func (s *Store) Forget(id string) {
	s.mu.Lock()
	delete(s.devices, id)
	s.dirty[id] = true
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Run writes what was put, until ctx ends and the last of it is on the disk. A full or broken disk is logged once and tried again.
func (s *Store) Run(ctx context.Context) {
	failing := false
	for {
		err := s.flush()
		if (err != nil) != failing {
			if failing = err != nil; failing {
				s.log.Error("state cannot be saved; identities and counters are at risk in a power cut", "error", err)
			} else {
				s.log.Info("state is saved again")
			}
		}
		var again <-chan time.Time
		if failing {
			again = time.After(10 * time.Second)
		}
		select {
		case <-ctx.Done():
			if err := s.flush(); err != nil {
				s.log.Error("state not saved", "error", err)
			}
			return
		case <-s.wake:
		case <-again:
		}
	}
}

func (s *Store) flush() error {
	s.mu.Lock()
	work := make(map[string]*Device, len(s.dirty))
	for id := range s.dirty {
		work[id] = nil
		if d, ok := s.devices[id]; ok {
			work[id] = &d
		}
	}
	clear(s.dirty)
	s.mu.Unlock()
	var failed error
	for id, d := range work {
		path := filepath.Join(s.dir, "devices", id+".json")
		var err error
		if d != nil {
			err = write(path, d)
		} else {
			err = errors.Join(remove(path), remove(path+".old"))
		}
		if err != nil {
			failed = err
			s.mu.Lock()
			s.dirty[id] = true
			s.mu.Unlock()
		}
	}
	return failed
}

// Close lets another sunwire have the folder. Run must have ended.
func (s *Store) Close() error { return s.lock.Close() }

func remove(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// read takes path or, where that is missing or damaged, its older generation.
func read(path string, into any) error {
	err := readOne(path, into)
	if err == nil || errors.Is(err, errNewer) {
		return err
	}
	if old := readOne(path+".old", into); old == nil {
		return nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return fmt.Errorf("%w: remove the file to start anew with this device (its entities stay as they are)", err)
}

var errNewer = errors.New("written by a newer sunwire: update sunwire, or set state_dir to another folder")

func readOne(path string, into any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var v instance
	if err := json.Unmarshal(data, &v); err != nil {
		return fmt.Errorf("%s is damaged: %w", path, err)
	}
	if v.Version > version {
		return fmt.Errorf("%s: %w", path, errNewer)
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s is damaged: %w", path, err)
	}
	return nil
}

// write replaces path so that a power cut at any moment leaves either generation whole.
func write(path string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	tmp := path + ".new"
	if err := writeSynced(tmp, data); err != nil {
		return fmt.Errorf("write %s: %w", tmp, err)
	}
	if err := os.Rename(path, path+".old"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer d.Close() //nolint:errcheck // opened for reading
	return d.Sync()
}

func writeSynced(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, own(f), f.Sync(), f.Close())
}
