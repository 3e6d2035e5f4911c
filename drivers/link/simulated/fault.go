package simulated

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"
)

// Fault is something that goes wrong on a line.
type Fault string

// The faults.
const (
	None     Fault = "none"
	Silence  Fault = "silence"  // no reply
	Garbage  Fault = "garbage"  // random bytes instead of the reply
	Flip     Fault = "flip"     // one bit of the reply turned over
	Truncate Fault = "truncate" // the reply ends early
	Echo     Fault = "echo"     // what was asked comes back before the reply
	Late     Fault = "late"     // the reply comes 1.5 s later
	Unplug   Fault = "unplug"   // the port vanishes, and returns with the end of the fault
)

// Faults lists them.
func Faults() []Fault {
	return []Fault{None, Silence, Garbage, Flip, Truncate, Echo, Late, Unplug}
}

const lateness = 1500 * time.Millisecond

// Trouble is the fault that a line has at present. It may be changed while the line is served; the zero value is None.
type Trouble struct {
	mu      sync.Mutex
	fault   Fault
	rand    *rand.Rand
	changed chan struct{}
}

// NewTrouble makes faults that are the same for the same seed.
func NewTrouble(seed uint64) *Trouble {
	return &Trouble{fault: None, rand: rand.New(rand.NewPCG(seed, seed)), changed: make(chan struct{}, 1)} //nolint:gosec // repeatable on purpose
}

// Set changes the fault.
func (t *Trouble) Set(name string) error {
	for _, f := range Faults() {
		if string(f) == name {
			t.mu.Lock()
			t.fault = f
			t.mu.Unlock()
			select {
			case t.changed <- struct{}{}:
			default:
			}
			return nil
		}
	}
	var names []string
	for _, f := range Faults() {
		names = append(names, string(f))
	}
	return fmt.Errorf("there is no fault %q; there are %s", name, strings.Join(names, ", "))
}

func (t *Trouble) is(f Fault) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.fault == f
}

// apply is what goes out instead of reply, and after how long.
func (t *Trouble) apply(request, reply []byte) (out []byte, delay time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch t.fault {
	case Silence, Unplug:
		return nil, 0
	case Garbage:
		out = make([]byte, 10+t.rand.IntN(60))
		for i := range out {
			out[i] = byte(t.rand.Uint32())
		}
		return out, 0
	case Late:
		return reply, lateness
	case Echo:
		return append(append(out, request...), reply...), 0
	}
	if len(reply) == 0 {
		return reply, 0
	}
	out = append(out, reply...)
	switch t.fault {
	case Flip:
		out[t.rand.IntN(len(out))] ^= 1 << t.rand.IntN(8)
	case Truncate:
		out = out[:t.rand.IntN(len(out))]
	}
	return out, 0
}
