package broker

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/packets"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lines is a log, one text a line.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Split(strings.TrimSpace(l.b.String()), "\n")
}

func (l *lines) count(text string) (n int) {
	for _, line := range l.all() {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// user is a running client and what it told.
type user struct {
	*Client
	up       chan struct{}
	down     chan error
	messages chan Message
	log      *lines
	stop     func() error // ends Run; nil error and in time, or the test fails
}

// start runs a client with o, changed by adapt, until the test ends.
func start(t *testing.T, o Options, adapt ...func(*Client)) *user {
	t.Helper()
	u := &user{up: make(chan struct{}, 1000), down: make(chan error, 1000), messages: make(chan Message, 100_000), log: &lines{}}
	if o.ClientID == "" {
		o.ClientID = strings.ReplaceAll(t.Name(), "/", "_")
	}
	if o.OnUp == nil {
		o.OnUp = func(context.Context) { u.up <- struct{}{} }
	}
	onDown := o.OnDown
	o.OnDown = func(err error) {
		if onDown != nil {
			onDown(err)
		}
		u.down <- err
	}
	o.OnMessage = func(m Message) { u.messages <- m }
	o.Log = slog.New(slog.NewTextHandler(u.log, nil))
	client, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range adapt {
		f(client)
	}
	u.Client = client
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- client.Run(ctx) }()
	u.stop = sync.OnceValue(func() error {
		cancel()
		from := time.Now()
		err := <-ended
		if took := time.Since(from); took > 2*time.Second {
			t.Errorf("Run took %v to end", took)
		}
		return err
	})
	t.Cleanup(func() { _ = u.stop() })
	return u
}

func addresses(t *testing.T, texts ...string) (us []*url.URL) {
	t.Helper()
	for _, text := range texts {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		us = append(us, u)
	}
	return us
}

func receive[T any](t *testing.T, what string, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(20 * time.Second):
		t.Fatalf("no %s", what)
	}
	return v
}

// through lets the client reach a broker in this process, without a network: serve is called for each connection, in a goroutine.
func through(serve func(host string, c net.Conn)) func(*Client) {
	return func(client *Client) {
		client.dial = func(_ context.Context, u *url.URL) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go func() {
				defer theirs.Close()
				serve(u.Hostname(), theirs)
			}()
			return ours, nil
		}
	}
}

// welcome is the shortest CONNACK of MQTT 5.
var welcome = []byte{0x20, 3, 0, 0, 0}

// serveBroker answers each packet with what answer makes of it (nil: nothing), until the client goes or answer is false.
func serveBroker(c net.Conn, answer func(p *packets.ControlPacket) ([]byte, bool)) {
	replies := make(chan []byte, 100) // what a socket would hold: a client that leaves reads no more
	var writer sync.WaitGroup
	writer.Go(func() {
		for reply := range replies {
			if _, err := c.Write(reply); err != nil {
				return
			}
		}
	})
	defer writer.Wait()
	defer close(replies)
	for {
		p, err := packets.ReadPacket(c)
		if err != nil {
			return
		}
		reply, more := answer(p)
		if len(reply) > 0 {
			replies <- reply
		}
		if !more {
			return
		}
	}
}

// polite answers everything but PUBLISH with hello, and the rest as a broker must; publish may be nil.
func polite(hello []byte, publish func(*packets.Publish) []byte) func(*packets.ControlPacket) ([]byte, bool) {
	return func(p *packets.ControlPacket) ([]byte, bool) {
		switch content := p.Content.(type) {
		case *packets.Connect:
			return hello, true
		case *packets.Subscribe:
			ack := []byte{0x90, byte(3 + len(content.Subscriptions)), byte(content.PacketID >> 8), byte(content.PacketID), 0}
			return append(ack, make([]byte, len(content.Subscriptions))...), true
		case *packets.Pingreq:
			return []byte{0xD0, 0}, true
		case *packets.Publish:
			if publish != nil {
				return publish(content), true
			}
		}
		return nil, true
	}
}

func puback(id uint16, reason byte) []byte {
	return []byte{0x40, 4, byte(id >> 8), byte(id), reason, 0}
}
