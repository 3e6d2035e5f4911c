package drivertest

import (
	"context"
	"fmt"
	"slices"

	"sunwire/drivers"
	"sunwire/drivers/link"
)

type fetcher struct{ conn }

// Get is what a link does whose whole answer has arrived.
func (c *fetcher) Get(ctx context.Context, path string) ([]byte, error) {
	if err := c.done(ctx); err != nil {
		return nil, err
	}
	body := c.answer([]byte(path))
	if err := c.done(ctx); err != nil {
		return nil, err
	}
	if body == nil {
		return nil, fmt.Errorf("nothing came: %w", drivers.ErrNoReply)
	}
	return body, nil
}

func (dev *device) fetches() bool { return slices.Contains(dev.s.d.Links, link.HTTP) }

// fetch: a body has no checksum of its own, the connection below it has. What can happen is that it is not all there, or somebody else's.
func (s *suite) fetch() {
	plain := s.simulated(model{})
	if plain == nil || !plain.fetches() {
		return
	}
	dev := s.simulated(plain.full())
	if dev == nil {
		return
	}
	exchanges, truth := map[string][]exchange{}, map[string]values{}
	for _, q := range dev.queries {
		got, err := dev.clean(q)
		if err != nil {
			s.fail("%s: the simulator's answer gives %v", q.Name, err)
			return
		}
		truth[q.id(q.Name)], exchanges[q.id(q.Name)] = got, dev.line.exchanges
	}
	for _, q := range dev.queries {
		for k, x := range exchanges[q.id(q.Name)] {
			const cuts = 1000 // of one body that are looked at, at most
			for i := 0; i < len(x.reply); i += 1 + len(x.reply)/cuts {
				s.harmless(dev, q, k, fmt.Sprintf("cut off after %d of %d bytes", i, len(x.reply)), x.reply[:i], truth[q.id(q.Name)], x)
			}
			for what, body := range map[string][]byte{
				"nothing": nil, "an empty body": {}, "null": []byte("null"), "an empty object": []byte("{}"), "a list": []byte("[]"),
				"a login page": []byte("<!doctype html><title>Log in</title>"), "twice in a row": slices.Concat(x.reply, x.reply),
			} {
				s.harmless(dev, q, k, what, body, truth[q.id(q.Name)], x)
			}
			for _, other := range dev.queries {
				for what, body := range s.borrowed(q, other, x, exchanges[other.id(other.Name)]) {
					s.harmless(dev, q, k, what, body, truth[q.id(q.Name)], x)
				}
			}
		}
	}
}
