package control

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"sunwire/bridge/config"
	"sunwire/drivers"
)

const (
	settle   = 30 * time.Second // after a link was opened: what hangs on it may still be starting
	patience = 30 * time.Second // a command that had to wait for longer is no longer what the user wants
	waiting  = 16               // commands at most
	memory   = 100              // results
	shortest = time.Minute      // of a timed setting
	furthest = 7 * 24 * time.Hour
)

var (
	errNoLink = errors.New("the link is down")
	errSilent = errors.New("the device does not answer, or is not the one that is meant")
	errMode   = errors.New("the mode of the device is not known at present")
	errOff    = errors.New(`writes are switched off: turn on "Allow writes" first`)
)

// Writer is the write path of one device. The bridge submits commands from any goroutine; the goroutine of the link takes them by Next, one
// at a time, and answers by Finish. keep, tell and wake are called under no lock but the Writer's own and must not wait.
type Writer struct {
	cfg  config.Device
	keep func(State)
	tell func(Result)

	mu     sync.Mutex
	wake   func()
	state  State
	armed  bool
	queue  []Command
	busy   string // path of what is being written
	asked  time.Time
	recent []Result
}

// Write is a write that is due.
type Write struct {
	Command
	Entity *drivers.Entity // nil: a raw command
	Set    drivers.Value   // absent: a button
	Old    string
	began  time.Time
}

// New makes the writer of a device. keep remembers a state, tell is told of every command that came to its end.
func New(cfg config.Device, s State, keep func(State), tell func(Result)) *Writer {
	w := &Writer{cfg: cfg, state: s, keep: keep, tell: tell, armed: !cfg.Arm, wake: func() {}}
	if cfg.Control == config.Off && len(s.Timed) > 0 {
		w.state.Timed = nil // what nobody may write any more is not to be written months later
		w.keep(w.state)
	}
	return w
}

// Attach tells whom to rouse when there is something to do.
func (w *Writer) Attach(wake func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wake = wake
}

// Armed reports whether the switch, if there is one, lets writes through.
func (w *Writer) Armed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.armed
}

// Today is how often the device was written to on the day of now.
func (w *Writer) Today(now time.Time) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.state.on(now, w.cfg.Writes.Pause).Total
}

// Recent are the last results, the newest first.
func (w *Writer) Recent() []Result {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := slices.Clone(w.recent)
	slices.Reverse(r)
	return r
}

// Submit takes a command: it comes to its end at once, or when the link is free.
func (w *Writer) Submit(c Command, v View) {
	c.at = v.Now
	if c.Key == SyncClock {
		c.Key, c.Value = ClockKey, now
	}
	w.mu.Lock()
	if c.Key == AllowWrites && c.Unit == "" {
		outcome, reason := w.arm(c.Value)
		w.close(Write{Command: c}, outcome, reason, v.Now)
		return
	}
	write, outcome, reason, _ := w.judge(c, v)
	here := path(c.Unit, c.Key)
	switch {
	case outcome != "":
	case w.busy == here || slices.ContainsFunc(w.queue, func(q Command) bool { return path(q.Unit, q.Key) == here }):
		outcome, reason = Refused, fmt.Errorf("another write of %s is under way", c.Key)
	case len(w.queue) >= waiting:
		outcome, reason = Refused, errors.New("too many writes are waiting")
	}
	if outcome != "" {
		w.close(write, outcome, reason, v.Now)
		return
	}
	w.queue = append(w.queue, c)
	wake := w.wake
	w.mu.Unlock()
	wake()
}

// arm throws the switch. w is locked.
func (w *Writer) arm(value string) (Outcome, error) {
	switch {
	case !w.cfg.Arm || w.cfg.Control == config.Off:
		return Refused, errors.New("there is no such switch: arm is false in the configuration")
	case value != "ON" && value != "OFF":
		return Refused, fmt.Errorf("%q is neither ON nor OFF", value)
	}
	w.armed = value == "ON"
	return Done, nil
}

// Next is the write to make now; ok is false where there is none. It is counted from here on, whatever comes of it.
func (w *Writer) Next(view func() View) (write Write, ok bool) {
	for {
		w.mu.Lock()
		if len(w.queue) == 0 {
			w.mu.Unlock()
			return Write{}, false
		}
		c := w.queue[0]
		w.mu.Unlock()
		v := view() // takes the device's lock, which is never taken under ours by anyone else
		w.mu.Lock()
		if len(w.queue) == 0 || !w.queue[0].at.Equal(c.at) || w.queue[0].Key != c.Key { // dropped meanwhile
			w.mu.Unlock()
			continue
		}
		w.queue = slices.Delete(w.queue, 0, 1)
		write, outcome, reason, _ := w.judge(c, v)
		switch {
		case outcome != "":
		case v.Now.Sub(c.at) > patience:
			outcome, reason = Refused, errors.New("the link was busy for too long")
		case w.cfg.DryRun:
			outcome = DryRun
		}
		if outcome != "" {
			w.close(write, outcome, reason, v.Now)
			continue
		}
		w.count(write, v.Now)
		write.began, w.busy = v.Now, path(c.Unit, c.Key)
		w.mu.Unlock()
		return write, true
	}
}

// Forget drops what belongs to a device that another one has taken the place of.
func (w *Writer) Forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state.Timed = nil
	w.keep(w.state)
}

// Refuse ends a command that is none.
func (w *Writer) Refuse(c Command, reason error, now time.Time) {
	w.mu.Lock()
	w.close(Write{Command: c}, Refused, reason, now)
}

// Drop ends all that waits, since it cannot be written any more.
func (w *Writer) Drop(reason error, now time.Time) {
	for {
		w.mu.Lock()
		if len(w.queue) == 0 {
			w.mu.Unlock()
			return
		}
		c := w.queue[0]
		w.queue = slices.Delete(w.queue, 0, 1)
		w.close(Write{Command: c}, Refused, reason, now)
	}
}

// Finish takes what came of a write: the device's answer to it, and what is known since.
func (w *Writer) Finish(write Write, answer error, reply string, v View) {
	outcome, shown, reason := write.outcome(answer, v)
	w.mu.Lock()
	w.busy = ""
	w.follow(write, outcome, v.Now)
	r := w.result(write, outcome, reason, v.Now)
	r.Now, r.Reply = shown, reply
	w.end(write, r)
}

// outcome compares what was wanted, what the device said, and what it shows since.
func (write *Write) outcome(answer error, v View) (o Outcome, shown string, reason error) {
	var is, same bool
	if s, has := v.Look(write.Unit, write.Key); has && write.Entity != nil && !s.Value.Absent() && !s.At.Before(write.began) {
		is, same, shown = true, equal(write.Entity, s.Value, write.Set), s.text()
	}
	if write.Key == ClockKey {
		off, known := offset(write.Unit, v)
		is, same = is && known, known && math.Abs(off) <= near
	}
	silent := write.Entity == nil || write.Entity.Platform == drivers.Button // nothing to read back
	switch {
	case errors.Is(answer, drivers.ErrRefused):
		return Rejected, shown, errors.New("the device does not take it")
	case answer != nil && is && same:
		return Unconfirmed, shown, fmt.Errorf("the device shows it, but did not acknowledge it: %w", answer)
	case answer != nil:
		return Failed, shown, answer
	case silent || is && same:
		return Done, shown, nil
	case is:
		return Contradicted, shown, errors.New("the device acknowledged it, and shows another value")
	}
	return Unconfirmed, shown, errors.New("the device acknowledged it, and could not be asked what it shows")
}
