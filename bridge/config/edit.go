package config

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"gopkg.in/yaml.v3"
)

// header begins a configuration that the page writes.
const header = `# What sunwire reads. It may be edited by hand: every key is explained in docs/configuration.md.
`

// errByHand means that a file is written in a way that is not edited here: better the user does it than that a comment is lost.
var errByHand = errors.New("devices is not written as a plain list with dashes; add the lines by hand")

// AddToFile adds devices to the text of a configuration. Everything that is in it stays where it is, comments too; what cannot be
// added so is an error. An empty text becomes a new configuration.
func AddToFile(text []byte, devices []FormDevice) ([]byte, error) {
	if len(bytes.Trim(text, " \n")) == 0 {
		return append([]byte(header), entries(devices, "devices:", "  ")...), nil
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("the configuration cannot be read: %w", err)
	}
	if strings.ContainsAny(strings.ReplaceAll(string(text), "\r\n", "\n"), "\r\u0085\u2028\u2029") { // line ends to YAML, not to others
		return nil, errByHand
	}
	next, err := insert(strings.SplitAfter(string(text), "\n"), &doc, devices)
	if err != nil {
		return nil, err
	}
	if !sameBut([]byte(next), text, devices) { // whatever was overlooked above
		return nil, errByHand
	}
	return []byte(next), nil
}

// insert puts the devices behind the last one, or the list behind everything.
func insert(lines []string, doc *yaml.Node, devices []FormDevice) (string, error) {
	end := lastText(lines, len(lines))
	if len(doc.Content) == 0 { // comments only
		return join(lines, end, entries(devices, "devices:", "  ")), nil
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode || root.Style&yaml.FlowStyle != 0 {
		return "", errByHand
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, list := root.Content[i], root.Content[i+1]
		if key.Value != "devices" {
			continue
		}
		if i+2 < len(root.Content) {
			end = lastText(lines, root.Content[i+2].Line-1)
		}
		empty := list.Kind == yaml.SequenceNode && len(list.Content) == 0
		switch {
		case null(list) && list.Value == "", empty && list.Line == key.Line && strings.Contains(lines[key.Line-1], "[]"):
			lines[key.Line-1] = strings.Replace(lines[key.Line-1], "[]", "", 1)
			lines[key.Line-1] = strings.Replace(lines[key.Line-1], ": \n", ":\n", 1)
			return join(lines, key.Line, entries(devices, "", "  ")), nil
		case list.Kind == yaml.SequenceNode && !empty && list.Style&yaml.FlowStyle == 0:
			return join(lines, end, entries(devices, "", strings.Repeat(" ", list.Column-1))), nil
		}
		return "", errByHand
	}
	return join(lines, end, "\n"+entries(devices, "devices:", "  ")), nil
}

// lastText is the number of lines up to the last one before line that is neither empty nor a comment; of a file of comments, all of them.
func lastText(lines []string, line int) int {
	for n := line; n > 0; n-- {
		if t := strings.TrimSpace(lines[n-1]); t != "" && !strings.HasPrefix(t, "#") {
			return n
		}
	}
	return line
}

// join puts text behind the first n lines.
func join(lines []string, n int, text string) string {
	before := strings.Join(lines[:n], "")
	if before != "" && !strings.HasSuffix(before, "\n") {
		before += "\n"
	}
	return before + text + strings.Join(lines[n:], "")
}

// entries is the list as text, below its key where that is given.
func entries(devices []FormDevice, key, indent string) string {
	var b strings.Builder
	if key != "" {
		b.WriteString(key + "\n")
	}
	for _, d := range devices {
		lead := indent + "- "
		for _, f := range fields(reflect.TypeFor[FormDevice]()) {
			v := reflect.ValueOf(d).Field(f.index)
			if v.IsZero() {
				continue
			}
			value := v.Interface()
			if p, ok := value.(Port); ok {
				value = p.Text
			}
			quoted, err := yaml.Marshal(value)
			if err != nil { // of a text or a number it cannot be
				continue
			}
			fmt.Fprintf(&b, "%s%s: %s", lead, f.key, quoted)
			lead = indent + "  "
		}
	}
	return b.String()
}

// sameBut reports whether next says what old says, and the devices besides.
func sameBut(next, old []byte, devices []FormDevice) bool {
	var a, b, added map[string]any
	if yaml.Unmarshal(next, &a) != nil || yaml.Unmarshal(old, &b) != nil || yaml.Unmarshal([]byte(entries(devices, "devices:", "  ")), &added) != nil {
		return false
	}
	list, _ := b["devices"].([]any)
	more, _ := added["devices"].([]any)
	if b == nil {
		b = map[string]any{}
	}
	b["devices"] = append(list[:len(list):len(list)], more...)
	return reflect.DeepEqual(a, b)
}
