package broker

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"testing"
	"time"

	"sunwire/bridge/broker/embedded"
)

// house is an embedded broker for the length of a test.
func house(t *testing.T, addr string) *embedded.Broker {
	t.Helper()
	b, err := embedded.Start(addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func TestWhatIsPublishedArrivesAndTellsWhetherItWasHeard(t *testing.T) {
	at := addresses(t, "mqtt://"+house(t, "127.0.0.1:0").Addr())
	out := start(t, Options{URLs: at, ClientID: "out"})
	receive(t, "connection", out.up)
	say := func(m Message, want bool) {
		t.Helper()
		if heard, err := out.Publish(t.Context(), m); err != nil || heard != want {
			t.Errorf("%s: heard %t, %v", m.Topic, heard, err)
		}
	}
	say(Message{Topic: "in/kept", Payload: []byte("1"), Retain: true, QoS: 1}, false)
	say(Message{Topic: "elsewhere", QoS: 1}, false) // the broker answers before it passes on: now it has passed on the one before
	in := start(t, Options{URLs: at, ClientID: "in", Subscriptions: []string{"in/#"}})
	receive(t, "connection", in.up)
	if m := receive(t, "message", in.messages); m.Topic != "in/kept" || string(m.Payload) != "1" || !m.Retain {
		t.Errorf("replayed: %+v", m)
	}
	say(Message{Topic: "in/kept", Payload: []byte("2"), Retain: true, QoS: 1}, true)
	if m := receive(t, "message", in.messages); string(m.Payload) != "2" || m.Retain {
		t.Errorf("news: %+v", m)
	}
	say(Message{Topic: "elsewhere"}, true)
	if err := out.stop(); err != nil {
		t.Error(err)
	}
	if s := out.State(); s.Connected || s.Error != "" || out.log.count("disconnected from the broker") != 1 {
		t.Errorf("afterwards: %+v, %q", s, out.log.all())
	}
}

func TestTheOrderOfOnePublisherIsKept(t *testing.T) {
	at := addresses(t, "mqtt://"+house(t, "127.0.0.1:0").Addr())
	in := start(t, Options{URLs: at, ClientID: "in", Subscriptions: []string{"n"}})
	out := start(t, Options{URLs: at, ClientID: "out"})
	receive(t, "connection", in.up)
	receive(t, "connection", out.up)
	const n = 3000
	for i := range n {
		m := Message{Topic: "n", Payload: fmt.Append(nil, i)}
		if i%50 == 0 {
			m.QoS = 1
		}
		if _, err := out.Publish(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	for i := range n {
		if got := string(receive(t, "message", in.messages).Payload); got != fmt.Sprint(i) {
			t.Fatalf("message %d is %s", i, got)
		}
	}
}

// TestTheWillIsSeenWhenWeAreCutOffAndNotWhenWeLeave: the first is what kill -9 does to the connection: nothing is said, the socket closes.
func TestTheWillIsSeenWhenWeAreCutOffAndNotWhenWeLeave(t *testing.T) {
	at := addresses(t, "mqtt://"+house(t, "127.0.0.1:0").Addr())
	in := start(t, Options{URLs: at, ClientID: "in", Subscriptions: []string{"sunwire/status"}})
	receive(t, "connection", in.up)
	var socket net.Conn
	out := start(t, Options{URLs: at, ClientID: "out", Will: Message{Topic: "sunwire/status", Payload: []byte("offline"), QoS: 1}},
		func(c *Client) {
			c.dial = func(ctx context.Context, u *url.URL) (net.Conn, error) {
				var err error
				socket, err = c.dialNet(ctx, u)
				return socket, err
			}
		})
	receive(t, "connection", out.up)
	_ = socket.Close()
	cut := time.Now()
	if m := receive(t, "will", in.messages); string(m.Payload) != "offline" {
		t.Errorf("%+v", m)
	}
	t.Logf("will after %v", time.Since(cut))
	receive(t, "loss", out.down)
	receive(t, "connection", out.up)
	if _, err := out.Publish(t.Context(), Message{Topic: "sunwire/status", Payload: []byte("bye")}); err != nil {
		t.Error(err)
	}
	if err := out.stop(); err != nil {
		t.Error(err)
	}
	if m := receive(t, "last word", in.messages); string(m.Payload) != "bye" {
		t.Errorf("%+v", m)
	}
	select {
	case m := <-in.messages:
		t.Errorf("after leaving: %+v", m)
	case <-time.After(200 * time.Millisecond):
	}
}

func TestABrokerThatReturnsIsFoundAndSubscribedAgain(t *testing.T) {
	b := house(t, "127.0.0.1:0")
	at := addresses(t, "mqtt://"+b.Addr())
	u := start(t, Options{URLs: at, Subscriptions: []string{"echo"}})
	receive(t, "connection", u.up)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	receive(t, "loss", u.down)
	if s := u.State(); s.Connected || s.Since.IsZero() || s.Error == "" {
		t.Errorf("state %+v", s)
	}
	house(t, b.Addr())
	back := time.Now()
	receive(t, "connection", u.up)
	if took := time.Since(back); took > 4*time.Second { // one on an idle machine
		t.Errorf("took %v, log %q", took, u.log.all())
	}
	if _, err := u.Publish(t.Context(), Message{Topic: "echo", Payload: []byte("x")}); err != nil {
		t.Error(err)
	}
	if m := receive(t, "echo", u.messages); string(m.Payload) != "x" {
		t.Errorf("%+v", m)
	}
	if n := u.log.count("connected to the broker"); n != 2 {
		t.Errorf("log: %q", u.log.all())
	}
}

func BenchmarkPublishQoS0(b *testing.B) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	client, err := New(Options{URLs: []*url.URL{{Scheme: "mqtt", Host: "one"}}, ClientID: "a", OnUp: func(context.Context) {}})
	if err != nil {
		b.Fatal(err)
	}
	client.dial = func(context.Context, *url.URL) (net.Conn, error) { return ours, nil }
	go func() {
		_, _ = theirs.Read(make([]byte, 1000))
		_, _ = theirs.Write(welcome)
		sink := make([]byte, 64<<10)
		for {
			if _, err := theirs.Read(sink); err != nil {
				return
			}
		}
	}()
	s, err := client.open(b.Context(), client.o.URLs[0])
	if err != nil {
		b.Fatal(err)
	}
	defer s.close()
	m := Message{Topic: "sunwire/inverter/state", Payload: make([]byte, 600)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.publish(b.Context(), m); err != nil {
			b.Fatal(err)
		}
	}
}

func TestARequestCarriesWhereItsAnswerGoes(t *testing.T) {
	at := addresses(t, "mqtt://"+house(t, "127.0.0.1:0").Addr())
	in := start(t, Options{URLs: at, ClientID: "in", Subscriptions: []string{"ask"}})
	out := start(t, Options{URLs: at, ClientID: "out"})
	receive(t, "connection", in.up)
	receive(t, "connection", out.up)
	if _, err := out.Publish(t.Context(), Message{Topic: "ask", Payload: []byte("x"), QoS: 1, ResponseTopic: "answers/7", CorrelationData: []byte{0, 1}}); err != nil {
		t.Fatal(err)
	}
	if m := receive(t, "request", in.messages); m.ResponseTopic != "answers/7" || string(m.CorrelationData) != "\x00\x01" {
		t.Errorf("%+v", m)
	}
}

func TestSubscriptionsFollowWhatIsWantedAlsoAfterALoss(t *testing.T) {
	b := house(t, "127.0.0.1:0")
	at := addresses(t, "mqtt://"+b.Addr())
	in := start(t, Options{URLs: at, ClientID: "in"})
	receive(t, "connection", in.up)
	want := func(filters ...string) {
		if err := in.Want(t.Context(), filters); err != nil {
			t.Fatal(err)
		}
	}
	hears := func(topic string) bool {
		out := start(t, Options{URLs: at, ClientID: "out"})
		receive(t, "connection", out.up)
		heard, err := out.Publish(t.Context(), Message{Topic: topic, QoS: 1})
		if err != nil {
			t.Fatal(err)
		}
		if heard {
			if m := receive(t, "message", in.messages); m.Topic != topic {
				t.Errorf("%s, want %s", m.Topic, topic)
			}
		}
		if _, err := out.Publish(t.Context(), Message{Topic: "elsewhere", QoS: 1}); err != nil { // now the broker has passed on the one before
			t.Error(err)
		}
		_ = out.stop()
		return heard
	}
	if want("a", "b"); !hears("a") || !hears("b") || hears("c") {
		t.Error("a and b are wanted")
	}
	if want("b", "c"); hears("a") || !hears("b") || !hears("c") {
		t.Error("b and c are wanted")
	}
	_ = b.Close()
	receive(t, "loss", in.down)
	house(t, b.Addr())
	receive(t, "connection", in.up)
	if hears("a") || !hears("c") {
		t.Error("b and c are wanted after a loss too")
	}
	if want(); hears("b") {
		t.Error("nothing is wanted")
	}
}
