//go:build e2e

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sunwire/bridge/supervisor"
	"sunwire/bridge/supervisor/supervisortest"
	"sunwire/drivers/all"
	"sunwire/drivers/link"
	"sunwire/drivers/link/replay"
	"sunwire/drivers/link/simulated"
)

// TestAnAddOnFromNothingToLiveValues runs itself in the network and the folders of an add-on (.ci/supervised), where a fake Supervisor,
// a real mosquitto, a real browser and two simulated inverters on pseudo-terminals are. The program is what is shipped.
func TestAnAddOnFromNothingToLiveValues(t *testing.T) {
	if os.Getenv("SUPERVISOR_TOKEN") == "" {
		for _, folder := range []string{"/data", "/config"} {
			if os.Mkdir(folder, 0o700) == nil {
				t.Cleanup(func() { _ = os.Remove(folder) })
			}
		}
		inside := exec.CommandContext(t.Context(), "../../.ci/supervised", os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		inside.Env = append(os.Environ(), "SUPERVISOR_TOKEN="+supervisortest.Token)
		said, err := inside.CombinedOutput()
		t.Logf("%s", said)
		if err != nil || !strings.Contains(string(said), "--- PASS: "+t.Name()) {
			t.Fatal(err)
		}
		return
	}
	a := newAddOn(t)
	page := "http://" + supervisor.Peer.String() + supervisortest.Entry + "/"
	a.run()
	within(t, 5*time.Second, "the page is served", func() bool { return statusOf(page) == http.StatusOK })
	a.onlyForHomeAssistant()

	b := openBrowser(t)
	b.open(page)
	within(t, 15*time.Second, "the page says which broker to install", func() bool {
		return strings.Contains(b.eval("document.body.innerText"), "Mosquitto broker")
	})
	a.startBroker("first")
	within(t, 20*time.Second, "the broker is connected", func() bool { return strings.Contains(b.eval("document.body.innerText"), "Broker connected") })
	if shots := os.Getenv("SUNWIRE_PICTURES"); shots != "" {
		b.picture(filepath.Join(shots, "first-start.png"))
	}

	begin := time.Now()
	if n := b.eval("document.querySelectorAll('input[type=checkbox]:checked').length"); n != "2" {
		t.Errorf("%s ports are ticked: %s", n, b.eval("document.getElementById('setup').innerText"))
	}
	b.eval("document.querySelector('#look button').click()")
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the page:\n%s\nthe log:\n%s", b.eval("document.body.innerText"), a.sunwire.log)
		}
	})
	within(t, time.Minute, "both inverters show values", func() bool {
		return b.eval("[...document.querySelectorAll('article')].filter(a => a.querySelector('.state.ok') && a.querySelectorAll('.tiles dd').length > 3).length") == "2"
	})
	took := time.Since(begin)
	t.Logf("from the click to live values of both: %.1f s", took.Seconds())
	if took > time.Minute {
		t.Error("that is more than a minute")
	}
	if ds := a.devices(); len(ds) != 2 || ds[0]["driver"] != "pi30" {
		t.Errorf("the form holds %v", ds)
	}
	if links := b.eval("Promise.all([...document.querySelectorAll('a[href]')].map(a => fetch(a.href).then(r => r.status + ' ' + a.href)))"); strings.Count(links, `"200 `) != 4 {
		t.Errorf("links: %s", links)
	}
	was := b.eval("document.querySelector('article time').dataset.t")
	within(t, 15*time.Second, "the event stream brings news", func() bool { return b.eval("document.querySelector('article time').dataset.t") != was })
	if shots := os.Getenv("SUNWIRE_PICTURES"); shots != "" {
		b.picture(filepath.Join(shots, "added.png"))
	}
	if len(b.faults) > 0 {
		t.Errorf("the browser complains: %s", b.faults)
	}

	a.broker.kill() // the Mosquitto app is installed anew: other credentials
	a.startBroker("second")
	within(t, 60*time.Second, "the new credentials are asked for", func() bool { return strings.Contains(b.eval("document.body.innerText"), "Broker connected") })

	for range 2 { // with what the Supervisor makes of the form
		if took := a.sunwire.terminate(t); took > 10*time.Second {
			t.Errorf("SIGTERM took %v", took)
		}
		if err := a.Start(); err != nil {
			t.Fatal(err)
		}
		a.run()
		within(t, 30*time.Second, "both are there after a restart", func() bool { return a.online() == 2 })
	}
	if log := a.sunwire.log.String(); strings.Contains(log, "first") || strings.Contains(log, "second") || strings.Contains(log, supervisortest.Token) {
		t.Errorf("a secret is in the log:\n%s", log)
	}
}

