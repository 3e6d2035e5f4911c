package drivertest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/txtar"

	"sunwire/discovery/discoverytest"
	"sunwire/drivers"
	"sunwire/drivers/link/replay"
)

// recordings plays every testdata/frames/<driver>/<device>.txtar and compares with what it gave before. Such a file begins with three
// lines, source:, device: and evidence: (how sure it is that a real device said that), and has the sections
//
//	exchange        "> hex" a request, "< hex" its reply, which may go on over several lines; # begins a comment
//	sample.json     golden: what all queries give, null where the recording has no value
//	discovery.json  golden: how the device is announced
func (s *suite) recordings() {
	files, err := filepath.Glob(filepath.Join(s.testdata, "frames", s.d.Name, "*.txtar"))
	if err != nil || len(files) == 0 {
		s.fail("no recording of a real device in testdata/frames/%s", s.d.Name)
	}
	for _, file := range files {
		s.recording(file)
	}
}

func (s *suite) recording(file string) {
	name := filepath.Base(file)
	archive, err := txtar.ParseFile(file)
	if err != nil {
		s.fail("%v", err)
		return
	}
	for _, label := range []string{"source:", "device:", "evidence:"} {
		if _, after, found := strings.Cut("\n"+string(archive.Comment), "\n"+label); !found || strings.TrimSpace(strings.SplitN(after, "\n", 2)[0]) == "" {
			s.fail("%s: does not say its %s", name, label)
		}
	}
	tape, err := replay.Parse(section(archive, "exchange"))
	if err != nil {
		s.fail("%s: %v", name, err)
		return
	}
	dev := s.open(tape)
	if dev == nil {
		s.fail("%s: does not come up", name)
		return
	}
	sample, answered := dev.sample(name)
	if dev.streamer() == nil && len(answered) == 0 {
		s.fail("%s: answers no query at all", name)
	}
	before := string(txtar.Format(archive))
	s.compare(archive, name, "sample.json", sample)
	s.compare(archive, name, "discovery.json", s.announced(name, known(dev.desc, answered)))
	if after := txtar.Format(archive); s.update && string(after) != before {
		if err := os.WriteFile(file, after, 0o644); err != nil {
			s.fail("%v", err)
		}
	}
}

// sample is what all queries gave, as JSON in the order of the descriptor, and the ids of the queries that were answered.
func (dev *device) sample(name string) (document []byte, answered map[string]bool) {
	got, answered := values{}, map[string]bool{}
	for _, q := range dev.queries {
		v, err := dev.ask(q)
		switch {
		case err == nil:
			answered[q.id(q.Name)] = true
		case !errors.Is(err, drivers.ErrNoReply) && !errors.Is(err, drivers.ErrUnsupported):
			dev.s.fail("%s: %s: %v", name, q.Name, err)
		}
		maps.Copy(got, v)
	}
	if dev.streamer() != nil {
		maps.Copy(got, dev.heard(nil))
		if len(got) == 0 {
			dev.s.fail("%s: nothing is heard", name)
		}
	}
	b := []byte("{")
	for _, d := range append([]drivers.Descriptor{dev.desc}, dev.desc.Units...) {
		for i := range d.Entities {
			e := &d.Entities[i]
			if e.Platform == drivers.Button { // it has no value
				continue
			}
			id := (&query{unit: d.Unit}).id(e.Key)
			if len(b) > 1 {
				b = append(b, ',')
			}
			b = fmt.Appendf(b, "\n  %q: ", id)
			b = got[id].AppendJSON(b, e.Quantity.Decimals)
			if !e.Plausible(got[id]) {
				dev.s.fail("%s: %s is %s, outside %g to %g, although a real device said so", name, id, got[id].Format(-1), e.Min, e.Max)
			}
		}
	}
	return append(b, "\n}\n"...), answered
}

// known is d without what only queries give that were never answered, as the bridge announces it.
func known(d drivers.Descriptor, answered map[string]bool) drivers.Descriptor {
	keys, asked := map[string]bool{}, map[string]bool{}
	for _, q := range d.Queries {
		id := (&query{unit: d.Unit}).id(q.Name)
		for _, k := range q.Keys {
			keys[k] = keys[k] || answered[id]
			asked[k] = true
		}
	}
	if len(d.Queries) == 0 {
		return d
	}
	d.Entities = slices.DeleteFunc(slices.Clone(d.Entities), func(e drivers.Entity) bool { return asked[e.Key] && !keys[e.Key] })
	units := d.Units
	d.Units = nil
	for _, u := range units {
		d.Units = append(d.Units, known(u, answered))
	}
	return d
}

// announced is the discovery of d, one component a line.
func (s *suite) announced(name string, d drivers.Descriptor) []byte {
	tables, err := discoverytest.Load(s.testdata)
	if err != nil {
		s.fail("%v", err)
		return nil
	}
	var b bytes.Buffer
	for i, m := range announce(s.d, d) {
		for _, err := range tables.Check(m.Payload) {
			s.fail("%s: discovery: %v", name, err)
		}
		var payload map[string]json.RawMessage
		var components map[string]json.RawMessage
		if err := errors.Join(json.Unmarshal(m.Payload, &payload), json.Unmarshal(payload["cmps"], &components)); err != nil {
			s.fail("%s: discovery: %v", name, err)
			continue
		}
		if i > 0 {
			b.WriteString(",\n")
		}
		fmt.Fprintf(&b, "%q: {\n", m.Topic)
		for _, k := range slices.Sorted(maps.Keys(payload)) {
			if k != "cmps" {
				fmt.Fprintf(&b, "%q:%s,\n", k, payload[k])
			}
		}
		b.WriteString("\"cmps\":{\n")
		for i, k := range slices.Sorted(maps.Keys(components)) {
			if i > 0 {
				b.WriteString(",\n")
			}
			fmt.Fprintf(&b, "%q:%s", k, components[k])
		}
		b.WriteString("}}")
	}
	return fmt.Appendf(nil, "{%s}\n", b.Bytes())
}

// compare holds a golden section against got, or rewrites it.
func (s *suite) compare(archive *txtar.Archive, name, golden string, got []byte) {
	if !s.update {
		want := section(archive, golden)
		if want == nil {
			s.fail("%s: has no %s yet: run the test with -update and read what it writes", name, golden)
			return
		}
		for _, line := range difference(want, got) {
			s.fail("%s: %s: %s (-update rewrites it; read the diff)", name, golden, line)
		}
		return
	}
	for i := range archive.Files {
		if archive.Files[i].Name == golden {
			archive.Files[i].Data = got
			return
		}
	}
	archive.Files = append(archive.Files, txtar.File{Name: golden, Data: got})
}

func section(archive *txtar.Archive, name string) []byte {
	for _, f := range archive.Files {
		if f.Name == name {
			return f.Data
		}
	}
	return nil
}
