package broker

import (
	"context"
	"errors"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.golang/packets"
)

var onePlace = []string{"mqtt://one"}

func TestABrokerIsLookedForEverySecondForAMinuteThenEveryTen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var mu sync.Mutex
		var tries []int
		u := start(t, Options{URLs: addresses(t, onePlace...)}, func(c *Client) {
			c.dial = func(context.Context, *url.URL) (net.Conn, error) {
				mu.Lock()
				defer mu.Unlock()
				tries = append(tries, int(time.Since(began)/time.Second))
				if len(tries) > 30 {
					return nil, errors.New("no route to host")
				}
				return nil, errors.New("connection refused")
			}
		})
		time.Sleep(95 * time.Second)
		if err := u.stop(); err != nil {
			t.Error(err)
		}
		var want []int
		for s := range 61 {
			want = append(want, s)
		}
		want = append(want, 70, 80, 90)
		if !slices.Equal(tries, want) {
			t.Errorf("tried at %v s, want %v", tries, want)
		}
		if l := u.log.all(); len(l) != 2 || u.log.count("refused") != 1 || u.log.count("no route") != 1 {
			t.Errorf("want one line for each of two reasons, have %q", l)
		}
	})
}

func TestTwoClientsWithOneIDDoNotFightEverySecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dials atomic.Int32
		u := start(t, Options{URLs: addresses(t, onePlace...)}, through(func(_ string, c net.Conn) {
			dials.Add(1)
			serveBroker(c, func(p *packets.ControlPacket) ([]byte, bool) {
				if _, ok := p.Content.(*packets.Pingreq); ok {
					return []byte{0xE0, 2, 0x8E, 0}, false
				}
				return polite(welcome, nil)(p)
			})
		}))
		if err := receive(t, "loss", u.down); !errors.Is(err, errTakenOver) || !strings.Contains(err.Error(), "state_dir") {
			t.Errorf("lost with %v", err)
		}
		time.Sleep(59 * time.Second)
		if n := dials.Load(); n != 1 {
			t.Errorf("connected %d times within a minute", n)
		}
		time.Sleep(2 * time.Second)
		if n := dials.Load(); n != 2 {
			t.Errorf("connected %d times, want another try after a minute", n)
		}
	})
}

func TestABrokerThatKeepsClosingIsAskedLessOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dials atomic.Int32
		u := start(t, Options{URLs: addresses(t, onePlace...), ClientID: "sunwire_7"}, through(func(_ string, c net.Conn) {
			dials.Add(1)
			serveBroker(c, func(p *packets.ControlPacket) ([]byte, bool) { return welcome, false })
		}))
		time.Sleep(time.Minute)
		if n := dials.Load(); n > 9 || n < 7 {
			t.Errorf("connected %d times in a minute", n)
		}
		if u.log.count("another client has our client id sunwire_7") == 0 {
			t.Errorf("log %q", u.log.all()[:6])
		}
	})
}

// noAfterwards makes the first connection the only one.
func noAfterwards(c *Client) {
	dial, first := c.dial, true
	c.dial = func(ctx context.Context, u *url.URL) (net.Conn, error) {
		if !first {
			return nil, errors.New("no more")
		}
		first = false
		return dial(ctx, u)
	}
}

func TestRunEndsInTimeThoughTheBrokerStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stalled := make(chan struct{})
		u := start(t, Options{URLs: addresses(t, onePlace...)}, through(func(_ string, c net.Conn) {
			serveBroker(c, func(*packets.ControlPacket) ([]byte, bool) { return welcome, false })
			<-stalled
		}))
		defer close(stalled)
		receive(t, "connection", u.up)
		if _, err := u.Publish(t.Context(), Message{Topic: "status", Payload: []byte("offline")}); err != nil {
			t.Fatal(err)
		}
		if err := u.stop(); err == nil { // which also checks the time
			t.Error("Run hides that its last words were lost")
		}
	})
}

func TestASilentBrokerIsGivenUpWithinTwoKeepAlives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := start(t, Options{URLs: addresses(t, onePlace...)}, through(func(_ string, c net.Conn) {
			serveBroker(c, func(p *packets.ControlPacket) ([]byte, bool) {
				if _, ok := p.Content.(*packets.Connect); ok {
					return welcome, true
				}
				return nil, true
			})
		}), noAfterwards)
		receive(t, "connection", u.up)
		from := time.Now()
		select {
		case err := <-u.down:
			if !strings.Contains(err.Error(), "no sign of life") {
				t.Errorf("lost with %v", err)
			}
		case <-time.After(2*keepAlive*time.Second + time.Second):
			t.Error("still connected")
		}
		t.Logf("given up after %v", time.Since(from))
	})
}

func TestAnAddressThatDropsUsDoesNotKeepUsFromTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := start(t, Options{URLs: addresses(t, "mqtt://one", "mqtt://two")}, through(func(host string, c net.Conn) {
			if host == "one" {
				serveBroker(c, func(*packets.ControlPacket) ([]byte, bool) { return welcome, false })
				return
			}
			serveBroker(c, polite(welcome, nil))
		}))
		receive(t, "connection", u.up)
		receive(t, "loss", u.down)
		receive(t, "connection", u.up)
		if s := u.State(); !s.Connected || s.URL != "mqtt://two:1883" || s.Error != "" {
			t.Errorf("state %+v", s)
		}
	})
}

func TestOnUpEndsWithItsConnectionAndNeverRunsTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running, calls atomic.Int32
		alone := func(when string, want int32) {
			if n := running.Load(); n != want {
				t.Errorf("%d running %s, want %d", n, when, want)
			}
		}
		o := Options{URLs: addresses(t, onePlace...)}
		o.OnUp = func(ctx context.Context) {
			calls.Add(1)
			running.Add(1)
			alone("in OnUp", 1)
			<-ctx.Done()
			time.Sleep(time.Second) // slow to leave
			running.Add(-1)
		}
		o.OnDown = func(error) { alone("in OnDown", 0) }
		u := start(t, o, through(func(_ string, c net.Conn) {
			serveBroker(c, func(p *packets.ControlPacket) ([]byte, bool) {
				_, publish := p.Content.(*packets.Publish)
				reply, _ := polite(welcome, nil)(p)
				return reply, !publish
			})
		}))
		for range 3 {
			time.Sleep(5 * time.Second)
			if _, err := u.Publish(t.Context(), Message{Topic: "a"}); err != nil {
				t.Fatal(err)
			}
			receive(t, "loss", u.down)
		}
		synctest.Wait()
		if n := calls.Load(); n != 4 {
			t.Errorf("called %d times for 4 connections", n)
		}
	})
}

func TestAnOutageWithTheSameReasonIsToldAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dials atomic.Int32
		u := start(t, Options{URLs: addresses(t, onePlace...)}, through(func(_ string, c net.Conn) {
			serveBroker(c, func(p *packets.ControlPacket) ([]byte, bool) { return welcome, false })
		}), func(c *Client) {
			dial := c.dial
			c.dial = func(ctx context.Context, u *url.URL) (net.Conn, error) {
				if dials.Add(1)%5 == 0 {
					return dial(ctx, u)
				}
				return nil, errors.New("connection refused")
			}
		})
		for range 2 {
			receive(t, "connection", u.up)
		}
		if n := u.log.count("refused"); n != 2 {
			t.Errorf("%d lines for two outages: %q", n, u.log.all())
		}
	})
}