// addOnWorld is the world of an add-on.
type addOnWorld struct {
	*supervisortest.Supervisor
	t       *testing.T
	bin     string
	dir     string
	broker  *process
	sunwire *process
}

func newAddOn(t *testing.T) *addOnWorld {
	t.Helper()
	a := &addOnWorld{t: t, bin: binary(t), dir: t.TempDir()}
	for _, folder := range []string{"/data", "/config"} {
		mount(t, "tmpfs", folder, "tmpfs", 0)
	}
	a.plug()
	var err error
	if a.Supervisor, err = supervisortest.New("../../addon"); err != nil {
		t.Fatal(err)
	}
	a.From, a.OptionsFile, a.Page = supervisor.Peer, "/data/options.json", "172.30.32.2:8099"
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", supervisor.Peer.String()+":80")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: a.Supervisor, ReadHeaderTimeout: 10 * time.Second}
	var wg sync.WaitGroup
	wg.Go(func() { _ = server.Serve(l) })
	t.Cleanup(func() { _ = server.Close(); wg.Wait() })
	return a
}

func mount(t *testing.T, source, target, kind string, flags uintptr) {
	t.Helper()
	if err := syscall.Mount(source, target, kind, flags, ""); err != nil {
		t.Fatalf("mount %s: %v", target, err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(target, syscall.MNT_DETACH) })
}

// plug makes a /dev and a /sys/class/tty of two USB adapters with an inverter each. They are this process's own.
func (a *addOnWorld) plug() {
	t := a.t
	sys, dev := filepath.Join(a.dir, "sys"), filepath.Join(a.dir, "dev")
	pi30, err := all.Find("pi30")
	if err != nil {
		t.Fatal(err)
	}
	recorded, err := os.ReadFile("../../testdata/frames/pi30/pip4048.txtar")
	if err != nil {
		t.Fatal(err)
	}
	other, err := replay.File(recorded)
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{sys, dev} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		mount(t, "tmpfs", folder, "tmpfs", 0)
	}
	for _, node := range []string{"null", "zero", "random", "urandom", "tty", "full"} {
		if err := os.WriteFile(filepath.Join(dev, node), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		mount(t, "/dev/"+node, filepath.Join(dev, node), "", syscall.MS_BIND)
	}
	for _, folder := range []string{"pts", "shm"} {
		if err := os.MkdirAll(filepath.Join(dev, folder), 0o755); err != nil {
			t.Fatal(err)
		}
		mount(t, "/dev/"+folder, filepath.Join(dev, folder), "", syscall.MS_BIND)
	}
	for name, to := range map[string]string{"fd": "/proc/self/fd", "ptmx": "pts/ptmx"} {
		if err := os.Symlink(to, filepath.Join(dev, name)); err != nil {
			t.Fatal(err)
		}
	}
	mount(t, dev, "/dev", "", syscall.MS_BIND|syscall.MS_REC)
	mount(t, sys, "/sys/class/tty", "", syscall.MS_BIND)
	for i, sim := range []link.Simulator{pi30.Simulate(nil, 0), other} {
		a.adapter(fmt.Sprintf("ttyUSB%d", i), i, sim)
	}
}

