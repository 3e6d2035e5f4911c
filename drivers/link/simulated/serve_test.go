package simulated

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"math/bits"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"sunwire/drivers/link"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echoing answers "x\r" by "(x\r".
type echoing struct{}

func (echoing) Answer(request []byte) []byte {
	if bytes.HasPrefix(request, []byte("?")) {
		return nil
	}
	return append([]byte("("), request...)
}

func (echoing) Push() iter.Seq2[time.Duration, []byte] { return nil }

// speaking also says something unasked, once a second.
type speaking struct{ echoing }

func (speaking) Push() iter.Seq2[time.Duration, []byte] {
	return func(yield func(time.Duration, []byte) bool) {
		for yield(time.Second, []byte("noise\rpushed\r")) {
		}
	}
}

// wire is a cable in memory: what is asked goes in, what comes out is noted with its time.
type wire struct {
	in   chan string
	gone chan struct{}
	once sync.Once
	full bool
	slow time.Duration // that a write takes

	mu  sync.Mutex
	out []byte
	at  []time.Time
}

func newWire() *wire { return &wire{in: make(chan string, 16), gone: make(chan struct{})} }

func (w *wire) Read(b []byte) (int, error) {
	select {
	case <-w.gone:
		return 0, io.ErrClosedPipe
	case s, ok := <-w.in:
		if !ok {
			return 0, io.EOF
		}
		return copy(b, s), nil
	}
}

func (w *wire) Write(b []byte) (int, error) {
	if w.full {
		return 0, errors.New("broken pipe")
	}
	defer time.Sleep(w.slow)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.out = append(w.out, b...)
	for range b {
		w.at = append(w.at, time.Now())
	}
	return len(b), nil
}

func (w *wire) Close() error {
	w.once.Do(func() { close(w.gone) })
	return nil
}

func (w *wire) said() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return string(w.out)
}

// served runs f with a line that is served in fake time.
func served(t *testing.T, l Line, f func(t *testing.T, w *wire), faults ...Fault) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		for _, fault := range faults { // made here: it is of the same time
			l.Trouble = NewTrouble(1)
			_ = l.Trouble.Set(string(fault))
		}
		w := newWire()
		ctx, stop := context.WithCancel(t.Context())
		var serving sync.WaitGroup
		serving.Go(func() {
			if err := l.serve(ctx, w, echoing{}); err != nil && !errors.Is(err, io.EOF) && !w.full {
				t.Error(err)
			}
		})
		f(t, w)
		stop()
		serving.Wait()
	})
}

func TestALineIsPacedInBothDirections(t *testing.T) {
	const baud = 2400
	served(t, Line{Baud: baud, Ends: EndsInCR}, func(t *testing.T, w *wire) {
		w.slow = 200 * time.Microsecond // which must not add up
		start := time.Now()
		for n := range 3 { // without pause
			w.in <- "QPIGS12\r"
			for len(w.said()) < (n+1)*9 {
				time.Sleep(100 * time.Microsecond)
			}
		}
		for i, at := range w.at {
			if want := start.Add(time.Duration(8*(i/9+1)+i+1) * byteTime(baud)); at.Before(want) || at.After(want.Add(time.Millisecond)) {
				t.Errorf("byte %d left after %v, want %v", i, at.Sub(start), want.Sub(start))
			}
		}
	})
}

func TestARequestMayComeInPieces(t *testing.T) {
	served(t, Line{Baud: 2400, Ends: EndsInCR}, func(t *testing.T, w *wire) {
		w.in <- "QP"
		time.Sleep(pause)
		w.in <- "IGS"
		time.Sleep(pause)
		w.in <- "\rQ1\rQMOD\r"
		time.Sleep(time.Second)
		if got := w.said(); got != "(QPIGS\r(Q1\r(QMOD\r" {
			t.Errorf("said %q", got)
		}
		w.in <- "?half"
		time.Sleep(time.Second)
		w.in <- "Q1\r"
		time.Sleep(time.Second)
		if got := w.said(); !strings.HasSuffix(got, "(Q1\r(QMOD\r(Q1\r") {
			t.Errorf("half a request stayed in the way: said %q", got)
		}
	})
	served(t, Line{}, func(t *testing.T, w *wire) { // an end that cannot be seen
		w.in <- "ab"
		w.in <- "c"
		time.Sleep(pause)
		synctest.Wait()
		if got := w.said(); got != "(abc" {
			t.Errorf("said %q", got)
		}
	})
}

