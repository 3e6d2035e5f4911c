package detect

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/all"
	"sunwire/drivers/bme280"
	"sunwire/drivers/link"
	"sunwire/drivers/link/simulated"
	"sunwire/drivers/voltronic"
)

// wall is what hangs on a port: it notes what is written, and at which speeds it was opened.
type wall struct {
	link.Simulator
	baud int // the only one at which it answers; 0: any

	mu     sync.Mutex
	asked  []string
	bauds  []int
	closed int
}

func (w *wall) Answer(request []byte) []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, strings.TrimRight(string(request), "\r"))
	if w.Simulator == nil || w.baud != 0 && w.bauds[len(w.bauds)-1] != w.baud {
		return nil
	}
	return w.Simulator.Answer(request)
}

func (w *wall) Push() iter.Seq2[time.Duration, []byte] {
	if w.Simulator == nil {
		return nil
	}
	return w.Simulator.Push()
}

// talker says something unasked, at these times.
type talker struct {
	link.Simulator
	said []string
	gap  time.Duration
}

func (t talker) Push() iter.Seq2[time.Duration, []byte] {
	return func(yield func(time.Duration, []byte) bool) {
		for i := 0; yield(t.gap, []byte(t.said[i%len(t.said)])); i++ {
		}
	}
}

// noise says something once, when the port is opened first.
type noise struct {
	link.Simulator
	said string
}

func (n *noise) Push() iter.Seq2[time.Duration, []byte] {
	return func(yield func(time.Duration, []byte) bool) {
		said := n.said
		n.said = ""
		if said == "" || yield(time.Millisecond, []byte(said)) {
			yield(time.Hour, nil)
		}
	}
}

type closing struct {
	link.Conn
	w *wall
}

// transactor is closing for a line.
type transactor struct {
	closing
	link.Transactor
	link.Listener
}

func (t transactor) Kind() link.Kind { return t.closing.Kind() }
func (t transactor) Close() error    { return t.closing.Close() }
func (t transactor) Wait(ctx context.Context, d time.Duration) error {
	return t.closing.Wait(ctx, d)
}

func (c closing) Close() error {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	c.w.closed++
	return c.Conn.Close()
}

// into opens walls by the text of the port.
func into(walls map[string]*wall) func(context.Context, Port, int) (link.Conn, error) {
	return func(_ context.Context, p Port, baud int) (link.Conn, error) {
		w := walls[p.Text]
		if w == nil {
			return nil, fmt.Errorf("open %s: it is in use by process 7 (minicom)", p.Text)
		}
		w.bauds = append(w.bauds, baud)
		c, err := simulated.New(p.Kind, w, simulated.Options{Baud: max(baud, 2400)})
		if err != nil {
			return nil, err
		}
		return transactor{closing{c, w}, c.(link.Transactor), c.(link.Listener)}, nil
	}
}

func on(text string) Port { return Port{Text: text, Kind: link.Serial} }

// probed looks at one port, in fake time.
func probed(t *testing.T, w *wall, o Options) (f Finding) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o.open = into(map[string]*wall{"serial:/dev/x": w})
		f = Probe(t.Context(), []Port{on("serial:/dev/x")}, o)[0]
	})
	if w.closed != len(w.bauds) {
		t.Errorf("opened %d times, closed %d times", len(w.bauds), w.closed)
	}
	return f
}

func TestAnInverterIsFoundAndAskedNoMoreThanNeeded(t *testing.T) {
	w := &wall{Simulator: voltronic.PI30.Simulate(nil, 0), baud: 2400}
	f := probed(t, w, Options{Drivers: []drivers.Driver{voltronic.PI30}})
	if f.Problem != nil || len(f.Matches) != 1 {
		t.Fatalf("%+v", f)
	}
	m := f.Matches[0]
	if m.Driver != "pi30" || m.Serial != "92932004102443" || m.Confidence != 100 || m.Port != "serial:/dev/x" {
		t.Errorf("%+v", m)
	}
	if f.Took < listening || f.Took > 10*time.Second || m.Took > f.Took-listening {
		t.Errorf("took %v and %v", f.Took, m.Took)
	}
	if len(w.asked) > 10 {
		t.Errorf("asked %q", w.asked)
	}
}

func TestWhatTalksByItselfIsNotWrittenTo(t *testing.T) {
	gnss := talker{voltronic.PI30.Simulate(nil, 0), []string{"$GPRMC,,V,,,,,,,,,,N*53\r\n"}, time.Second}
	w := &wall{Simulator: gnss}
	f := probed(t, w, Options{})
	if len(w.asked) > 0 || len(f.Matches) > 0 || f.Problem == nil || !strings.Contains(f.Problem.What, "talks by itself") ||
		!strings.HasPrefix(f.Heard, "24 47 50 52 4d 43") || f.Bytes == 0 || len(f.Tried) > 0 {
		t.Errorf("asked %q: %+v %+v", w.asked, f, f.Problem)
	}
	w = &wall{Simulator: &noise{nil, "boot: ready"}} // it has said all that it has to say for the next minutes
	if f := probed(t, w, Options{}); len(w.asked) > 0 || f.Heard == "" {
		t.Errorf("asked %q: %+v", w.asked, f)
	}
	slow := talker{nil, []string{"A"}, 1500 * time.Millisecond} // a byte now and then is speech too
	w = &wall{Simulator: slow}
	if f := probed(t, w, Options{}); len(w.asked) > 0 || f.Heard == "" {
		t.Errorf("asked %q: %+v", w.asked, f)
	}
}

