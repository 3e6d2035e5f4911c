package broker

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"syscall"

	"github.com/eclipse/paho.golang/paho"
)

// errTakenOver is in the chain of a loss by reason 0x8E.
var errTakenOver = errors.New("another client connected with our client id")

var errPeerClosed = errors.New("the broker closed the connection")

var errOldProtocol = errors.New("this broker speaks MQTT 3.1.1 only; sunwire and Home Assistant 2027.1 need MQTT 5: " +
	"update the broker, or use one that speaks it (Mosquitto does from 1.6 on)")

// reasons are the reason codes of MQTT 5 (section 2.4) that a user can do something about, wherever they arrive.
var reasons = map[byte]string{
	0x81: "malformed packet",
	0x82: "protocol error",
	0x84: errOldProtocol.Error(),
	0x85: "it does not allow our client id",
	0x86: "the broker refuses this user name or password: check mqtt.username and mqtt.password",
	0x87: "not allowed: give this user the right to it in the broker's access list",
	0x88: "the broker is not available yet",
	0x89: "the broker is busy",
	0x8A: "the broker has banned us: see its configuration",
	0x8B: "the broker is shutting down",
	0x8D: "the broker heard nothing from us for too long",
	0x8E: errTakenOver.Error(),
	0x90: "it does not allow this topic",
	0x93: "more messages at a time than it allows",
	0x95: "larger than the broker allows: raise its limit for the size of a packet",
	0x96: "more messages than the broker allows: raise its limit on the rate",
	0x97: "the broker's quota for this user is used up",
	0x98: "closed by the broker's administrator",
	0x9A: "the broker keeps no retained messages, which Home Assistant's discovery needs",
	0x9B: "the broker does not support this quality of service",
	0x9C: "the broker wants us to use another server",
	0x9D: "the broker has moved",
	0x9F: "too many connections in a short time",
}

// reason is a reason code in words, with what the broker says besides.
func reason(code byte, said string) string {
	text, ok := reasons[code]
	if !ok {
		text = fmt.Sprintf("reason 0x%02X", code)
	}
	if said != "" && !ok {
		text += " (" + said + ")"
	}
	return text
}

// refusal says why CONNECT was not answered by a welcome. first is what the server said first.
func (c *Client) refusal(u *url.URL, ack *paho.Connack, first []byte, err error) error {
	user, _ := c.credentials(u)
	// A CONNACK of 3.1.1 has two bytes after the header, one of MQTT 5 has three at least.
	old := len(first) >= 2 && first[0] == 0x20 && first[1] == 2
	switch {
	case old, ack != nil && ack.ReasonCode == 0x84:
		return errOldProtocol
	case c.o.Login != nil && ack != nil && (ack.ReasonCode == 0x86 || ack.ReasonCode == 0x87):
		return errOldLogin
	case ack != nil && (ack.ReasonCode == 0x86 || ack.ReasonCode == 0x87) && user == "" && c.o.CertFile == "":
		return errors.New("the broker wants a user name and a password: set mqtt.username and mqtt.password")
	case ack != nil && (ack.ReasonCode == 0x86 || ack.ReasonCode == 0x87): // the second is what Mosquitto says
		return errors.New(reasons[0x86])
	case ack != nil && ack.Properties != nil:
		return fmt.Errorf("refused: %s", reason(ack.ReasonCode, ack.Properties.ReasonString))
	case strings.HasPrefix(string(first), "HTTP"):
		return errors.New("this is the port of a web server, not of an MQTT broker: check mqtt.url")
	case len(first) >= 2 && first[0] == 0x15 && first[1] == 3: // a TLS alert
		return errors.New("this port wants TLS: write mqtts:// in mqtt.url")
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("connected, but no answer within %v: is this the port of an MQTT broker?", answerTime)
	case remoteAlert(err):
		return c.certificateRefused(err)
	case len(first) == 0 && closedByPeer(err):
		hint := ", or this port wants mqtts://"
		if ports[u.Scheme].tls {
			hint = ", or it refuses our certificate (mqtt.cert, mqtt.key)"
		}
		return fmt.Errorf("closed without an answer: the broker is just starting%s, or %w", hint, errOldProtocol)
	}
	return fmt.Errorf("no MQTT 5 answer: %w", err)
}

