package serial

import (
	"bufio"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// BenchmarkTransact measures from a reply's last byte on the line to the return of Transact.
func BenchmarkTransact(b *testing.B) {
	device, path := terminal(b)
	c, err := Open(Options{Path: path})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	reply := []byte("(" + strings.Repeat("0", 106) + "\xb7\xa9\r")
	said := make(chan time.Time, 1)
	go func() {
		r := bufio.NewReader(device)
		for {
			if _, err := r.ReadString('\r'); err != nil {
				return
			}
			_, _ = device.Write(reply[:len(reply)-1])
			time.Sleep(4 * time.Millisecond) // a byte at 2400 baud
			now := time.Now()
			if _, err := device.Write(reply[len(reply)-1:]); err != nil {
				return
			}
			said <- now
		}
	}()
	var took []time.Duration
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Transact(b.Context(), question("QPIGS\xb7\xa9")); err != nil {
			b.Fatal(err)
		}
		now := time.Now()
		took = append(took, now.Sub(<-said))
	}
	slices.Sort(took)
	for _, p := range []int{50, 99} {
		b.ReportMetric(float64(took[(len(took)-1)*p/100].Microseconds()), "us/p"+strconv.Itoa(p))
	}
}
