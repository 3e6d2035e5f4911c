// Package drivertest is the conformance suite that every driver passes. A driver calls it once:
//
//	func TestConformance(t *testing.T) { drivertest.Run(t, mydriver.Driver, drivertest.Facts{}) }
//
// It needs a recording of a real device, testdata/frames/<driver>/<device>.txtar (see recordings.go), and writes the golden files with
// -update: the frozen list of what is published in testdata/vocabulary/<driver>.txt, the sample and the discovery of each recording.
//
// What it holds a driver to:
//
//   - declaration: keys, names, quantities and queries are in order, speak the common vocabulary and are those of the golden list
//   - recordings: a real device's replies give the values that were there before
//   - round trip: what the simulator says at the ends and in the middle of every field is read as said
//   - damage: no byte flipped, lost, added or borrowed from another reply gives another value; nothing panics
//   - reseal: the same under a right checksum: a value may change, but none becomes a false zero and none is invented
//   - calls: a cancelled context is obeyed, silence is ErrNoReply, a refusal is ErrUnsupported
//   - settings: what can be set is written once, acknowledged and read back; what cannot be is not sent
//   - stream: what a device says unasked is held to the laws of round trip and damage
//   - bus: on a bus without checksums, one bad transfer is noticed and a dead line gives no value
//   - files: a file that is gone, empty, cut off or has another form gives no value
//   - fetch: of a web service, half an answer, another's or no answer at all gives no value
package drivertest

import (
	"context"
	"flag"
	"fmt"
	"runtime/debug"
	"slices"
	"testing"

	"sunwire/discovery/discoverytest"
	"sunwire/drivers"
	"sunwire/drivers/link"
)

var update = flag.Bool("update", false, "rewrite the golden files of testdata/frames and testdata/vocabulary")

// Facts are what the suite cannot find out about a driver by itself.
type Facts struct {
	Options any        // the driver's own options; nil: its defaults
	Refusal []byte     // the whole reply by which a device refuses a question; nil: there is none
	Derived []string   // keys that the driver computes from others, or from the clock of the exchange: the simulator cannot set them
	Shorter []string   // keys that only another form of a reply gives, which is the simulator's cut short and sealed: an older firmware's
	Dark    bool       // 0 is what the chip says every night, and it has nothing by which a line stuck at 0 could be told from it: the bus must
	Shared  []string   // keys of ons and offs that share a byte with others or with alarms: any value of it has a meaning
	Alike   [][]string // names of queries whose replies have the same form on the wire: nothing in one tells it from another's
}

// Run holds d to the contract.
func Run(t *testing.T, d drivers.Driver, f Facts) {
	t.Helper()
	for _, law := range laws {
		t.Run(law.name, func(t *testing.T) {
			s := &suite{d: d, f: f, testdata: discoverytest.Testdata(t), update: *update}
			s.hold(law.check)
			for _, finding := range s.found {
				t.Error(finding)
			}
		})
	}
}

var laws = []struct {
	name  string
	check func(*suite)
}{
	{"declaration", (*suite).declaration},
	{"recordings", (*suite).recordings},
	{"round trip", (*suite).roundTrip},
	{"damage", (*suite).damage},
	{"reseal", (*suite).reseal},
	{"calls", (*suite).calls},
	{"settings", (*suite).settings},
	{"bus", (*suite).bus},
	{"files", (*suite).files},
	{"fetch", (*suite).fetch},
	{"stream", (*suite).stream},
}

// suite is one law being checked on one driver.
type suite struct {
	d        drivers.Driver
	f        Facts
	testdata string
	update   bool
	found    []string
}

const enough = 20 // findings of one law; more say nothing new

// hold runs a check; a driver's panic is a finding.
func (s *suite) hold(check func(*suite)) {
	defer func() {
		if p := recover(); p != nil {
			s.fail("panic: %v\n%s", p, debug.Stack())
		}
	}()
	check(s)
}

func (s *suite) fail(format string, args ...any) {
	if finding := fmt.Sprintf(format, args...); len(s.found) < enough && !slices.Contains(s.found, finding) {
		s.found = append(s.found, finding)
	}
}

// device is an opened driver on a line that the suite can spoil.
type device struct {
	drivers.Device
	s       *suite
	line    *line
	desc    drivers.Descriptor
	queries []query
}

// query is one question to a device or one of its units, with what is declared there.
type query struct {
	drivers.Query
	unit     string
	entities map[string]*drivers.Entity
}

// open opens d on what a simulator answers; nil, with a finding, where it does not come up.
func (s *suite) open(sim link.Simulator) *device {
	l := &line{sim: sim, fail: s.fail}
	c := l.conn(s.d.Links)
	if c == nil {
		s.fail("the suite has no line of the kinds %v", s.d.Links)
		return nil
	}
	options := s.f.Options
	if options == nil && s.d.Config != nil {
		options = s.d.Config()
	}
	dev, err := s.d.Open(c, 0, options)
	if err != nil {
		s.fail("open: %v", err)
		return nil
	}
	out := &device{Device: dev, s: s, line: l}
	if out.desc, err = dev.Describe(context.Background()); err != nil {
		s.fail("describe: %v", err)
		return nil
	}
	for _, d := range append([]drivers.Descriptor{out.desc}, out.desc.Units...) {
		declared := map[string]*drivers.Entity{}
		for i := range d.Entities {
			declared[d.Entities[i].Key] = &d.Entities[i]
		}
		for _, q := range d.Queries {
			out.queries = append(out.queries, query{Query: q, unit: d.Unit, entities: declared})
		}
	}
	return out
}

// simulated opens d on its own simulator.
func (s *suite) simulated(m drivers.Model) *device {
	if s.d.Simulate == nil {
		s.fail("the driver has no simulator")
		return nil
	}
	return s.open(s.d.Simulate(m, 0))
}

func (q *query) id(key string) string {
	if q.unit == "" {
		return key
	}
	return q.unit + "/" + key
}
