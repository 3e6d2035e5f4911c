package bridge

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"sunwire/bridge/broker"
	"sunwire/bridge/config"
	"sunwire/drivers/link"
)

func TestALinkOfTheBrokerHearsWhatOthersPublish(t *testing.T) {
	w := newWorld(t)
	b, stop := w.run(w.dir, "devices: []", nil)
	p := &port{devices: []*device{{cfg: config.Device{ID: "plug", Port: config.Port{Text: "mqtt:", Kind: link.MQTT}}}}, log: slog.New(slog.DiscardHandler), feed: &b.feed}
	conn, err := p.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.ha.Publish(t.Context(), broker.Message{Topic: "tele/plug", Payload: []byte("old"), Retain: true}); err != nil {
		t.Fatal(err)
	}
	w.until("the connection", func() bool { return b.Snapshot().Broker.Connected })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var heard []link.Message
	for m := range conn.(link.Subscriber).Subscribe(ctx, "tele/plug") {
		if heard = append(heard, m); len(heard) == 2 {
			break
		}
		w.say("tele/plug", "new")
	}
	if len(heard) != 2 || string(heard[0].Payload) != "old" || !heard[0].Retained || string(heard[1].Payload) != "new" || heard[1].Retained {
		t.Errorf("heard %+v", heard)
	}
	if portKey(p.devices[0].cfg) == portKey(config.Device{ID: "other", Port: p.devices[0].cfg.Port}) {
		t.Error("two devices that listen to the broker share a line: one of them would hear nothing")
	}
	stop()
}
