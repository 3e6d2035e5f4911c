package bridge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/link"
	"sunwire/drivers/link/ble"
)

// line is one link and the devices on it: one goroutine, so that exchanges never meet.
type line struct {
	name    string // the port as people know it
	devices []*device
	open    func(ctx context.Context) (link.Conn, error)
	again   time.Duration // pause between two looks for a port that is not there
	log     *slog.Logger
	meet    func(d *device, desc drivers.Descriptor) error // identity; an error: nothing of it is published
	took    func(d *device, q drivers.Query, rs []drivers.Reading, at time.Time)
	touch   func(d *device) // something about it changed
	stop    func()          // ends run and waits for it; set when it is started
	wake    chan struct{}   // there is something to write
}

// run keeps the line open and asks, until ctx ends.
func (l *line) run(ctx context.Context) {
	defer l.drop(errStopped)
	var was error // as last logged: loss and return are logged once each
	first := true
	up := func() {
		if !first || was != nil {
			l.log.Info("link is back", "port", l.name)
		}
		first, was = false, nil
		l.linked(true, nil)
	}
	for ctx.Err() == nil {
		conn, err := l.open(ctx)
		opened := err == nil
		if opened {
			// Back it is when it outlived an exchange: a gateway without its cable opens, and closes again, once a second.
			believed := first
			if believed {
				up()
			}
			err = l.serve(ctx, conn, func() {
				if !believed {
					believed = true
					up()
				}
			})
			_ = conn.Close()
		}
		if ctx.Err() != nil {
			return
		}
		if was == nil || !opened && was.Error() != err.Error() {
			l.log.Warn("link is down; looking for it", "port", l.name, "error", err)
			was = err
		}
		l.linked(false, err)
		l.drop(errDown)
		_ = link.Sleep(ctx, l.again) // the loop looks at ctx itself
	}
}

func (l *line) linked(up bool, err error) {
	now := time.Now()
	for _, d := range l.devices {
		d.setLink(up, now, err)
		l.touch(d)
	}
}

// serve asks the devices on an open link until it is lost or ctx ends. asked is called after each exchange that the link outlived.
func (l *line) serve(ctx context.Context, conn link.Conn, asked func()) error {
	var lost <-chan struct{}
	if c, ok := conn.(interface{ Lost() <-chan struct{} }); ok {
		lost = c.Lost()
	}
	var p plan
	for _, d := range l.devices {
		dev, err := d.open(conn)
		if err != nil {
			return fmt.Errorf("open %s on %s: %w", d.cfg.ID, l.name, err)
		}
		p.sessions = append(p.sessions, &session{device: d, driver: dev, shared: len(l.devices) > 1})
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for wrote := false; ; {
		if !wrote { // after a write something is read, or many writes would leave the values to grow old
			var err error
			if wrote, err = l.write(ctx, &p); err != nil {
				return err
			}
			if wrote {
				continue
			}
		}
		wrote = false
		t, wait := p.next(time.Now())
		if t == nil {
			wait = min(wait, l.glance())
			timer.Reset(wait)
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-lost:
				return fmt.Errorf("%s: %w: the device or its cable was unplugged", l.name, link.ErrLost)
			case <-timer.C:
			case <-l.wake:
			}
			continue
		}
		if err := l.ask(ctx, t); err != nil {
			return err
		}
		asked()
		if radio, ok := conn.(interface{ Quality() ble.Quality }); ok {
			t.session.device.heard(radio.Quality().RSSI)
		}
		if err := l.listen(ctx, lost, t.session); err != nil { // a device that streams stays here
			return err
		}
	}
}

// ask makes one exchange and books its outcome. Only the end of the link or of ctx is an error.
func (l *line) ask(ctx context.Context, t *task) error {
	s, start := t.session, time.Now()
	err := l.once(ctx, t, start)
	if errors.Is(err, drivers.ErrFrame) || errors.Is(err, drivers.ErrNoReply) {
		l.failed(s.device, err)
		err = l.once(ctx, t, time.Now())
	}
	now := time.Now()
	s.lastEnd = now
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, link.ErrLost):
		return err
	case err == nil:
		if s.succeeded(t, start, now) {
			l.log.Info("device answers again", "device", s.device.cfg.ID, "port", l.name)
		}
	case errors.Is(err, drivers.ErrUnsupported) && t.query != nil:
		s.unsupported(t, now)
		s.device.outcome(true)
		l.log.Debug("query is not supported by this device", "device", s.device.cfg.ID, "query", t.query.Name)
	default:
		l.failed(s.device, err)
		if errors.Is(err, errForeign) {
			s.known = false
		}
		if s.failed(t, start, now) {
			l.log.Warn("device gives nothing", "device", s.device.cfg.ID, "port", l.name, "query", t.name(), "reason", reasonOf(err), "error", err)
		}
	}
	l.touch(s.device)
	return nil
}

// once asks without a second try.
func (l *line) once(ctx context.Context, t *task, start time.Time) error {
	s := t.session
	if t.query == nil {
		desc, err := s.driver.Describe(ctx)
		if err != nil {
			return err
		}
		if err := l.meet(s.device, desc); err != nil {
			return err
		}
		s.described(desc, time.Now())
		return nil
	}
	rs, err := s.driver.Poll(ctx, t.query.Query)
	if err != nil {
		return err
	}
	now := time.Now()
	s.device.answered(t.query.Query, now.Sub(start))
	l.took(s.device, t.query.Query, rs, now)
	return nil
}

func (l *line) failed(d *device, err error) {
	if errors.Is(err, context.Canceled) || errors.Is(err, link.ErrLost) {
		return // counted once, as the loss of the link
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.health.outcome(false)
	d.health.fail(reasonOf(err), err.Error(), time.Now())
}

func (d *device) answered(q drivers.Query, took time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.health.outcome(true)
	if q.Pace == drivers.Live {
		d.health.pollTime = took
	}
}

// heard notes how strong the radio of d is, in dBm.
func (d *device) heard(rssi int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.health.rssi = rssi
}

func (d *device) outcome(answered bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.health.outcome(answered)
}
