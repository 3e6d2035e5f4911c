//go:build e2e

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sunwire/drivers/link/simulated"
)

// documents collects what is published of the inverter, by a real client of a real broker.
type documents struct {
	mu  sync.Mutex
	all []map[string]any
}

func (d *documents) read(r io.Reader) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var doc map[string]any
		if json.Unmarshal(lines.Bytes(), &doc) == nil {
			for _, k := range []string{"link", "last_error", "poll_time", "success_ratio"} {
				delete(doc, k)
			}
			d.mu.Lock()
			d.all = append(d.all, doc)
			d.mu.Unlock()
		}
	}
}

func (d *documents) take() []map[string]any {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := d.all
	d.all = nil
	return all
}

// lastUpdate is when the inverter last answered a live query, as /health says.
func lastUpdate(t *testing.T, page string) time.Time {
	t.Helper()
	resp, err := http.Get("http://" + page + "/health")
	if err != nil {
		return time.Time{}
	}
	defer resp.Body.Close()
	var h struct {
		Sources map[string]struct {
			Last time.Time `json:"last_update"`
		} `json:"data_sources"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&h); err != nil {
		t.Fatal(err)
	}
	return h.Sources["inverter"].Last
}

// Each fault for 6 s on a line at 2400 baud, polled without pause: nothing wrong is published, and all is right again soon after.
func TestNoFaultOfTheLinePublishesAWrongValue(t *testing.T) {
	dir, bin, page := t.TempDir(), binary(t), "127.0.0.1:18097"
	b := &testBroker{t: t, addr: "127.0.0.1:18839", dir: t.TempDir()}
	b.start()
	sim := exec.Command(bin, "simulate", "pi30", "--port", "pty:"+dir+"/tty", "--baud", "2400")
	orders, err := sim.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := sim.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sim.Process.Kill(); _ = sim.Wait() })
	config := filepath.Join(dir, "sunwire.yaml")
	text := fmt.Sprintf("mqtt: {url: \"mqtt://%s\"}\nhttp: {listen: %q}\nstate_dir: %s/state\ndevices: [{id: inverter, driver: pi30, port: \"serial:%s/tty?baud=2400\", interval: 0s, slow: 5s}]\n", b.addr, page, dir, dir)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	sub := exec.Command("mosquitto_sub", "-p", "18839", "-t", "sunwire/inverter/state")
	out, err := sub.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := sub.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sub.Process.Kill(); _ = sub.Wait() })
	var seen documents
	go seen.read(out)
	run := start(t, bin, "run", "-c", config)
	within(t, 30*time.Second, "all queries are answered once", func() bool {
		all := seen.take()
		return len(all) > 0 && all[len(all)-1]["default_battery_type"] != nil && all[len(all)-1]["warnings"] != nil
	})
	time.Sleep(8 * time.Second)
	docs := seen.take()
	truth := docs[len(docs)-1]
	for _, fault := range simulated.Faults() {
		if fault == simulated.None {
			continue
		}
		fmt.Fprintf(orders, "%s 6s\n", fault)
		time.Sleep(6 * time.Second)
		end := time.Now()
		took := within(t, 5*time.Second, string(fault)+": right again", func() bool { return lastUpdate(t, page).After(end) })
		time.Sleep(2 * time.Second)
		wrong := 0
		during := seen.take()
		for _, doc := range during {
			for key, v := range doc {
				if v != nil && v != truth[key] {
					wrong++
					t.Errorf("%s: %s is %v, the inverter says %v", fault, key, v, truth[key])
				}
			}
		}
		t.Logf("%-10s %3d documents, %d wrong values, right again %.2f s after its end", fault, len(during), wrong, took.Seconds())
		if took > 2500*time.Millisecond {
			t.Errorf("%s: right again only after %v", fault, took)
		}
	}
	if missing := slices.DeleteFunc(slices.Collect(maps.Keys(truth)), func(k string) bool { return truth[k] != nil }); len(missing) > len(truth)/10 {
		t.Errorf("the comparison is thin: not known were %s", strings.Join(missing, ", "))
	}
	begin := time.Now()
	b.kill()
	time.Sleep(2 * time.Second)
	b.start()
	back := time.Now()
	sub2 := exec.Command("mosquitto_sub", "-p", "18839", "-t", "sunwire/inverter/state", "-C", "1")
	if err := sub2.Run(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%-10s first document %.2f s after its return, away %.1f s", "broker", time.Since(back).Seconds(), back.Sub(begin).Seconds())
	run.terminate(t)
}
