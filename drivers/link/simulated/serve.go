package simulated

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"sunwire/drivers/link"
)

// Line is a line to be served.
type Line struct {
	Baud    int // 0: as fast as it goes
	Ends    func(request []byte) bool
	Trouble *Trouble // nil: none ever
}

// EndsInCR is for text protocols: a request is whole with its CR. What does not begin with a printable character is another protocol's.
func EndsInCR(request []byte) bool {
	return len(request) > 0 && request[len(request)-1] == '\r' && request[0] > ' ' && request[0] <= '~'
}

// pause ends a request whose end cannot be seen.
const pause = 20 * time.Millisecond

// heard is what was read from the port, and when.
type heard struct {
	bytes []byte
	at    time.Time
}

// Serve lets s answer on rw until ctx ends or rw does. The line is paced in both directions: a request counts when its last byte could
// have arrived, and the bytes of the reply leave one by one. What the wire owes is counted by absolute times, so that nothing adds up.
func (l Line) Serve(ctx context.Context, rw io.ReadWriter, s link.Simulator) error {
	ctx, stop := context.WithCancel(ctx)
	in := make(chan heard)
	var broken error
	var reader sync.WaitGroup
	reader.Go(func() {
		defer close(in)
		broken = listen(ctx, rw, in)
	})
	reader.Go(func() { push(ctx, rw, s) })
	defer reader.Wait() // the caller closes rw, which ends the reader
	defer stop()
	var request []byte
	var received time.Time // when its last byte is in
	quiet := time.NewTimer(time.Hour)
	defer quiet.Stop()
	answer := func() error {
		asked := request
		request = nil
		return l.reply(ctx, rw, s, asked, received)
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-quiet.C:
			if len(request) > 0 {
				if err := answer(); err != nil {
					return err
				}
			}
		case h, ok := <-in:
			if !ok {
				return broken
			}
			if len(request) == 0 || received.Before(h.at) {
				received = h.at
			}
			for _, x := range h.bytes {
				request, received = append(request, x), received.Add(l.takes(1))
				if l.Ends != nil && l.Ends(request) {
					if err := answer(); err != nil {
						return err
					}
				}
			}
			quiet.Reset(time.Until(received) + pause)
		}
	}
}

func (l Line) takes(bytes int) time.Duration {
	if l.Baud == 0 {
		return 0
	}
	return time.Duration(bytes) * byteTime(l.Baud)
}

func (l Line) reply(ctx context.Context, w io.Writer, s link.Simulator, request []byte, at time.Time) error {
	if !sleepUntil(ctx, at) {
		return nil
	}
	out, delay := l.Trouble.apply(request, s.Answer(request))
	if at = at.Add(delay); !sleepUntil(ctx, at) {
		return nil
	}
	if l.Baud == 0 {
		_, err := w.Write(out)
		return err
	}
	if late := time.Since(at); late > byteTime(l.Baud) { // the machine was busy, the line was not
		at = time.Now()
	}
	for i := range out {
		if !sleepUntil(ctx, at.Add(l.takes(i+1))) {
			return nil
		}
		if _, err := w.Write(out[i : i+1]); err != nil {
			return err
		}
	}
	return nil
}

// push says what s says unasked, until ctx ends or nobody takes it.
func push(ctx context.Context, w io.Writer, s link.Simulator) {
	said := s.Push()
	if said == nil {
		return
	}
	for pause, b := range said {
		if link.Sleep(ctx, pause) != nil {
			return
		}
		if _, err := w.Write(b); err != nil {
			return
		}
	}
}

func listen(ctx context.Context, r io.Reader, in chan<- heard) error {
	buf := make([]byte, 4096)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			select {
			case in <- heard{append([]byte(nil), buf[:n]...), time.Now()}:
			case <-ctx.Done():
				return nil
			}
		}
		switch {
		case errors.Is(err, syscall.EIO): // nobody has the other end of the pseudo-terminal open
			if link.Sleep(ctx, pause/2) != nil {
				return nil
			}
		case err != nil:
			return err
		}
	}
}

func sleepUntil(ctx context.Context, at time.Time) bool {
	return link.Sleep(ctx, time.Until(at)) == nil
}

// ServePTY serves on a pseudo-terminal that is found at path, until ctx ends. While the fault is Unplug there is none.
func (l Line) ServePTY(ctx context.Context, path string, s link.Simulator) error {
	if _, err := os.Lstat(path); err == nil {
		if to, err := os.Readlink(path); err != nil || len(to) < 5 || to[:5] != "/dev/" {
			return fmt.Errorf("%s is there already, and is no link to a terminal: choose another path", path)
		}
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	for ctx.Err() == nil {
		if err := l.plugged(ctx, path, s); err != nil {
			return err
		}
		l.Trouble.unplugged(ctx, false)
	}
	return nil
}

// plugged serves until ctx ends or the cable is pulled.
func (l Line) plugged(ctx context.Context, path string, s link.Simulator) error {
	master, slave, err := openPTY()
	if err != nil {
		return fmt.Errorf("open a pseudo-terminal: %w", err)
	}
	if err := os.Symlink(slave, path); err != nil {
		return errors.Join(err, master.Close())
	}
	defer os.Remove(path) //nolint:errcheck // somebody else may have
	return l.serve(ctx, master, s)
}

// ServeTCP serves one client after another until ctx ends. While the fault is Unplug, clients are sent away.
func (l Line) ServeTCP(ctx context.Context, listener net.Listener, s link.Simulator) error {
	stop := context.AfterFunc(ctx, func() { _ = listener.Close() })
	defer stop()
	for {
		c, err := listener.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				_ = c.Close()
			}
			return nil
		case err != nil:
			return err
		case l.Trouble.isUnplugged():
			_ = c.Close()
		default:
			_ = l.serve(ctx, c, s) // its end is the client's going
		}
	}
}

// serve serves until ctx ends, the cable is pulled or rw fails, and closes rw, which ends who reads from it.
func (l Line) serve(ctx context.Context, rw io.ReadWriteCloser, s link.Simulator) error {
	ctx, stop := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() {
		l.Trouble.unplugged(ctx, true)
		stop()
		_ = rw.Close()
	})
	err := l.Serve(ctx, closing{rw}, s)
	if ctx.Err() != nil {
		err = nil
	}
	stop()
	watch.Wait()
	return err
}

// closing lets the reader end when the writer failed.
type closing struct{ io.ReadWriteCloser }

func (c closing) Write(b []byte) (int, error) {
	n, err := c.ReadWriteCloser.Write(b)
	if err != nil {
		_ = c.Close()
	}
	return n, err
}
