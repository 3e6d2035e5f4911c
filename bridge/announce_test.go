package bridge

import (
	"context"
	"testing"
	"time"

	"sunwire/bridge/broker"
)

// spy is a client that only looks.
type spy func(m broker.Message)

func (s spy) Publish(_ context.Context, m broker.Message) (heard bool, err error) {
	s(m)
	return true, nil
}

// Whatever happens after the first byte, the next sunwire or the next configuration knows what there is to remove.
func TestWhatIsAnnouncedIsNotedBeforeItIsSaid(t *testing.T) {
	w := newWorld(t)
	b, stop := w.run(w.dir, oneInverter, nil)
	w.live("inverter", "pv_power")
	stop()
	d, said := b.devices()[0], 0
	b.pub.client = spy(func(m broker.Message) {
		if m.Topic == configTopic(inverterUID) {
			said++
			if kept, _ := b.store.Get("inverter"); len(kept.Announced[inverterUID]) == 0 {
				t.Error("it is said, and not noted")
			}
		}
	})
	announce := func() {
		b.pub.session, d.outlet.session = 1, 0
		b.pub.announce(t.Context(), d.outlet, time.Now())
	}
	b.keep(d, nil)
	if announce(); said != 1 {
		t.Fatalf("announced %d times", said)
	}
	b.fleet.Store(&fleet{})
	if announce(); said != 1 {
		t.Error("a device that has left is announced")
	}
}
