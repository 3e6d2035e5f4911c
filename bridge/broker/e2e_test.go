//go:build e2e

package broker

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// mosquitto is a real broker. It needs the Debian package mosquitto.
type mosquitto struct {
	t    *testing.T
	addr string // 127.0.0.1:port
	file string
	cmd  *exec.Cmd
}

// program is the path of one of Mosquitto's programs.
func program(t *testing.T, name string) string {
	t.Helper()
	for _, folder := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin") { // which Debian keeps from ordinary users
		if path, err := exec.LookPath(filepath.Join(folder, name)); err == nil {
			return path
		}
	}
	t.Fatalf("%s is missing: apt-get install mosquitto", name)
	return ""
}

// runMosquitto starts one with lines added to its configuration, and waits until it listens.
func runMosquitto(t *testing.T, lines ...string) *mosquitto {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &mosquitto{t: t, addr: l.Addr().String(), file: filepath.Join(t.TempDir(), "mosquitto.conf")}
	_ = l.Close()
	_, port, _ := net.SplitHostPort(m.addr)
	lines = append([]string{"listener " + port + " 127.0.0.1", "user root"}, lines...)
	if err := os.WriteFile(m.file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	m.start()
	t.Cleanup(m.kill)
	return m
}

func (m *mosquitto) start() {
	m.t.Helper()
	m.cmd = exec.Command(program(m.t, "mosquitto"), "-c", m.file)
	if testing.Verbose() {
		m.cmd.Stderr = os.Stderr
	}
	if err := m.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	for range 500 {
		if c, err := net.Dial("tcp", m.addr); err == nil {
			_ = c.Close()
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
	m.t.Fatal("mosquitto does not listen")
}

func (m *mosquitto) kill() {
	_ = m.cmd.Process.Kill()
	_ = m.cmd.Wait()
}

func TestMosquittoReturnsAfterKill9(t *testing.T) {
	m := runMosquitto(t, "allow_anonymous true")
	u := start(t, Options{URLs: addresses(t, "mqtt://"+m.addr), Subscriptions: []string{"echo"}})
	receive(t, "connection", u.up)
	var worst time.Duration
	for _, away := range []time.Duration{0, 1500 * time.Millisecond, 3 * time.Second} {
		m.kill()
		receive(t, "loss", u.down)
		time.Sleep(away)
		m.start()
		back := time.Now()
		receive(t, "connection", u.up)
		worst = max(worst, time.Since(back))
		if _, err := u.Publish(t.Context(), Message{Topic: "echo", QoS: 1}); err != nil {
			t.Error(err)
		}
		receive(t, "echo", u.messages)
	}
	t.Logf("connected at most %v after the broker's return", worst)
	if worst > 2*time.Second {
		t.Errorf("took %v", worst)
	}
	for _, text := range []string{"connection to the broker lost", "cannot connect"} {
		if n := u.log.count(text); n > 3 {
			t.Errorf("%d lines %q: %q", n, text, u.log.all())
		}
	}
}

func TestMosquittoFailover(t *testing.T) {
	a, b := runMosquitto(t, "allow_anonymous true"), runMosquitto(t, "allow_anonymous true")
	u := start(t, Options{URLs: addresses(t, "mqtt://"+a.addr, "mqtt://"+b.addr)})
	for _, c := range []struct {
		dies *mosquitto
		then string
	}{{nil, a.addr}, {a, b.addr}} {
		if c.dies != nil {
			c.dies.kill()
			receive(t, "loss", u.down)
		}
		from := time.Now()
		receive(t, "connection", u.up)
		if got := u.State().URL; got != "mqtt://"+c.then {
			t.Errorf("connected to %s, want %s", got, c.then)
		}
		t.Logf("connected after %v", time.Since(from))
	}
}

func TestMosquittoPasswords(t *testing.T) {
	file := filepath.Join(t.TempDir(), "passwords")
	if out, err := exec.Command(program(t, "mosquitto_passwd"), "-b", "-c", file, "me", "right").CombinedOutput(); err != nil {
		t.Fatalf("mosquitto_passwd: %v %s", err, out)
	}
	m := runMosquitto(t, "allow_anonymous false", "password_file "+file)
	for _, c := range []struct{ user, password, want string }{
		{"me", "wrong", "check mqtt.username and mqtt.password"},
		{"other", "right", "check mqtt.username and mqtt.password"},
		{"", "", "set mqtt.username and mqtt.password"},
		{"me", "right", ""},
	} {
		u := start(t, Options{URLs: addresses(t, "mqtt://"+m.addr), Username: c.user, Password: c.password})
		if c.want == "" {
			receive(t, "connection", u.up)
			continue
		}
		time.Sleep(2500 * time.Millisecond)
		if s := u.State(); !strings.Contains(s.Error, c.want) || len(u.log.all()) != 1 {
			t.Errorf("%s: state %+v, log %q", c.user, s, u.log.all())
		}
		_ = u.stop()
	}
}

func TestMosquittoTLS(t *testing.T) {
	house, stranger := newAuthority(t), newAuthority(t)
	serverCert, serverKey := house.issue(t, "localhost")
	clientCert, clientKey := house.issue(t, "sunwire")
	otherCert, otherKey := stranger.issue(t, "sunwire")
	open := runMosquitto(t, "allow_anonymous true", "certfile "+serverCert, "keyfile "+serverKey)
	closed := runMosquitto(t, "allow_anonymous true", "certfile "+serverCert, "keyfile "+serverKey, "cafile "+house.file, "require_certificate true")
	plain := runMosquitto(t, "allow_anonymous true")
	at := func(scheme, host string, m *mosquitto) string {
		_, port, _ := net.SplitHostPort(m.addr)
		return scheme + "://" + net.JoinHostPort(host, port)
	}
	for _, c := range []struct {
		name string
		url  string
		o    Options
		want string
	}{
		{"good", at("mqtts", "localhost", open), Options{CAFile: house.file}, ""},
		{"unknown authority", at("mqtts", "localhost", open), Options{}, "set mqtt.ca"},
		{"another authority", at("mqtts", "localhost", open), Options{CAFile: stranger.file}, "authority in mqtt.ca"},
		{"another name", at("mqtts", "127.0.0.1", open), Options{CAFile: house.file}, "certificate is for localhost, not for 127.0.0.1"},
		{"client certificate", at("mqtts", "localhost", closed), Options{CAFile: house.file, CertFile: clientCert, KeyFile: clientKey}, ""},
		{"client certificate missing", at("mqtts", "localhost", closed), Options{CAFile: house.file}, "mqtt.cert"},
		{"client certificate of a stranger", at("mqtts", "localhost", closed), Options{CAFile: house.file, CertFile: otherCert, KeyFile: otherKey}, "mqtt.cert"},
		{"mqtts on a plain port", at("mqtts", "localhost", plain), Options{CAFile: house.file}, "does not speak TLS"},
		{"mqtt on a TLS port", at("mqtt", "localhost", open), Options{}, "mqtts://"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.o.URLs = addresses(t, c.url)
			u := start(t, c.o)
			if c.want == "" {
				receive(t, "connection", u.up)
				return
			}
			time.Sleep(3500 * time.Millisecond)
			t.Log(u.State().Error)
			if len(u.log.all()) != 1 || u.log.count(c.want) != 1 {
				t.Errorf("log %q", u.log.all())
			}
		})
	}
}

// authority is a certificate authority made for a test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, form, form, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{cert: cert, key: key, file: write(t, "CERTIFICATE", der)}
}

// issue makes a certificate for name, and gives the files of it and its key.
func (a *authority) issue(t *testing.T, name string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, form, a.cert, &private.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, "CERTIFICATE", der), write(t, "PRIVATE KEY", raw)
}

