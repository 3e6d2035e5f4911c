package bridge

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sunwire/bridge/config"
	"sunwire/bridge/store"
	"sunwire/drivers"
	"sunwire/drivers/link"
)

// chatter is a device that says something every second between silences.
type chatter struct {
	start     time.Time
	silent    [2]time.Duration // from, to
	described []time.Duration
	err       error // instead of the tenth value
}

func (c *chatter) quiet() bool {
	since := time.Since(c.start)
	return since >= c.silent[0] && since < c.silent[1]
}

func (c *chatter) Describe(ctx context.Context) (drivers.Descriptor, error) {
	c.described = append(c.described, time.Since(c.start))
	if link.Sleep(ctx, time.Second) != nil {
		return drivers.Descriptor{}, ctx.Err()
	}
	if c.quiet() {
		return drivers.Descriptor{}, drivers.ErrNoReply
	}
	return drivers.Descriptor{Serial: "92932004102443", Entities: []drivers.Entity{{Key: "a", Name: "A", Max: 1e6}}}, nil
}

func (c *chatter) Poll(context.Context, drivers.Query) ([]drivers.Reading, error) {
	return nil, errors.New("it is not asked")
}

func (c *chatter) Stream(ctx context.Context) iter.Seq2[drivers.Reading, error] {
	return func(yield func(drivers.Reading, error) bool) {
		for n := 1; link.Sleep(ctx, time.Second) == nil; n++ {
			if c.quiet() {
				continue
			}
			r := drivers.Reading{Sample: drivers.Sample{{Key: "a", Value: drivers.Num(float64(n))}}}
			var err error
			if n == 10 && c.err != nil {
				r, err = drivers.Reading{}, c.err
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

// listened runs a line with c for d, and gives the device.
func listened(t *testing.T, c *chatter, d time.Duration, others ...*device) (dev *device, err error) {
	t.Helper()
	c.start = time.Now()
	cfg := config.Device{ID: "a", Spec: &drivers.Driver{Name: "chatter", Family: "chatter", Paces: [3]time.Duration{5 * time.Second, time.Minute, time.Hour}}}
	cfg.Spec.Open = func(link.Conn, uint16, any) (drivers.Device, error) { return c, nil }
	dev = newDevice(cfg, store.Device{ID: "a"}, false)
	l := &line{
		name: "made up", log: quiet(), again: time.Second, devices: append(others, dev), wake: make(chan struct{}, 1),
		open: func(context.Context) (link.Conn, error) { return fakeConn{}, nil },
		meet: func(d *device, desc drivers.Descriptor) error {
			_, err := d.meet(desc, "sunwire", func(string) string { return d.cfg.ID })
			return err
		},
		took:  func(d *device, q drivers.Query, rs []drivers.Reading, at time.Time) { d.take(q, rs, at) },
		touch: func(*device) {},
	}
	ctx, stop := context.WithTimeout(t.Context(), d)
	defer stop()
	return dev, l.serve(ctx, fakeConn{}, func() {})
}

func TestADeviceThatStreamsIsHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &chatter{err: fmt.Errorf("%w: damaged", drivers.ErrFrame)}
		d, _ := listened(t, c, 62*time.Second)
		if v := d.units[0].Get("a").Value.Format(0); v != "60" && v != "61" || !d.online {
			t.Errorf("the last value is %s, online %v", v, d.online)
		}
		if len(c.described) != 1 {
			t.Errorf("described %d times", len(c.described))
		}
		if n := d.health.counts()["frame"]; n != 1 {
			t.Errorf("%d damaged frames are counted, want 1", n)
		}
	})
}

func TestAStreamThatFellSilentIsDescribedAnewBeforeItIsBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &chatter{silent: [2]time.Duration{20 * time.Second, 200 * time.Second}}
		d, _ := listened(t, c, 300*time.Second)
		if n := len(c.described); n < 3 || c.described[1] < 45*time.Second {
			t.Errorf("described at %v", c.described)
		}
		if now := time.Now(); !d.units[0].Get("a").Fresh(now) || now.Sub(d.liveSeen) > 5*time.Second {
			t.Errorf("after it came back, the last value is from %v ago", now.Sub(d.liveSeen))
		}
	})
}

func TestADeviceThatStreamsDoesNotShareItsLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &chatter{}
		other := newDevice(config.Device{ID: "b", Spec: &drivers.Driver{Open: func(link.Conn, uint16, any) (drivers.Device, error) { return c, nil }}}, store.Device{ID: "b"}, false)
		if _, err := listened(t, c, time.Minute, other); err == nil || !strings.Contains(err.Error(), "cannot share its line") {
			t.Errorf("error %v", err)
		}
	})
}
