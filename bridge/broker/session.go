package broker

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/eclipse/paho.golang/paho"
)

const (
	keepAlive  = 15              // s: the broker gives us up after 1.5 times this, we give it up after twice
	answerTime = 5 * time.Second // for CONNACK, SUBACK and PUBACK, and for a stalled broker to take data again
	inFlight   = 64              // QoS 1 messages the broker may send us ahead
	largest    = 256 << 10       // bytes of one message to us; a broker that sends more would fill a small machine
	headers    = 24              // bytes around topic, payload and properties, at most

	noSubscribers = 0x10 // PUBACK: accepted, but nobody subscribes to this topic
)

// session is one connection, from CONNECT to its end.
type session struct {
	address    string
	conn       *conn
	client     *paho.Client
	over       context.Context         // done when the session is; its cause says why
	end        context.CancelCauseFunc // the first cause counts, later ones are its consequences
	maxMessage int                     // what this broker takes, in bytes; 0 = anything
	maxQoS     byte
}

// open dials, says CONNECT and subscribes.
func (c *Client) open(ctx context.Context, u *url.URL) (*session, error) {
	raw, err := c.dial(ctx, u)
	if err != nil {
		return nil, err
	}
	s := &session{address: address(u), maxQoS: 2}
	s.over, s.end = context.WithCancelCause(context.WithoutCancel(ctx))
	s.conn = newConn(raw, s.end)
	s.client = paho.NewClient(paho.ClientConfig{
		ClientID:           c.o.ClientID,
		Conn:               s.conn,
		PacketTimeout:      answerTime,
		OnPublishReceived:  []func(paho.PublishReceived) (bool, error){c.receive},
		OnServerDisconnect: func(d *paho.Disconnect) { s.end(disconnectReason(d)) },
		OnClientError: func(err error) {
			if !errors.Is(err, errClosing) {
				s.end(lossReason(err))
			}
		},
	})
	ack, err := s.client.Connect(ctx, c.hello(u))
	if err == nil && ack.ReasonCode != 0 { // below 0x80, which is no refusal: not known in a CONNACK
		err = errors.New("unexpected answer")
	}
	if err != nil {
		_ = s.close()
		return nil, c.refusal(u, ack, s.conn.firstBytes(), err)
	}
	if p := ack.Properties; p != nil {
		if p.MaximumPacketSize != nil {
			s.maxMessage = int(*p.MaximumPacketSize)
		}
		if p.MaximumQoS != nil {
			s.maxQoS = *p.MaximumQoS
		}
	}
	if err := c.subscribe(ctx, s, c.o.Subscriptions); err != nil {
		_ = s.close()
		return nil, err
	}
	return s, nil
}

// hello is our CONNECT. The session ends with the connection: all that matters is published anew on the next one. So there is no will delay
// either, which a session that ends would cut short.
func (c *Client) hello(u *url.URL) *paho.Connect {
	user, password := c.credentials(u)
	p := &paho.Connect{
		ClientID: c.o.ClientID, CleanStart: true, KeepAlive: keepAlive,
		Username: user, UsernameFlag: user != "",
		Password: []byte(password), PasswordFlag: password != "",
		Properties: &paho.ConnectProperties{
			ReceiveMaximum: new(uint16(inFlight)), MaximumPacketSize: new(uint32(largest)), RequestProblemInfo: true,
		},
	}
	if w := c.o.Will; w.Topic != "" {
		p.WillMessage = &paho.WillMessage{Topic: w.Topic, Payload: w.Payload, Retain: w.Retain, QoS: w.QoS}
	}
	return p
}

