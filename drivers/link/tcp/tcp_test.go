package tcp

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sunwire/drivers/link"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// peer listens, and does with each connection what behave does; at its end the connection is closed.
func peer(t *testing.T, behave func(c net.Conn)) (addr string) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			behave(c)
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return l.Addr().String()
}

func question(first time.Duration) link.Request {
	return link.Request{Bytes: []byte("Q1\r"), First: first, Gap: 20 * time.Millisecond, Frame: func(b []byte, _ bool) (int, []byte, error) {
		if end := bytes.IndexByte(b, '\r') + 1; end > 0 {
			return 0, b[:end], nil
		}
		return 0, nil, nil
	}}
}

func TestAPeerAnswers(t *testing.T) {
	for _, echo := range []bool{false, true} {
		addr := peer(t, func(c net.Conn) {
			request, _ := bufio.NewReader(c).ReadString('\r')
			if echo {
				_, _ = c.Write([]byte(request))
			}
			_, _ = c.Write([]byte("(A\r"))
			_, _ = c.Read(make([]byte, 1))
		})
		c, err := Open(t.Context(), addr, echo, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.Transact(t.Context(), question(5*time.Second)); err != nil || string(got) != "(A\r" || c.Kind() != link.TCP {
			t.Errorf("echo %t: got %q, %v", echo, got, err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestASilentPeerIsNoReply(t *testing.T) {
	addr := peer(t, func(c net.Conn) {
		for b := make([]byte, 10); ; {
			if _, err := c.Read(b); err != nil {
				return
			}
		}
	})
	c, err := Open(t.Context(), addr, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Transact(t.Context(), question(50*time.Millisecond)); !errors.Is(err, link.ErrNoReply) || !strings.HasPrefix(err.Error(), "tcp://"+addr+": ") {
		t.Error(err)
	}
	select {
	case <-c.Lost():
		t.Error("a peer that is merely silent is lost")
	default:
	}
}

func TestAPeerThatClosesIsLost(t *testing.T) {
	for name, behave := range map[string]func(net.Conn){
		"at once":           func(net.Conn) {},
		"when asked":        func(c net.Conn) { _, _ = c.Read(make([]byte, 10)) },
		"with half a reply": func(c net.Conn) { _, _ = c.Read(make([]byte, 10)); _, _ = c.Write([]byte("(A")) },
		"with a reset": func(c net.Conn) {
			_, _ = c.Read(make([]byte, 10))
			_ = c.(*net.TCPConn).SetLinger(0)
		},
	} {
		c, err := Open(t.Context(), peer(t, behave), false, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Transact(t.Context(), question(5*time.Second)); !errors.Is(err, link.ErrLost) {
			t.Errorf("%s: %v", name, err)
		}
		select {
		case <-c.Lost():
		case <-time.After(5 * time.Second):
			t.Errorf("%s: nobody noticed", name)
		}
		_ = c.Close()
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	addr := peer(t, func(net.Conn) {})
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	_, err = Open(t.Context(), l.Addr().String(), false, nil)
	if !errors.Is(err, link.ErrLost) || !errors.Is(err, syscall.ECONNREFUSED) || !strings.Contains(err.Error(), "nothing listens at that port") {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if c, err := Open(ctx, addr, false, nil); err == nil {
		t.Error("connected with an ended context")
		_ = c.Close()
	}
	for cause, want := range map[error]string{
		&net.DNSError{Err: "no such host", Name: "inverter"}:  "the name is not known",
		&net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}: "nobody answers at that address",
		syscall.EHOSTUNREACH: "nobody answers at that address",
		syscall.EINVAL:       "check address and port",
	} {
		if got := mend(cause); !strings.Contains(got, want) {
			t.Errorf("%v: %q", cause, got)
		}
	}
}
