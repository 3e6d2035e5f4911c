package bridge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sunwire/bridge/config"
	"sunwire/bridge/store"
	"sunwire/drivers"
	"sunwire/drivers/link"
)

// bench is a line with made-up devices, in fake time. What is asked is noted with its time.
type bench struct {
	mu    sync.Mutex
	start time.Time
	asked []string
	at    []time.Duration
	took  time.Duration                                     // what an exchange costs
	reply func(id, query string) ([]drivers.Reading, error) // nil: an empty reading
	ident func(id string) (drivers.Descriptor, error)       // nil: the usual
	open  func() error                                      // nil: the link opens
	busy  bool
	class drivers.Class
	t     *testing.T
}

type fakeConn struct{}

func (fakeConn) Kind() link.Kind                           { return link.Serial }
func (fakeConn) Wait(context.Context, time.Duration) error { return nil }
func (fakeConn) Close() error                              { return nil }

type fakeDevice struct {
	b  *bench
	id string
}

func usual() drivers.Descriptor {
	return drivers.Descriptor{
		Manufacturer: "Made up", Serial: "92932004102443",
		Entities: []drivers.Entity{{Key: "a", Name: "A"}, {Key: "b", Name: "B"}, {Key: "c", Name: "C"}, {Key: "d", Name: "D"}},
		Queries: []drivers.Query{
			{Name: "L1", Keys: []string{"a"}},
			{Name: "L2", Keys: []string{"b"}},
			{Name: "S", Pace: drivers.Slow, Keys: []string{"c"}},
			{Name: "O", Pace: drivers.Once, Keys: []string{"d"}},
		},
	}
}

func (b *bench) exchange(id, what string) {
	b.mu.Lock()
	if b.busy {
		b.t.Errorf("%s while another exchange is under way", what)
	}
	b.busy = true
	b.asked, b.at = append(b.asked, id+what), append(b.at, time.Since(b.start))
	b.mu.Unlock()
	time.Sleep(b.took)
	b.mu.Lock()
	b.busy = false
	b.mu.Unlock()
}

func (f fakeDevice) Describe(ctx context.Context) (drivers.Descriptor, error) {
	f.b.exchange(f.id, "?")
	if f.b.ident != nil {
		return f.b.ident(f.id)
	}
	return usual(), ctx.Err()
}

func (f fakeDevice) Poll(ctx context.Context, q drivers.Query) ([]drivers.Reading, error) {
	f.b.exchange(f.id, q.Name)
	if f.b.reply != nil {
		return f.b.reply(f.id, q.Name)
	}
	return []drivers.Reading{{Sample: drivers.Sample{{Key: q.Keys[0], Value: drivers.Num(1)}}}}, ctx.Err()
}

// run runs the line for a while of fake time.
func (b *bench) run(t *testing.T, d time.Duration, interval, slow time.Duration, log *slog.Logger, ids ...string) []*device {
	b.t, b.start = t, time.Now()
	var devices []*device
	for _, id := range ids {
		spec := &drivers.Driver{
			Name: "fake", Family: "fake", Class: b.class, Paces: [3]time.Duration{interval, slow, 24 * time.Hour},
			Open: func(link.Conn, uint16, any) (drivers.Device, error) { return fakeDevice{b, id}, nil },
		}
		devices = append(devices, newDevice(config.Device{ID: id, Spec: spec, Port: config.Port{Text: "serial:/dev/fake"}}, store.Device{ID: id}, false))
	}
	l := &line{
		name: "serial:/dev/fake", devices: devices, again: 200 * time.Millisecond, log: log,
		open: func(context.Context) (link.Conn, error) {
			if b.open != nil {
				if err := b.open(); err != nil {
					return nil, err
				}
			}
			return fakeConn{}, nil
		},
		meet: func(d *device, desc drivers.Descriptor) error {
			_, err := d.meet(desc, "sunwire", func(string) string { return d.cfg.ID })
			return err
		},
		took:  func(d *device, q drivers.Query, rs []drivers.Reading, at time.Time) { d.take(q, rs, at) },
		touch: func(*device) {},
	}
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	l.run(ctx)
	return devices
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func (b *bench) times(what string) (at []time.Duration) {
	for i, a := range b.asked {
		if a == what {
			at = append(at, b.at[i])
		}
	}
	return at
}

func TestLiveValuesComeFirstAndNothingStarves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{took: 100 * time.Millisecond}
		b.run(t, 2*time.Second, 0, time.Minute, quiet(), "")
		want := []string{"?", "L1", "L2", "S", "L1", "O", "L2", "L1", "L2", "L1"}
		if !slices.Equal(b.asked[:10], want) {
			t.Errorf("asked %v, want %v", b.asked, want)
		}
		if len(b.asked) < 19 {
			t.Errorf("at interval 0 the wire stood still: %d exchanges of 100 ms in 2 s", len(b.asked))
		}
	})
}

func TestIntervalsAreStartToStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{took: 300 * time.Millisecond}
		b.run(t, 21*time.Second, 5*time.Second, 20*time.Second, quiet(), "")
		first := b.times("L1")
		for i, at := range first {
			if want := first[0] + time.Duration(i)*5*time.Second; at < want || at > want+600*time.Millisecond {
				t.Errorf("L1 asked at %v, want every 5 s", first)
			}
		}
		if len(first) != 5 || len(b.times("S")) != 2 || len(b.times("O")) != 1 {
			t.Errorf("asked %v", b.asked)
		}
	})
}

func TestABadFrameIsAskedForOnceMoreAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		b := &bench{took: 100 * time.Millisecond, reply: func(_, q string) ([]drivers.Reading, error) {
			if q == "L1" {
				if n++; n == 1 {
					return nil, fmt.Errorf("garbage: %w", drivers.ErrFrame)
				}
			}
			return nil, nil
		}}
		d := b.run(t, 4*time.Second, 5*time.Second, time.Minute, quiet(), "")
		if at := b.times("L1"); len(at) != 2 || at[1]-at[0] != 100*time.Millisecond {
			t.Errorf("L1 at %v", at)
		}
		if d[0].health.failures["frame"] != 1 {
			t.Errorf("failures %v", d[0].health.failures)
		}
	})
}

func TestAnUnsupportedQueryIsNotAskedAgainForADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{reply: func(_, q string) ([]drivers.Reading, error) {
			if q == "L2" {
				return nil, drivers.ErrUnsupported
			}
			return nil, nil
		}}
		b.run(t, 25*time.Hour, 10*time.Second, time.Minute, quiet(), "")
		if at := b.times("L2"); len(at) != 2 || at[1]-at[0] < day {
			t.Errorf("L2 asked %d times, at %v", len(at), at[:min(len(at), 5)])
		}
	})
}

func silentBetween(b *bench, id string, from, to time.Duration) {
	b.reply = func(who, _ string) ([]drivers.Reading, error) {
		if since := time.Since(b.start); who == id && since >= from && since < to {
			time.Sleep(time.Second)
			return nil, drivers.ErrNoReply
		}
		return nil, nil
	}
}

func TestASilentDeviceAloneIsAskedAtItsPaceThenEvery15s(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{took: 10 * time.Millisecond}
		silentBetween(b, "", 10*time.Second, 100*time.Second)
		b.run(t, 3*time.Minute, 2*time.Second, time.Hour, quiet(), "")
		early, late := 0, 0
		for i, a := range b.asked {
			switch at := b.at[i]; {
			case at > 12*time.Second && at < 38*time.Second:
				early++
				if a != "L1" && a != "L2" {
					t.Errorf("%s asked of a silent device at %v", a, at)
				}
			case at > 45*time.Second && at < 100*time.Second:
				late++
			}
		}
		if early < 20 || late < 4 || late > 10 {
			t.Errorf("%d tries in the first half minute, %d in the next minute", early, late)
		}
		after := slices.IndexFunc(b.at, func(at time.Duration) bool { return at >= 100*time.Second })
		if after < 0 || b.at[after] > 116*time.Second {
			t.Errorf("asked again only at %v", b.at[after])
		}
	})
}

func TestADeviceBackAfterLongTellsWhoItIsFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{took: 10 * time.Millisecond}
		silentBetween(b, "", 10*time.Second, 100*time.Second)
		b.ident = func(string) (drivers.Descriptor, error) {
			if since := time.Since(b.start); since > 10*time.Second && since < 100*time.Second {
				return drivers.Descriptor{}, drivers.ErrNoReply
			}
			d := usual()
			if time.Since(b.start) > time.Minute {
				d.Serial = "55355535553555"
			}
			return d, nil
		}
		d := b.run(t, 3*time.Minute, 2*time.Second, time.Hour, quiet(), "")
		if d[0].present || d[0].liveSeen.Sub(b.start) > time.Minute {
			t.Error("values of another inverter on the same cable are taken for the old one's")
		}
	})
}

