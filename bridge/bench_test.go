//go:build unix

package bridge

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"

	"sunwire/bridge/broker"
	"sunwire/bridge/broker/embedded"
	"sunwire/bridge/config"
	"sunwire/bridge/store"
	"sunwire/drivers"
	"sunwire/drivers/all"
	"sunwire/drivers/link/simulated"
)

// restless is a model in which something changes at each look, so that each reply is news.
type restless struct{ n atomic.Int64 }

// Value implements drivers.Model.
func (r *restless) Value(_, key string) (drivers.Value, bool) {
	switch key {
	case "output_power":
		return drivers.Num(float64(100 + r.n.Add(1)%4000)), true
	case "mode":
		return drivers.Text([]string{"Battery", "Line"}[r.n.Add(1)%2]), true
	case "internal_temperature":
		return drivers.Num(float64(20 + r.n.Add(1)%40)), true
	}
	return drivers.Value{}, false
}

// tap notes when the bytes of requests and replies pass.
type tap struct {
	io.ReadWriter
	mu     sync.Mutex
	bytes  int
	ends   []time.Time // of replies: the last byte written before a request came
	starts []time.Time // of the requests that came after them
	last   time.Time
}

func (t *tap) Read(b []byte) (int, error) {
	n, err := t.ReadWriter.Read(b)
	t.mu.Lock()
	defer t.mu.Unlock()
	if n > 0 && !t.last.IsZero() {
		t.ends, t.starts = append(t.ends, t.last), append(t.starts, time.Now())
		t.last = time.Time{}
	}
	t.bytes += n
	return n, err
}

func (t *tap) Write(b []byte) (int, error) {
	n, err := t.ReadWriter.Write(b)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.bytes, t.last = t.bytes+n, time.Now()
	return n, err
}

func percentile(ds []time.Duration, p float64) float64 {
	slices.Sort(ds)
	return float64(ds[min(len(ds)-1, int(p*float64(len(ds))))].Microseconds()) / 1000
}

func serveBench(b *testing.B, addr, settings string, models func(config.Device) drivers.Model) (stop func()) {
	b.Helper()
	text := fmt.Sprintf("mqtt: {url: \"mqtt://%s\"}\nhttp: {listen: \"\"}\nstate_dir: %q\n%s", addr, b.TempDir(), settings)
	if binary := os.Getenv("SUNWIRE_BENCH_BINARY"); binary != "" && models == nil {
		return runBinary(b, binary, text)
	}
	cfg, err := config.Parse("bench", []byte(text), config.Env{Drivers: all.Drivers()})
	if err != nil {
		b.Fatal(err)
	}
	kept, err := store.Open(cfg.StateDir, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	br, err := New(cfg, Options{Log: slog.New(slog.DiscardHandler), Store: kept, Models: models})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = br.Run(ctx) })
	return func() { cancel(); wg.Wait(); _ = kept.Close() }
}

