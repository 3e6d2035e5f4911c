package stream

import (
	"context"
	"testing"
	"time"

	"sunwire/drivers/link"
)

func TestALateReplyNeverCountsForTheNextRequest(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, p *port, c *Conn) {
		fails(t, c, question("a"), link.ErrNoReply, first)
		p.later(gap*9/10, "a=l", "ate\n") // it begins before the line counts as quiet, and ends long after
		p.device = func(string) { p.later(gap/2, "a=new\n") }
		start := time.Now()
		ask(t, c, question("a"), "a=new\n")
		if took := time.Since(start); took != 2*gap*9/10+gap+gap/2 {
			t.Errorf("the next request went out after %v: the line was not quiet for %v", took-gap/2, gap)
		}
	})
}

// The device was busy for longer than anybody waits, and then answers everything it was asked. The replies to some questions are alike.
func TestTheLateReplyToOneQuestionIsNotTakenForAnothers(t *testing.T) {
	alike := func(name string) link.Request {
		return link.Request{Bytes: []byte(name), Frame: named("="), First: first, Gap: gap}
	}
	inBubble(t, Options{}, func(t *testing.T, p *port, c *Conn) {
		fails(t, c, alike("a"), link.ErrNoReply, first)
		p.device = func(string) { p.later(gap/2, "=a\n") }
		fails(t, c, alike("b"), link.ErrFrame, gap+first) // so long until b's own has come as well
		p.device = func(string) { p.later(gap/2, "=b\n") }
		ask(t, c, alike("b"), "=b\n")
		ask(t, c, alike("b"), "=b\n")
	})
	inBubble(t, Options{}, func(t *testing.T, p *port, c *Conn) {
		fails(t, c, alike("a"), link.ErrNoReply, first)
		p.device = func(string) { p.later(gap/2, "=a\n", "=a again\n") }
		ask(t, c, alike("a"), "=a\n") // the late one is as good
		p.device = func(string) {}
		fails(t, c, alike("b"), link.ErrFrame, first)
		p.device = func(string) { p.say("=b\n") }
		ask(t, c, alike("b"), "=b\n") // it may be the one to the try before, so that another is still to come
		fails(t, c, alike("a"), link.ErrFrame, first)
		time.Sleep(2 * first)
		ask(t, c, alike("a"), "=b\n") // that is over
		p.device = func(string) { p.later(gap/2, "c=1\n") }
		ask(t, c, question("c"), "c=1\n")
	})
	inBubble(t, Options{}, func(t *testing.T, p *port, c *Conn) {
		fails(t, c, alike("a"), link.ErrNoReply, first)
		p.device = func(string) { p.later(first-gap, "=a\n") }
		ask(t, c, alike("a"), "=a\n")
		time.Sleep(gap) // the first try is long ago, the second is not
		p.device = func(string) { p.say("=a again\n") }
		fails(t, c, alike("b"), link.ErrFrame, first)
	})
	inBubble(t, Options{}, func(t *testing.T, p *port, c *Conn) {
		fails(t, c, alike("a"), link.ErrNoReply, first)
		p.device = func(string) { p.later(gap/2, "c=1\n") }
		ask(t, c, question("c"), "c=1\n") // nothing else looks like this
		p.device = func(string) { p.say("damaged") }
		fails(t, c, question("c"), link.ErrFrame, gap)
		time.Sleep(2 * first)
		fails(t, c, question("c"), link.ErrFrame, 2*gap)
		p.device = func(string) { p.say("=b\n") }
		ask(t, c, alike("b"), "=b\n") // what came damaged comes no more
	})
	inBubble(t, Options{}, func(t *testing.T, _ *port, c *Conn) {
		for range 1000 {
			ctx, cancel := context.WithTimeout(t.Context(), 10*gap)
			_, _ = c.Transact(ctx, alike("a"))
			cancel()
		}
		if len(c.owed) > 3 {
			t.Errorf("%d requests are remembered to a device that is dead", len(c.owed))
		}
	})
}

// A device that is always later than anybody waits answers in order. What comes never counts for another question of the same kind.
func TestADeviceThatIsAlwaysLateIsNeverMisunderstood(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, p *port, c *Conn) {
		p.device = func(request string) { p.later(first*5/4, "="+request+"\n") }
		right := 0
		for i := range 60 {
			name := string("aabbab"[i%6])
			got, err := c.Transact(t.Context(), link.Request{Bytes: []byte(name), Frame: named("="), First: first, Gap: gap})
			switch {
			case err == nil && string(got) != "="+name+"\n":
				t.Fatalf("%d: %s got %q", i, name, got)
			case err == nil:
				right++
			}
		}
		if right == 0 {
			t.Error("nothing is understood any more")
		}
		t.Logf("%d of 60 answered", right)
		time.Sleep(2 * first) // until it has said all
	})
}

func TestWhoOnlyListenedIsOwedNothing(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, p *port, c *Conn) {
		fails(t, c, link.Request{Frame: named("="), First: first, Gap: gap}, link.ErrNoReply, first) // nobody speaks
		p.device = func(string) { p.say("=a\n") }
		ask(t, c, link.Request{Bytes: []byte("a"), Frame: named("="), First: first, Gap: gap}, "=a\n")
	})
	inBubble(t, Options{}, func(t *testing.T, p *port, c *Conn) {
		fails(t, c, link.Request{Bytes: []byte("a"), Frame: named("="), First: first, Gap: gap}, link.ErrNoReply, first)
		p.later(gap*11/10, "=late\n")
		fails(t, c, link.Request{Frame: named("="), First: first, Gap: gap}, link.ErrFrame, gap+first) // that is nothing that others say
	})
}
