package drivertest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"sunwire/drivers"
)

// term is one line of a class's vocabulary.
type term struct {
	key       *regexp.Regexp
	text      string
	frozen    []string // platform, unit, device class, state class, role; "*" = not fixed
	synonyms  []*regexp.Regexp
	spellings []string
}

type vocabulary []term

// lines are those of a file of testdata/vocabulary that say something; nil where there is no such file.
func (s *suite) lines(file string) (out []string) {
	b, err := os.ReadFile(filepath.Join(s.testdata, "vocabulary", file))
	if err != nil && !os.IsNotExist(err) {
		s.fail("%v", err)
	}
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			out = append(out, line)
		}
	}
	return out
}

func (s *suite) reserved() []string { return s.lines("bridge.txt") }

// vocabulary is that of a class; a class without a file has none.
func (s *suite) vocabulary(c drivers.Class) (v vocabulary) {
	for _, line := range s.lines(string(c) + ".txt") {
		words, spellings, _ := strings.Cut(line, "|")
		w := strings.Fields(words)
		if len(w) != 6 {
			s.fail("vocabulary/%s.txt: %q has not six words", c, line)
			continue
		}
		t := term{key: pattern(w[0]), text: w[0], frozen: w[1:], spellings: strings.Fields(spellings)}
		for _, spelling := range t.spellings {
			t.synonyms = append(t.synonyms, pattern(spelling))
		}
		v = append(v, t)
	}
	return v
}

func pattern(key string) *regexp.Regexp {
	return regexp.MustCompile("^" + strings.NewReplacer("<nn>", "[0-9][0-9]", "<n>", "[1-9][0-9]?").Replace(key) + "$")
}

// check: a thing of the vocabulary has its key there, and its key means that thing.
func (v vocabulary) check(s *suite, e *drivers.Entity) {
	for i := range v {
		if v[i].key.MatchString(e.Key) {
			for k, is := range identity(e) {
				if want := v[i].frozen[k]; want != "*" && want != is {
					s.fail("%s: has %s where the vocabulary has %s (%s)", e.Key, is, want, strings.Join(v[i].frozen, " "))
				}
			}
			return
		}
	}
	for i := range v {
		for _, synonym := range v[i].synonyms {
			if synonym.MatchString(e.Key) {
				s.fail("%s: is called %s in the vocabulary", e.Key, v[i].text)
			}
		}
	}
}

// identity is what may never change of a key: platform, unit, device class, state class, role.
func identity(e *drivers.Entity) []string {
	platform := [...]string{drivers.Sensor: "sensor", drivers.Label: "label", drivers.Enum: "enum", drivers.Binary: "binary", drivers.Button: "button", drivers.Update: "update"}[e.Platform]
	out := []string{platform, e.Quantity.Unit, e.Quantity.DeviceClass, e.Quantity.StateClass, string(e.Role)}
	for i := range out {
		if out[i] == "" {
			out[i] = "-"
		}
	}
	return out
}

// frozen compares with the golden list of the driver: what it publishes, and all that it writes on the wire in order to read.
func (s *suite) frozen(dev *device) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s: entities and requests, frozen; see README.md\n", s.d.Name)
	for _, d := range append([]drivers.Descriptor{dev.desc}, dev.desc.Units...) {
		if d.Unit != "" {
			fmt.Fprintf(&b, "\nunit %s\n", d.Unit)
		}
		for i := range d.Entities {
			e := &d.Entities[i]
			fmt.Fprintf(&b, "%s %s", e.Key, strings.Join(identity(e), " "))
			if e.Attribute != "" {
				fmt.Fprintf(&b, " of %s", e.Attribute)
			}
			for _, o := range e.Options {
				fmt.Fprintf(&b, " | %s", o)
			}
			b.WriteByte('\n')
		}
	}
	b.WriteString("\n# what is written in order to read\n")
	fmt.Fprintf(&b, "describe%s\n", requests(dev.line.exchanges))
	for _, q := range dev.queries {
		dev.line.listen(nil)
		if _, err := dev.ask(q); err != nil {
			s.fail("%s: the simulator's answer gives %v", q.Name, err)
		}
		fmt.Fprintf(&b, "%s%s\n", q.id(q.Name), requests(dev.line.exchanges))
	}
	s.golden(filepath.Join(s.testdata, "vocabulary", s.d.Name+".txt"), b.Bytes())
}

// requests are what was written, each once.
func requests(exchanges []exchange) string {
	var out []string
	for _, x := range exchanges {
		if r := fmt.Sprintf(" %q", x.request); !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	return strings.Join(out, "")
}

func (s *suite) golden(file string, got []byte) {
	if s.update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			s.fail("%v", err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		s.fail("%v: run the test with -update and read what it writes", err)
		return
	}
	for _, line := range difference(want, got) {
		s.fail("entities changed: %s (a frozen key never changes: make a new one; else -update, and name it in the changelog under Entities changed)", line)
	}
}

// difference is the lines that only one of two texts has.
func difference(want, got []byte) (out []string) {
	w, g := strings.Split(string(want), "\n"), strings.Split(string(got), "\n")
	for _, line := range w {
		if !slices.Contains(g, line) {
			out = append(out, "gone: "+line)
		}
	}
	for _, line := range g {
		if !slices.Contains(w, line) {
			out = append(out, "new: "+line)
		}
	}
	if out == nil && !bytes.Equal(want, got) {
		out = append(out, "another order")
	}
	return out
}
