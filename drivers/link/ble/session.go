package ble

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/godbus/dbus/v5"

	"sunwire/drivers/link"
)

// How long things may take. Devices advertise once in a tenth of a second to two seconds; BlueZ itself gives up a connection after 20 to 40.
const (
	scanTime    = 10 * time.Second
	connectTime = 20 * time.Second
	resolveTime = 15 * time.Second
	hangUpTime  = 5 * time.Second
	writeTime   = 5 * time.Second

	linger = time.Second      // a device is released so long after its last exchange
	turn   = 15 * time.Second // and after that in any case, where another waits

	listenAgain = 5 * time.Second // after a connection to listen on was not made, or ended
)

// session is one connection to the device.
type session struct {
	ctx     context.Context // ends with the connection; its cause is why, in plain words
	drop    context.CancelCauseFunc
	turn    context.Context // ends earlier where another device has waited long enough
	endTurn context.CancelFunc
	asOf    dbus.Sequence // what was said before belongs to an earlier one
	since   time.Time
	used    time.Time     // end of the last exchange
	rested  chan struct{} // holds a token when an exchange has ended
	over    chan struct{} // closed when it was released
	at      attributes
	ready   bool // at is what the link's GATT asks for, and its notifications come
}

// hold gives the session to the caller alone, connected and ready, until rest.
func (c *Conn) hold(ctx context.Context) (*session, error) {
	select {
	case c.use <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	both, stop := either(ctx, c.life)
	defer stop()
	err := c.prepare(both)
	switch {
	case ctx.Err() != nil:
		err = ctx.Err()
	case c.life.Err() != nil:
		err = explained(link.ErrLost, c.name, c.o.Address, "use it", context.Cause(c.life))
	}
	if err != nil {
		<-c.use
		return nil, err
	}
	return c.session, nil
}

// rest ends what hold began.
func (c *Conn) rest() {
	s := c.session
	if s == nil {
		<-c.use
		return
	}
	s.used = time.Now()
	<-c.use
	poke(s.rested) // now watch finds it free
}

func (c *Conn) prepare(ctx context.Context) error {
	if s := c.session; s != nil && s.turn.Err() != nil {
		c.release()
	}
	if c.session == nil {
		if time.Now().Before(c.retry) {
			return c.why
		}
		if err := c.queue.enter(ctx, c.place); err != nil {
			return err
		}
		start := time.Now()
		if err := c.connect(ctx); err != nil {
			c.queue.leave()
			return c.failed(ctx, err)
		}
		c.mu.Lock()
		c.quality.Connects++
		c.quality.Took = time.Since(start)
		c.mu.Unlock()
	}
	if !c.session.ready {
		if err := c.subscribe(ctx, c.session); err != nil {
			return c.failed(ctx, err)
		}
	}
	c.fails = 0
	return nil
}

// failed books an attempt that came to nothing, unless the caller had no time left.
func (c *Conn) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	c.mu.Lock()
	c.quality.Failures++
	c.mu.Unlock()
	c.fails++
	c.why, c.retry = err, time.Now().Add(backOff(c.fails))
	return err
}

// connect makes a session. What BlueZ has begun is taken back where it fails.
func (c *Conn) connect(ctx context.Context) error {
	if _, err := c.look(ctx); err != nil {
		return err
	}
	if now, _ := c.state.view(); now.connected {
		c.log.Info("bluetooth device was connected already, by another program or before the last start", "port", c.name)
	} else if err := c.find(ctx); err != nil {
		return explained(link.ErrNoReply, c.name, c.o.Address, fmt.Sprintf("listen for it for %v", scanTime), err)
	}
	err := c.bus.call(ctx, connectTime, c.device, deviceFace+".Connect")
	if err != nil && !isNamed(err, "org.bluez.Error.AlreadyConnected") {
		c.hangUp(ctx)
		return explained(link.ErrNoReply, c.name, c.o.Address, "connect", err)
	}
	asOf, err := c.look(ctx) // the signals that say so may be behind
	if err == nil {
		err = c.resolve(ctx)
	}
	if err != nil {
		c.hangUp(ctx)
		return err
	}
	s := &session{asOf: asOf, since: time.Now(), rested: make(chan struct{}, 1), over: make(chan struct{})}
	s.ctx, s.drop = context.WithCancelCause(c.life)
	s.turn, s.endTurn = context.WithCancel(s.ctx)
	c.Discard() // of an earlier connection
	c.session = s
	c.current.Store(s)
	if now, _ := c.state.view(); !now.connected { // it ended before there was anything to end
		c.dropped()
	}
	c.own.Go(func() { c.watch(s) })
	return nil
}

// look asks how the device is now; signals before asOf are older.
func (c *Conn) look(ctx context.Context) (asOf dbus.Sequence, err error) {
	all, asOf, err := c.bus.objects(ctx)
	if err != nil {
		return 0, explained(link.ErrNoReply, c.name, c.o.Address, "ask BlueZ", err)
	}
	c.state.set(all[c.device][deviceFace], asOf)
	return asOf, nil
}

// resolve waits until BlueZ knows what the connected device has.
func (c *Conn) resolve(ctx context.Context) error {
	err := c.state.await(ctx, resolveTime, func(v view) bool { return v.resolved || !v.connected })
	if now, _ := c.state.view(); err == nil && !now.connected {
		err = errBroken
	}
	if err != nil {
		return explained(link.ErrNoReply, c.name, c.o.Address, "ask what it has", err)
	}
	return nil
}