// dialReason says why there is no network connection.
func (c *Client) dialReason(err error) error {
	var name *net.DNSError
	var op *net.OpError
	switch {
	case errors.As(err, &name) && name.IsNotFound && c.o.Login != nil:
		return fmt.Errorf("there is no host %s: is the broker running?", name.Name)
	case errors.As(err, &name) && name.IsNotFound:
		return fmt.Errorf("there is no host %s: check mqtt.url", name.Name)
	case errors.As(err, &name):
		return fmt.Errorf("the name %s cannot be looked up: %s", name.Name, name.Err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return errors.New("connection refused: is the broker running, and is the port right?")
	case errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &op) && op.Timeout():
		return fmt.Errorf("no answer within %v: is the machine on, and the address right?", dialTime)
	case op != nil:
		return op.Err
	}
	return err
}

// handshakeReason says why TLS failed.
func (c *Client) handshakeReason(u *url.URL, err error) error {
	var (
		unknown x509.UnknownAuthorityError
		host    x509.HostnameError
		invalid x509.CertificateInvalidError
		record  tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &unknown) && c.o.CAFile == "":
		return errors.New("the broker's certificate is not signed by an authority that this machine knows: set mqtt.ca to the authority's certificate")
	case errors.As(err, &unknown):
		return errors.New("the broker's certificate is not signed by the authority in mqtt.ca")
	case errors.As(err, &host):
		return fmt.Errorf("the broker's certificate is for %s, not for %s: write one of its names in mqtt.url", names(host.Certificate), u.Hostname())
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Errorf("the broker's certificate is valid from %s to %s: renew it, or set this machine's clock",
			invalid.Cert.NotBefore.Format("2006-01-02"), invalid.Cert.NotAfter.Format("2006-01-02"))
	case errors.As(err, &record), closedByPeer(err):
		return errors.New("this port does not speak TLS: give the broker's TLS port (mostly 8883), or write mqtt:// in mqtt.url")
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no answer in the TLS handshake within %v", handshakeTime)
	case remoteAlert(err):
		return c.certificateRefused(err)
	}
	return fmt.Errorf("TLS: %w", err)
}

// names are the hosts that a certificate is for.
func names(cert *x509.Certificate) string {
	list := append([]string(nil), cert.DNSNames...)
	for _, ip := range cert.IPAddresses {
		list = append(list, ip.String())
	}
	if len(list) == 0 {
		return "no host (it has no subject alternative name)"
	}
	return strings.Join(list, ", ")
}

// remoteAlert reports whether the broker ended TLS, as it does when it does not like our certificate. With TLS 1.3 that arrives only after
// the handshake.
func remoteAlert(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}

func (c *Client) certificateRefused(err error) error {
	if c.o.CertFile == "" {
		return fmt.Errorf("the broker wants a client certificate: set mqtt.cert and mqtt.key (%w)", err)
	}
	return fmt.Errorf("the broker refuses our certificate: check mqtt.cert and mqtt.key (%w)", err)
}

func closedByPeer(err error) bool {
	for _, closed := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE, io.ErrClosedPipe, errPeerClosed} {
		if errors.Is(err, closed) {
			return true
		}
	}
	return false
}

// disconnectReason is the broker's DISCONNECT in words.
func disconnectReason(d *paho.Disconnect) error {
	if d.ReasonCode == 0x8E {
		return fmt.Errorf("%w: is state_dir a copy of another machine's? Next try in %v", errTakenOver, takeover)
	}
	said := ""
	if d.Properties != nil {
		said = d.Properties.ReasonString
	}
	return errors.New(reason(d.ReasonCode, said))
}

// lossReason is the end of the network connection in words.
func lossReason(err error) error {
	switch {
	case closedByPeer(err):
		return errPeerClosed
	case strings.Contains(err.Error(), "PINGRESP"): // paho has no name for it
		return fmt.Errorf("no sign of life from the broker for %d s", 2*keepAlive)
	}
	return err
}
