// Package files opens the tree in which Linux shows what its own drivers read: 1-Wire, iio, hwmon and thermal zones.
package files

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"time"

	"sunwire/drivers/link"
)

// Conn is an open tree. Nothing stays open between two reads: what the kernel shows comes and goes.
type Conn struct{ fs.FS }

// Open opens the tree below root; "" is /sys.
func Open(root string) (*Conn, error) {
	if root == "" {
		root = "/sys"
	}
	info, err := os.Stat(root)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w: %w: files: takes the folder that has what is in /sys of a Linux machine", root, link.ErrLost, err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("open %s: it is no folder: files: takes the folder that has what is in /sys of a Linux machine", root)
	}
	return &Conn{os.DirFS(root)}, nil
}

// Kind implements link.Conn.
func (c *Conn) Kind() link.Kind { return link.File }

// Wait implements link.Conn.
func (c *Conn) Wait(ctx context.Context, d time.Duration) error { return link.Sleep(ctx, d) }

// Close implements link.Conn.
func (c *Conn) Close() error { return nil }
