package broker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	slow     = 10 * time.Second // between tries, after the first minute of an outage
	brief    = 3 * time.Second  // a connection that lasted less does not end the outage
	flapping = 3                // brief connections in a row: no longer tried every second
	takeover = time.Minute      // pause after another client took our id: two that fight must not do so every second
)

// Run keeps the connection until ctx ends, then sends what was published, disconnects without the will, and returns within 2 s (OnUp and
// OnMessage must be back by then). Its error says that the last messages may not have reached the broker. It is called once.
func (c *Client) Run(ctx context.Context) error {
	outage, first := time.Now(), 0
	for {
		began := time.Now()
		s, at := c.connect(ctx, first)
		pause := pace(began.Sub(outage))
		if s == nil {
			c.short = 0 // a broker that is away at times is no broker that throws us out
		} else {
			err := c.serve(ctx, s)
			if ctx.Err() != nil {
				return err
			}
			if first = at + 1; c.short == 0 { // an address that drops us must not keep us from the next
				outage, first, pause = time.Now(), 0, pace(0)
			}
			switch {
			case errors.Is(err, errTakenOver):
				began, pause = time.Now(), takeover
			case c.short >= flapping:
				began, pause = time.Now(), slow
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Until(began.Add(pause))):
		}
	}
}

// pace is the time from one round of tries to the next, so long into an outage.
func pace(outage time.Duration) time.Duration {
	if outage < time.Minute {
		return time.Second
	}
	return slow
}

// connect tries each address once, beginning with number first, and tells which one took us.
func (c *Client) connect(ctx context.Context, first int) (*session, int) {
	if len(c.login.URLs) == 0 {
		c.askAgain(ctx, true)
	}
	refused := false
	for i := range c.login.URLs {
		at := (first + i) % len(c.login.URLs)
		s, err := c.open(ctx, c.login.URLs[at])
		if err == nil {
			return s, at
		}
		if ctx.Err() != nil {
			return nil, 0
		}
		c.unreachable(address(c.login.URLs[at]), err)
		refused = refused || errors.Is(err, errOldLogin)
	}
	if len(c.login.URLs) > 0 {
		c.askAgain(ctx, refused)
	}
	return nil, 0
}

// serve lets the world use s until it is lost or ctx ends.
func (c *Client) serve(ctx context.Context, s *session) error {
	up, down := context.WithCancel(ctx)
	defer down()
	began := time.Now()
	c.up(s.address)
	c.begin(ctx, s)
	var work sync.WaitGroup
	if c.o.OnUp != nil {
		work.Go(func() { c.o.OnUp(up) })
	}
	var err error
	select {
	case <-ctx.Done():
	case <-s.over.Done():
		err = context.Cause(s.over)
	}
	lasted := time.Since(began)
	c.known = time.Now()
	down()
	c.live.Store(nil)
	flushed := s.close()
	work.Wait()
	if ctx.Err() != nil {
		c.closed(s.address)
		return flushed
	}
	err = c.judge(err, lasted)
	c.lost(s.address, err)
	if c.o.OnDown != nil {
		c.o.OnDown(err)
	}
	return err
}

// begin subscribes to what Want asked for, and lets the world use s.
func (c *Client) begin(ctx context.Context, s *session) {
	c.filters.Lock()
	defer c.filters.Unlock()
	if err := c.subscribe(ctx, s, c.more); err != nil {
		s.end(err)
	}
	c.live.Store(s)
}

// judge counts brief connections, and adds what a row of them tells: brokers are to say when another client takes a client id over, but
// Mosquitto 2.0.11 just closes.
func (c *Client) judge(err error, lasted time.Duration) error {
	if lasted >= brief {
		c.short = 0
		return err
	}
	if c.short++; c.short < flapping || !errors.Is(err, errPeerClosed) {
		return err
	}
	return fmt.Errorf("%w, as so often just after it was made: its log says why. Most likely another client has our client id %s: is state_dir a copy of another machine's?",
		err, c.o.ClientID)
}