func TestThePlugsOwnNoiseDoesNotHideAnInverter(t *testing.T) {
	w := &wall{Simulator: &noise{voltronic.PI30.Simulate(nil, 0), "\x00"}}
	if f := probed(t, w, Options{}); len(f.Matches) == 0 || f.Heard != "" || f.Bytes != 0 || f.Took < 2*listening {
		t.Errorf("%+v", f)
	}
}

// streamed is a driver of a device that talks.
var streamed = drivers.Driver{
	Name: "talk", Title: "A talker", Family: "talk", Links: []link.Kind{link.Serial}, Bauds: []int{4800, 19200},
	Detect: func(ctx context.Context, c link.Conn) (drivers.Match, error) {
		if _, ok := c.(link.Transactor); ok {
			return drivers.Match{}, errors.New("it could have been written to")
		}
		l, ok := c.(link.Listener)
		if !ok {
			return drivers.Match{}, errors.New("no line")
		}
		for said, err := range l.Listen(ctx, everything) {
			if err != nil || strings.Contains(string(said), "PID") {
				return drivers.Match{Confidence: 90, Descriptor: drivers.Descriptor{Serial: "HQ1"}}, err
			}
		}
		return drivers.Match{}, drivers.ErrNoReply
	},
}

func TestWhatTalksIsHeardByADriverThatCannotWrite(t *testing.T) {
	w := &wall{Simulator: talker{nil, []string{"PID\t0xA053\r\n"}, time.Second}}
	f := probed(t, w, Options{Drivers: []drivers.Driver{voltronic.PI30, streamed}})
	if len(w.asked) > 0 || len(f.Matches) != 1 || f.Matches[0].Serial != "HQ1" || f.Matches[0].Port != "serial:/dev/x?baud=4800" {
		t.Errorf("asked %q: %+v", w.asked, f)
	}
}

func TestASilentPortIsSoonLeft(t *testing.T) {
	w := &wall{}
	f := probed(t, w, Options{Drivers: []drivers.Driver{voltronic.PI30}})
	if len(f.Matches) > 0 || f.Problem == nil || !strings.Contains(f.Problem.What, "nothing answers (tried: pi30)") || f.Took > 8*time.Second {
		t.Errorf("%+v %+v", f, f.Problem)
	}
}

func TestAPortThatIsHeldSaysByWhom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := Probe(t.Context(), []Port{on("serial:/dev/held")}, Options{open: into(nil)})[0]
		if f.Problem == nil || !strings.Contains(f.Problem.What, "process 7 (minicom)") {
			t.Errorf("%+v", f)
		}
	})
}

// asking is a driver that asks its question and believes any reply.
func asking(name, family, question string, confidence int, bauds ...int) drivers.Driver {
	return drivers.Driver{
		Name: name, Title: name, Family: family, Links: []link.Kind{link.Serial}, Bauds: bauds,
		Detect: func(ctx context.Context, c link.Conn) (drivers.Match, error) {
			_, err := c.(link.Transactor).Transact(ctx, link.Request{
				Bytes: []byte(question), First: time.Second, Gap: time.Millisecond,
				Frame: func(b []byte, _ bool) (int, []byte, error) {
					if !strings.HasPrefix(string(b), "+"+question) {
						return 0, nil, fmt.Errorf("%w: %q", drivers.ErrFrame, b)
					}
					return 0, b, nil
				},
			})
			return drivers.Match{Confidence: confidence}, err
		},
	}
}

// echo answers with what it was asked.
type echo struct{ talker }

func (echo) Answer(request []byte) []byte           { return append([]byte{'+'}, request...) }
func (echo) Push() iter.Seq2[time.Duration, []byte] { return nil }

func TestADangerousQuestionIsAskedOnlyWhereItsDriverIsNamed(t *testing.T) {
	safe, careful := asking("safe", "a", "S", 50), asking("careful", "b", "C", 50)
	careful.Careful = true
	o := Options{Drivers: []drivers.Driver{careful, safe}}
	w := &wall{}
	if f := probed(t, w, o); !slices.Equal(w.asked, []string{"S"}) || !slices.Equal(f.Careful, []string{"careful"}) || !slices.Equal(f.Tried, []string{"safe"}) {
		t.Errorf("asked %q: %+v", w.asked, f)
	}
	o.Driver = "careful"
	w = &wall{}
	if f := probed(t, w, o); !slices.Equal(w.asked, []string{"C"}) || len(f.Careful) > 0 {
		t.Errorf("named: asked %q: %+v", w.asked, f)
	}
}

