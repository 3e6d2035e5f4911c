// Package broker is the connection to the MQTT broker: the only importer of paho.golang. It connects, reconnects, and says in plain words
// why it cannot. Of paho it takes the protocol; the life of a connection is its own, because who lost it, why, and when to try again is what
// a user has to be told.
package broker

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// ErrDown is what Publish returns, at once, while there is no connection, and for a message that was under way when it was lost.
var ErrDown = errors.New("not connected to the broker")

// Message is one MQTT message.
type Message struct {
	Topic   string
	Payload []byte
	Retain  bool // received: the broker replayed it on subscribing, it is not news
	QoS     byte // 0 or 1

	ResponseTopic   string // of a request: where its sender waits for the answer
	CorrelationData []byte // of a request, and the same in its answer
}

// Options say where the broker is and what to do there.
type Options struct {
	URLs     []*url.URL // mqtt:// (tcp://) or mqtts:// (ssl://, tls://); tried in turn
	Username string     // goes before a user in the URL
	Password string
	// Login, if set, is asked instead: before the first try, again after the broker refused it, and again when nobody has answered there for
	// 30 s. Its error is State.Error while there is no connection; it has to tell the mend and no secret. It is asked at the pace of tries, has
	// 10 s, and ends with ctx.
	Login    func(ctx context.Context) (Login, error)
	CAFile   string // PEM; the only authorities to trust. "" = those of the system
	CertFile string // PEM; the client's own certificate, with KeyFile
	KeyFile  string
	ClientID string // the same at each start and on no other machine

	// Will is published by the broker when the connection is cut or times out; not when Run ends it. No topic: no will.
	Will Message
	// Subscriptions are made on each connection before OnUp; what is retained there may reach OnMessage before OnUp begins.
	Subscriptions []string

	// OnUp is called in a goroutine of its own at each connection, never twice at a time; ctx ends with that connection, and the next one
	// waits until OnUp has returned.
	OnUp func(ctx context.Context)
	// OnDown is called once for each connection that was lost, after its OnUp has returned. It must not wait.
	OnDown func(err error)
	// OnMessage is called in order of arrival, for one message at a time. It must not wait: nothing is received meanwhile.
	OnMessage func(Message)
	Log       *slog.Logger
}

// State is the connection now.
type State struct {
	Connected bool
	URL       string    // the one connected to, or the last one tried; without credentials
	Since     time.Time // when it was connected or lost; zero before the first connection
	Error     string    // why there is no connection, and the mend
}

// Client is the connection to the broker. Its methods may be called at any time from any goroutine.
type Client struct {
	o    Options
	tls  *tls.Config
	dial func(context.Context, *url.URL) (net.Conn, error)
	live atomic.Pointer[session] // nil while there is no connection

	short int       // brief connections in a row; this and the next two are Run's own
	login Login     // of Options; what Options.Login said last
	known time.Time // when the login was last seen to be right, or was asked for

	mu    sync.Mutex
	state State
	told  map[string]string // by address: the reason that the log has already

	filters sync.Mutex // held while subscriptions change, which takes as long as the broker
	more    []string   // subscriptions besides those of Options
}

// New checks o, certificates included, and connects nothing.
func New(o Options) (*Client, error) {
	config, err := o.check()
	if err != nil {
		return nil, err
	}
	c := &Client{o: o, tls: config, told: map[string]string{}}
	if o.Login == nil {
		c.login = Login{o.URLs, o.Username, o.Password}
	}
	c.dial = c.dialNet
	return c, nil
}

// State tells whether there is a connection, and if not, why.
func (c *Client) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// Publish sends m. The messages of one goroutine keep their order.
//
// With QoS 0 it returns once m is in the outgoing buffer, and heard is true. With QoS 1 it waits for the broker's answer; heard is false if
// the broker says that nobody subscribes to the topic (reason 0x10), which only brokers that look can say.
//
// It never holds the caller long: without a connection it returns ErrDown at once, and a broker that stalls costs 5 s or what ctx allows,
// whichever is less.
func (c *Client) Publish(ctx context.Context, m Message) (heard bool, err error) {
	s := c.live.Load()
	if s == nil {
		return false, ErrDown
	}
	return s.publish(ctx, m)
}

// Want has the client subscribe to filters besides Options.Subscriptions, on this connection and each later one, in the place of those
// wanted before. Without a connection it returns at once.
func (c *Client) Want(ctx context.Context, filters []string) error {
	c.filters.Lock()
	defer c.filters.Unlock()
	was := c.more
	c.more = slices.Clone(filters)
	s := c.live.Load()
	if s == nil {
		return nil
	}
	return errors.Join(
		c.subscribe(ctx, s, slices.DeleteFunc(slices.Clone(filters), func(f string) bool { return slices.Contains(was, f) })),
		s.unsubscribe(ctx, slices.DeleteFunc(was, func(f string) bool { return slices.Contains(filters, f) })),
	)
}

// up, unreachable and lost are the changes of state; each is one line in the log.

func (c *Client) up(address string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state = State{Connected: true, URL: address, Since: time.Now()}
	clear(c.told)
	c.o.Log.Info("connected to the broker", "url", address)
}

// unreachable is called for every failed try; the log hears of it when the reason is another than last time.
func (c *Client) unreachable(address string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.URL, c.state.Error = address, err.Error()
	if c.told[address] != c.state.Error {
		c.told[address] = c.state.Error
		c.o.Log.Warn("cannot connect to the broker", "url", address, "error", err)
	}
}

// unknown is the same for a login that cannot be had.
func (c *Client) unknown(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.Error = err.Error()
	if c.told[""] != c.state.Error {
		c.told[""] = c.state.Error
		c.o.Log.Warn("cannot learn where the broker is", "error", err)
	}
}

func (c *Client) lost(address string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state = State{URL: address, Since: time.Now(), Error: err.Error()}
	c.o.Log.Warn("connection to the broker lost", "url", address, "error", err)
}

func (c *Client) closed(address string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state = State{URL: address, Since: time.Now()}
	c.o.Log.Info("disconnected from the broker", "url", address)
}
