package detect

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/all"
	"sunwire/drivers/link"
	"sunwire/drivers/link/serial"
)

const (
	listening = 2 * time.Second  // before the first byte is written: most of what talks by itself does so every second
	longest   = 12 * time.Second // for one driver: an inverter at 2400 baud takes 1 to 4 s
	stray     = 2                // so many bytes may be the plug's own noise; more are speech
	shown     = 32               // of what was heard
)

// Options are how to look.
type Options struct {
	Driver  string           // only this one, also where what it asks is not safe for other devices; "": all that are safe
	Drivers []drivers.Driver // nil: all there are
	Log     *slog.Logger     // at debug level every byte on the wire; nil: none

	open func(ctx context.Context, p Port, baud int) (link.Conn, error) // nil: the real one
}

// Match is a device that was found.
type Match struct {
	Driver       string        `json:"driver"`
	Variant      string        `json:"variant,omitempty"` // the dialect that the driver found
	Title        string        `json:"title"`             // the driver's
	Port         string        `json:"port"`              // as the configuration has it, with speed and address
	Manufacturer string        `json:"manufacturer,omitempty"`
	Model        string        `json:"model,omitempty"`
	Serial       string        `json:"serial,omitempty"`
	Firmware     string        `json:"firmware,omitempty"`
	Confidence   int           `json:"confidence"` // percent
	Took         time.Duration `json:"took"`

	family string
	knows  int // how much the driver can read of it
}

// Finding is what a port gave.
type Finding struct {
	Port    Port          `json:"port"`
	Matches []Match       `json:"matches,omitempty"` // likeliest first; of a bus one a chip
	Heard   string        `json:"heard,omitempty"`   // hexadecimal: it talks by itself, and nothing was written to it
	Bytes   int           `json:"bytes,omitempty"`   // how much was heard
	Tried   []string      `json:"tried,omitempty"`   // drivers
	Careful []string      `json:"careful,omitempty"` // drivers that were not tried: what they ask may be a write to another device
	Problem *Problem      `json:"problem,omitempty"` // why nothing was found
	Took    time.Duration `json:"took"`
}

// Probe opens the ports, which the user has named, and finds out what is there: all at the same time, with findings in their order. A
// port that another program holds is left to it. One that talks by itself is not written to.
func Probe(ctx context.Context, ports []Port, o Options) []Finding {
	if o.Drivers == nil {
		o.Drivers = all.Drivers()
	}
	if o.open == nil {
		o.open = opener(o.Log)
	}
	found := make([]Finding, len(ports))
	var wg sync.WaitGroup
	for i := range ports {
		wg.Go(func() {
			start := time.Now()
			s := search{o: o, known: map[string][]byte{}, Finding: Finding{Port: ports[i]}}
			if err := s.run(ctx); err != nil {
				s.Problem = &Problem{What: err.Error()}
			}
			s.Took = time.Since(start)
			found[i] = s.Finding
		})
	}
	wg.Wait()
	return found
}

// search is the look at one port.
type search struct {
	Finding
	o     Options
	known map[string][]byte // what was answered at this speed, nil: nothing
	talks bool
	reply []byte // the beginning of what came as an answer
	why   error  // of the first driver that made nothing of it
}

func (s *search) run(ctx context.Context) error {
	var named []string
	if s.o.Driver != "" {
		named = []string{s.o.Driver}
	}
	fit := candidates(s.Port.Kind, s.o.Drivers, named)
	for _, d := range s.o.Drivers {
		if d.Careful && d.Detect != nil && len(named) == 0 && slices.Contains(d.Links, s.Port.Kind) {
			s.Careful = append(s.Careful, d.Name)
		}
	}
	for i, speed := range speeds(s.Port, fit) {
		if err := s.at(ctx, speed, i == 0); err != nil || len(s.Matches) > 0 {
			return err
		}
	}
	s.explain()
	return nil
}

// speed is what is tried while the line stays open.
type speed struct {
	baud    int // 0: not a serial line
	drivers []drivers.Driver
}

// speeds groups the drivers by the speeds of their devices, everybody's likeliest one first.
func speeds(p Port, fit []drivers.Driver) (order []speed) {
	if p.Kind != link.Serial {
		return []speed{{0, fit}}
	}
	written, _ := p.settings()
	for rank, more := 0, true; more; rank++ {
		more = false
		for _, d := range fit {
			bauds := d.Bauds
			if len(bauds) == 0 {
				bauds = []int{serial.DefaultBaud}
			}
			if written != 0 {
				bauds = []int{written}
			}
			if rank >= len(bauds) {
				continue
			}
			more = true
			i := slices.IndexFunc(order, func(s speed) bool { return s.baud == bauds[rank] })
			if i < 0 {
				i, order = len(order), append(order, speed{baud: bauds[rank]})
			}
			order[i].drivers = append(order[i].drivers, d)
		}
	}
	if len(order) == 0 { // nobody can be asked, but it can be heard
		order = []speed{{baud: cmp.Or(written, serial.DefaultBaud)}}
	}
	return order
}

