// Package http fetches what web services and devices with a web page say.
package http

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"
	"unicode"

	"sunwire/drivers/link"
)

const (
	patience = 15 * time.Second // for a whole exchange, redirects included
	largest  = 1 << 20          // bytes of an answer; nothing that is read here comes near
	hops     = 5                // redirects, all on the same host
)

// Conn is a Fetcher. Nothing is open between two exchanges but, for a while, the connection.
type Conn struct {
	base   *url.URL
	name   string // of the base, without a query: a key may stand there
	client *http.Client
	log    *slog.Logger
}

// Open prepares requests below base, http(s)://host[:port][/path][?query]; nothing is sent yet.
func Open(base string, log *slog.Logger) (*Conn, error) {
	u, err := url.Parse(base)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("open a web address: write it as in http://192.168.1.20 or https://api.example.org")
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost, t.MaxResponseHeaderBytes = 1, 64<<10
	c := &Conn{base: u, name: u.Scheme + "://" + u.Host + u.Path, log: log}
	c.client = &http.Client{Transport: t, Timeout: patience, CheckRedirect: sameHost}
	return c, nil
}

// sameHost: who is sent elsewhere reads somebody else's values, and shows them the place of the house.
func sameHost(r *http.Request, via []*http.Request) error {
	first := via[0].URL
	switch {
	case r.URL.Host != first.Host:
		return fmt.Errorf("it sends us on to another host, %s: write that one as the port if it is meant", r.URL.Host)
	case first.Scheme == "https" && r.URL.Scheme != "https":
		return errors.New("it sends us on from https to http")
	case len(via) >= hops:
		return errors.New("it sends us on and on")
	}
	return nil
}

// Kind implements link.Conn.
func (c *Conn) Kind() link.Kind { return link.HTTP }

// Wait implements link.Conn.
func (c *Conn) Wait(ctx context.Context, d time.Duration) error { return link.Sleep(ctx, d) }

// Close implements link.Conn.
func (c *Conn) Close() error {
	c.client.CloseIdleConnections()
	return nil
}

// Get implements link.Fetcher. path, which may have a query, is appended to the base; "" is the base itself. No answer, or half of one,
// wraps link.ErrNoReply. Another status than 2xx does not: to ask again at once would not mend it.
func (c *Conn) Get(ctx context.Context, path string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.address(path), http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("get %s: the path %q has no place in an address", c.name, path)
	}
	r.Header.Set("User-Agent", "sunwire")
	r.Header.Set("Accept", "application/json, text/plain;q=0.9, */*;q=0.5")
	c.log.DebugContext(ctx, ">", "port", c.name, "path", path)
	answer, err := c.client.Do(r)
	if err != nil {
		return nil, c.failed(ctx, err)
	}
	defer answer.Body.Close() //nolint:errcheck // it has been read
	body, err := io.ReadAll(io.LimitReader(answer.Body, largest+1))
	c.log.DebugContext(ctx, "<", "port", c.name, "status", answer.StatusCode, "bytes", len(body))
	switch {
	case answer.StatusCode/100 != 2:
		return nil, fmt.Errorf("get %s: it answers %s%s%s", c.name, answer.Status, said(body), advice(answer.StatusCode))
	case err != nil:
		return nil, c.failed(ctx, err)
	case len(body) > largest:
		return nil, fmt.Errorf("get %s: the answer is longer than %d bytes: is this the right address?", c.name, largest)
	}
	return body, nil
}

func (c *Conn) address(path string) string {
	u := *c.base
	path, query, _ := strings.Cut(path, "?")
	if path != "" {
		u.Path, u.RawPath = strings.TrimSuffix(u.Path, "/")+path, ""
	}
	if u.RawQuery != "" && query != "" {
		query = "&" + query
	}
	u.RawQuery += query
	return u.String()
}

// failed says why there is no answer. What url.Error says is left out: it has the whole address in it, query included.
func (c *Conn) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("get %s: %w", c.name, ctx.Err())
	}
	var in *url.Error
	if errors.As(err, &in) {
		err = in.Err
	}
	return fmt.Errorf("get %s: %w: %w%s", c.name, link.ErrNoReply, err, mend(err))
}

func mend(err error) string {
	var dns *net.DNSError
	var ne net.Error
	var cert *tls.CertificateVerificationError
	switch {
	case errors.As(err, &dns):
		return ": the name is not known; check its spelling, and that this machine reaches the internet"
	case errors.As(err, &cert):
		return ": check this machine's clock, and the host's certificate"
	case errors.Is(err, syscall.ECONNREFUSED):
		return ": nothing listens there; check address and port"
	case errors.As(err, &ne) && ne.Timeout(), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return ": nobody answers; check that it is switched on, and this machine's network"
	}
	return ""
}

func advice(status int) string {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return ": it wants a password or key, or refuses the one it was given"
	case http.StatusNotFound:
		return ": there is no such path; check the address"
	case http.StatusTooManyRequests:
		return ": it was asked too often; write a longer interval"
	}
	return ""
}

// said is the beginning of what stands in a refusal, on one line.
func said(body []byte) string {
	const most = 200
	text := strings.Join(strings.FieldsFunc(string(body), func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
	if text == "" {
		return ""
	}
	if r := []rune(text); len(r) > most {
		text = string(r[:most]) + " ..."
	}
	return ": " + text
}
