package tcp

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

func TestAPeerWithoutPowerIsGivenUp(t *testing.T) {
	addr := peer(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 1)) })
	d := net.Dialer{Control: giveUp}
	c, err := d.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) {
		if ms, err := unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT); err != nil || ms != 30000 {
			t.Errorf("sent again for %d ms, %v", ms, err)
		}
	}); err != nil {
		t.Error(err)
	}
}
