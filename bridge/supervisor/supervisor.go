// Package supervisor asks Home Assistant's Supervisor, inside the add-on: where the broker is, what this add-on is, what its options are.
//
// It speaks version 1 of the API at http://supervisor, which all supported Supervisors have; what is asked for here needs no right beyond
// "services: mqtt:want". An answer is {"result": "ok", "data": ...} or {"result": "error", "message": ...} with a status of 400 and more;
// keys that are not known here are passed over. The token is in the environment of every add-on, as SUPERVISOR_TOKEN, and nowhere else.
package supervisor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"sunwire/bridge/broker"
)

const (
	answerTime  = 8 * time.Second
	restartTime = 30 * time.Second
	largest     = 1 << 20 // bytes of an answer; self/info holds the documentation and is some 50 kB
)

// Peer is where requests to the page come from through Home Assistant, and nobody else on the add-on's network has this address. Only a
// request from it is from a user of Home Assistant, and only its X-Remote-User- headers are true.
var Peer = netip.AddrFrom4([4]byte{172, 30, 32, 2})

// ErrNoBroker is in the chain of what Login returns when Home Assistant has no broker of its own, or one that has not been started.
var ErrNoBroker = errors.New("there is no MQTT broker in Home Assistant yet: install and start Mosquitto broker (Settings > Apps), " +
	"or give another broker by mqtt_url in this app's options")

// Client asks the Supervisor. Its methods may be called from any goroutine; each ends with its context, and in 8 s.
type Client struct {
	token string
	http  *http.Client
	log   *slog.Logger
}

// New is a client with the token in SUPERVISOR_TOKEN. It asks nothing yet. A nil log is none.
func New(token string, log *slog.Logger) *Client {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	// Neither a proxy of the environment nor a redirect may carry the token elsewhere.
	return &Client{token: token, log: log, http: &http.Client{
		Transport:     &http.Transport{DialContext: (&net.Dialer{Timeout: answerTime}).DialContext, IdleConnTimeout: time.Minute},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Login is the broker that Home Assistant has, made for broker.Options.Login. The error tells the mend.
func (c *Client) Login(ctx context.Context) (broker.Login, error) {
	var s struct {
		Host     string
		Port     json.Number // a number, in the documentation a text: this takes both
		SSL      bool
		Username string
		Password string
	}
	err := c.call(ctx, http.MethodGet, "/services/mqtt", nil, &s)
	var r *refusal
	switch {
	case errors.As(err, &r) && strings.Contains(r.message, "not enabled"):
		return broker.Login{}, ErrNoBroker
	case errors.As(err, &r) && r.status == http.StatusForbidden && r.message != "":
		return broker.Login{}, errors.New("the Supervisor does not tell this app where the broker is (403): update or reinstall Sunwire")
	case err != nil:
		return broker.Login{}, err
	}
	port, err := strconv.ParseUint(s.Port.String(), 10, 16)
	if err != nil || port == 0 || s.Host == "" {
		return broker.Login{}, fmt.Errorf("the Supervisor names no broker that can be reached: host %q, port %q; restart Mosquitto broker", s.Host, s.Port)
	}
	u := &url.URL{Scheme: "mqtt", Host: net.JoinHostPort(s.Host, strconv.FormatUint(port, 10))}
	if s.SSL {
		u.Scheme = "mqtts"
	}
	return broker.Login{URLs: []*url.URL{u}, Username: s.Username, Password: s.Password}, nil
}

// Self is this add-on as the Supervisor sees it.
type Self struct {
	Slug            string     `json:"slug"`           // with the repository's hash before it: 1a2b3c4d_sunwire
	State           string     `json:"state"`          // started, stopped, startup, error ...
	Version         string     `json:"version"`        // installed
	VersionLatest   string     `json:"version_latest"` // in the store
	UpdateAvailable bool       `json:"update_available"`
	IngressEntry    string     `json:"ingress_entry"` // /api/hassio_ingress/TOKEN: the page's path in Home Assistant
	IPAddress       netip.Addr `json:"ip_address"`
}

// Self tells what the Supervisor knows of this add-on.
func (c *Client) Self(ctx context.Context) (Self, error) {
	var s Self
	err := c.call(ctx, http.MethodGet, "/addons/self/info", nil, &s)
	return s, err
}

// Options are this add-on's options as they are in the form now, which may be newer than what it was started with. They may hold a password.
func (c *Client) Options(ctx context.Context) (map[string]any, error) {
	var s struct{ Options map[string]any }
	if err := c.call(ctx, http.MethodGet, "/addons/self/info", nil, &s); err != nil {
		return nil, err
	}
	if s.Options == nil {
		return nil, errors.New("the Supervisor's answer has no options")
	}
	return s.Options, nil
}

// SetOptions replaces all options of the form; they take effect at the next start. It is an error that shows what is wrong, and changes
// nothing, where they do not fit the form.
func (c *Client) SetOptions(ctx context.Context, options map[string]any) error {
	err := c.call(ctx, http.MethodPost, "/addons/self/options", map[string]any{"options": options}, nil)
	if r := (*refusal)(nil); errors.As(err, &r) && r.status == http.StatusBadRequest && !r.starting() {
		return fmt.Errorf("the form does not take these options: %s", r.message)
	}
	return err
}

// Restart has this add-on stopped and started again. Being stopped is the answer: Restart returns when the Supervisor refuses, or when ctx
// ends; after 30 s it gives up.
func (c *Client) Restart(ctx context.Context) error {
	late, cancel := context.WithTimeout(ctx, restartTime)
	defer cancel()
	err := c.send(late, http.MethodPost, "/addons/self/restart", nil, nil)
	if ctx.Err() == nil && late.Err() != nil {
		return fmt.Errorf("asked the Supervisor for a restart, which did not come within %v: restart Sunwire in Settings > Apps", restartTime)
	}
	return err
}

func (c *Client) call(ctx context.Context, method, path string, body, into any) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	return c.send(ctx, method, path, body, into)
}

// send makes one request and puts its data into what into points to. Its error may be shown: the token and what was sent are not in it.
func (c *Client) send(ctx context.Context, method, path string, body, into any) error {
	var content io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("asking the Supervisor: %s: %w", path, err)
		}
		content = bytes.NewReader(data)
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://supervisor"+path, content)
	if err != nil {
		return fmt.Errorf("asking the Supervisor: %s: %w", path, err)
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	began := time.Now()
	answer, err := c.http.Do(r)
	if err != nil {
		return unreachable(path, err)
	}
	defer answer.Body.Close() //nolint:errcheck // read to its end, or of no further use
	data, err := io.ReadAll(io.LimitReader(answer.Body, largest+1))
	c.log.Debug("asked the supervisor", "path", path, "status", answer.StatusCode, "bytes", len(data), "duration", time.Since(began))
	switch {
	case err != nil:
		return unreachable(path, err)
	case len(data) > largest:
		return fmt.Errorf("the Supervisor's answer to %s is larger than %d bytes", path, largest)
	}
	return open(path, answer.StatusCode, data, into)
}
