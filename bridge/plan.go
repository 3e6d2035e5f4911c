package bridge

import (
	"slices"
	"time"

	"sunwire/drivers"
)

// How long a silent device is asked on at its own pace, and how slowly it is asked after that.
const (
	patience      = 30 * time.Second
	aloneBackOff  = 15 * time.Second
	sharedBackOff = 5 * time.Minute
	sharedPause   = time.Second // least pause between two tries where others wait for the line
	day           = 24 * time.Hour
)

// plan decides what is asked next on one line.
type plan struct {
	sessions []*session
	other    bool // the last one asked was not live: a live one goes first now
}

// session is a device on an open line.
type session struct {
	device  *device
	driver  drivers.Device
	shared  bool
	queries []*query
	known   bool      // described
	anew    time.Time // when Describe is due
	lastEnd time.Time // end of the last exchange, for gap
	silent  time.Time // since when nothing live is answered; zero: it answers
	retry   time.Time // when a silent device is asked next
	tries   int       // since patience ended
	limits  bool      // described once more, after what its settings may be set to has been read
}

// query is a query of this device, and when it is due.
type query struct {
	drivers.Query
	unit    string
	due     time.Time
	fails   int
	refused bool // ErrUnsupported, until it is due again
}

// task is one exchange: query nil is Describe.
type task struct {
	session *session
	query   *query
	due     time.Time
}

func (t *task) name() string {
	if t.query == nil {
		return "identity"
	}
	return t.query.Name
}

func (t *task) live() bool { return t.query == nil || t.query.Pace == drivers.Live }

// next is what to ask at now, or how long there is nothing to ask. Live queries go first, the one that has been due for longest; but
// between two of them one other may go, else a line without a pause would never read its settings.
func (p *plan) next(now time.Time) (*task, time.Duration) {
	var live, other *task
	soonest := now.Add(time.Hour)
	for _, s := range p.sessions {
		s.each(func(t task) {
			if may := later(t.due, s.lastEnd.Add(s.device.cfg.Gap)); may.After(now) {
				if may.Before(soonest) {
					soonest = may
				}
				return
			}
			best := &other
			if t.live() {
				best = &live
			}
			if *best == nil || t.due.Before((*best).due) {
				*best = &t
			}
		})
	}
	t := live
	if live == nil || other != nil && !p.other && live.query != nil && !live.session.fresh() {
		t = other
	}
	if t == nil {
		return nil, soonest.Sub(now)
	}
	p.other = !t.live()
	return t, 0
}

// fresh reports that a live query has not been asked on this link yet: nothing else goes before the first values.
func (s *session) fresh() bool {
	for _, q := range s.queries {
		if q.Pace == drivers.Live && q.due.IsZero() {
			return true
		}
	}
	return false
}

// each yields what this device may be asked: when it is silent one probe only, so that it costs the others little.
func (s *session) each(yield func(task)) {
	switch {
	case !s.known:
		yield(task{s, nil, s.retry})
	case !s.silent.IsZero():
		yield(task{s, s.probe(), s.retry})
	default:
		yield(task{s, nil, s.anew})
		for _, q := range s.queries {
			yield(task{s, q, q.due})
		}
	}
}

// probe is the first live query, or Describe where there is none.
func (s *session) probe() *query {
	for _, q := range s.queries {
		if q.Pace == drivers.Live {
			return q
		}
	}
	return nil
}

func (s *session) described(d drivers.Descriptor, now time.Time) {
	s.known, s.anew = true, now.Add(s.every(drivers.Once))
	for _, desc := range append([]drivers.Descriptor{d}, d.Units...) {
		for _, q := range desc.Queries { // a unit may have been found that was away at first
			if !slices.ContainsFunc(s.queries, func(o *query) bool { return o.unit == desc.Unit && o.Name == q.Name }) {
				s.queries = append(s.queries, &query{Query: q, unit: desc.Unit})
			}
		}
	}
}

func (s *session) every(p drivers.Pace) time.Duration { return s.device.every(p) }

// succeeded books an answer; it reports whether the device had been silent.
func (s *session) succeeded(t *task, start, now time.Time) (back bool) {
	if t.query == nil && s.probe() != nil { // who it is, is not yet that it works
		s.retry = now
		return false
	}
	back, s.tries = !s.silent.IsZero(), 0
	s.retry = time.Time{}
	if back {
		s.silent = time.Time{}
		for _, q := range s.queries { // what failed meanwhile is asked at once
			if q.fails > 0 && q != t.query {
				q.fails, q.due = 0, now
			}
		}
	}
	if t.query != nil {
		t.query.fails, t.query.refused = 0, false
		t.query.due = schedule(t.due, start, now, s.every(t.query.Pace))
		if s.device.aligned(t.query.Pace) {
			t.query.due = onTheClock(now, s.every(t.query.Pace))
		}
	}
	if _, writes := s.driver.(drivers.Controller); writes && !s.limits && !slices.ContainsFunc(s.queries, func(q *query) bool { return q.due.IsZero() }) {
		s.limits, s.anew = true, now // Describe takes limits and choices from replies, and there were none the first time
	}
	return back
}

// schedule keeps to the rhythm, start to start, and drops the beats that were missed.
func schedule(due, start, now time.Time, every time.Duration) time.Time {
	next := start.Add(every)
	if rhythm := due.Add(every); !due.IsZero() && start.Sub(due) < every/2 {
		next = rhythm
	}
	return later(next, now)
}

func (s *session) unsupported(t *task, now time.Time) {
	t.query.fails, t.query.refused, t.query.due = 0, true, now.Add(day)
}

// failed books a failure that a second try did not mend; it reports whether the device has just fallen silent.
func (s *session) failed(t *task, start, now time.Time) (fell bool) {
	s.anew = now.Add(patience)
	if t.query != nil {
		t.query.fails++
		pace := s.every(t.query.Pace)
		t.query.due = later(start.Add(pace), now.Add(backOff(t.query.fails, pace)))
	}
	if s.silent.IsZero() && (!s.known || s.nothingLive()) {
		fell, s.silent = true, start
	}
	if !s.silent.IsZero() {
		s.retry = s.nextTry(start, now)
	}
	return fell
}

// backOff spares a device the query that it alone fails: not the first few times, then ever more slowly.
func backOff(fails int, pace time.Duration) time.Duration {
	if fails <= 3 {
		return 0
	}
	return min(max(pace, time.Second)<<min(fails-3, 8), sharedBackOff)
}

// nothingLive reports that every live query has failed since it was last answered.
func (s *session) nothingLive() bool {
	asked := false
	for _, q := range s.queries {
		if q.Pace == drivers.Live && !q.refused {
			if asked = true; q.fails == 0 {
				return false
			}
		}
	}
	return asked
}

func (s *session) nextTry(start, now time.Time) time.Time {
	pace := s.every(drivers.Live)
	if now.Sub(s.silent) < patience {
		if s.shared {
			pace = max(pace, sharedPause)
		}
		return later(start.Add(pace), now)
	}
	s.tries++
	s.known = false // who comes back after so long tells who it is first
	if s.shared {
		return now.Add(max(pace, min(aloneBackOff<<min(s.tries-1, 8), sharedBackOff)))
	}
	return now.Add(max(pace, aloneBackOff))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
