package bridge

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	"sunwire/bridge/broker"
)

// claim makes sure that this sunwire is the only one with its topic prefix on the broker: two would throw each other's devices offline.
// Each says who it is in <p>/info (retained); while another one is there and online, this one says nothing.
type claim struct {
	prefix string
	mine   info
	log    *slog.Logger

	mu    sync.Mutex
	other info // last foreign info; "" instance: none
	alive bool // <p>/status is online
	won   bool
	echo  chan struct{} // closed when our own hello came back: by then all retained messages have
	news  chan struct{} // signals that something of the above changed
}

// info is what <p>/info holds.
type info struct {
	Host     string    `json:"host"`
	Instance string    `json:"instance"`
	Version  string    `json:"version"`
	Started  time.Time `json:"started"`
}

func newClaim(prefix, instance, host, version string, started time.Time, log *slog.Logger) *claim {
	return &claim{prefix: prefix, mine: info{host, instance, version, started}, log: log, news: make(chan struct{}, 1)}
}

func (c *claim) hello() string { return c.prefix + "/bridge/hello/" + c.mine.Instance }

func (c *claim) filters() []string {
	return []string{c.prefix + "/info", c.prefix + "/status", c.hello()}
}

// message takes in what concerns the claim; false: it is something else.
func (c *claim) message(m broker.Message) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch m.Topic {
	case c.hello():
		if c.echo != nil {
			close(c.echo)
			c.echo = nil
		}
	case c.prefix + "/info":
		var i info
		if json.Unmarshal(m.Payload, &i) == nil && i.Instance != c.mine.Instance {
			c.other = i
		}
	case c.prefix + "/status":
		c.alive = string(m.Payload) == "online"
	default:
		return false
	}
	select {
	case c.news <- struct{}{}:
	default:
	}
	return true
}

// rival is the host of the other sunwire that has the prefix, "" where there is none.
func (c *claim) rival() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.won || c.other.Instance == "" || !c.alive {
		return ""
	}
	return c.other.Host
}

// win waits until the prefix is ours, and says so; false: the connection ended before.
func (c *claim) win(ctx context.Context, to client) bool {
	c.mu.Lock()
	echo := make(chan struct{})
	c.echo = echo
	c.mu.Unlock()
	if _, err := to.Publish(ctx, broker.Message{Topic: c.hello(), QoS: 0}); err != nil {
		return false
	}
	select {
	case <-ctx.Done():
		return false
	case <-echo:
	case <-time.After(2 * time.Second): // a broker that does not let us read what we write
	}
	for told := false; c.rival() != ""; {
		if !told {
			c.log.Error("another sunwire uses this topic prefix on this broker; nothing is published until it stops: give one of them another mqtt.topic_prefix",
				"topic_prefix", c.prefix, "host", c.rival())
			told = true
		}
		select {
		case <-ctx.Done():
			return false
		case <-c.news:
		}
	}
	c.mu.Lock()
	c.won, c.other = true, info{}
	c.mu.Unlock()
	return c.introduce(ctx, to) == nil
}

func (c *claim) introduce(ctx context.Context, to client) error {
	mine, err := json.Marshal(c.mine)
	if err == nil {
		_, err = to.Publish(ctx, broker.Message{Topic: c.prefix + "/info", Payload: mine, Retain: true, QoS: 1})
	}
	return err
}

// reset forgets what was heard on a connection that is lost. What the broker retains comes again, perhaps before win is called.
func (c *claim) reset() {
	c.mu.Lock()
	c.won, c.alive, c.other = false, false, info{}
	c.mu.Unlock()
}

// leave ends the claim: what is said offline from here on is our own doing.
func (c *claim) leave() {
	c.mu.Lock()
	c.won = false
	c.mu.Unlock()
}

// defend keeps the claim until ctx ends, or until one that has been there for longer shows up. Whoever says that this prefix is
// offline (the last will of one that had lost) is corrected; whoever came later is told that we are here.
func (c *claim) defend(ctx context.Context, to client) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.news:
		}
		c.mu.Lock()
		silenced, other := c.won && !c.alive, c.other
		c.other = info{}
		if other.Instance != "" && other.Started.Before(c.mine.Started) {
			c.won = false
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
		if silenced {
			_, _ = to.Publish(ctx, broker.Message{Topic: c.prefix + "/status", Payload: []byte("online"), Retain: true, QoS: 1})
		}
		if other.Instance != "" {
			_ = c.introduce(ctx, to)
		}
	}
}
