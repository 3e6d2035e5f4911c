package voltronic

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"sunwire/drivers"
)

// A setter's argument is written as a picture: {key:00.0} is the value of key with so many digits, counted as in the reply that it is read
// back from; {key:0} the code of an option; {key:A|B} A for the first option or off, B for the second or on, and so forth, where an empty
// one cannot be set; {unit} the number of a unit of a parallel system. The rest stands as it is. A command that sets several values at once
// leaves the others as they were last read. A key that no reply has takes a text of that picture.

// setters makes commands of words: a code and its picture, CODE+QUERY or CODE-QUERY for what switches the flags of a query on or off by
// letter, CODE!key for what is only pressed, CODE:PICTURE for what only a person sends.
func setters(words string) (cs []Command) {
	for word := range strings.FieldsSeq(words) {
		c := Command{OnDemand: true, Code: word}
		switch i := strings.IndexAny(word, "{+-!:"); {
		case i < 0:
		case word[i] == '{':
			c.Code, c.Arg = word[:i], word[i:]
		case word[i] == ':':
			c.Code, c.Arg = word[:i], word[i+1:]
		case word[i] == '!':
			c.Code, c.Press = word[:i], word[i+1:]
		case word[i] == '+':
			c.Code, c.Arg, c.On = word[:i], "a", word[i+1:]
		default:
			c.Code, c.Arg, c.Off = word[:i], "a", word[i+1:]
		}
		cs = append(cs, c)
	}
	return cs
}

// part is a piece of a setter's argument.
type part struct {
	literal string
	key     string
	picture string
	codes   []string
	field   *Field // as it is read back
}

const unitKey = "unit"

func (p *Protocol) arguments(arg string) (parts []part) {
	if !strings.Contains(arg, "{") {
		return nil
	}
	for arg != "" {
		before, rest, found := strings.Cut(arg, "{")
		if before != "" {
			parts = append(parts, part{literal: before})
		}
		if !found {
			break
		}
		inner, after, _ := strings.Cut(rest, "}")
		key, picture, _ := strings.Cut(inner, ":")
		a := part{key: key, picture: picture, field: p.field(key)}
		if strings.Contains(picture, "|") {
			a.codes = strings.Split(picture, "|")
		}
		parts, arg = append(parts, a), after
	}
	return parts
}

// field is the field of a reply that has key; nil: there is none. What is polled goes first.
func (p *Protocol) field(key string) (found *Field) {
	for i := range p.Commands {
		c := &p.Commands[i]
		for n := range c.Fields {
			f := &c.Fields[n]
			for k := range f.Digits {
				if f.Digits[k].Key == key {
					found = &f.Digits[k]
				}
			}
			if f.Key == key && (found == nil || !c.OnDemand) {
				found = f
			}
		}
		if found != nil && !c.OnDemand {
			return found
		}
	}
	return found
}

// letter is that of key among the flags of query.
func (p *Protocol) letter(query, key string) string {
	for i := range p.Commands {
		c := &p.Commands[i]
		if c.Code != query || len(c.Fields) == 0 || c.Fields[0].Form != flags {
			continue
		}
		for n, e := range c.Fields[0].Bits {
			if e.Key == key {
				return c.Fields[0].Codes[n]
			}
		}
	}
	return ""
}

// sets reports whether c can write key.
func (c *Command) sets(p *Protocol, key string) bool {
	return len(c.Fields) == 0 && key != "" && (c.Press == key || p.letter(c.On, key) != "" || p.letter(c.Off, key) != "" ||
		slices.ContainsFunc(c.args, func(a part) bool { return a.key == key && key != unitKey }))
}

// writes reports whether there is a command for key.
func (p *Protocol) writes(key string) bool {
	for i := range p.Commands {
		if p.Commands[i].sets(p, key) {
			return true
		}
	}
	return false
}

// writing is the command that sets key to v, argument included; others tells the values that go with it.
func (p *Protocol) writing(unit, key string, v drivers.Value, others func(key string) drivers.Value) (string, error) {
	reason := fmt.Errorf("%s has no command that sets %s", p.Name, key)
	for i := range p.Commands {
		c := &p.Commands[i]
		if !c.sets(p, key) {
			continue
		}
		if c.On != "" || c.Off != "" {
			on, isBool := v.Bool()
			if isBool && on == (c.On != "") {
				return c.Code + p.letter(c.On+c.Off, key), nil
			}
			reason = fmt.Errorf("%s is on or off", key)
			continue
		}
		arg, err := c.render(unit, func(k string) drivers.Value {
			if k == key {
				return v
			}
			return others(k)
		})
		if err == nil {
			return c.Code + arg, nil
		}
		reason = fmt.Errorf("%s %s: %w", p.Name, c.Code, err)
	}
	return "", reason
}

