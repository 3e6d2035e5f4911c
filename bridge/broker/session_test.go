package broker

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.golang/packets"
)

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

func TestWhatWeSayInConnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		said := make(chan *packets.Connect, 1)
		will := Message{Topic: "sunwire/status", Payload: []byte("offline"), Retain: true, QoS: 1}
		o := Options{URLs: addresses(t, onePlace...), ClientID: "sunwire_7", Username: "me", Password: "secret", Will: will}
		u := start(t, o, through(func(_ string, c net.Conn) {
			serveBroker(c, func(p *packets.ControlPacket) ([]byte, bool) {
				if connect, ok := p.Content.(*packets.Connect); ok {
					said <- connect
				}
				return polite(welcome, nil)(p)
			})
		}))
		receive(t, "connection", u.up)
		c := <-said
		if c.ProtocolVersion != 5 || c.ClientID != "sunwire_7" || c.Username != "me" || string(c.Password) != "secret" || !c.CleanStart {
			t.Errorf("%+v", c)
		}
		if c.KeepAlive < 15 || c.KeepAlive > 30 {
			t.Errorf("keep-alive %d s", c.KeepAlive)
		}
		if c.WillTopic != will.Topic || string(c.WillMessage) != "offline" || !c.WillRetain || c.WillQOS != 1 || c.WillProperties.WillDelayInterval != nil {
			t.Errorf("will %+v", c)
		}
		if p := c.Properties; p.SessionExpiryInterval != nil || p.MaximumPacketSize == nil || *p.MaximumPacketSize != largest || p.ReceiveMaximum == nil {
			t.Errorf("properties %+v", p)
		}
	})
}
