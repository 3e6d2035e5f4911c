//go:build unix

package detect

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"sunwire/drivers/link"
)

// denied says by which group a port may be used, where this user may not.
func (m *machine) denied(p *Port) *Problem {
	const readWrite = 6 // R_OK|W_OK of access(2)
	path := m.at(p.Path)
	if err := syscall.Access(path, readWrite); !errors.Is(err, syscall.EACCES) && !errors.Is(err, syscall.EPERM) {
		return nil
	}
	problem := &Problem{What: "this user may not open " + p.Path}
	if group := m.group(path); group != "" && group != "root" {
		problem.Mend = fmt.Sprintf("sudo usermod -aG %s USER (the user that sunwire runs as), then log in again", group)
	} else if p.Kind == link.HID {
		problem.Mend = "install sunwire's udev rule and plug it in again; in the add-on: restart it once"
	} else {
		problem.Mend = "let a group use it by a udev rule"
	}
	return problem
}

// group names the group that owns a file and may read and write it.
func (m *machine) group(path string) string {
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&0o060 != 0o060 {
		return ""
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	id := strconv.FormatUint(uint64(owner.Gid), 10)
	for line := range strings.Lines(read(m.at("etc"), "group")) {
		if f := strings.Split(line, ":"); len(f) > 2 && f[2] == id {
			return f[0]
		}
	}
	return ""
}