func TestADeadDeviceDoesNotHoldUpItsNeighbour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{took: 50 * time.Millisecond}
		silentBetween(b, "dead", 0, time.Hour)
		b.run(t, 10*time.Minute, 5*time.Second, time.Hour, quiet(), "dead", "good")
		late, dead := 0, 0
		for _, a := range b.asked {
			if strings.HasPrefix(a, "dead") {
				dead++
			}
		}
		at := b.times("goodL1")
		for i := 1; i < len(at); i++ {
			if at[i]-at[i-1] > 8*time.Second {
				late++
			}
		}
		if len(at) < 118 || late > 0 {
			t.Errorf("the good one was asked %d times of 120, %d times late", len(at), late)
		}
		if dead > 40 {
			t.Errorf("the dead one was asked %d times", dead)
		}
	})
}

func TestAQueryThatAloneFailsSparesTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{reply: func(_, q string) ([]drivers.Reading, error) {
			if q == "L2" {
				time.Sleep(time.Second)
				return nil, drivers.ErrNoReply
			}
			return nil, nil
		}}
		d := b.run(t, time.Hour, 5*time.Second, time.Minute, quiet(), "")
		if !d[0].online || len(b.times("L1")) < 700 {
			t.Errorf("L1 asked %d times of 720, online %v", len(b.times("L1")), d[0].online)
		}
		if n := len(b.times("L2")); n > 50 {
			t.Errorf("L2, which is never answered, was asked %d times", n)
		}
	})
}

func TestLossAndReturnOfALinkAreLoggedOnceEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines strings.Builder
		gone := func(since time.Duration) bool { return since > 5*time.Second && since < 20*time.Second }
		b := &bench{}
		b.reply = func(string, string) ([]drivers.Reading, error) {
			if gone(time.Since(b.start)) {
				return nil, link.ErrLost
			}
			return nil, nil
		}
		b.open = func() error {
			if gone(time.Since(b.start)) {
				return errors.New("no such port")
			}
			return nil
		}
		b.run(t, 30*time.Second, time.Second, time.Minute, slog.New(slog.NewTextHandler(&lines, nil)), "")
		if n := strings.Count(lines.String(), "link is back"); n != 1 {
			t.Errorf("return logged %d times:\n%s", n, lines.String())
		}
		if n := strings.Count(lines.String(), "link is down"); n > 2 {
			t.Errorf("loss logged %d times:\n%s", n, lines.String())
		}
		back := slices.IndexFunc(b.at, func(at time.Duration) bool { return at >= 20*time.Second })
		if b.at[back] > 20*time.Second+200*time.Millisecond {
			t.Errorf("found again only at %v", b.at[back])
		}
	})
}

func TestAGatewayThatOpensAndClosesAgainIsNoReturnOfTheLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines strings.Builder
		b := &bench{}
		lost := func() error {
			if since := time.Since(b.start); since > 5*time.Second && since < 20*time.Second {
				return fmt.Errorf("closed at %v: %w", since, link.ErrLost)
			}
			return nil
		}
		b.ident = func(string) (drivers.Descriptor, error) { return usual(), lost() }
		b.reply = func(string, string) ([]drivers.Reading, error) { return nil, lost() }
		b.run(t, 30*time.Second, time.Second, time.Minute, slog.New(slog.NewTextHandler(&lines, nil)), "")
		if down, back := strings.Count(lines.String(), "link is down"), strings.Count(lines.String(), "link is back"); down != 1 || back != 1 {
			t.Errorf("loss logged %d times, return %d times:\n%s", down, back, lines.String())
		}
	})
}

func TestGapIsThePauseBetweenTwoRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := &drivers.Driver{Name: "fake", Paces: [3]time.Duration{0, time.Hour, time.Hour}}
		p := plan{sessions: []*session{{
			device: newDevice(config.Device{Spec: spec, Gap: time.Second}, store.Device{}, false), known: true,
			lastEnd: time.Now(), anew: time.Now().Add(time.Hour), queries: []*query{{Query: drivers.Query{Name: "L1"}, due: time.Now()}},
		}}}
		if task, wait := p.next(time.Now()); task != nil || wait != time.Second {
			t.Errorf("next is %v, in %v", task, wait)
		}
	})
}
