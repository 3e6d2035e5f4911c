package broker

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"time"
)

const (
	dialTime      = 2 * time.Second // short, for the kernel asks a host that is starting up only after 1, 3 and 7 s
	handshakeTime = 5 * time.Second
)

// ports are the schemes of mqtt.url, each with its registered port; the second is TLS.
var ports = map[string]struct {
	port string
	tls  bool
}{
	"mqtt": {"1883", false}, "tcp": {"1883", false},
	"mqtts": {"8883", true}, "ssl": {"8883", true}, "tls": {"8883", true},
}

// check validates o and loads its certificates.
func (o *Options) check() (*tls.Config, error) {
	if o.Login == nil {
		if err := checkURLs(o.URLs); err != nil {
			return nil, fmt.Errorf("mqtt.url: %w", err)
		}
	}
	if o.ClientID == "" {
		return nil, errors.New("mqtt: a client id is needed")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.CAFile != "" {
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, fmt.Errorf("mqtt.ca: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("mqtt.ca: %s has no certificate in PEM form", o.CAFile)
		}
	}
	if (o.CertFile == "") != (o.KeyFile == "") {
		return nil, errors.New("mqtt.cert and mqtt.key go together: set both or none")
	}
	if o.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("mqtt.cert and mqtt.key: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

func checkURLs(us []*url.URL) error {
	if len(us) == 0 {
		return errors.New("no address of a broker")
	}
	for _, u := range us {
		if _, ok := ports[u.Scheme]; !ok || u.Hostname() == "" {
			return fmt.Errorf("%s is not mqtt://host:port or mqtts://host:port", u.Redacted())
		}
	}
	return nil
}

// credentials are those of the login, else those in the URL.
func (c *Client) credentials(u *url.URL) (user, password string) {
	if c.login.Username != "" || u.User == nil {
		return c.login.Username, c.login.Password
	}
	password, _ = u.User.Password()
	return u.User.Username(), password
}

// address is u as people and logs may see it.
func address(u *url.URL) string { return u.Scheme + "://" + hostPort(u) }

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = ports[u.Scheme].port
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// dialNet makes the network connection, TLS included. Its errors are in plain words.
func (c *Client) dialNet(ctx context.Context, u *url.URL) (net.Conn, error) {
	d := net.Dialer{Timeout: dialTime}
	raw, err := d.DialContext(ctx, "tcp", hostPort(u))
	if err != nil {
		return nil, c.dialReason(err)
	}
	if !ports[u.Scheme].tls {
		return raw, nil
	}
	config := c.tls.Clone()
	config.ServerName = u.Hostname()
	secure := tls.Client(raw, config)
	ctx, cancel := context.WithTimeout(ctx, handshakeTime)
	defer cancel()
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, c.handshakeReason(u, err)
	}
	return secure, nil
}
