package stream

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"sunwire/drivers/link"
)

func TestListen(t *testing.T) {
	framer := func(b []byte, silent bool) (int, []byte, error) {
		if b[0] == '!' {
			return 0, nil, link.ErrFrame
		}
		return named("a")(b, silent)
	}
	inBubble(t, Options{}, func(t *testing.T, p *port, c *Conn) {
		p.say("b=1\na=1\na=2\na=")
		p.later(gap, "3\n", "!", "a=4\n")
		p.later(9*gap, strings.Repeat("x", longestReply+1), "\na=5\n")
		go func() { time.Sleep(100 * gap); p.unplug(io.EOF) }()
		var got []string
		var failed []error
		for frame, err := range c.Listen(t.Context(), framer) {
			if err != nil {
				failed = append(failed, err)
				continue
			}
			got = append(got, string(frame))
		}
		if want := []string{"a=1\n", "a=2\n", "a=3\n", "a=4\n", "a=5\n"}; !slices.Equal(got, want) {
			t.Errorf("heard %q, want %q", got, want)
		}
		if len(failed) != 2 || !errors.Is(failed[0], link.ErrFrame) || !errors.Is(failed[1], link.ErrLost) {
			t.Errorf("errors %v", failed)
		}
	})
	inBubble(t, Options{}, func(t *testing.T, p *port, c *Conn) {
		ctx, cancel := context.WithCancel(t.Context())
		p.say("a=1\na=2\n")
		for frame, err := range c.Listen(ctx, framer) { // and then its context
			if err != nil || string(frame) != "a=1\n" {
				t.Errorf("heard %q, %v", frame, err)
			}
			break
		}
		time.AfterFunc(first, cancel)
		for frame, err := range c.Listen(ctx, framer) {
			t.Errorf("heard %q, %v", frame, err)
		}
	})
}
