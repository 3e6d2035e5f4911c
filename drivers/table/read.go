package table

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"sunwire/drivers"
)

// step is one name or, where name is "", one index of a path.
type step struct {
	name  string
	index int
}

var pathForm = regexp.MustCompile(`^([^.\[\]]*)((?:\[[0-9]{1,4}\])*)$`)

// parsePath takes a.b[0].c apart; "" is no path.
func parsePath(text string) (path []step, err error) {
	if text == "" {
		return nil, nil
	}
	for i, part := range strings.Split(text, ".") {
		m := pathForm.FindStringSubmatch(part)
		if m == nil || part == "" || m[1] == "" && i > 0 {
			return nil, fmt.Errorf("the path %q is not one: write it as in ENERGY.Power or list[0].watts", text)
		}
		if m[1] != "" {
			path = append(path, step{name: m[1]})
		}
		for index := range strings.FieldsFuncSeq(m[2], func(r rune) bool { return r == '[' || r == ']' }) {
			n, err := strconv.Atoi(index)
			if err != nil {
				return nil, err
			}
			path = append(path, step{index: n})
		}
	}
	return path, nil
}

// at is what stands at path in v; nil where nothing does.
func at(v any, path []step) any {
	for _, s := range path {
		switch in := v.(type) {
		case map[string]any:
			if s.name == "" {
				return nil
			}
			v = in[s.name]
		case []any:
			if s.name != "" || s.index >= len(in) {
				return nil
			}
			v = in[s.index]
		default:
			return nil
		}
	}
	return v
}

// Read is the values in what came. One that is not there, or has not its form, is absent; where none is, that is drivers.ErrFrame.
func (t *Table) Read(payload []byte) (drivers.Sample, error) {
	var document any
	var fields []string
	var sample drivers.Sample
	read := false
	for i := range t.rows {
		r := &t.rows[i]
		var raw any
		switch {
		case r.path != nil:
			if !read {
				var err error
				if document, err = decode(payload); err != nil {
					return nil, fmt.Errorf("%w: %w", drivers.ErrFrame, err)
				}
				read = true
			}
			raw = at(document, r.path)
		case r.field > 0:
			if fields == nil {
				fields = t.split(string(payload))
			}
			if r.field <= len(fields) {
				raw = fields[r.field-1]
			}
		default:
			raw = string(payload)
		}
		if v := r.value(raw); !v.Absent() {
			sample = append(sample, drivers.Field{Key: r.entity.Key, Value: v})
		}
	}
	if len(sample) == 0 {
		return nil, fmt.Errorf("none of the values is in it, or has the form it should have; it begins with %.60q: %w", payload, drivers.ErrFrame)
	}
	return sample, nil
}

// decode is the one JSON value in b.
func decode(b []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("it is not JSON, but begins with %.60q", b)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something stands behind the JSON")
	}
	return v, nil
}

func (t *Table) split(text string) []string {
	if t.separator != "" {
		return strings.Split(strings.TrimSpace(text), t.separator)
	}
	return strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\r\n,;", r) })
}

// value is raw as the row means it, absent where it is nothing of the kind: null, an empty text, a word for "not known", a structure.
func (r *row) value(raw any) drivers.Value {
	text, is := raw.(string)
	if n, number := raw.(json.Number); number {
		text, is = n.String(), true
	}
	text = strings.TrimSpace(text)
	switch r.entity.Platform {
	case drivers.Binary:
		if on, state := raw.(bool); state {
			return drivers.Bool(on)
		}
		return onOff(text)
	case drivers.Label:
		if !is || text == "" {
			return drivers.Value{}
		}
		return drivers.Text(strings.ToValidUTF8(clip(text), "�"))
	default:
		return number(text, r.scale)
	}
}

// longest is the most characters that a text may have.
const longest = 255

func clip(text string) string {
	if r := []rune(text); len(r) > longest {
		return string(r[:longest-1]) + "…"
	}
	return text
}

func onOff(text string) drivers.Value {
	switch strings.ToLower(text) {
	case "on", "true", "1", "yes", "online":
		return drivers.Bool(true)
	case "off", "false", "0", "no", "offline":
		return drivers.Bool(false)
	}
	return drivers.Value{}
}

var numberForm = regexp.MustCompile(`^[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?$`)

func number(text string, scale float64) drivers.Value {
	if !numberForm.MatchString(text) {
		return drivers.Value{}
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return drivers.Value{}
	}
	return drivers.Num(f * scale)
}
