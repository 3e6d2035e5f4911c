package ble

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Radio makes the devices of one process take turns: on an adapter one is looked for, or connected, at a time. Most adapters could do more
// at once, and most of the trouble that people have with Bluetooth comes from that.
type Radio struct {
	mu     sync.Mutex
	queues map[string]*queue
}

// queue is the one before that adapter.
func (r *Radio) queue(adapter string) *queue {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.queues == nil {
		r.queues = map[string]*queue{}
	}
	if r.queues[adapter] == nil {
		r.queues[adapter] = &queue{}
	}
	return r.queues[adapter]
}

// queue lets in one at a time, in the order of their coming.
type queue struct {
	mu      sync.Mutex
	holder  *place
	waiting []*place
}

// place is where a device stands in its queue.
type place struct {
	turn   chan struct{} // holds a token when its turn has come
	wanted chan struct{} // holds a token when it is its turn, and another waits
}

func newPlace() *place { return &place{make(chan struct{}, 1), make(chan struct{}, 1)} }

// enter waits for the turn of p.
func (q *queue) enter(ctx context.Context, p *place) error {
	q.mu.Lock()
	if q.holder == nil {
		q.holder = p
		q.mu.Unlock()
		return nil
	}
	q.waiting = append(q.waiting, p)
	poke(q.holder.wanted)
	q.mu.Unlock()
	select {
	case <-p.turn:
		return nil
	case <-ctx.Done():
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if i := slices.Index(q.waiting, p); i >= 0 {
		q.waiting = slices.Delete(q.waiting, i, i+1)
		return ctx.Err()
	}
	<-p.turn // it came at the same moment
	q.pass()
	return ctx.Err()
}

// leave ends the turn of whoever has it.
func (q *queue) leave() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pass()
}

func (q *queue) pass() {
	q.holder = nil
	if len(q.waiting) == 0 {
		return
	}
	q.holder, q.waiting = q.waiting[0], q.waiting[1:]
	q.holder.turn <- struct{}{}
	if len(q.waiting) > 0 {
		poke(q.holder.wanted)
	}
}

func (q *queue) contended() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting) > 0
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// backOff is how long a device that could not be connected is left alone: at first not at all, since every second failure is an accident.
func backOff(fails int) time.Duration {
	if fails < 2 {
		return 0
	}
	return min(5*time.Second<<min(fails-2, 8), time.Minute)
}
