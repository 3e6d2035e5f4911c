package detect

import (
	"strings"
	"testing"
)

func conflicts(m made) map[string]Conflict {
	found := map[string]Conflict{}
	for _, c := range Conflicts(m.root) {
		found[c.Program] = c
	}
	return found
}

func TestProgramsThatFightOverPortsAreNamedWithTheirStop(t *testing.T) {
	m := newMade(t)
	m.process(101, "/usr/bin/python3 -u /usr/local/bin/mpp-solar -C /etc/mpp-solar.conf --daemon", "0::/user.slice/user-1000.slice/user@1000.service/app.slice/mpp.service")
	m.process(102, "python3.11 -m powermon -C powermon.yaml", "0::/user.slice/user-1000.slice/session-3.scope")
	m.process(103, "/opt/inverter-cli/bin/inverter_poller", "0::/system.slice/docker-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope")
	m.process(104, "/lib/nut/nutdrv_qx -a ups", "0::/system.slice/system-nut\\x2ddriver.slice/nut-driver@ups.service")
	m.raw("etc/systemd/system/multi-user.target.wants/ModemManager.service", "/lib/systemd/system/ModemManager.service")
	m.raw("etc/systemd/system/nut-driver.target.wants/nut-driver@ups.service", "/lib/systemd/system/nut-driver@.service")
	m.raw("etc/systemd/system/multi-user.target.wants/nut-driver.target", "/lib/systemd/system/nut-driver.target")
	m.file("lib/udev/rules.d/85-brltty.rules", "")
	got := conflicts(m)
	for program, want := range map[string]struct{ state, mend string }{
		"mpp-solar":       {"running: process 101", "systemctl --user disable --now mpp.service"},
		"powermon":        {"running: process 102", "sudo kill 102"},
		"inverter_poller": {"running: process 103", "sudo docker stop 0123456789ab"},
		"NUT":             {"running: process 104", "sudo systemctl disable --now nut-driver.target nut-driver@ups.service"},
		"ModemManager":    {"enabled: ModemManager.service", "sudo systemctl disable --now ModemManager.service"},
		"brltty":          {"started by udev", "sudo systemctl mask --now brltty.service brltty-udev.service"},
	} {
		if c := got[program]; c.State != want.state || c.Mend != want.mend || c.Why == "" {
			t.Errorf("%s: %+v", program, c)
		}
		delete(got, program)
	}
	if len(got) > 0 {
		t.Errorf("besides: %+v", got)
	}
}

func TestAPeacefulMachineHasNoConflicts(t *testing.T) {
	m := newMade(t)
	m.process(201, "vim mpp-solar.conf", "0::/user.slice")
	m.process(202, "journalctl -fu ModemManager", "0::/user.slice")
	m.process(203, "grep powermon /etc/services", "0::/user.slice")
	m.process(204, "/usr/sbin/sunwire run", "0::/system.slice/sunwire.service")
	m.file("proc/205/comm", "kworker/0:1")
	m.file("proc/205/cmdline", "")
	m.file("lib/udev/rules.d/85-brltty.rules", "")
	for _, u := range []string{"brltty.service", "brltty-udev.service", "ModemManager.service"} {
		m.raw("etc/systemd/system/"+u, "/dev/null") // masked
	}
	m.raw("etc/systemd/system/multi-user.target.wants/ModemManager.service", "/lib/systemd/system/ModemManager.service")
	if got := Conflicts(m.root); len(got) > 0 {
		t.Errorf("%+v", got)
	}
}

func FuzzWhatRunsIsNamedInOneWord(f *testing.F) {
	f.Add("python3\x00-m\x00powermon\x00", "0::/system.slice/mpp-solar.service")
	f.Add("", "0::/")
	f.Add("/\x00", "0::/x/docker-.scope")
	f.Add("x", "0::/a/b;reboot.service")
	f.Add("sh\x00-c\x00\x00a/b", "garbage\n:::/user@1.service")
	f.Fuzz(func(t *testing.T, cmdline, cgroup string) {
		if name := program([]byte(cmdline)); len(name) > 1 && strings.Contains(name, "/") {
			t.Errorf("%q is %q", cmdline, name)
		}
		u, user := unit(cgroup)
		p := process{pid: 1, unit: u, user: user}
		if stop := p.stop(true); strings.ContainsAny(stop, "/;&|$`'\"\\<>()\n") || len(stop) > len(cgroup)+40 {
			t.Errorf("%q is stopped by %q", cgroup, stop)
		}
	})
}
