package simulated

import (
	"context"
	"io"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/link/serial"
	"sunwire/drivers/voltronic"
)

// recorder notes when requests arrive and replies end.
type recorder struct {
	io.ReadWriter
	mu         sync.Mutex
	said       time.Time
	bytes      int
	turnaround []time.Duration
}

func (r *recorder) Read(b []byte) (int, error) {
	n, err := r.ReadWriter.Read(b)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bytes += n
	if !r.said.IsZero() && n > 0 {
		r.turnaround = append(r.turnaround, time.Since(r.said))
		r.said = time.Time{}
	}
	return n, err
}

func (r *recorder) Write(b []byte) (int, error) {
	n, err := r.ReadWriter.Write(b)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bytes += n
	if n > 0 && b[n-1] == '\r' {
		r.said = time.Now()
	}
	return n, err
}

// BenchmarkPollingWithoutPause polls an inverter at 2400 baud on a pseudo-terminal, by the real link and driver. It measures how much of
// the wire is used, and from a reply's end to the arrival of the next request. Run it with -benchtime=20s.
func BenchmarkPollingWithoutPause(b *testing.B) {
	for _, queries := range [][]string{{"QPIGS"}, {"QPIGS", "QMOD", "Q1"}} {
		b.Run(strconv.Itoa(len(queries)), func(b *testing.B) { pollingWithoutPause(b, queries) })
	}
}

func pollingWithoutPause(b *testing.B, queries []string) {
	const baud = 2400
	master, slave, err := openPTY()
	if err != nil {
		b.Fatal(err)
	}
	r := &recorder{ReadWriter: master}
	ctx, stop := context.WithCancel(b.Context())
	var served sync.WaitGroup
	served.Go(func() {
		_ = Line{Baud: baud, Ends: EndsInCR}.Serve(ctx, r, voltronic.PI30.Simulate(nil, 0))
	})
	defer served.Wait()
	defer master.Close()
	defer stop()
	c, err := serial.Open(serial.Options{Path: slave, Baud: baud})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	d, err := voltronic.PI30.Open(c, 0, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	failed := 0 // where the machine itself stood still for longer than a reply may pause
	start := time.Now()
	for n := 0; b.Loop(); n++ {
		if _, err := d.Poll(ctx, drivers.Query{Name: queries[n%len(queries)]}); err != nil {
			b.Log(err)
			failed++
		}
	}
	wall := time.Since(start)
	r.mu.Lock()
	defer r.mu.Unlock()
	used := time.Duration(r.bytes) * byteTime(baud)
	b.ReportMetric(float64(failed), "failed")
	b.ReportMetric(100*used.Seconds()/wall.Seconds(), "%wire")
	slices.Sort(r.turnaround)
	for _, p := range []int{50, 99} {
		b.ReportMetric(float64(r.turnaround[(len(r.turnaround)-1)*p/100].Microseconds()), "us/p"+strconv.Itoa(p))
	}
}