// at tries the drivers of one speed.
func (s *search) at(ctx context.Context, v speed, first bool) (err error) {
	conn, err := s.o.open(ctx, s.Port, v.baud)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if b, ok := conn.(link.Bus); ok {
		return s.chips(ctx, b, v.drivers)
	}
	if l, ok := conn.(link.Listener); ok && first && s.Port.Kind != link.BLE {
		if err := s.listen(ctx, l); err != nil {
			return err
		}
	}
	if s.talks {
		l, ok := conn.(link.Listener)
		if !ok {
			return nil
		}
		conn = deaf{l}
	}
	clear(s.known)
	for _, d := range v.drivers {
		if len(s.Matches) > 0 && s.Matches[0].family != d.Family {
			continue // only a variant of it can be there now
		}
		if err := s.tune(ctx, conn, d); err != nil {
			return err
		}
		m, err := s.detect(ctx, d, once(conn, s.known, s.patience(v.baud), s.answered))
		switch {
		case err != nil:
			return err
		case m != nil:
			m.Port = s.Port.withBaud(v.baud)
			s.Matches = append(s.Matches, *m)
		}
	}
	slices.SortStableFunc(s.Matches, func(a, b Match) int { return cmp.Or(b.Confidence-a.Confidence, b.knows-a.knows) })
	return nil
}

// patience is how long a silent wire is listened to after a question. Most questions are answered by nobody, and boards on a fast line begin
// within 200 ms; radios and inverters at 2400 baud take what their drivers give them.
func (s *search) patience(baud int) time.Duration {
	if s.Port.Kind == link.Serial && baud > serial.DefaultBaud {
		return 800 * time.Millisecond
	}
	return 0
}

// tune tells a Bluetooth link where the driver's devices read and write, and connects it, which takes longer than a driver may. The first
// driver's failure is that of all.
func (s *search) tune(ctx context.Context, conn link.Conn, d drivers.Driver) error {
	radio, ok := conn.(interface {
		Use(g link.GATT)
		Connect(ctx context.Context) error
	})
	if !ok {
		return nil
	}
	radio.Use(d.GATT)
	clear(s.known) // another characteristic may answer the same question otherwise
	if err := radio.Connect(ctx); errors.Is(err, link.ErrNoReply) || errors.Is(err, link.ErrLost) {
		return err
	}
	return nil
}

// detect lets one driver look. An error is a reason to look no further here.
func (s *search) detect(ctx context.Context, d drivers.Driver, conn link.Conn) (*Match, error) {
	if !s.talks && !slices.Contains(s.Tried, d.Name) {
		s.Tried = append(s.Tried, d.Name)
	}
	start := time.Now()
	limit, stop := context.WithTimeout(ctx, longest)
	defer stop()
	m, err := d.Detect(limit, conn)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, link.ErrLost):
		return nil, err
	case err != nil:
		if s.why == nil && !s.talks && !errors.Is(err, link.ErrNoReply) {
			s.why = err
		}
		return nil, nil
	}
	desc := m.Descriptor
	return &Match{
		Driver: d.Name, Variant: desc.Variant, Title: d.Title, Manufacturer: desc.Manufacturer, Model: desc.Model, Serial: desc.Serial, Firmware: desc.Firmware,
		Confidence: m.Confidence, Took: time.Since(start), family: d.Family, knows: len(desc.Entities) + len(desc.Queries),
	}, nil
}

// listen hears whether the port talks by itself. A byte or two may come from plugging in: then it is listened to once more.
func (s *search) listen(ctx context.Context, l link.Listener) error {
	for range 2 {
		before := s.Bytes
		limit, stop := context.WithTimeout(ctx, listening)
		var b []byte
		for heard, err := range l.Listen(limit, everything) {
			if err != nil {
				stop()
				return err
			}
			s.Bytes += len(heard)
			b = append(b, heard[:min(len(heard), shown-len(b))]...)
		}
		stop()
		if err := ctx.Err(); err != nil {
			return err
		}
		if s.talks = s.Bytes > stray || before > 0 && s.Bytes > before; s.talks {
			s.Heard = fmt.Sprintf("% x", b)
			return nil
		}
		if s.Bytes == 0 {
			return nil
		}
	}
	s.Bytes = 0
	return nil
}

// answered notes what comes as an answer.
func (s *search) answered(b []byte) {
	if len(b) > len(s.reply) {
		s.reply = append(s.reply[:0], b[:min(len(b), shown)]...)
	}
}

func everything(b []byte, _ bool) (int, []byte, error) { return 0, bytes.Clone(b), nil }

// deaf is a line to which nothing can be written: a driver of a device that talks by itself can still hear it.
type deaf struct{ link.Listener }

// explain says why nothing was found, and what can be done about it.
func (s *search) explain() {
	who := strings.Join(s.Tried, ", ")
	switch {
	case s.talks:
		s.Problem = &Problem{
			fmt.Sprintf("it talks by itself (%d bytes in %v) in a way that sunwire does not know; nothing was written to it", s.Bytes, listening),
			"a meter, a GPS receiver and a radio are meant to; anything else is worth a report, with these bytes",
		}
	case len(s.Tried) == 0:
		s.Problem = &Problem{"no driver can look for a device here by itself", "name one: --driver"}
	case s.why != nil || len(s.reply) > 0:
		why := fmt.Sprintf("[% x]", s.reply)
		if s.why != nil {
			why = s.why.Error()
		}
		s.Problem = &Problem{"something answers, but not as " + who + " should: " + why, "it may speak another protocol, or at another speed"}
	default:
		s.Problem = &Problem{"nothing answers (tried: " + who + ")", "is the device switched on? is it the right socket and the right cable?"}
	}
}
