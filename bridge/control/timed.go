package control

import (
	"maps"
	"slices"
	"time"

	"sunwire/bridge/config"
)

// follow keeps the book of timed settings after a command that reached the device, or that it did not need. A change by anybody else ends
// one; a further one for the same setting takes its place, but not its way back. w is locked.
func (w *Writer) follow(write Write, o Outcome, at time.Time) {
	here := path(write.Unit, write.Key)
	was, timed := w.state.Timed[here]
	switch {
	case write.Source == Schedule && o != Refused: // no second try
		w.book(here, nil)
	case write.For > 0 && o == Skipped && timed:
		was.Until = at.Add(write.For)
		w.book(here, &was)
	case write.For > 0 && (o == Done || o == Unconfirmed):
		t := Timed{Unit: write.Unit, Key: write.Key, Back: write.Old, Until: at.Add(write.For)}
		t.Set = write.Set.Format(write.Entity.Quantity.Decimals)
		if timed {
			t.Back = was.Back
		}
		w.book(here, &t)
	case write.For == 0 && timed && (o == Done || o == Skipped || o == Contradicted || o == Unconfirmed):
		w.book(here, nil)
	}
}

func (w *Writer) book(here string, t *Timed) {
	timed := maps.Clone(w.state.Timed)
	if t == nil {
		delete(timed, here)
	} else {
		if timed == nil {
			timed = map[string]Timed{}
		}
		timed[here] = *t
	}
	w.state.Timed = timed
	w.keep(w.state)
}

// Due reports that Tick may have something to do.
func (w *Writer) Due(now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, t := range w.state.Timed {
		if !now.Before(t.Until) {
			return true
		}
	}
	return w.cfg.Clock.Sync == config.Auto && now.Sub(w.asked) >= time.Minute
}

// Tick asks for what the time asks for: the way back of timed settings, and a clock that is wrong. What cannot be written now waits.
func (w *Writer) Tick(v View) {
	w.mu.Lock()
	w.asked = v.Now
	var due []Command
	for _, here := range slices.Sorted(maps.Keys(w.state.Timed)) {
		t := w.state.Timed[here]
		if v.Now.Before(t.Until) {
			continue
		}
		if s, has := v.Look(t.Unit, t.Key); has && v.current(s) && s.text() != t.Set {
			w.book(here, nil) // somebody set it otherwise at the device itself
			continue
		}
		due = append(due, Command{Unit: t.Unit, Key: t.Key, Value: t.Back, Source: Schedule})
	}
	if c := w.syncClock(v); c != nil {
		due = append(due, *c)
	}
	for _, c := range due {
		_, outcome, _, later := w.judge(c, v)
		if outcome == Refused && later || slices.ContainsFunc(w.queue, func(q Command) bool { return path(q.Unit, q.Key) == path(c.Unit, c.Key) }) {
			continue
		}
		if outcome == Refused { // it will not be possible by waiting: it is said once, and once a day of the clock
			if c.Source == Schedule {
				w.book(path(c.Unit, c.Key), nil)
			} else {
				w.state.Clock = v.Now
			}
		}
		w.mu.Unlock()
		w.Submit(c, v)
		w.mu.Lock()
	}
	w.mu.Unlock()
}
