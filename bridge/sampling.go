package bridge

import (
	"time"

	"sunwire/bridge/pipeline"
	"sunwire/drivers"
)

// every is how often a query of that pace is asked.
func (d *device) every(p drivers.Pace) time.Duration {
	if p == drivers.Live && d.cfg.Samples > 0 {
		return d.cfg.Samples
	}
	return d.paces[p]
}

// aligned: a house's sensors are read on the minute, as weather stations are, so that their values can be laid side by side.
func (d *device) aligned(p drivers.Pace) bool {
	return p == drivers.Live && d.cfg.Spec.Class == drivers.Climate
}

// newUnit prepares the cells of desc.
func (d *device) newUnit(desc drivers.Descriptor, factors map[string]pipeline.Factor) *pipeline.Unit {
	if d.cfg.Samples > 0 {
		return pipeline.NewSampledUnit(desc, d.paces, factors)
	}
	return pipeline.NewUnit(desc, d.paces, factors)
}

// beat closes the windows of a sampled device when its interval is over: what it publishes is that of this moment.
func (d *device) beat(at time.Time) {
	early := d.cfg.Samples / 2 // no sample is nearer to the moment
	if d.cfg.Samples == 0 || at.Before(d.due.Add(-early)) {
		return
	}
	if !d.due.IsZero() { // what was read before the first publication is no window
		for _, u := range d.units {
			u.Publish(at)
		}
	}
	every := d.paces[drivers.Live]
	next := schedule(d.due, at, at, every)
	if d.aligned(drivers.Live) {
		next = onTheClock(at.Add(early), every)
	}
	d.published, d.due = at, next
}

// held: a sampled device says nothing between two publications, unless it has fallen silent. d is locked.
func (d *device) held(sent, now time.Time) bool {
	if d.group != nil {
		return d.group.held(sent, now)
	}
	return d.cfg.Samples > 0 && d.link.up && !sent.Before(d.published) && now.Sub(d.published) < d.grace()
}

// onTheClock is the next full minute, or whatever every is, by the wall clock. One that is but a moment away has just been: timers and
// wall clock do not go quite alike.
func onTheClock(now time.Time, every time.Duration) time.Time {
	if every <= 0 {
		return now
	}
	wait := now.Truncate(every).Add(every).Sub(now)
	if wait < min(every/10, time.Second) {
		wait += every
	}
	return now.Add(wait)
}
