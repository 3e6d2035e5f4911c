package bridge

import (
	"encoding/hex"
	"fmt"
	"iter"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/jk"
	"sunwire/drivers/link"
	"sunwire/drivers/link/simulated"
)

// rack is packs on one RS485 bus, by address, and a master where it speaks.
type rack struct {
	packs  []link.Simulator
	master bool
}

// Answer is that of whichever pack is meant.
func (r rack) Answer(request []byte) []byte {
	for _, p := range r.packs {
		if reply := p.Answer(request); reply != nil && !r.master {
			return reply
		}
	}
	return nil
}

// Push is the master's round.
func (r rack) Push() iter.Seq2[time.Duration, []byte] {
	if !r.master {
		return nil
	}
	return func(yield func(time.Duration, []byte) bool) {
		for {
			for n, p := range r.packs {
				for _, q := range masterAsks[n] {
					question, _ := hex.DecodeString(q)
					if !yield(200*time.Millisecond, append(question, p.Answer(question)...)) {
						return
					}
				}
			}
		}
	}
}

// masterAsks is what a master says to the packs 1 and 2: who they are, and how.
var masterAsks = [][]string{{"0110161c0001020000d3cd", "011016200001020000d6f1"}, {"0210161c0001020000c73d", "021016200001020000c201"}}

// chargedPack has a serial number and a state of charge, and is never twice the same.
type chargedPack struct {
	serial string
	charge float64
	asked  *atomic.Int64
}

func (c chargedPack) Value(_, key string) (drivers.Value, bool) {
	switch key {
	case "serial_number":
		return drivers.Text(c.serial), true
	case "state_of_charge":
		return drivers.Num(c.charge), true
	case "cycles":
		return drivers.Num(float64(c.asked.Add(1))), true
	}
	return drivers.Value{}, false
}

func pb(serial string, charge float64, address uint16) link.Simulator {
	return jk.PB.Simulate(chargedPack{serial, charge, new(atomic.Int64)}, address)
}

// serve has s answer at a TCP port.
func serve(t *testing.T, s link.Simulator) (port string) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- simulated.Line{}.ServeTCP(t.Context(), l, s) }()
	t.Cleanup(func() { <-done })
	return "tcp://" + l.Addr().String()
}

func packs(port string) string {
	return fmt.Sprintf(`
devices:
  - {id: one, driver: jk_pb, port: %q, address: 1, interval: 200ms}
  - {id: two, driver: jk_pb, port: %q, address: 2, interval: 200ms}
  - {id: three, driver: jk_pb, port: %q, address: 3, interval: 200ms}
`, port, port, port)
}

func TestPacksOnOneBusAreNotMixed(t *testing.T) {
	t.Parallel()
	for _, master := range []bool{false, true} {
		t.Run(map[bool]string{true: "overheard", false: "asked"}[master], func(t *testing.T) {
			w := newWorld(t)
			bus := rack{[]link.Simulator{pb("3121348008501", 20, 1), pb("3121348008502", 70, 2)}, master}
			w.run(w.dir, packs(serve(t, bus)), nil)
			for _, id := range []string{"one", "two"} { // each listens for a master first
				w.until(id+" speaks", func() bool { _, n := w.heard("sunwire/" + id + "/state"); return n > 1 })
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			for _, m := range w.all {
				for id, right := range map[string]string{"one": `"state_of_charge":20,`, "two": `"state_of_charge":70,`} {
					if m.Topic == "sunwire/"+id+"/state" && !strings.Contains(string(m.Payload), right) {
						t.Errorf("%s says %s", id, m.Payload)
					}
				}
				if strings.HasPrefix(m.Topic, "sunwire/three/") && m.Topic != "sunwire/three/status" {
					t.Errorf("a pack that is not there: %s %s", m.Topic, m.Payload)
				}
			}
			if s := w.last["sunwire/three/status"]; s == "online" {
				t.Error("a pack that is not there is online")
			}
		})
	}
}

func TestTwoPacksWithOneSerialNumberAreAnErrorOfBoth(t *testing.T) {
	w := newWorld(t)
	bus := rack{packs: []link.Simulator{pb("3121348008501", 20, 1), pb("3121348008501", 70, 2)}}
	b, _ := w.run(w.dir, packs(serve(t, bus)), nil)
	w.until("the reason", func() bool {
		of := map[string]bool{}
		for _, p := range b.Snapshot().Problems {
			id, why, _ := strings.Cut(p, ": ")
			of[id] = strings.Contains(why, "identity: id")
		}
		return of["one"] && of["two"]
	})
	_, one := w.heard("sunwire/one/state")
	if _, two := w.heard("sunwire/two/state"); one > 0 && two > 0 {
		t.Error("both are published")
	}
}