func TestServingEndsWithTheLine(t *testing.T) {
	served(t, Line{Ends: EndsInCR}, func(_ *testing.T, w *wire) { close(w.in) })
	served(t, Line{Ends: EndsInCR}, func(_ *testing.T, w *wire) {
		w.full = true
		w.in <- "Q1\r"
		<-w.gone
	})
	for _, baud := range []int{0, 2400} {
		served(t, Line{Baud: baud, Ends: EndsInCR}, func(_ *testing.T, w *wire) {
			w.in <- "Q1\r"
			time.Sleep(2 * byteTime(2400)) // and then its context ends, in the middle
		})
	}
}

func TestEachFaultDoesWhatItSays(t *testing.T) {
	const asked, right = "QPIGS12\r", "(QPIGS12\r"
	for fault, fits := range map[Fault]func(said string) bool{
		None:     func(said string) bool { return said == right },
		Silence:  func(said string) bool { return said == "" },
		Unplug:   func(said string) bool { return said == "" },
		Echo:     func(said string) bool { return said == asked+right },
		Truncate: func(said string) bool { return len(said) < len(right) && strings.HasPrefix(right, said) },
		Garbage:  func(said string) bool { return len(said) >= 10 && !strings.Contains(said, right) },
		Flip: func(said string) bool {
			flipped := 0
			for i := range min(len(said), len(right)) {
				flipped += bits.OnesCount8(said[i] ^ right[i])
			}
			return len(said) == len(right) && flipped == 1
		},
		Late: func(said string) bool { return said == right },
	} {
		t.Run(string(fault), func(t *testing.T) {
			trouble := NewTrouble(1)
			for range 200 {
				if err := trouble.Set(string(fault)); err != nil {
					t.Fatal(err)
				}
				out, delay := trouble.apply([]byte(asked), []byte(right))
				if !fits(string(out)) || (delay == lateness) != (fault == Late) {
					t.Errorf("said %q after %v", out, delay)
				}
				_ = trouble.Set(string(None))
				if out, delay := trouble.apply([]byte(asked), []byte(right)); string(out) != right || delay != 0 {
					t.Errorf("after it: said %q after %v", out, delay)
				}
			}
			other := NewTrouble(1)
			_ = other.Set(string(fault))
			again := NewTrouble(1)
			_ = again.Set(string(fault))
			a, _ := other.apply([]byte(asked), []byte(right))
			if b, _ := again.apply([]byte(asked), []byte(right)); !bytes.Equal(a, b) {
				t.Errorf("the same seed gives %q and %q", a, b)
			}
		})
	}
	if len(Faults()) != 8 {
		t.Errorf("a fault is not tested: %v", Faults())
	}
	if err := NewTrouble(1).Set("fire"); err == nil || !strings.Contains(err.Error(), `no fault "fire"; there are none, silence`) {
		t.Error(err)
	}
}

