//go:build !(gohid && cgo)

package hid

import (
	"bytes"
	"os"
	"testing"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/voltronic"
)

// BenchmarkQueryOverHID asks for the status of an inverter that thinks for 50 ms and then sends a report each 8 ms, as such USB devices do,
// and tells by how much a query takes longer than the device.
func BenchmarkQueryOverHID(b *testing.B) {
	inverter, path := node(b)
	busy := make(chan time.Duration, 1)
	go device(inverter, busy)
	c, err := Open(path, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	dev, err := voltronic.PI30.Open(c, 0, nil)
	if err != nil {
		b.Fatal(err)
	}
	var ours, its time.Duration
	for b.Loop() {
		start := time.Now()
		if _, err := dev.Poll(b.Context(), drivers.Query{Name: "QPIGS"}); err != nil {
			b.Fatal(err)
		}
		ours += time.Since(start)
		its += <-busy
	}
	b.ReportMetric(float64(ours)/float64(its), "times-the-device")
}

func device(inverter *os.File, busy chan<- time.Duration) {
	sim := voltronic.PI30.Simulate(nil, 0)
	var request []byte
	report := make([]byte, reportSize)
	for {
		if _, err := inverter.Read(report); err != nil {
			return
		}
		request = append(request, report...)
		end := bytes.IndexByte(request, '\r')
		if end < 0 {
			continue
		}
		start := time.Now()
		reply := sim.Answer(request[:end+1])
		request = nil
		<-time.After(50 * time.Millisecond)
		for len(reply) > 0 {
			n := min(reportSize, len(reply))
			part := append(bytes.Clone(reply[:n]), make([]byte, reportSize-n)...)
			reply = reply[n:]
			if _, err := inverter.Write(part); err != nil {
				return
			}
			if len(reply) > 0 {
				<-time.After(8 * time.Millisecond)
			}
		}
		busy <- time.Since(start)
	}
}