// find waits until the device is heard. BlueZ forgets devices that it has not heard for a while, and connects none that it does not know.
func (c *Conn) find(ctx context.Context) error {
	if now, _ := c.state.view(); now.heard { // somebody else is looking for devices already
		return nil
	}
	if err := startScan(ctx, c.bus, c.adapter); err != nil {
		return err
	}
	err := c.state.await(ctx, scanTime, func(v view) bool { return v.heard || v.connected })
	stopScan(ctx, c.bus, c.adapter)
	if errors.Is(err, errSlow) {
		return errUnheard
	}
	return err
}

// subscribe finds the characteristics, and has what they say sent to us.
func (c *Conn) subscribe(ctx context.Context, s *session) error {
	both, stop := either(ctx, s.ctx)
	defer stop()
	all, _, err := c.bus.objects(both)
	if err != nil {
		return c.mine(s, explained(link.ErrNoReply, c.name, c.o.Address, "ask what it has", err))
	}
	at, err := choose(all, c.device, c.gatt)
	if err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	s.at = at
	c.hears.Store(&source{at.notify, s.asOf})
	err = c.bus.call(both, callTime, at.notify, characterFace+".StartNotify")
	if err != nil && !isNamed(err, "org.bluez.Error.InProgress") { // in progress: it is sent already
		c.hears.Store(nil)
		return c.mine(s, explained(link.ErrNoReply, c.name, c.o.Address, "have its notifications sent", err))
	}
	if at.hailed != "" {
		options := variants(map[string]any{"type": at.hail})
		if err := c.bus.call(both, writeTime, at.hailed, characterFace+".WriteValue", []byte(c.gatt.Hail), options); err != nil {
			return c.mine(s, explained(link.ErrNoReply, c.name, c.o.Address, "say the first word to it", err))
		}
	}
	s.ready = true
	return nil
}

// mine is err, or why the session ended meanwhile.
func (c *Conn) mine(s *session, err error) error {
	if s.ctx.Err() != nil {
		return c.ended(s)
	}
	return err
}

func (c *Conn) unsubscribe(s *session) {
	if !s.ready {
		return
	}
	s.ready = false
	c.hears.Store(nil)
	if s.ctx.Err() == nil {
		_ = c.bus.call(context.WithoutCancel(c.life), hangUpTime, s.at.notify, characterFace+".StopNotify") // it ends with the connection anyway
	}
}

// watch releases the session when it has been idle, and makes room for others.
func (c *Conn) watch(s *session) {
	timer := time.NewTimer(linger)
	defer timer.Stop()
	dropped := s.ctx.Done()
	for {
		select {
		case <-s.over:
			return
		case <-dropped:
			dropped = nil
		case <-s.rested:
		case <-c.place.wanted:
		case <-timer.C:
		}
		contended := c.queue.contended()
		if contended && time.Since(s.since) >= turn {
			s.endTurn()
		}
		next := turn
		select {
		case <-s.over:
			return
		case c.use <- struct{}{}:
			idle := time.Since(s.used)
			switch {
			case c.session != s:
			case dropped == nil, s.turn.Err() != nil, idle >= linger && (contended || !c.o.Keep):
				c.release()
			default:
				next = linger - idle
			}
			<-c.use
		default: // it is in use, and says so when it rests
			next = turn - time.Since(s.since)
		}
		if next > 0 {
			timer.Reset(next)
		}
	}
}

// release ends the session, if there is one, and with it the device's turn. The caller has use.
func (c *Conn) release() {
	s := c.session
	if s == nil {
		return
	}
	c.unsubscribe(s)
	c.current.Store(nil)
	c.session = nil
	c.hears.Store(nil)
	s.drop(errReleased)
	close(s.over)
	if now, _ := c.state.view(); now.connected {
		c.hangUp(c.life)
	}
	c.queue.leave()
}

// hangUp ends the connection, or the attempt to make one. It is done also where the caller has no time left.
func (c *Conn) hangUp(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	if err := c.bus.call(ctx, hangUpTime, c.device, deviceFace+".Disconnect"); err != nil {
		return // it is gone, or BlueZ is
	}
	_ = c.state.await(ctx, hangUpTime, func(v view) bool { return !v.connected })
}

// dropped ends a session whose connection has ended by itself.
func (c *Conn) dropped() {
	s := c.current.Load()
	if s == nil || s.ctx.Err() != nil {
		return
	}
	c.mu.Lock()
	c.quality.Drops++
	c.mu.Unlock()
	s.drop(explained(link.ErrNoReply, c.name, c.o.Address, "wait for its answer", errBroken))
}

func isNamed(err error, name string) bool {
	var said dbus.Error
	return errors.As(err, &said) && said.Name == name
}

// pipe is the device's end of the stream.
type pipe struct {
	*io.PipeReader
	c *Conn
}

// Write writes in pieces that the connection can carry. What fails ends the session, and the exchange with it, but not the link.
func (p *pipe) Write(b []byte) (int, error) {
	c, s := p.c, p.c.session
	fail := func(err error) (int, error) {
		s.drop(explained(link.ErrNoReply, c.name, c.o.Address, "write to it", err))
		return len(b), nil
	}
	kind := "command"
	if s.at.acknowledged {
		kind = "request"
	}
	options := map[string]any{"type": kind}
	for rest := b; len(rest) > 0; {
		if s.at.write == "" {
			return fail(errDeaf)
		}
		n := min(len(rest), s.at.chunk)
		if err := c.bus.call(s.ctx, writeTime, s.at.write, characterFace+".WriteValue", rest[:n], variants(options)); err != nil {
			return fail(err)
		}
		rest = rest[n:]
	}
	return len(b), nil
}

func variants(m map[string]any) map[string]dbus.Variant {
	v := make(map[string]dbus.Variant, len(m))
	for k, x := range m {
		v[k] = dbus.MakeVariant(x)
	}
	return v
}

var (
	_ link.Transactor = (*Conn)(nil)
	_ link.Listener   = (*Conn)(nil)
)