func TestALateReplyIsLate(t *testing.T) {
	served(t, Line{Ends: EndsInCR}, func(t *testing.T, w *wire) {
		w.in <- "Q1\r"
		time.Sleep(lateness - 1)
		synctest.Wait()
		if w.said() != "" {
			t.Errorf("said %q too early", w.said())
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if w.said() != "(Q1\r" {
			t.Errorf("said %q", w.said())
		}
	}, Late)
}

func TestALinkInsideTheProcess(t *testing.T) {
	for _, kind := range []link.Kind{link.Serial, link.HID, link.TCP, link.UDP, link.BLE} {
		synctest.Test(t, func(t *testing.T) {
			c, err := New(kind, echoing{}, Options{})
			if err != nil || c.Kind() != kind {
				t.Fatal(c, err)
			}
			defer c.Close()
			r := link.Request{Bytes: []byte("Q1\r"), Frame: lines, First: time.Second, Gap: time.Second}
			start := time.Now()
			got, err := c.(link.Transactor).Transact(t.Context(), r)
			if err != nil || string(got) != "(Q1\r" {
				t.Errorf("got %q, %v", got, err)
			}
			r.Bytes = []byte("?\r")
			if got, err := c.(link.Transactor).Transact(t.Context(), r); !errors.Is(err, link.ErrNoReply) || got != nil {
				t.Errorf("got %q, %v", got, err)
			}
			r.Bytes = []byte("half")
			if got, err := c.(link.Transactor).Transact(t.Context(), r); !errors.Is(err, link.ErrFrame) || got != nil {
				t.Errorf("got %q, %v", got, err)
			}
			if err := c.Wait(t.Context(), time.Hour); err != nil || time.Since(start) != 0 {
				t.Errorf("%v, and time passed: %v", err, time.Since(start))
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if _, err := c.(link.Transactor).Transact(ctx, r); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			if err := c.Wait(ctx, time.Hour); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
	if _, err := New("smoke", echoing{}, Options{}); err == nil {
		t.Error("smoke signals cannot be simulated")
	}
}

func TestAPacedLinkInsideTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := New(link.Serial, echoing{}, Options{Baud: 2400})
		r := link.Request{Bytes: []byte("Q1\r"), Frame: lines, First: time.Second, Gap: time.Second}
		start := time.Now()
		if got, err := c.(link.Transactor).Transact(t.Context(), r); err != nil || string(got) != "(Q1\r" || time.Since(start) != 7*byteTime(2400) {
			t.Errorf("got %q, %v after %v", got, err, time.Since(start))
		}
		for after, text := range map[time.Duration]string{byteTime(2400): "Q1\r", 5 * byteTime(2400): "Q1\r", 500 * time.Millisecond: "?\r"} {
			r.Bytes = []byte(text)
			ctx, cancel := context.WithTimeout(t.Context(), after)
			start = time.Now()
			if _, err := c.(link.Transactor).Transact(ctx, r); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != after {
				t.Errorf("%v after %v, want %v", err, time.Since(start), after)
			}
			cancel()
		}
	})
}

func TestAListenerInsideTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := New(link.BLE, speaking{}, Options{})
		start := time.Now()
		n := 0
		ctx, cancel := context.WithTimeout(t.Context(), 3500*time.Millisecond)
		defer cancel()
		for frame, err := range c.(link.Listener).Listen(ctx, lines) {
			if n++; err != nil || string(frame) != "pushed\r" {
				t.Errorf("heard %q, %v", frame, err)
			}
		}
		if n != 3 || time.Since(start) != 3500*time.Millisecond {
			t.Errorf("heard %d in %v", n, time.Since(start))
		}
		for range c.(link.Listener).Listen(t.Context(), lines) {
			break
		}
	})
}

// lines takes what ends in CR and skips noise.
func lines(b []byte, silent bool) (int, []byte, error) {
	end := bytes.IndexByte(b, '\r') + 1
	switch {
	case end > 0 && bytes.HasPrefix(b, []byte("noise")):
		return end, nil, nil
	case end > 0:
		return 0, b[:end], nil
	case silent:
		return 0, nil, link.ErrFrame
	}
	return 0, nil, nil
}

// chip has two registers; writing 1 or 2 makes one readable.
type chip struct{ echoing }

func (chip) Answer(request []byte) []byte {
	if len(request) != 1 || request[0] > 2 {
		return nil
	}
	return []byte{request[0], 0xff}
}

func TestAChipAnswersAtItsAddressAlone(t *testing.T) {
	c, err := New(link.I2C, chip{}, Options{Address: 0x76})
	if err != nil {
		t.Fatal(err)
	}
	r := make([]byte, 2)
	if err := c.(link.Bus).Tx(0x76, []byte{1}, r); err != nil || !bytes.Equal(r, []byte{1, 0xff}) {
		t.Errorf("read % x, %v", r, err)
	}
	if err := c.(link.Bus).Tx(0x77, []byte{1}, r); err == nil || !strings.Contains(err.Error(), "0x77") {
		t.Error(err)
	}
	if err := c.(link.Bus).Tx(0x76, []byte{9}, r); err == nil {
		t.Error("what was not there was read")
	}
	if err := c.(link.Bus).Tx(0x76, []byte{1}, make([]byte, 3)); err == nil {
		t.Error("more was read than there is")
	}
	if c, _ = New(link.I2C, chip{}, Options{}); c.(link.Bus).Tx(0x77, []byte{2}, r) != nil {
		t.Error("without an address it answers at every one")
	}
}

func TestWhatIsSaidUnaskedIsServedBesideTheAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer stop()
		w := newWire()
		go func() { <-ctx.Done(); _ = w.Close() }()
		w.in <- "Q1\r"
		_ = Line{Ends: EndsInCR}.Serve(ctx, w, speaking{})
		if got := w.said(); got != "(Q1\rnoise\rpushed\rnoise\rpushed\r" {
			t.Errorf("said %q", got)
		}
	})
}
