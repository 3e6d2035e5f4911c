package broker

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"
)

const (
	loginTime = 10 * time.Second // for one answer of Options.Login
	loginAge  = 30 * time.Second // an address that nobody answers at for so long is asked for again: the broker may have been set up anew
)

// Login is where the broker is and who we are there, as somebody else keeps it: in an add-on the Supervisor.
type Login struct {
	URLs               []*url.URL
	Username, Password string // go before a user in the URL
}

// errOldLogin takes the place of what asks to mend a configuration that has no such keys.
var errOldLogin = errors.New("the broker refuses the user name or password that it is said to take: they are asked for again; " +
	"if this stays, restart the broker")

// ask gets the login from Options.Login. Where it fails the old one stays: who knows the login may be away while the broker is not.
func (c *Client) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, loginTime)
	defer cancel()
	l, err := c.o.Login(ctx)
	if err != nil {
		return err
	}
	if err := checkURLs(l.URLs); err != nil {
		return fmt.Errorf("where the broker is said to be: %w", err)
	}
	c.login, c.known = l, time.Now()
	return nil
}

// askAgain asks when the last round of tries gave a reason to: refused, or nobody there for a while.
func (c *Client) askAgain(ctx context.Context, refused bool) {
	if c.o.Login == nil || !refused && time.Since(c.known) < loginAge {
		return
	}
	if err := c.ask(ctx); err != nil && ctx.Err() == nil {
		c.unknown(err)
	}
}
