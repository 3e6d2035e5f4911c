// Package sysfs reads what Linux's own drivers have measured: DS18B20 on 1-Wire, the sensors of iio (DHT11, DHT22 and many more), hwmon and
// thermal zones. They are files below /sys; testdata/frames shows what they have.
package sysfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"sunwire/drivers"
	"sunwire/drivers/link"
)

// place is a folder of sensors, of which one is meant.
type place struct {
	link.Files
	driver string
	folder string                    // below /sys, such as bus/iio/devices
	names  func(entry string) bool   // which entries of it are sensors
	called func(entry string) string // the file below folder that has a sensor's name, or ""
	wanted string                    // an entry or a name; "" the only one
	off    string                    // what to do when there is no such folder
}

func on(c link.Conn, p place) (*place, error) {
	files, ok := c.(link.Files)
	if !ok {
		return nil, fmt.Errorf("open %s: a %s link has no files: its port is written files: and no more", p.driver, c.Kind())
	}
	p.Files = files
	return &p, nil
}

// find is the entry that is meant, and its name where it has one. What there is instead is named.
func (p *place) find(ctx context.Context) (entry, name string, err error) {
	if err := ctx.Err(); err != nil {
		return "", "", err
	}
	entries, err := fs.ReadDir(p.Files, p.folder)
	if errors.Is(err, fs.ErrNotExist) {
		return "", "", fmt.Errorf("%s: there is no /sys/%s: %s: %w", p.driver, p.folder, p.off, drivers.ErrNoReply)
	}
	if err != nil {
		return "", "", fmt.Errorf("%s: %w: %w", p.driver, drivers.ErrNoReply, err)
	}
	var found, all []string
	for _, e := range entries {
		if !p.names(e.Name()) {
			continue
		}
		name := ""
		if p.called != nil {
			name, _ = p.read(ctx, p.called(e.Name())) // without a name it is known by its entry
		}
		all = append(all, strings.TrimSpace(e.Name()+" "+name))
		if p.wanted == "" || p.wanted == e.Name() || p.wanted == name {
			found = append(found, e.Name(), name)
		}
	}
	switch {
	case len(found) == 2:
		return found[0], found[1], nil
	case len(all) == 0:
		return "", "", fmt.Errorf("%s: there is no sensor in /sys/%s: the kernel has found none; check its wires, where it has any: %w", p.driver, p.folder, drivers.ErrNoReply)
	case len(found) > 2:
		return "", "", fmt.Errorf("%s: there are several; set the option sensor to one of %s: %w", p.driver, strings.Join(all, ", "), drivers.ErrNoReply)
	}
	return "", "", fmt.Errorf("%s: %s is not there; there are %s: %w", p.driver, p.wanted, strings.Join(all, ", "), drivers.ErrNoReply)
}

// read is the text of a file of one line or more, the last of which ends: else it was cut off.
func (p *place) read(ctx context.Context, name string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	b, err := fs.ReadFile(p.Files, name)
	if err == nil {
		err = ctx.Err()
	}
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case errors.Is(err, fs.ErrPermission):
		return "", fmt.Errorf("%s: %w: %w: let the user that sunwire runs as read it", p.driver, drivers.ErrNoReply, err)
	case err != nil:
		return "", fmt.Errorf("%s: /sys/%s: %w: %w (check the sensor's wires and its power)", p.driver, name, drivers.ErrNoReply, err)
	}
	text, whole := strings.CutSuffix(string(b), "\n")
	if !whole || text == "" {
		return "", fmt.Errorf("%s: /sys/%s: %q is not a whole line: %w", p.driver, name, b, drivers.ErrFrame)
	}
	return text, nil
}

// list is what an entry has.
func (p *place) list(entry string) (names []string, err error) {
	entries, err := fs.ReadDir(p.Files, p.file(entry))
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", p.driver, drivers.ErrNoReply, err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, nil
}

func (p *place) file(parts ...string) string {
	return path.Join(append([]string{p.folder}, parts...)...)
}
