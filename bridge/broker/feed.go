package broker

import (
	"context"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"sunwire/drivers/link"
)

// Feed hands what the broker sends to links of the kind mqtt. The zero value is ready.
type Feed struct {
	// Changed is called when Filters has changed; nil: nobody wants to know.
	Changed func()

	mu        sync.Mutex
	listeners []*listener
}

type listener struct {
	filters  []string
	messages chan link.Message
}

// waiting is how many messages one listener may be behind.
const waiting = 256

// Filters are those of all listeners.
func (f *Feed) Filters() (all []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range f.listeners {
		all = append(all, l.filters...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Message hands m to whoever listens to its topic. It never waits: who is too far behind loses the oldest.
func (f *Feed) Message(m Message) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range f.listeners {
		if !slices.ContainsFunc(l.filters, func(filter string) bool { return Matches(filter, m.Topic) }) {
			continue
		}
		for sent := false; !sent; {
			select {
			case l.messages <- link.Message{Topic: m.Topic, Payload: m.Payload, Retained: m.Retain}:
				sent = true
			default:
				select {
				case <-l.messages:
				default:
				}
			}
		}
	}
}

// Conn is a link on this feed.
func (f *Feed) Conn() link.Subscriber { return feedConn{f} }

type feedConn struct{ feed *Feed }

// Kind implements link.Conn.
func (feedConn) Kind() link.Kind { return link.MQTT }

// Wait implements link.Conn.
func (feedConn) Wait(ctx context.Context, d time.Duration) error { return link.Sleep(ctx, d) }

// Close implements link.Conn.
func (feedConn) Close() error { return nil }

// Subscribe implements link.Subscriber. While there is no broker, nothing comes.
func (c feedConn) Subscribe(ctx context.Context, filters ...string) iter.Seq2[link.Message, error] {
	return func(yield func(link.Message, error) bool) {
		l := &listener{slices.Clone(filters), make(chan link.Message, waiting)}
		c.feed.change(func(all []*listener) []*listener { return append(all, l) })
		defer c.feed.change(func(all []*listener) []*listener {
			return slices.DeleteFunc(all, func(o *listener) bool { return o == l })
		})
		for {
			select {
			case <-ctx.Done():
				return
			case m := <-l.messages:
				if !yield(m, nil) {
					return
				}
			}
		}
	}
}

func (f *Feed) change(how func([]*listener) []*listener) {
	f.mu.Lock()
	f.listeners = how(f.listeners)
	f.mu.Unlock()
	if f.Changed != nil {
		f.Changed()
	}
}

// Matches reports whether a filter, with + for one part and # for all that follow, takes in a topic.
func Matches(filter, topic string) bool {
	for {
		f, restOfFilter, more := strings.Cut(filter, "/")
		t, restOfTopic, deeper := strings.Cut(topic, "/")
		switch {
		case f == "#":
			return true
		case f != "+" && f != t:
			return false
		case !deeper:
			return !more || restOfFilter == "#"
		case !more:
			return false
		}
		filter, topic = restOfFilter, restOfTopic
	}
}
