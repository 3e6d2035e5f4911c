package broker

import (
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.golang/packets"
)

func TestWhatAnswersInsteadOfABrokerIsToldInPlainWords(t *testing.T) {
	const old = "speaks MQTT 3.1.1 only"
	for _, c := range []struct {
		name  string
		reply string // to CONNECT, before closing; "-" = no answer at all
		user  string
		want  string
	}{
		{"3.1.1: unacceptable protocol version", "\x20\x02\x00\x01", "", old},
		{"3.1.1: accepted all the same", "\x20\x02\x00\x00", "", old},
		{"5: unsupported protocol version", "\x20\x03\x00\x84\x00", "", old},
		{"closed at once", "", "", old},
		{"bad user name or password", "\x20\x03\x00\x86\x00", "me", "check mqtt.username and mqtt.password"},
		{"not authorized", "\x20\x03\x00\x87\x00", "me", "check mqtt.username and mqtt.password"},
		{"not authorized, no user given", "\x20\x03\x00\x87\x00", "", "set mqtt.username and mqtt.password"},
		{"client id refused", "\x20\x03\x00\x85\x00", "", "does not allow our client id"},
		{"unknown reason, with text", "\x20\x08\x00\xC0\x05\x1F\x00\x02no", "", "reason 0xC0 (no)"},
		{"unknown reason below 0x80", "\x20\x03\x00\x05\x00", "", "reason 0x05"},
		{"web server", "HTTP/1.1 400 Bad Request\r\n\r\n", "", "port of a web server"},
		{"TLS", "\x15\x03\x01\x00\x02\x02\x46", "", "mqtts://"},
		{"silence", "-", "", "no answer within 5s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				stay := make(chan struct{})
				defer close(stay)
				u := start(t, Options{URLs: addresses(t, onePlace...), Username: c.user}, through(func(_ string, conn net.Conn) {
					_, _ = packets.ReadPacket(conn) // CONNECT
					go func() { _, _ = io.Copy(io.Discard, conn) }()
					if c.reply == "-" {
						<-stay
					}
					_, _ = conn.Write([]byte(c.reply))
				}), noAfterwards)
				time.Sleep(answerTime + time.Second)
				if u.log.count(c.want) != 1 {
					t.Errorf("said: %q", u.log.all())
				}
				if len(u.up) > 0 {
					t.Error("OnUp was called")
				}
			})
		})
	}
}

func TestNoCredentialsInWhatPeopleSee(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := start(t, Options{URLs: addresses(t, "mqtt://me:hush@one:1999"), Password: "quiet"}, through(func(_ string, c net.Conn) {
			serveBroker(c, polite(welcome, nil))
		}), noAfterwards)
		receive(t, "connection", u.up)
		if got := u.State().URL; got != "mqtt://one:1999" {
			t.Errorf("state says %s", got)
		}
		if u.log.count("hush")+u.log.count("quiet") > 0 {
			t.Errorf("log: %q", u.log.all())
		}
	})
}

func TestUsersComeFromTheConfigurationElseFromTheURL(t *testing.T) {
	u := &url.URL{Scheme: "mqtt", Host: "h", User: url.UserPassword("url", "secret")}
	for _, c := range []struct{ o, user, password string }{{"", "url", "secret"}, {"me", "me", ""}} {
		client := &Client{login: Login{Username: c.o}}
		if user, password := client.credentials(u); user != c.user || password != c.password {
			t.Errorf("%q: %s, %s", c.o, user, password)
		}
	}
}

func TestWhatCannotWorkIsRefusedBeforeConnecting(t *testing.T) {
	good := addresses(t, "mqtt://h")
	for _, c := range []struct {
		name string
		o    Options
		want string
	}{
		{"no address", Options{ClientID: "a"}, "no address"},
		{"scheme", Options{ClientID: "a", URLs: addresses(t, "http://h")}, "mqtt://host:port"},
		{"no host", Options{ClientID: "a", URLs: addresses(t, "mqtt://:1883")}, "mqtt://host:port"},
		{"client id", Options{URLs: good}, "client id"},
		{"ca missing", Options{ClientID: "a", URLs: good, CAFile: "/nonexistent"}, "mqtt.ca"},
		{"ca is no certificate", Options{ClientID: "a", URLs: good, CAFile: "reason_test.go"}, "mqtt.ca"},
		{"key without certificate", Options{ClientID: "a", URLs: good, KeyFile: "x"}, "go together"},
		{"certificate missing", Options{ClientID: "a", URLs: good, CertFile: "/nonexistent", KeyFile: "/nonexistent"}, "mqtt.cert"},
	} {
		if _, err := New(c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestPortsAreThoseOfTheScheme(t *testing.T) {
	for text, want := range map[string]string{
		"mqtt://h": "mqtt://h:1883", "mqtts://h": "mqtts://h:8883", "tcp://h:1": "tcp://h:1", "ssl://[::1]": "ssl://[::1]:8883",
	} {
		if got := address(addresses(t, text)[0]); got != want {
			t.Errorf("%s: %s", text, got)
		}
	}
}

func TestALossIsToldInPlainWords(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{io.EOF, "closed the connection"},
		{errors.New("ping handler error: PINGRESP timed out"), "no sign of life"},
		{errors.New("odd"), "odd"},
	} {
		if got := lossReason(c.err).Error(); !strings.Contains(got, c.want) {
			t.Errorf("%v: %s", c.err, got)
		}
	}
}

func TestAServerThatClosesOnSightIsTold(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.Close() // our CONNECT may be on its way still: then it is a reset
		}
	}()
	client, err := New(Options{URLs: addresses(t, "mqtt://"+l.Addr().String()), ClientID: "a"})
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		if _, err := client.open(t.Context(), client.o.URLs[0]); err == nil || !errors.Is(err, errOldProtocol) {
			t.Fatalf("said: %v", err)
		}
	}
}
