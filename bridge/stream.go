package bridge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/link"
)

// streams reports that s is to be listened to: it has been described, and has nothing to be asked.
func (s *session) streams() (drivers.Streamer, bool) {
	to, ok := s.driver.(drivers.Streamer)
	return to, ok && s.known && len(s.queries) == 0
}

// listen takes in what a device says by itself, until the link is lost or ctx ends. A device that has fallen silent is described anew before
// it is believed: the cable may have moved. What is heard counts at once; it is published at the device's own pace.
func (l *line) listen(ctx context.Context, lost <-chan struct{}, s *session) error {
	to, ok := s.streams()
	if !ok {
		return nil
	}
	if s.shared {
		return fmt.Errorf("%s: %s speaks by itself and cannot share its line: give it a port of its own", l.name, s.device.cfg.ID)
	}
	heard, stop := context.WithCancel(ctx)
	defer stop()
	silence := max(patience, 3*s.every(drivers.Live)) // what others publish may come once an hour
	quiet := time.AfterFunc(silence, stop)
	defer quiet.Stop()
	var shown time.Time
	for r, err := range to.Stream(heard) {
		now := time.Now()
		switch {
		case errors.Is(err, link.ErrLost):
			return err
		case err != nil:
			l.failed(s.device, err)
			l.touch(s.device)
			continue
		}
		quiet.Reset(silence)
		s.device.outcome(true)
		l.took(s.device, drivers.Query{Pace: drivers.Live}, []drivers.Reading{r}, now)
		if now.Sub(shown) >= s.every(drivers.Live) {
			shown = now
			l.touch(s.device)
		}
	}
	select {
	case <-lost:
		return fmt.Errorf("%s: %w: the device or its cable was unplugged", l.name, link.ErrLost)
	default:
	}
	s.known = false
	return ctx.Err()
}

// hear waits until a device that streams has said everything once, as far as that can be known.
func (d *device) hear(ctx context.Context, to drivers.Streamer) error {
	const enough = 3 * time.Second // such devices say everything once a second
	ctx, stop := context.WithTimeout(ctx, enough)
	defer stop()
	said := false
	var failed error
	for r, err := range to.Stream(ctx) {
		if err != nil {
			failed = err
			continue
		}
		said = true
		d.take(drivers.Query{Pace: drivers.Live}, []drivers.Reading{r}, time.Now())
	}
	switch {
	case said:
		return nil
	case failed != nil:
		return failed
	}
	return fmt.Errorf("%w within %v", drivers.ErrNoReply, enough)
}
