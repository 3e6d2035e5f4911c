package config

import (
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// decoder walks YAML nodes into structs by their tags, strictly, and gathers everything that is wrong on the way. yaml.v3 itself does
// not: it lets unknown keys below a custom type pass, and stops telling lines where a check needs them.
type decoder struct {
	env  Env
	file string
	errs Errors
	at   map[string]*yaml.Node // where each key path stands
	open map[string]*yaml.Node // what belongs to a driver's options, by key path

	places []string          // of each device: its key path
	inForm map[string]string // what the add-on's options said, by the key that it fills
}

func (d *decoder) fail(path, format string, args ...any) {
	n := d.at[path]
	for p := path; n == nil && p != ""; n = d.at[p] { // what is missing is missing in its parent
		p = p[:max(strings.LastIndexAny(p, ".["), 0)]
	}
	e := Error{File: d.file, Key: path, Text: fmt.Sprintf(format, args...)}
	if n != nil {
		e.Line, e.Column = n.Line, n.Column
	}
	d.errs = append(d.errs, e)
}

// has reports whether path was written in the file.
func (d *decoder) has(path string) bool { return d.at[path] != nil }

// failed reports whether path was written, but gave no value.
func (d *decoder) failed(path string) bool {
	return slices.ContainsFunc(d.errs, func(e Error) bool { return e.Key == path })
}

// quote is what was written at path, for an error: never the environment's value, never credentials.
func (d *decoder) quote(path string) string {
	if n := d.at[path]; n != nil {
		return fmt.Sprintf("%q", public(n.Value))
	}
	return `""`
}

// value decodes n, which stands at path, into v.
func (d *decoder) value(path string, n *yaml.Node, v reflect.Value) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	d.at[path] = n
	if strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!") {
		d.fail(path, "!words are not known here; ${NAME} takes a text from the environment, file:/path a password from a file")
		return
	}
	switch v.Kind() {
	case reflect.Interface:
		d.open[path] = n
		return
	case reflect.Pointer:
		if v.Type() != reflect.TypeFor[*url.URL]() {
			v.Set(reflect.New(v.Type().Elem()))
			d.value(path, n, v.Elem())
			return
		}
	}
	switch {
	case isScalar(v.Type()):
		d.scalar(path, n, v)
	case v.Kind() == reflect.Struct:
		d.structure(path, n, v)
	case v.Kind() == reflect.Map:
		d.mapping(path, n, v)
	default:
		d.list(path, n, v)
	}
}

// entry is one key of a mapping with its value.
type entry struct {
	path       string
	key, value *yaml.Node
}

// entries are the keys of the mapping n, each once; nil where n is none. What a merge key << brings stands behind what is written.
func (d *decoder) entries(path string, n *yaml.Node) []entry {
	if null(n) {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		d.fail(path, "%s stands where keys belong: write key: value", form(n))
		return nil
	}
	var es []entry
	var merged []*yaml.Node
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		e := entry{key: n.Content[i], value: n.Content[i+1]}
		switch {
		case e.key.Tag == "!!merge":
			merged = append(merged, e.value)
			continue
		case e.key.Kind != yaml.ScalarNode:
			d.at[path+".?"] = e.key
			d.fail(path+".?", "a key is a plain word")
			continue
		case n.Style&yaml.FlowStyle != 0 && null(e.value) && e.value.Value == "":
			// {password: a,b} has the key b: it is not shown, it may be half a password
			d.errs = append(d.errs, Error{
				d.file, e.key.Line, e.key.Column, path,
				"a word without a value: a text with a comma needs quotes, a number a point (0.4), a key something behind its colon",
			})
			continue
		}
		e.path = strings.TrimPrefix(path+"."+e.key.Value, ".")
		if line := first[e.path]; line != 0 {
			d.errs = append(d.errs, Error{
				d.file, e.key.Line, e.key.Column, e.path,
				fmt.Sprintf("stands here twice, first in line %d; remove one", line),
			})
			continue
		}
		first[e.path] = e.key.Line
		es = append(es, e)
	}
	for _, e := range d.merged(path, merged) {
		if first[e.path] == 0 {
			first[e.path] = e.key.Line
			es = append(es, e)
		}
	}
	return es
}

