package control

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// on is the state with the counts of the day of now: those of an earlier day are forgotten. A clock that goes back forgets nothing, or it
// would be a way around the limits.
func (s State) on(now time.Time, pause time.Duration) State {
	day := now.Format(time.DateOnly)
	if day <= s.Day || s.Day != "" && now.Year() < firstYear {
		return s
	}
	s.Day, s.Total = day, 0
	wrote := map[string]Wrote{}
	for p, one := range s.Wrote {
		if now.Sub(one.Last) < pause {
			wrote[p] = Wrote{Last: one.Last}
		}
	}
	s.Wrote = wrote
	return s
}

// spare says why c would be a write too many; nil where it would not. w is locked.
func (w *Writer) spare(c Command, now time.Time) error {
	s, here, writes := w.state.on(now, w.cfg.Writes.Pause), path(c.Unit, c.Key), 1
	if c.For > 0 {
		writes = 2 // there and back
	}
	one := s.Wrote[here]
	since := now.Sub(one.Last)
	switch {
	case !one.Last.IsZero() && since >= 0 && since < w.cfg.Writes.Pause:
		return fmt.Errorf("%s was written %v ago: wait for another %v", c.Key, since.Round(time.Second), (w.cfg.Writes.Pause - since).Round(time.Second))
	case one.Count+writes > w.cfg.Writes.PerSetting:
		return fmt.Errorf("%s was written %d times today: %d are allowed (writes.per_setting)", c.Key, one.Count, w.cfg.Writes.PerSetting)
	case s.Total+writes > w.cfg.Writes.PerDevice:
		return fmt.Errorf("%s was written to %d times today: %d are allowed (writes.per_device)", w.cfg.ID, s.Total, w.cfg.Writes.PerDevice)
	}
	return nil
}

// count books a write before it is made. w is locked.
func (w *Writer) count(write Write, at time.Time) {
	s, here := w.state.on(at, w.cfg.Writes.Pause), path(write.Unit, write.Key)
	wrote := maps.Clone(s.Wrote)
	if wrote == nil {
		wrote = map[string]Wrote{}
	}
	wrote[here] = Wrote{Count: wrote[here].Count + 1, Last: at}
	s.Total, s.Wrote = s.Total+1, wrote
	if write.Source == Clock {
		s.Clock = at
	}
	w.state = s
	w.keep(s)
}

// result is what is told of a write. w is locked.
func (w *Writer) result(write Write, o Outcome, reason error, at time.Time) Result {
	r := Result{
		Time: at, Device: w.cfg.ID, Unit: write.Unit, Key: write.Key, Source: write.Source, Old: write.Old, New: write.Value, Result: o,
	}
	if write.Entity != nil && !write.Set.Absent() {
		r.New = write.Set.Format(write.Entity.Quantity.Decimals)
	}
	if write.For > 0 && o != Refused {
		r.Until = w.state.Timed[path(write.Unit, write.Key)].Until
	}
	if reason != nil {
		r.Reason = reason.Error()
	}
	return r
}

// close ends a command that came to no write, and unlocks w.
func (w *Writer) close(write Write, o Outcome, reason error, at time.Time) {
	w.end(write, w.result(write, o, reason, at))
}

// end records r and unlocks w, then tells r.
func (w *Writer) end(write Write, r Result) {
	if len(w.recent) >= memory {
		w.recent = slices.Delete(w.recent, 0, 1)
	}
	w.recent = append(w.recent, r)
	w.mu.Unlock()
	w.tell(r)
	if write.Done != nil {
		write.Done(r)
	}
}