func (a *addOnWorld) adapter(name string, i int, sim link.Simulator) {
	t := a.t
	usb := fmt.Sprintf("/sys/class/tty/usb/1-%d", i+1)
	tty := usb + "/1-1:1.0/" + name
	for _, folder := range []string{tty, "/sys/class/tty/" + name, "/dev/serial/by-id"} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	serial := fmt.Sprintf("A10K4XY%d", i)
	for file, text := range map[string]string{"idVendor": "0403", "idProduct": "6001", "manufacturer": "FTDI", "product": "FT232R USB UART", "serial": serial} {
		if err := os.WriteFile(filepath.Join(usb, file), []byte(text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{
		"/sys/class/tty/" + name + "/device":                                   tty,
		"/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_" + serial + "-if00-port0": "../../" + name,
	} {
		if err := os.Symlink(to, link); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := (simulated.Line{Baud: 2400, Ends: simulated.EndsInCR}).ServePTY(ctx, "/dev/"+name, sim); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	within(t, 5*time.Second, name+" is plugged in", func() bool { _, err := os.Stat("/dev/" + name); return err == nil })
}

// startBroker starts the Mosquitto app, whose password is new each time.
func (a *addOnWorld) startBroker(password string) {
	t := a.t
	conf, users := filepath.Join(a.dir, "mosquitto.conf"), filepath.Join(a.dir, "users")
	if out, err := exec.Command("mosquitto_passwd", "-c", "-b", users, "addons", password).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	text := "listener 1883 127.0.0.1\nallow_anonymous false\npassword_file " + users + "\nuser root\n"
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	a.broker = start(t, "/usr/sbin/mosquitto", "-c", conf)
	a.SetBroker(&supervisortest.Broker{Host: "127.0.0.1", Port: 1883, Username: "addons", Password: password, AddOn: "core_mosquitto"})
}

// run starts the add-on as its image does.
func (a *addOnWorld) run() { a.sunwire = start(a.t, a.bin, "run", "-c", "/config/sunwire.yaml") }

// onlyForHomeAssistant checks who is let in: the ingress, and for the health check this machine.
func (a *addOnWorld) onlyForHomeAssistant() {
	a.t.Helper()
	if out, err := exec.Command("ip", "address", "add", "172.30.33.9/32", "dev", "lo").CombinedOutput(); err != nil {
		a.t.Fatalf("%v: %s", err, out)
	}
	stranger := &http.Client{Transport: &http.Transport{DialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(172, 30, 33, 9)}}).DialContext}}
	defer stranger.CloseIdleConnections()
	for _, path := range []string{"/", "/api/devices", "/setup"} {
		resp, err := stranger.Get("http://" + a.Page + path)
		if err != nil {
			a.t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusForbidden {
			a.t.Errorf("a stranger gets %s for %s", resp.Status, path)
		}
	}
	resp, err := http.Post("http://127.0.0.1:8099/setup/add", "application/x-www-form-urlencoded", strings.NewReader("port=x"))
	if err != nil {
		a.t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		a.t.Errorf("this machine may add devices without being known: %s", resp.Status)
	}
}

// devices are those of the form.
func (a *addOnWorld) devices() (ds []map[string]any) {
	a.t.Helper()
	options, err := supervisor.New(supervisortest.Token, nil).Options(a.t.Context())
	if err != nil {
		a.t.Fatal(err)
	}
	raw, _ := json.Marshal(options["devices"])
	_ = json.Unmarshal(raw, &ds)
	return ds
}

// online counts the devices that are live.
func (a *addOnWorld) online() (n int) {
	resp, err := http.Get("http://127.0.0.1:8099/api/devices")
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	var s struct {
		Devices []struct {
			Online bool `json:"online"`
		} `json:"devices"`
	}
	_ = json.NewDecoder(resp.Body).Decode(&s)
	for _, d := range s.Devices {
		if d.Online {
			n++
		}
	}
	return n
}

func statusOf(url string) int {
	resp, err := http.Get(url)
	if err != nil {
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}
