package broker

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	stable   = 10 * time.Second // a connection that lasted this long ends the outage
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
		if s != nil {
			since := time.Now()
			err := c.serve(ctx, s)
			if ctx.Err() != nil {
				return err
			}
			first = 0
			if time.Since(since) >= stable {
				outage = time.Now()
				pause = pace(0)
			} else {
				first = at + 1 // an address that takes us and drops us must not keep us from the next
			}
			if errors.Is(err, errTakenOver) {
				pause = takeover
				began = time.Now()
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
	return 10 * time.Second
}

// connect tries each address once, beginning with number first, and tells which one took us.
func (c *Client) connect(ctx context.Context, first int) (*session, int) {
	for i := range c.o.URLs {
		at := (first + i) % len(c.o.URLs)
		s, err := c.open(ctx, c.o.URLs[at])
		if err == nil {
			return s, at
		}
		if ctx.Err() != nil {
			break
		}
		c.unreachable(address(c.o.URLs[at]), err)
	}
	return nil, 0
}

// serve lets the world use s until it is lost or ctx ends.
func (c *Client) serve(ctx context.Context, s *session) error {
	up, down := context.WithCancel(ctx)
	defer down()
	c.up(s.address)
	c.live.Store(s)
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
	down()
	c.live.Store(nil)
	flushed := s.close()
	work.Wait()
	if ctx.Err() != nil {
		c.closed(s.address)
		return flushed
	}
	c.lost(s.address, err)
	if c.o.OnDown != nil {
		c.o.OnDown(err)
	}
	return err
}
