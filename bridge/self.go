package bridge

import (
	"bytes"
	"context"
	"strings"
	"time"

	"sunwire/bridge/broker"
	"sunwire/discovery"
	"sunwire/drivers"
)

// bridgeID is the reserved id of the bridge's own device.
const bridgeID = "bridge"

// bridgeDevice is sunwire itself as a device in Home Assistant.
type bridgeDevice struct {
	version   string
	started   time.Time
	problems  func(now time.Time) []string // in words, with the mend
	online    func() (online, all int)
	announced discovery.Announced
	keep      func(discovery.Announced)
	document  []byte
	sent      time.Time
}

// Entities are the bridge's own values.
func Entities() []drivers.Entity {
	return []drivers.Entity{
		{Key: "problem", Name: "Problem", Platform: drivers.Binary, Quantity: drivers.Problem, Category: drivers.Diagnostic},
		{Key: "problems", Name: "Problems", Platform: drivers.Label, Category: drivers.Diagnostic},
		{Key: "devices_online", Name: "Devices online", Quantity: drivers.Count, Category: drivers.Diagnostic},
		{Key: "started", Name: "Started", Platform: drivers.Label, Quantity: drivers.Timestamp, Category: drivers.Diagnostic},
		{Key: "version", Name: "Version", Platform: drivers.Label, Category: drivers.Diagnostic},
	}
}

// announce sends the bridge's discovery, that it is online, and its state.
func (b *bridgeDevice) announce(ctx context.Context, p *publisher) (heard bool, err error) {
	msgs, announced := discovery.Bridge("sunwire", Entities(), b.announced, p.options)
	for _, m := range msgs {
		if heard, err = p.client.Publish(ctx, retained(m)); err != nil {
			return false, err
		}
	}
	b.announced = announced
	b.keep(announced)
	p.sendStatus(ctx, p.options.TopicPrefix, "online")
	_, err = b.state(ctx, p, time.Now(), 0)
	return heard, err
}

// refresh sends the state when it changed, or the heartbeat is due.
func (b *bridgeDevice) refresh(ctx context.Context, p *publisher, now time.Time) {
	if doc := b.render(now); !bytes.Equal(doc, b.document) || now.Sub(b.sent) >= heartbeat {
		_, _ = b.state(ctx, p, now, 0)
	}
}

func (b *bridgeDevice) state(ctx context.Context, p *publisher, now time.Time, qos byte) (heard bool, err error) {
	b.document, b.sent = b.render(now), now
	return p.client.Publish(ctx, broker.Message{Topic: p.options.TopicPrefix + "/" + bridgeID + "/state", Payload: b.document, QoS: qos})
}

func (b *bridgeDevice) render(now time.Time) []byte {
	problems := b.problems(now)
	online, _ := b.online()
	text := "No problems"
	if len(problems) > 0 {
		text = strings.Join(problems, "; ")
	}
	values := map[string]drivers.Value{
		"problem": drivers.Bool(len(problems) > 0), "problems": drivers.Text(clip(text)), "devices_online": drivers.Num(float64(online)),
		"started": drivers.Text(b.started.UTC().Format(time.RFC3339)), "version": drivers.Text(b.version),
	}
	doc := []byte{'{'}
	for _, e := range Entities() {
		doc = values[e.Key].AppendJSON(appendKey(doc, e.Key), e.Quantity.Decimals)
	}
	return append(doc, '}')
}