// subscribe makes the subscriptions. One that is refused is told and done without: publishing is what we are here for.
func (c *Client) subscribe(ctx context.Context, s *session, filters []string) error {
	if len(filters) == 0 {
		return nil
	}
	request := &paho.Subscribe{}
	for _, filter := range filters {
		request.Subscriptions = append(request.Subscriptions, paho.SubscribeOptions{Topic: filter, QoS: 1})
	}
	ctx, stop := s.until(ctx)
	defer stop()
	ack, err := s.client.Subscribe(ctx, request)
	switch {
	case ack != nil:
		for i, code := range ack.Reasons {
			if code >= 0x80 && i < len(filters) {
				c.o.Log.Warn("the broker refuses a subscription", "url", s.address, "filter", filters[i], "error", reason(code, ""))
			}
		}
	case errors.Is(err, paho.ErrInvalidArguments):
		c.o.Log.Warn("the broker refuses subscriptions", "url", s.address, "error", err)
	case s.over.Err() != nil:
		return fmt.Errorf("subscribing: %w", context.Cause(s.over))
	case err != nil:
		return fmt.Errorf("subscribing: no answer from the broker: %w", err)
	}
	return nil
}

func (s *session) unsubscribe(ctx context.Context, filters []string) error {
	if len(filters) == 0 {
		return nil
	}
	ctx, stop := s.until(ctx)
	defer stop()
	if _, err := s.client.Unsubscribe(ctx, &paho.Unsubscribe{Topics: filters}); err != nil {
		return fmt.Errorf("unsubscribing: %w", err)
	}
	return nil
}

func (c *Client) receive(p paho.PublishReceived) (bool, error) {
	if c.o.OnMessage == nil {
		return true, nil
	}
	m := Message{Topic: p.Packet.Topic, Payload: p.Packet.Payload, Retain: p.Packet.Retain, QoS: p.Packet.QoS}
	if q := p.Packet.Properties; q != nil {
		m.ResponseTopic, m.CorrelationData = q.ResponseTopic, q.CorrelationData
	}
	c.o.OnMessage(m)
	return true, nil
}

func (s *session) publish(ctx context.Context, m Message) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, fmt.Errorf("publishing on %s: %w", m.Topic, err)
	}
	if strings.ContainsAny(m.Topic, "+#") {
		return false, fmt.Errorf("publishing on %s: + and # have no place in a topic", m.Topic) // the broker would cut the connection
	}
	if n := len(m.Topic) + len(m.Payload) + len(m.ResponseTopic) + len(m.CorrelationData) + headers; s.maxMessage > 0 && n > s.maxMessage {
		return false, fmt.Errorf("publishing on %s: %d bytes are more than this broker takes (%d)", m.Topic, n, s.maxMessage)
	}
	if err := s.conn.room(ctx, answerTime); err != nil {
		return false, fmt.Errorf("publishing on %s: %w", m.Topic, err)
	}
	qos := min(m.QoS, s.maxQoS)
	if qos > 0 {
		var stop func()
		ctx, stop = s.until(ctx)
		defer stop()
	}
	p := &paho.Publish{Topic: m.Topic, Payload: m.Payload, Retain: m.Retain, QoS: qos}
	if m.ResponseTopic != "" || m.CorrelationData != nil {
		p.Properties = &paho.PublishProperties{ResponseTopic: m.ResponseTopic, CorrelationData: m.CorrelationData}
	}
	ack, err := s.client.Publish(ctx, p)
	switch {
	case err == nil:
		return qos == 0 || ack.ReasonCode != noSubscribers, nil
	case ack != nil:
		return false, fmt.Errorf("publishing on %s: the broker refuses it: %s", m.Topic, reason(ack.ReasonCode, ""))
	case s.over.Err() != nil:
		return false, fmt.Errorf("publishing on %s: %w: %w", m.Topic, ErrDown, context.Cause(s.over))
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return false, fmt.Errorf("publishing on %s: no answer from the broker: %w", m.Topic, err)
	}
	return false, fmt.Errorf("publishing on %s: %w", m.Topic, err)
}

// until is ctx, ended with the session: what waits for an answer when the connection is lost hears nothing from paho.
func (s *session) until(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(s.over, cancel)
	return ctx, func() { stop(); cancel() }
}

// close sends DISCONNECT if it still can, which drops the will, and waits for paho's goroutines. Its error is that of the last bytes.
func (s *session) close() error {
	s.end(ErrDown)
	err := s.client.Disconnect(&paho.Disconnect{})
	return errors.Join(err, s.conn.failure())
}
