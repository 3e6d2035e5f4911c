// Package tcp reaches devices behind a network socket: serial servers, loggers, other machines.
package tcp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"syscall"
	"time"

	"sunwire/drivers/link"
	"sunwire/drivers/link/stream"
)

const (
	dialTimeout = 5 * time.Second
	// A peer that lost its power says nothing. It is noticed after the idle time and three probes; while something is on its way to it,
	// which is sent again instead of probes, after the same time on Linux.
	keepIdle, keepInterval, keepCount = 15 * time.Second, 5 * time.Second, 3
	lostAfter                         = keepIdle + keepCount*keepInterval
)

// Open connects to addr, host:port. echo: what is written comes back first, as behind some RS485 servers.
func Open(ctx context.Context, addr string, echo bool, log *slog.Logger) (*stream.Conn, error) {
	d := net.Dialer{
		Timeout: dialTimeout, Control: giveUp,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: keepIdle, Interval: keepInterval, Count: keepCount},
	}
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w: %w: %s", addr, link.ErrLost, err, mend(err))
	}
	return stream.New(link.TCP, c, stream.Options{Name: "tcp://" + addr, Echo: echo, Log: log}), nil
}

func mend(err error) string {
	var dns *net.DNSError
	var ne net.Error
	switch {
	case errors.As(err, &dns):
		return "the name is not known; write the address in numbers"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens at that port; check the port and that the serial server is in TCP server mode"
	case errors.As(err, &ne) && ne.Timeout(), errors.Is(err, syscall.EHOSTUNREACH):
		return "nobody answers at that address; check that it is switched on and in the same network"
	}
	return "check address and port"
}