// runBinary measures a real sunwire, in a process of its own.
func runBinary(b *testing.B, binary, text string) (stop func()) {
	b.Helper()
	path := filepath.Join(b.TempDir(), "sunwire.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(binary, "run", "-c", path)
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	return func() { _ = cmd.Process.Signal(syscall.SIGTERM); _ = cmd.Wait() }
}

// brokerAddr is SUNWIRE_BENCH_BROKER, such as a mosquitto, or an embedded broker.
func brokerAddr(b *testing.B) string {
	if addr := os.Getenv("SUNWIRE_BENCH_BROKER"); addr != "" {
		return addr
	}
	e, err := embedded.Start("127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = e.Close() })
	return e.Addr()
}

// BenchmarkWire polls an inverter without pause on a pseudo-terminal paced at 2400 baud; an operation is one reply. It reports how much of
// the wire is used, and how long after the end of a reply the next request and the MQTT message come.
func BenchmarkWire(b *testing.B) {
	master, slave, err := pty.Open()
	if err != nil {
		b.Fatal(err)
	}
	if _, err := term.MakeRaw(int(slave.Fd())); err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	wire := &tap{ReadWriter: master}
	driver, _ := all.Find("pi30")
	var serving sync.WaitGroup
	serving.Go(func() {
		_ = simulated.Line{Baud: 2400, Ends: simulated.EndsInCR}.Serve(ctx, wire, driver.Simulate(&restless{}, 0))
	})
	addr := brokerAddr(b)
	var mu sync.Mutex
	var messages []time.Time
	up := make(chan struct{}, 1)
	client, err := broker.New(broker.Options{
		URLs: []*url.URL{{Scheme: "mqtt", Host: addr}}, ClientID: "bench", Subscriptions: []string{"sunwire/inverter/state"}, Log: slog.New(slog.DiscardHandler),
		OnUp: func(context.Context) { up <- struct{}{} }, OnDown: func(error) {}, OnMessage: func(broker.Message) {
			mu.Lock()
			messages = append(messages, time.Now())
			mu.Unlock()
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	serving.Go(func() { _ = client.Run(ctx) })
	<-up
	stop := serveBench(b, addr, fmt.Sprintf(`devices: [{id: inverter, driver: pi30, port: "serial:%s?baud=2400", interval: 0s, slow: 24h}]`, slave.Name()), nil)
	time.Sleep(8 * time.Second) // identity, settings and announcements are over
	wire.mu.Lock()
	wire.bytes, wire.ends, wire.starts = 0, nil, nil
	wire.mu.Unlock()
	b.ResetTimer()
	begin := time.Now()
	for n := 0; n < b.N; {
		time.Sleep(50 * time.Millisecond)
		wire.mu.Lock()
		n = len(wire.ends)
		wire.mu.Unlock()
	}
	wire.mu.Lock()
	used := time.Duration(wire.bytes) * 10 * time.Second / 2400
	took := time.Since(begin)
	ends, starts := slices.Clone(wire.ends), slices.Clone(wire.starts)
	wire.mu.Unlock()
	b.StopTimer()
	time.Sleep(50 * time.Millisecond)
	var gaps, delays []time.Duration
	mu.Lock()
	for i, end := range ends {
		gaps = append(gaps, starts[i].Sub(end))
		if m, _ := slices.BinarySearchFunc(messages, end, time.Time.Compare); m < len(messages) {
			delays = append(delays, messages[m].Sub(end))
		}
	}
	mu.Unlock()
	b.ReportMetric(100*used.Seconds()/took.Seconds(), "%wire")
	b.ReportMetric(percentile(gaps, .5), "ms-next-p50")
	b.ReportMetric(percentile(gaps, .95), "ms-next-p95")
	b.ReportMetric(percentile(gaps, .99), "ms-next-p99")
	b.ReportMetric(percentile(delays, .5), "ms-mqtt-p50")
	b.ReportMetric(percentile(delays, .99), "ms-mqtt-p99")
	b.ReportMetric(float64(len(delays)), "messages")
	stop()
	cancel()
	_ = slave.Close()
	_ = master.Close()
	serving.Wait()
}

// BenchmarkThousandInverters polls 1,000 simulated inverters every second in one process; an operation is a second. It reports the
// interval between two polls of one device, and what it costs.
func BenchmarkThousandInverters(b *testing.B) {
	const devices = 1000
	var settings strings.Builder
	settings.WriteString("devices:\n")
	for i := range devices {
		settings.WriteString(fmt.Sprintf("  - {id: i%d, identity: id, driver: pi30, port: \"sim:\", interval: 1s, slow: 1h}\n", i))
	}
	var mu sync.Mutex
	last := make([]time.Time, devices)
	var intervals []time.Duration
	measuring := false
	models := func(d config.Device) drivers.Model {
		i, _ := strconv.Atoi(d.ID[1:])
		return &watched{look: func() {
			mu.Lock()
			defer mu.Unlock()
			if now := time.Now(); measuring && !last[i].IsZero() {
				intervals = append(intervals, now.Sub(last[i]))
				last[i] = now
			} else {
				last[i] = now
			}
		}}
	}
	stop := serveBench(b, brokerAddr(b), settings.String(), models)
	time.Sleep(10 * time.Second)
	mu.Lock()
	measuring = true
	mu.Unlock()
	b.ResetTimer()
	before := processorTime(b)
	for range b.N {
		time.Sleep(time.Second)
	}
	cpu := processorTime(b) - before
	b.StopTimer()
	mu.Lock()
	b.ReportMetric(percentile(intervals, .99), "ms-interval-p99")
	b.ReportMetric(float64(len(intervals))/float64(b.N), "polls/s")
	mu.Unlock()
	b.ReportMetric(100*cpu.Seconds()/float64(b.N), "%cpu")
	b.ReportMetric(memory(b), "MB-VmHWM")
	stop()
}

// watched is a restless model that tells when QPIGS is answered.
type watched struct {
	restless
	look func()
}

// Value implements drivers.Model.
func (w *watched) Value(unit, key string) (drivers.Value, bool) {
	if key == "grid_voltage" {
		w.look()
	}
	return w.restless.Value(unit, key)
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	text, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		b.Fatal(err)
	}
	var user, system int64
	fields := text[slices.Index(text, ')')+2:]
	words := strings.Fields(string(fields)) // from the third field of proc(5) on
	user, _ = strconv.ParseInt(words[11], 10, 64)
	system, _ = strconv.ParseInt(words[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond
}

func memory(b *testing.B) float64 {
	b.Helper()
	text, err := os.ReadFile(filepath.Join("/proc/self", "status"))
	if err != nil {
		b.Fatal(err)
	}
	words := strings.Fields(string(text))
	i := slices.Index(words, "VmHWM:")
	kb, _ := strconv.ParseFloat(words[i+1], 64)
	return kb / 1000
}
