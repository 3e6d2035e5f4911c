package broker

import (
	"context"
	"errors"
	"io"
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

func TestAStalledBrokerHoldsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stalled := make(chan struct{})
		u := start(t, Options{URLs: addresses(t, onePlace...)}, through(func(_ string, c net.Conn) {
			serveBroker(c, func(p *packets.ControlPacket) ([]byte, bool) { return welcome, false })
			<-stalled // never reads again
		}), noAfterwards)
		defer close(stalled)
		receive(t, "connection", u.up)
		m := Message{Topic: "a", Payload: make([]byte, 1000)}
		began, n := time.Now(), 0
		var err error
		for ; err == nil; n++ {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			from := time.Now()
			_, err = u.Publish(ctx, m)
			cancel()
			if took := time.Since(from); took > 100*time.Millisecond {
				t.Fatalf("message %d held its publisher for %v", n, took)
			}
		}
		if !errors.Is(err, context.DeadlineExceeded) || n < backlog/1100 {
			t.Errorf("message %d: %v", n, err)
		}
		from := time.Now()
		if _, err = u.Publish(t.Context(), m); err == nil || time.Since(from) > answerTime {
			t.Errorf("without a deadline: %v after %v", err, time.Since(from))
		}
		if err := receive(t, "loss", u.down); !strings.Contains(err.Error(), "took no data") || time.Since(began) > patience {
			t.Errorf("lost after %v with %v", time.Since(began), err)
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
			time.Sleep(2 * time.Second)
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

func TestAMessageUnderWayWhenTheConnectionIsLostIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := start(t, Options{URLs: addresses(t, onePlace...)}, through(func(_ string, c net.Conn) {
			serveBroker(c, func(p *packets.ControlPacket) ([]byte, bool) {
				_, publish := p.Content.(*packets.Publish)
				reply, _ := polite(welcome, nil)(p)
				return reply, !publish
			})
		}))
		receive(t, "connection", u.up)
		from := time.Now()
		if heard, err := u.Publish(t.Context(), Message{Topic: "a", QoS: 1}); heard || !errors.Is(err, ErrDown) || time.Since(from) > time.Second {
			t.Errorf("heard %t, %v after %v", heard, err, time.Since(from))
		}
	})
}

func TestQoS0DoesNotWaitBehindQoS1(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		arrived := make(chan string, 10)
		u := start(t, Options{URLs: addresses(t, onePlace...)}, through(func(_ string, c net.Conn) {
			// It takes one message of QoS 1 at a time and acknowledges none.
			serveBroker(c, polite([]byte{0x20, 6, 0, 0, 3, 0x21, 0, 1}, func(p *packets.Publish) []byte {
				arrived <- p.Topic
				return nil
			}))
		}))
		receive(t, "connection", u.up)
		var slow sync.WaitGroup
		for range 3 {
			slow.Go(func() {
				from := time.Now()
				if heard, err := u.Publish(t.Context(), Message{Topic: "slow", QoS: 1}); heard || err == nil || time.Since(from) > answerTime {
					t.Errorf("heard %t, %v after %v", heard, err, time.Since(from))
				}
			})
		}
		synctest.Wait()
		from := time.Now()
		if heard, err := u.Publish(t.Context(), Message{Topic: "fast"}); err != nil || !heard || time.Since(from) > 0 {
			t.Errorf("heard %t, %v after %v", heard, err, time.Since(from))
		}
		if a, b := <-arrived, <-arrived; a != "slow" || b != "fast" {
			t.Errorf("arrived: %s, %s", a, b)
		}
		slow.Wait()
	})
}

func TestTheBrokersLimitsAreKept(t *testing.T) {
	for _, c := range []struct {
		name    string
		hello   []byte
		ack     byte
		message Message
		heard   bool
		want    string // in the error
	}{
		{"nobody subscribes", welcome, 0x10, Message{Topic: "a", QoS: 1}, false, ""},
		{"somebody does", welcome, 0, Message{Topic: "a", QoS: 1}, true, ""},
		{"refused", welcome, 0x87, Message{Topic: "a", QoS: 1}, false, "access list"},
		{"unknown reason", welcome, 0xF0, Message{Topic: "a", QoS: 1}, false, "0xF0"},
		{"largest packet 100", []byte{0x20, 8, 0, 0, 5, 0x27, 0, 0, 0, 100}, 0, Message{Topic: "a", Payload: make([]byte, 100)}, false, "more than this broker takes (100)"},
		{"QoS 0 only", []byte{0x20, 5, 0, 0, 2, 0x24, 0}, 0, Message{Topic: "a", QoS: 1}, true, ""},
		{"keeps nothing", []byte{0x20, 5, 0, 0, 2, 0x25, 0}, 0, Message{Topic: "a", Retain: true}, false, "retain"},
		{"a filter", welcome, 0, Message{Topic: "a/#"}, false, "no place in a topic"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := start(t, Options{URLs: addresses(t, onePlace...)}, through(func(_ string, conn net.Conn) {
					serveBroker(conn, polite(c.hello, func(p *packets.Publish) []byte {
						if p.QoS == 0 {
							return nil
						}
						return puback(p.PacketID, c.ack)
					}))
				}))
				receive(t, "connection", u.up)
				heard, err := u.Publish(t.Context(), c.message)
				if heard != c.heard || (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
					t.Errorf("heard %t, %v", heard, err)
				}
				if err := u.stop(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestARefusedSubscriptionIsToldAndDoneWithout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := start(t, Options{URLs: addresses(t, onePlace...), Subscriptions: []string{"good", "bad"}}, through(func(_ string, c net.Conn) {
			serveBroker(c, func(p *packets.ControlPacket) ([]byte, bool) {
				reply, more := polite(welcome, nil)(p)
				if p.Type == packets.SUBSCRIBE {
					reply[len(reply)-1] = 0x87
				}
				return reply, more
			})
		}))
		receive(t, "connection", u.up)
		if u.log.count("refuses a subscription") != 1 || u.log.count("filter=bad") != 1 {
			t.Errorf("log %q", u.log.all())
		}
	})
}

func TestABrokerThatForgetsTheSubscriptionIsNotUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := start(t, Options{URLs: addresses(t, onePlace...), Subscriptions: []string{"a"}}, through(func(_ string, c net.Conn) {
			serveBroker(c, func(p *packets.ControlPacket) ([]byte, bool) {
				if p.Type == packets.SUBSCRIBE {
					return nil, true
				}
				return polite(welcome, nil)(p)
			})
		}), noAfterwards)
		time.Sleep(answerTime + 100*time.Millisecond)
		if u.State().Connected || u.log.count("subscribing") != 1 {
			t.Errorf("connected %t, log %q", u.State().Connected, u.log.all())
		}
		if len(u.up) > 0 {
			t.Error("OnUp was called")
		}
	})
}

func TestPublishWithoutAConnectionReturnsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := start(t, Options{URLs: addresses(t, onePlace...)}, through(func(_ string, c net.Conn) { _, _ = io.Copy(io.Discard, c) }))
		synctest.Wait() // connected, and no CONNACK
		from := time.Now()
		if heard, err := u.Publish(t.Context(), Message{Topic: "a", QoS: 1}); heard || !errors.Is(err, ErrDown) || time.Since(from) > 0 {
			t.Errorf("heard %t, %v after %v", heard, err, time.Since(from))
		}
	})
}
