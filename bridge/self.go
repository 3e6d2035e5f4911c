package bridge

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"time"

	"sunwire/bridge/broker"
	"sunwire/bridge/release"
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
	releases  *release.Watch // nil: nobody asks for newer versions
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
		{Key: "update", Name: "Update", Platform: drivers.Update, Category: drivers.Diagnostic},
		{Key: "title", Platform: drivers.Label, Attribute: "update"},
		{Key: "installed_version", Platform: drivers.Label, Attribute: "update"},
		{Key: "latest_version", Platform: drivers.Label, Attribute: "update"},
		{Key: "release_url", Platform: drivers.Label, Attribute: "update"},
		{Key: "release_summary", Platform: drivers.Label, Attribute: "update"},
	}
}

// entities are those of this bridge: none of an update where nobody asks for one.
func (b *bridgeDevice) entities() []drivers.Entity {
	if b.releases != nil {
		return Entities()
	}
	return slices.DeleteFunc(Entities(), func(e drivers.Entity) bool { return e.Platform == drivers.Update || e.Attribute == "update" })
}

// announce sends the bridge's discovery, that it is online, and its state.
func (b *bridgeDevice) announce(ctx context.Context, p *publisher) (heard bool, err error) {
	msgs, announced := discovery.Bridge("sunwire", b.entities(), b.announced, p.options)
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
	if b.releases != nil {
		values["title"], values["installed_version"] = drivers.Text("sunwire"), drivers.Text(b.releases.Installed())
		if r, ok := b.releases.Newest(); ok {
			values["latest_version"], values["release_url"], values["release_summary"] = drivers.Text(r.Version), drivers.Text(r.URL), drivers.Text(r.Summary)
		}
	}
	doc := []byte{'{'}
	for _, e := range b.entities() {
		if e.Platform == drivers.Update {
			continue
		}
		doc = values[e.Key].AppendJSON(appendKey(doc, e.Key), e.Quantity.Decimals)
	}
	return append(doc, '}')
}
