package status

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

// newTrickle is a body that never ends and gives nothing.
func newTrickle() (io.Reader, func()) {
	r, w := io.Pipe()
	return r, func() { _ = w.Close() }
}

// record is a ResponseWriter that notes when each event came.
type record struct {
	*httptest.ResponseRecorder
	mu     sync.Mutex
	begun  time.Time
	events []event
}

type event struct {
	at   time.Duration
	data string
}

func (r *record) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, data, _ := strings.Cut(strings.TrimSuffix(string(b), "\n\n"), "data: ")
	r.events = append(r.events, event{time.Since(r.begun), data})
	return len(b), nil
}

// all is what came so far.
func (r *record) all() []event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

// listen opens a stream and returns its record, and what ends it and waits for its end.
func listen(t *testing.T, h http.Handler, path string) (*record, func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil)
	r.RemoteAddr, r.Host = "127.0.0.1:40000", "localhost"
	w := &record{ResponseRecorder: httptest.NewRecorder(), begun: time.Now()}
	done := make(chan struct{})
	go func() { defer close(done); h.ServeHTTP(w, r) }()
	return w, func() { cancel(); <-done }
}

func TestAStreamGivesTheFirstStateAtOnceAndThenNoMoreThanTwoASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := twoDevices(time.Now())
		w, end := listen(t, New(src, Options{}), "/api/stream")
		for i := range 40 { // 100 ms apart: 4 s
			synctest.Wait()
			src.change(func(s *Snapshot) { s.Broker.Published = uint64(i) })
			time.Sleep(100 * time.Millisecond)
		}
		synctest.Wait()
		last := len(w.all())
		time.Sleep(20 * time.Second) // nothing changes: heartbeats only
		end()
		events := w.all()
		if events[0].at != 0 {
			t.Errorf("the first event came after %v", events[0].at)
		}
		for i := range events[1:] {
			gap := events[i+1].at - events[i].at
			if gap < eventGap || gap > heartbeat {
				t.Errorf("event %d came %v after the one before", i+1, gap)
			}
		}
		if last < 8 || last > 9 {
			t.Errorf("%d events in 4 s", last)
		}
		var s Snapshot
		if err := json.Unmarshal([]byte(events[last].data), &s); err != nil || s.Schema != 1 || s.Broker.Published != 39 {
			t.Errorf("the last change did not arrive: %d, %v", s.Broker.Published, err)
		}
		if h := w.Header(); h.Get("Content-Type") != "text/event-stream" || h.Get("Cache-Control") != "no-store" {
			t.Errorf("headers %v", h)
		}
		synctest.Wait()
		if src.open() != 0 {
			t.Error("the source still serves a stream that ended")
		}
	})
}

func TestThePagesStreamSendsADeviceAgainOnlyWhenItChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := twoDevices(time.Now())
		w, end := listen(t, New(src, Options{}), "/live")
		time.Sleep(time.Second)
		src.change(func(s *Snapshot) { s.Devices[1].Values[0].Value = json.RawMessage("22.5") })
		time.Sleep(time.Second)
		synctest.Wait()
		end()
		sent := func(i int) (ids []string) {
			var u struct{ Parts []part }
			if err := json.Unmarshal([]byte(w.all()[i].data), &u); err != nil {
				t.Fatal(err)
			}
			if len(u.Parts) != 3 {
				t.Errorf("event %d lists %d parts", i, len(u.Parts))
			}
			for _, p := range u.Parts {
				if p.HTML != "" {
					ids = append(ids, p.ID)
				}
			}
			return ids
		}
		if got := strings.Join(sent(0), " "); got != "summary device-inverter device-house" {
			t.Errorf("first came %s", got)
		}
		if got := strings.Join(sent(1), " "); got != "device-house" || !strings.Contains(w.all()[1].data, "22.5") {
			t.Errorf("then came %s: %s", got, w.all()[1].data)
		}
	})
}

func TestStreamsAreLimitedInNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(twoDevices(time.Now()), Options{})
		var ends []func()
		for range maxStreams {
			_, end := listen(t, h, "/api/stream")
			ends = append(ends, end)
		}
		synctest.Wait()
		if w := get(t, h, "/live"); w.Code != http.StatusServiceUnavailable {
			t.Errorf("one more got %d", w.Code)
		}
		ends[0]()
		again, end := listen(t, h, "/live")
		ends[0] = end
		synctest.Wait()
		if again.Code != http.StatusOK {
			t.Error("the place of a stream that ended stays taken")
		}
		for _, end := range ends {
			end()
		}
	})
}

// opened serves src on a port of its own and returns its address, and what ends it and gives Serve's result.
func opened(t *testing.T, src Source, opts Options) (addr string, end func() error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, l, src, opts) }()
	return l.Addr().String(), func() error { cancel(); return <-ended }
}

func TestServeEndsWithItsContextStreamsAndSlowReadersIncluded(t *testing.T) {
	defer goleak.VerifyNone(t)
	src := heavy()
	addr, end := opened(t, src, Options{})
	for _, path := range []string{"/api/stream", "/live", "/api/devices"} {
		defer idle(t, addr, path).Close()
	}
	reader := client(t, addr)
	_ = next(t, reader)
	begun := time.Now()
	if err := end(); err != nil {
		t.Error(err)
	}
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("ended after %v", took)
	}
}

func TestAStreamDoesNotDelayTheEnd(t *testing.T) {
	addr, end := opened(t, twoDevices(time.Now()), Options{})
	_ = next(t, client(t, addr))
	begun := time.Now()
	if err := end(); err != nil || time.Since(begun) >= graceTime {
		t.Errorf("ended after %v: %v", time.Since(begun), err)
	}
}

// idle asks for path, waits until the answer begins, and reads no more of it.
func idle(t *testing.T, addr, path string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.(*net.TCPConn).SetReadBuffer(4096)
	_, _ = io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	return c
}

// client opens /api/stream on a connection of its own.
func client(t *testing.T, addr string) *bufio.Reader {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = io.WriteString(c, "GET /api/stream HTTP/1.0\r\nHost: localhost\r\n\r\n")
	return bufio.NewReaderSize(c, 1<<20)
}

// next is the data of the next event.
func next(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			return data
		}
	}
}

func TestASlowReaderHoldsUpNobody(t *testing.T) {
	src := heavy()
	addr, end := opened(t, src, Options{})
	defer func() { _ = end() }()
	defer idle(t, addr, "/api/stream").Close()
	quick := client(t, addr)
	_ = next(t, quick)
	for i := range uint64(2) {
		src.change(func(s *Snapshot) { s.Broker.Published = 1000 + i })
		for !strings.Contains(next(t, quick)[:1000], `"published":`+strconv.FormatUint(1000+i, 10)) {
			continue
		}
	}
}

func TestAPageThatAnybodyCouldReadIsNotOpened(t *testing.T) {
	src := twoDevices(time.Now())
	open, stop := context.WithTimeout(t.Context(), 5*time.Second)
	defer stop()
	for _, listen := range []string{"0.0.0.0:0", ":0"} {
		if err := Serve(open, listen, src, Options{}); err == nil || !strings.Contains(err.Error(), "http.password") {
			t.Errorf("%s without a password: %v", listen, err)
		}
	}
	for _, opts := range []Options{{Password: "sesame"}, {AllowPeers: []netip.Addr{netip.MustParseAddr("172.30.32.2")}}} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if err := Serve(ctx, "0.0.0.0:0", src, opts); err != nil {
			t.Errorf("guarded by %+v: %v", opts, err)
		}
		cancel()
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := Serve(open, l.Addr().String(), src, Options{}); err == nil || !strings.Contains(err.Error(), "http.listen") {
		t.Errorf("a port in use: %v", err)
	}
}