func (c *Command) render(unit string, value func(key string) drivers.Value) (string, error) {
	var b []byte
	ofUnit := unit == ""
	for i := range c.args {
		a := &c.args[i]
		switch {
		case a.literal != "":
			b = append(b, a.literal...)
		case a.key == unitKey:
			ofUnit = true
			n := "0"
			if unit != "" {
				n = unit[len(unit)-1:]
			}
			b = append(b, n...)
		default:
			s, err := a.write(value(a.key))
			if err != nil {
				return "", err
			}
			b = append(b, s...)
		}
	}
	if !ofUnit {
		return "", fmt.Errorf("it cannot be written to %s, only to the inverter at this port", unit)
	}
	return string(b), nil
}

// write is v in the form of a.
func (a *part) write(v drivers.Value) (string, error) {
	if v.Absent() {
		return "", fmt.Errorf("the present %s, which is written with it, has not been read yet", a.key)
	}
	wrong := fmt.Errorf("%s cannot be %s", a.key, v.Format(-1))
	if a.key == clockKey {
		return a.writeClock(v)
	}
	if a.field == nil {
		if s, ok := v.Text(); ok && pictured(s, a.picture) {
			return s, nil
		}
		return "", wrong
	}
	if n, ok := v.Float(); ok && a.field.Form == number {
		decimals := 0
		if _, after, found := strings.Cut(a.picture, "."); found {
			decimals = len(after)
		}
		n *= powers[a.field.Shift]
		s := string(pad(nil, strconv.FormatFloat(n, 'f', decimals, 64), len(a.picture)))
		if n < 0 || len(s) != len(a.picture) || math.Abs(n-math.Round(n*powers[decimals])/powers[decimals]) > 1e-6 {
			return "", wrong // it has more digits than there is room for
		}
		return s, nil
	}
	s := a.field.codeOf(v)
	if a.codes != nil {
		s = ""
		if i := a.field.optionOf(v); i >= 0 && i < len(a.codes) {
			s = a.codes[i]
		}
	} else if s != "" {
		s = string(pad(nil, s, len(a.picture)))
	}
	if s == "" {
		return "", wrong
	}
	return s, nil
}

const clockKey = "clock"

// writeClock writes 2021-07-26T12:26:06 with as many digits as a has room for: some devices want the century.
func (a *part) writeClock(v drivers.Value) (string, error) {
	s, _ := v.Text()
	if !pictured(s, "0000-00-00T00:00:00") {
		return "", fmt.Errorf("a clock is set to a time such as 2026-03-01T12:00:00, not %q", v.Format(-1))
	}
	s = strings.NewReplacer("-", "", "T", "", ":", "").Replace(s)
	return s[len(s)-len(a.picture):], nil
}

// optionOf is the place of v among the options, or among off and on; -1: it is none.
func (f *Field) optionOf(v drivers.Value) int {
	if on, ok := v.Bool(); ok && f.Platform == drivers.Binary {
		if on {
			return 1
		}
		return 0
	}
	s, _ := v.Text()
	return slices.Index(f.Options, s)
}

// assigned is one value that a setter's argument stands for.
type assigned struct {
	key   string
	value drivers.Value
}

// parse reads what render wrote.
func (c *Command) parse(arg string) (out []assigned, ok bool) {
	for i := range c.args {
		a := &c.args[i]
		if a.literal != "" {
			if arg, ok = strings.CutPrefix(arg, a.literal); !ok {
				return nil, false
			}
			continue
		}
		tok, value, ok := a.read(arg)
		if !ok {
			return nil, false
		}
		out, arg = append(out, assigned{a.key, value}), arg[len(tok):]
	}
	return out, arg == ""
}

// read takes a's value from the beginning of arg.
func (a *part) read(arg string) (tok string, v drivers.Value, ok bool) {
	if a.codes != nil {
		for i, code := range a.codes {
			if code == "" || !strings.HasPrefix(arg, code) {
				continue
			}
			if a.field == nil || a.field.Platform == drivers.Binary {
				return code, drivers.Bool(i == 1), true
			}
			return code, drivers.Text(a.field.Options[i]), true
		}
		return "", v, false
	}
	picture := a.picture
	if a.key == unitKey {
		picture = "0"
	}
	n := len(picture)
	if strings.Contains("*a", picture) {
		n = len(arg)
	}
	if n > len(arg) || !pictured(arg[:n], picture) {
		return "", v, false
	}
	tok = arg[:n]
	switch f := a.field; {
	case a.key == clockKey:
		v = drivers.Text(dated(("20" + tok)[max(0, len(tok)-12):]))
	case f == nil:
		v = drivers.Text(tok)
	case f.Form == number:
		d, _ := parse([]byte(tok))
		v = d.value(f.Shift)
	default:
		_, v = f.meaning([]byte(tok))
		if text, isText := v.Text(); isText && !slices.Contains(f.Options, text) {
			return "", v, false
		}
	}
	return tok, v, true
}