func TestTheLikeliestSpeedOfEachDriverGoesFirst(t *testing.T) {
	w := &wall{Simulator: echo{}, baud: 19200}
	f := probed(t, w, Options{Drivers: []drivers.Driver{
		asking("one", "a", "1", 60, 9600, 19200), asking("two", "b", "2", 70), asking("three", "c", "3", 80, 9600, 115200),
	}})
	if !slices.Equal(w.bauds, []int{9600, 2400, 19200}) || !slices.Equal(w.asked, []string{"1", "3", "2", "1"}) {
		t.Errorf("at %v asked %q", w.bauds, w.asked)
	}
	if len(f.Matches) != 1 || f.Matches[0].Driver != "one" || f.Matches[0].Port != "serial:/dev/x?baud=19200" {
		t.Errorf("%+v", f)
	}
}

func TestASpeedThatTheUserWroteIsTheOnlyOne(t *testing.T) {
	const text = "serial:/dev/x?baud=4800&parity=E"
	w := &wall{Simulator: echo{}}
	synctest.Test(t, func(t *testing.T) {
		o := Options{Drivers: []drivers.Driver{asking("one", "a", "1", 60, 9600, 19200)}, open: into(map[string]*wall{text: w})}
		if f := Probe(t.Context(), []Port{on(text)}, o)[0]; len(f.Matches) != 1 || f.Matches[0].Port != text {
			t.Errorf("%+v", f)
		}
	})
	if !slices.Equal(w.bauds, []int{4800}) {
		t.Errorf("opened at %v", w.bauds)
	}
}

func TestVariantsOfAFamilyAskEachQuestionOnce(t *testing.T) {
	variants := []drivers.Driver{asking("a1", "a", "1", 60), asking("a2", "a", "1", 80), asking("b", "b", "2", 99), asking("a3", "a", "3", 70)}
	w := &wall{Simulator: echo{}}
	f := probed(t, w, Options{Drivers: variants})
	if !slices.Equal(w.asked, []string{"1", "3"}) { // b cannot be there too
		t.Errorf("asked %q", w.asked)
	}
	var order []string
	for _, m := range f.Matches {
		order = append(order, m.Driver)
	}
	if !slices.Equal(order, []string{"a2", "a3", "a1"}) {
		t.Errorf("found %q", order)
	}
	w = &wall{}
	if probed(t, w, Options{Drivers: variants}); !slices.Equal(w.asked, []string{"1", "2", "3"}) {
		t.Errorf("on a silent line: asked %q", w.asked)
	}
}

func TestAWrongProtocolIsNoSilence(t *testing.T) {
	w := &wall{Simulator: echo{}}
	f := probed(t, w, Options{Drivers: []drivers.Driver{voltronic.PI30}})
	if f.Problem == nil || !strings.Contains(f.Problem.What, "something answers, but not as pi30 should: [2b 51 50 49") {
		t.Errorf("%+v %+v", f, f.Problem)
	}
}

func TestTheEndOfTheProgramEndsTheSearch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		start := time.Now()
		f := Probe(ctx, []Port{on("serial:/dev/x")}, Options{open: into(map[string]*wall{"serial:/dev/x": {}})})[0]
		if time.Since(start) > time.Second || f.Problem == nil {
			t.Errorf("after %v: %+v", time.Since(start), f)
		}
	})
}

// chips are simulators by their address on a bus.
type chips map[uint16]link.Simulator

func (chips) Kind() link.Kind                                 { return link.I2C }
func (chips) Wait(ctx context.Context, d time.Duration) error { return ctx.Err() }
func (chips) Close() error                                    { return nil }

func (c chips) Tx(addr uint16, w, r []byte) error {
	chip, ok := c[addr]
	if !ok {
		return errors.New("nothing acknowledges")
	}
	copy(r, chip.Answer(w))
	return nil
}

func TestEveryChipOnABusIsFound(t *testing.T) {
	two := chips{0x76: bme280.Driver.Simulate(nil, 0x76), 0x77: bme280.Driver.Simulate(nil, 0x77)}
	for text, want := range map[string][]string{"i2c:1": {"i2c:1/0x76", "i2c:1/0x77"}, "i2c:1/0x77": {"i2c:1/0x77"}, "i2c:2/0x40": nil} {
		o := Options{open: func(context.Context, Port, int) (link.Conn, error) { return two, nil }}
		f := Probe(t.Context(), []Port{{Text: text, Kind: link.I2C}}, o)[0]
		var got []string
		for _, m := range f.Matches {
			got = append(got, m.Port)
		}
		if !slices.Equal(got, want) || (f.Problem == nil) != (want != nil) {
			t.Errorf("%s: %q, %+v", text, got, f.Problem)
		}
	}
}

func TestADriverThatCanBeLookedForSaysHow(t *testing.T) {
	for _, d := range all.Drivers() {
		if d.Detect == nil {
			continue
		}
		for _, b := range d.Bauds {
			if b < 300 || b > 1_000_000 {
				t.Errorf("%s: %d baud", d.Name, b)
			}
		}
	}
}
