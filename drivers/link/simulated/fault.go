package simulated

import (
	"context"
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

// Trouble is the fault that a line has at present. It may be changed while the line is served; nil is None for ever.
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

// unplugged waits until the fault is Unplug, or is not, or ctx ends. Only one may wait at a time.
func (t *Trouble) unplugged(ctx context.Context, want bool) {
	if t == nil {
		<-ctx.Done()
		return
	}
	for ctx.Err() == nil && t.isUnplugged() != want {
		select {
		case <-ctx.Done():
		case <-t.changed:
		}
	}
}

func (t *Trouble) isUnplugged() bool {
	if t == nil {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.fault == Unplug
}

// apply is what goes out instead of reply, and after how long.
func (t *Trouble) apply(request, reply []byte) (out []byte, delay time.Duration) {
	if t == nil {
		return reply, 0
	}
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
