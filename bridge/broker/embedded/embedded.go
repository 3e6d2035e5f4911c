// Package embedded is an MQTT broker within the program, for the demo: on loopback only, open to everybody there, nothing kept. It has a
// folder of its own because it is several times as large as the client.
package embedded

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
)

const (
	// pending is how many messages may wait for one client. What is beyond is dropped silently, and with the library's own 8192 a slow
	// subscriber lost a quarter of 50,000.
	pending = 200_000
	// silence is how long a connection may stay without CONNECT. Stopping waits for it.
	silence = 2 * time.Second
)

// Broker is a running broker.
type Broker struct {
	addr  string
	close func() error
}

// Start starts a broker on addr, a host:port on loopback; port 0 is any free one. Whoever starts it closes it.
func Start(addr string) (*Broker, error) {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", addr)
	if err != nil {
		return nil, err
	}
	if !l.Addr().(*net.TCPAddr).IP.IsLoopback() {
		_ = l.Close()
		return nil, errors.New("this broker lets everybody in, so it listens on loopback only")
	}
	limits := mqtt.NewDefaultServerCapabilities()
	limits.MaximumClientWritesPending = pending
	server := mqtt.New(&mqtt.Options{Capabilities: limits, Logger: slog.New(slog.DiscardHandler)})
	b := &Broker{addr: l.Addr().String(), close: sync.OnceValue(func() error {
		server.Listeners.ClientsWg.Done()
		return server.Close()
	})}
	server.Listeners.ClientsWg.Add(1) // else the first client's Add, in a goroutine of its own, would race with the Wait in Close
	if err := errors.Join(
		server.AddHook(&hook{server: server}, nil),
		server.AddListener(listeners.NewNet("mqtt", listener{l})),
		server.Serve(), // returns as soon as it serves
	); err != nil {
		return nil, errors.Join(err, b.Close(), l.Close())
	}
	return b, nil
}

// Addr is the host:port it listens on.
func (b *Broker) Addr() string { return b.addr }

// Close stops it and waits, 2 s at most, until its clients are gone.
func (b *Broker) Close() error { return b.close() }

// listener gives each connection a time to say CONNECT in; the broker itself would wait for ever, and stopping would wait with it.
type listener struct{ net.Listener }

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		_ = c.SetReadDeadline(time.Now().Add(silence))
	}
	return c, err
}

// hook lets everybody in, and mends two things. A publish that nobody subscribes to is answered as other brokers do, with reason 0x10: else
// sunwire would think that Home Assistant listens. And subscribers get everything with QoS 0, which over loopback loses nothing: with
// messages in flight to a client the library can lock itself up for good (Inflight.NextImmediate takes a lock twice).
type hook struct {
	mqtt.HookBase
	server *mqtt.Server
}

func (*hook) ID() string { return "sunwire" }

func (*hook) Provides(b byte) bool {
	switch b {
	case mqtt.OnConnectAuthenticate, mqtt.OnACLCheck, mqtt.OnSubscribe, mqtt.OnPublish, mqtt.OnPacketEncode:
		return true
	}
	return false
}

func (*hook) OnConnectAuthenticate(*mqtt.Client, packets.Packet) bool { return true }
func (*hook) OnACLCheck(*mqtt.Client, string, bool) bool              { return true }

func (*hook) OnSubscribe(_ *mqtt.Client, p packets.Packet) packets.Packet {
	for i := range p.Filters {
		p.Filters[i].Qos = 0
	}
	return p
}

// OnPublish marks what nobody subscribes to. The acknowledgement takes its properties over from the message.
func (h *hook) OnPublish(_ *mqtt.Client, p packets.Packet) (packets.Packet, error) {
	to := h.server.Topics.Subscribers(p.TopicName)
	if p.FixedHeader.Qos == 1 && len(to.Subscriptions)+len(to.Shared) == 0 {
		p.Properties.ReasonString = packets.CodeNoMatchingSubscribers.Reason
	}
	return p, nil
}

func (*hook) OnPacketEncode(_ *mqtt.Client, p packets.Packet) packets.Packet {
	if p.FixedHeader.Type == packets.Puback && p.Properties.ReasonString == packets.CodeNoMatchingSubscribers.Reason {
		p.ReasonCode = packets.CodeNoMatchingSubscribers.Code
	}
	return p
}