// merged are the keys that << brings, from one mapping or a list of them, but not from what those merge themselves.
func (d *decoder) merged(path string, from []*yaml.Node) (es []entry) {
	for i := 0; i < len(from); i++ {
		n := from[i]
		if n.Kind == yaml.AliasNode {
			n = n.Alias
		}
		switch {
		case n.Kind == yaml.SequenceNode && i == 0 && len(from) == 1:
			from = append(from, n.Content...)
		case n.Kind != yaml.MappingNode || slices.ContainsFunc(n.Content, func(n *yaml.Node) bool { return n.Tag == "!!merge" }):
			d.at[path+".<<"] = from[i]
			d.fail(path+".<<", "takes the name of a mapping without << of its own, such as *name")
		default:
			es = append(es, d.entries(path, n)...)
		}
	}
	return es
}

func (d *decoder) structure(path string, n *yaml.Node, v reflect.Value) {
	known := fields(v.Type())
	written := map[string]bool{}
	for _, e := range d.entries(path, n) {
		key := e.key.Value
		i := slices.IndexFunc(known, func(f field) bool { return f.key == key })
		if i < 0 {
			if path == "" && strings.HasPrefix(key, "x-") {
				continue // a place for anchors
			}
			d.at[e.path] = e.key
			d.fail(e.path, "unknown key; %s", instead(key, keys(known)))
			continue
		}
		written[key] = true
		f := v.Field(known[i].index)
		d.value(e.path, e.value, f)
		if words := strings.Fields(known[i].words); len(words) > 0 {
			d.oneOf(e.path, f, words)
		}
	}
	if !null(n) && n.Kind != yaml.MappingNode {
		return
	}
	for _, f := range known {
		if f.required && !written[f.key] {
			d.fail(strings.TrimPrefix(path+"."+f.key, "."), "is missing: %s", f.doc)
		}
	}
}

// oneOf checks a text that is one of a few words. Where off is one of them, false is it too: YAML makes one of the other.
func (d *decoder) oneOf(path string, v reflect.Value, words []string) {
	s := v.String()
	if on, ok := truth(s); ok && !slices.Contains(words, s) {
		s = map[bool]string{true: "on", false: "off"}[on]
	}
	if slices.Contains(words, s) {
		v.SetString(s)
		return
	}
	d.fail(path, "%s is not known; %s", d.quote(path), instead(s, words))
}

func (d *decoder) mapping(path string, n *yaml.Node, v reflect.Value) {
	m := reflect.MakeMap(v.Type())
	for _, e := range d.entries(path, n) {
		element := fresh(v.Type().Elem())
		d.value(e.path, e.value, element)
		m.SetMapIndex(reflect.ValueOf(e.key.Value).Convert(v.Type().Key()), element)
	}
	v.Set(m)
}

// list decodes a sequence. A list of plain values may be one of them.
func (d *decoder) list(path string, n *yaml.Node, v reflect.Value) {
	switch plain := isScalar(v.Type().Elem()); {
	case null(n):
	case n.Kind == yaml.SequenceNode:
		v.SetZero()
		for i, c := range n.Content {
			element := fresh(v.Type().Elem())
			d.value(fmt.Sprintf("%s[%d]", path, i), c, element)
			v.Set(reflect.Append(v, element))
		}
	case plain && n.Kind == yaml.ScalarNode:
		element := fresh(v.Type().Elem())
		d.value(path, n, element)
		v.Set(reflect.Append(reflect.Zero(v.Type()), element))
	default:
		d.fail(path, `%s stands where a list belongs: begin each entry with "- "`, form(n))
	}
}

// fresh is a new value of type t at its defaults.
func fresh(t reflect.Type) reflect.Value {
	p := reflect.New(t)
	if f, ok := p.Interface().(defaulter); ok {
		f.setDefaults()
	}
	return p.Elem()
}

// field is what the tags say of one key.
type field struct {
	index                   int
	key, doc, ifNone, words string
	required                bool
}

// fields are the keys of a struct, in its order.
func fields(t reflect.Type) []field {
	var fs []field
	for i := range t.NumField() {
		tag := t.Field(i).Tag
		key, _, _ := strings.Cut(tag.Get("yaml"), ",")
		if key != "" && key != "-" {
			fs = append(fs, field{i, key, tag.Get("doc"), tag.Get("default"), tag.Get("oneof"), tag.Get("required") == "true"})
		}
	}
	return fs
}

func keys(fs []field) []string {
	names := map[string]bool{}
	for _, f := range fs {
		names[f.key] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// secret reports whether t is a text that hides itself from the log, such as Secret.
func secret(t reflect.Type) bool {
	return t.Kind() == reflect.String && t.Implements(reflect.TypeFor[slog.LogValuer]())
}

func null(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

func form(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	default:
		return "a single value"
	}
}
