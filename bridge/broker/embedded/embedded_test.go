package embedded

import (
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestItIsNotOpenToTheNetwork(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", "[::]:0", ":0"} {
		if b, err := Start(addr); err == nil {
			_ = b.Close()
			t.Errorf("started on %s, where it lets everybody in", addr)
		}
	}
}

func TestAnAddressInUseIsAnError(t *testing.T) {
	b, err := Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	if c, err := Start(b.Addr()); err == nil {
		_ = c.Close()
		t.Error("two brokers on one address")
	}
}

func TestItStopsThoughAClientNeverSaysConnect(t *testing.T) {
	b, err := Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", b.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	time.Sleep(20 * time.Millisecond) // until it has been accepted: nothing tells
	began := time.Now()
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > silence+time.Second {
		t.Errorf("took %v", took)
	}
}
