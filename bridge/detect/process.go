package detect

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// process is a running program, as far as this user may see it.
type process struct {
	pid     int
	name    string   // of the program, an interpreter's script included: mpp-solar, not python3
	command string   // as the kernel has it, cut to 15 bytes
	unit    string   // what started it: a service, a container's scope; "" where it cannot be told
	user    bool     // the service belongs to a user
	files   []string // the devices that it has open
}

// processes lists what runs.
func processes(root string) (ps []process) {
	dirs, _ := filepath.Glob(filepath.Join(root, "proc/[0-9]*"))
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		p := process{pid: pid, command: read(dir, "comm")}
		line, _ := os.ReadFile(filepath.Join(dir, "cmdline")) // a kernel thread has none, and one that just ended neither
		if p.name = program(line); p.name == "" {
			continue
		}
		p.unit, p.user = unit(read(dir, "cgroup"))
		fds, _ := filepath.Glob(filepath.Join(dir, "fd/*"))
		for _, fd := range fds {
			if to, err := os.Readlink(fd); err == nil && strings.HasPrefix(to, "/dev/") {
				p.files = append(p.files, to)
			}
		}
		ps = append(ps, p)
	}
	return ps
}

// program names what runs, by the words of its command line: of an interpreter the script or module is meant.
func program(cmdline []byte) string {
	words := strings.Split(string(bytes.TrimRight(cmdline, "\x00")), "\x00")
	name := path.Base(words[0])
	switch strings.TrimRight(name, "0123456789.") {
	case "python", "bash", "sh", "dash", "perl", "node", "ruby":
		for _, w := range words[1:] {
			if !strings.HasPrefix(w, "-") && w != "" {
				return path.Base(w)
			}
		}
	case "":
		return ""
	}
	return name
}

// unit is the last part of a process's place in /proc/PID/cgroup, where that is a service or a container:
//
//	0::/system.slice/nut-driver@ups.service
//	0::/user.slice/user-1000.slice/user@1000.service/app.slice/mpp-solar.service
//	0::/system.slice/docker-0123456789abcdef(64 digits).scope
func unit(cgroup string) (name string, user bool) {
	for line := range strings.Lines(cgroup) {
		place := strings.TrimSpace(line)
		last := path.Base(place)
		if strings.ContainsFunc(last, unsafe) {
			continue
		}
		if strings.HasSuffix(last, ".service") && !strings.HasPrefix(last, "user@") || strings.HasPrefix(last, "docker-") {
			return last, strings.Contains(place, "/user@")
		}
	}
	return "", false
}

// unsafe is what cannot stand in a command that somebody will copy.
func unsafe(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("@:_.-", r)
}

// stop is the command that ends the process, and that keeps it from coming back with the next start where lasting is set.
func (p *process) stop(lasting bool) string {
	verb := "stop"
	if lasting {
		verb = "disable --now"
	}
	id, container := strings.CutPrefix(p.unit, "docker-")
	switch {
	case container:
		return "sudo docker stop " + id[:min(12, len(id))]
	case p.unit == "":
		return fmt.Sprintf("sudo kill %d", p.pid)
	case p.user:
		return fmt.Sprintf("systemctl --user %s %s", verb, p.unit)
	}
	return fmt.Sprintf("sudo systemctl %s %s", verb, p.unit)
}

// holds says that the process has a port open.
func (p *process) holds() *Problem {
	switch {
	case p.pid == os.Getpid():
		return &Problem{What: "this sunwire itself reads a device here"}
	case p.name == "sunwire":
		return &Problem{fmt.Sprintf("the sunwire that runs already (process %d) reads a device here", p.pid), p.stop(false)}
	}
	return &Problem{
		fmt.Sprintf("it is in use by %s (process %d): two programs on one line get each other's replies", oneLine(p.name), p.pid), p.stop(false),
	}
}
