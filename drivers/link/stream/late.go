package stream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sunwire/drivers/link"
)

// unanswered is a request whose reply did not come in time.
type unanswered struct {
	request string
	frame   link.Framer
	until   time.Time // later than this no reply comes
}

// owe notes that a reply to r may still come. A damaged one was the reply, unless another one is awaited; who only listened is owed none.
func (c *Conn) owe(r link.Request, asked time.Time, failure error) {
	if len(r.Bytes) == 0 {
		return
	}
	c.owed = slices.DeleteFunc(c.owed, func(u unanswered) bool { return u.until.Before(asked) })
	if len(c.owed) > 0 || !errors.Is(failure, link.ErrFrame) {
		c.owed = append(c.owed, unanswered{string(r.Bytes), r.Frame, asked.Add(2 * r.First)})
	}
}

// isBorrowed reports whether frame, taken for the reply to r, may be the late one to another request, whose framer would have taken it as
// well. The one to an earlier try of r is as good, but then that to this try is still to come.
func (c *Conn) isBorrowed(r link.Request, frame []byte, asked time.Time) bool {
	again := -1
	for i, u := range c.owed {
		if u.until.Before(asked) {
			continue
		}
		if u.request == string(r.Bytes) {
			again = i
		} else if _, takes, _ := Next(u.frame, frame, true); takes != nil {
			c.owed = slices.Delete(c.owed, 0, i+1) // devices answer in order: what was asked before is answered by now, or never
			c.owe(r, asked, nil)
			return true
		}
	}
	if again >= 0 {
		c.owed = slices.Delete(c.owed, again, again+1)
		c.owe(r, asked, nil)
	}
	return false
}

// refuse waits until the replies to both requests should have come; they are thrown away with the next one. A device that is slower still
// owes the second.
func (c *Conn) refuse(ctx context.Context, until time.Time) error {
	if err := c.Wait(ctx, time.Until(until)); err != nil {
		return err
	}
	return fmt.Errorf("%s: %w: it may be the late reply to the question before", c.o.Name, link.ErrFrame)
}