func write(t *testing.T, kind string, der []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestMosquittoTellsWhetherSomebodyListens(t *testing.T) {
	m := runMosquitto(t, "allow_anonymous true")
	at := addresses(t, "mqtt://"+m.addr)
	out := start(t, Options{URLs: at, ClientID: "out"})
	receive(t, "connection", out.up)
	for _, retain := range []bool{false, true} {
		topic := fmt.Sprintf("retained-%t", retain) // each its own: the broker may not have noticed yet that the first listener left
		message := Message{Topic: topic, Payload: []byte("{}"), QoS: 1, Retain: retain}
		if heard, err := out.Publish(t.Context(), message); err != nil || heard {
			t.Errorf("nobody listens, retain %t: heard %t, %v", retain, heard, err)
		}
		in := start(t, Options{URLs: at, ClientID: "in", Subscriptions: []string{topic}})
		receive(t, "connection", in.up)
		if heard, err := out.Publish(t.Context(), message); err != nil || !heard {
			t.Errorf("somebody listens, retain %t: heard %t, %v", retain, heard, err)
		}
		_ = in.stop()
	}
}

func TestMosquittoPublishesTheWillWhenWeAreCutOff(t *testing.T) {
	m := runMosquitto(t, "allow_anonymous true")
	at := addresses(t, "mqtt://"+m.addr)
	in := start(t, Options{URLs: at, ClientID: "in", Subscriptions: []string{"sunwire/status"}})
	receive(t, "connection", in.up)
	var socket net.Conn
	out := start(t, Options{URLs: at, ClientID: "out", Will: Message{Topic: "sunwire/status", Payload: []byte("offline"), Retain: true, QoS: 1}},
		func(c *Client) {
			c.dial = func(ctx context.Context, u *url.URL) (net.Conn, error) {
				var err error
				socket, err = c.dialNet(ctx, u)
				return socket, err
			}
		})
	receive(t, "connection", out.up)
	cut := time.Now()
	_ = socket.Close()
	receive(t, "will", in.messages)
	t.Logf("will after %v", time.Since(cut))
}

func TestMosquittoTwoClientsWithOneIDCalmDown(t *testing.T) {
	m := runMosquitto(t, "allow_anonymous true")
	at := addresses(t, "mqtt://"+m.addr)
	a, b := start(t, Options{URLs: at, ClientID: "same"}), start(t, Options{URLs: at, ClientID: "same"})
	time.Sleep(15 * time.Second)
	if n := a.log.count("connected to the broker") + b.log.count("connected to the broker"); n > 12 {
		t.Errorf("connected %d times in 15 s", n)
	}
	if a.log.count("state_dir")+b.log.count("state_dir") == 0 {
		t.Errorf("log %q", a.log.all())
	}
}

func TestMosquittoLatencyOfQoS0(t *testing.T) {
	m := runMosquitto(t, "allow_anonymous true", "set_tcp_nodelay true")
	at := addresses(t, "mqtt://"+m.addr)
	in := start(t, Options{URLs: at, ClientID: "in", Subscriptions: []string{"n"}})
	out := start(t, Options{URLs: at, ClientID: "out"})
	receive(t, "connection", in.up)
	receive(t, "connection", out.up)
	var took []time.Duration
	message := Message{Topic: "n", Payload: make([]byte, 600)}
	for i := range 2000 {
		copy(message.Payload, strconv.Itoa(i))
		from := time.Now()
		if _, err := out.Publish(t.Context(), message); err != nil {
			t.Fatal(err)
		}
		<-in.messages
		took = append(took, time.Since(from))
		time.Sleep(500 * time.Microsecond)
	}
	slices.Sort(took)
	p50, p99 := took[len(took)/2], took[len(took)*99/100]
	fmt.Printf("QoS 0 through mosquitto, 600 bytes: p50 %v, p99 %v\n", p50, p99)
	if p50 > time.Millisecond || p99 > 5*time.Millisecond {
		t.Errorf("p50 %v, p99 %v", p50, p99)
	}
}
