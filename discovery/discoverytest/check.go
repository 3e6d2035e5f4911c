package discoverytest

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

var (
	uidForm      = regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)
	entityIDForm = regexp.MustCompile(`^[a-z_]+\.[a-z0-9]+(_[a-z0-9]+)*$`)
)

// Check reports to t everything in payload that Home Assistant would refuse, drop, warn of or change.
func Check(t testing.TB, payload []byte) {
	t.Helper()
	h, err := Load(Testdata(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range h.Check(payload) {
		t.Error(err)
	}
}

// Check is everything in a device payload that Home Assistant would refuse, drop, warn of or change. An empty payload, which removes a
// device, is in order.
func (h *Tables) Check(payload []byte) []error {
	if len(payload) == 0 {
		return nil
	}
	c := &checker{Tables: h}
	raw := map[string]any{}
	if err := json.Unmarshal(payload, &raw); err != nil {
		return []error{fmt.Errorf("payload: %w", err)}
	}
	top := c.long("payload", raw, h.keys)
	c.known("payload", top, h.topLevel)
	device := c.long("device", object(top["device"]), h.deviceKeys)
	c.known("device", device, h.device)
	c.deviceBlock(device)
	c.known("origin", c.long("origin", object(top["origin"]), h.originKeys), h.origin)
	c.availability("payload", top["availability"])
	components := object(top["components"])
	if len(components) == 0 {
		c.fail("payload", "no components")
	}
	for _, key := range slices.Sorted(maps.Keys(components)) {
		c.component(key, c.long(key, object(components[key]), h.keys), top, device)
	}
	return c.errs
}

type checker struct {
	*Tables
	errs []error
	ids  []string // unique and entity ids so far
}

func (c *checker) fail(where, format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf("%s: "+format, append([]any{where}, args...)...))
}

func object(v any) map[string]any { m, _ := v.(map[string]any); return m }

func text(v any) string { s, _ := v.(string); return s }

// long spells the keys out; the same key twice, short and long, is an error.
func (c *checker) long(where string, m map[string]any, names map[string]string) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		if l, ok := names[k]; ok {
			k = l
		}
		if _, twice := out[k]; twice {
			c.fail(where, "%s is there twice", k)
		}
		out[k] = v
	}
	return out
}

func (c *checker) known(where string, m map[string]any, rules map[string]rule) {
	for k, v := range m {
		r, ok := rules[k]
		if !ok {
			c.fail(where, "unknown key %s", k)
		} else if len(r.Choices) > 0 && !slices.Contains(r.Choices, v) {
			c.fail(where, "%s is %v, not one of %v", k, v, r.Choices)
		}
	}
	for k, r := range rules {
		if _, there := m[k]; r.Required && !there {
			c.fail(where, "%s is missing", k)
		}
	}
}

func (c *checker) deviceBlock(m map[string]any) {
	ids, _ := m["identifiers"].([]any)
	if len(ids) == 0 {
		c.fail("device", "no identifiers")
	}
	for _, id := range ids {
		if !uidForm.MatchString(text(id)) {
			c.fail("device", "identifier %v has other characters than a-z A-Z 0-9 _ -", id)
		}
	}
	for k, v := range m {
		if k != "identifiers" && k != "connections" && text(v) == "" {
			c.fail("device", "%s is %v, not a text", k, v)
		}
	}
	if text(m["name"]) == "" {
		c.fail("device", "no name")
	}
	if u := text(m["configuration_url"]); u != "" && !strings.HasPrefix(u, "http://") && !strings.HasPrefix(u, "https://") && !strings.HasPrefix(u, "homeassistant://") {
		c.fail("device", "configuration_url %q is no address", u)
	}
}

func (c *checker) availability(where string, v any) {
	list, ok := v.([]any)
	if v != nil && (!ok || len(list) == 0) {
		c.fail(where, "availability is %v, not a list", v)
	}
	for _, e := range list {
		c.topic(where, c.long(where, object(e), c.keys)["topic"])
	}
}

func (c *checker) topic(where string, v any) {
	if s := text(v); s == "" || strings.ContainsAny(s, "+#\x00") || strings.HasPrefix(s, "/") || strings.Contains(s, "//") || len(s) > 255 {
		c.fail(where, "%v is no topic", v)
	}
}

func (c *checker) component(key string, m, top, device map[string]any) {
	if !uidForm.MatchString(key) {
		c.fail(key, "the component's key has other characters than a-z A-Z 0-9 _ -")
	}
	p := text(m["platform"])
	if !slices.Contains(c.supported, p) {
		c.fail(key, "unknown platform %q", p)
		return
	}
	if len(m) == 1 { // its removal
		return
	}
	delete(m, "platform")
	c.availability(key, m["availability"])
	for _, k := range c.shared {
		_, takes := c.platforms[p][k]
		if v, there := top[k]; there && takes && m[k] == nil {
			m[k] = v
		}
	}
	c.known(key, m, c.platforms[p])
	for k, v := range m {
		if strings.HasSuffix(k, "_topic") {
			c.topic(key, v)
		}
	}
	c.identity(key, p, m)
	c.name(key, text(m["name"]), text(device["name"]))
	if f, ok := m["expire_after"].(float64); m["expire_after"] != nil && (!ok || f < 1 || f != float64(int(f))) {
		c.fail(key, "expire_after %v is not a whole number of seconds", m["expire_after"])
	}
	if _, ok := m["enabled_by_default"].(bool); m["enabled_by_default"] != nil && !ok {
		c.fail(key, "enabled_by_default is %v", m["enabled_by_default"])
	}
	switch p {
	case "sensor":
		c.category(key, m)
		c.sensorRules(key, m)
	case "binary_sensor", "event":
		c.category(key, m)
	case "number", "select", "switch", "text":
		c.control(key, p, m)
	}
}

// control: what can be changed shows what the device says, and every state it can have.
func (c *checker) control(key, platform string, m map[string]any) {
	if m["state_topic"] == nil || m["value_template"] == nil {
		c.fail(key, "a %s without a state shows what was asked for, not what is", platform)
	}
	if m["optimistic"] == true || m["retain"] == true {
		c.fail(key, "optimistic or retained commands")
	}
	switch options, _ := m["options"].([]any); platform {
	case "number":
		lo, okLo := m["min"].(float64)
		hi, okHi := m["max"].(float64)
		step, okStep := m["step"].(float64)
		if !okLo || !okHi || lo >= hi || !okStep || step < 0.001 {
			c.fail(key, "limits %v to %v in steps of %v", m["min"], m["max"], m["step"])
		}
		if units, known := c.sensor[text(m["device_class"])]; known && units.Units != nil && !hasUnit(units.Units, text(m["unit_of_measurement"])) {
			c.fail(key, "unit %v does not belong to %v", m["unit_of_measurement"], m["device_class"])
		}
	case "select":
		for i, o := range options {
			if text(o) == "" || slices.Contains(options[:i], o) {
				c.fail(key, "option %v is empty or there twice", o)
			}
		}
		if len(options) == 0 {
			c.fail(key, "no options")
		}
	}
}

func hasUnit(units []*string, unit string) bool {
	return slices.ContainsFunc(units, func(u *string) bool { return u == nil && unit == "" || u != nil && *u == unit })
}

// identity: one component without a unique id makes Home Assistant drop the whole payload.
func (c *checker) identity(key, platform string, m map[string]any) {
	for _, k := range []string{"unique_id", "default_entity_id"} {
		id := text(m[k])
		if id == "" {
			c.fail(key, "%s is missing", k)
		} else if slices.Contains(c.ids, id) {
			c.fail(key, "%s %s is there twice", k, id)
		}
		c.ids = append(c.ids, id)
	}
	id := text(m["default_entity_id"])
	if domain, _, _ := strings.Cut(id, "."); domain != platform {
		c.fail(key, "default_entity_id %s belongs to another platform than %s", id, platform)
	}
	if !entityIDForm.MatchString(id) || len(id) > 255 {
		c.fail(key, "default_entity_id %s would be changed", id)
	}
}

func (c *checker) name(key, name, device string) {
	switch {
	case name == "":
		c.fail(key, "no name")
	case strings.TrimSpace(name) != name || utf8.RuneCountInString(name) > 64:
		c.fail(key, "name %q is too long or has spaces around", name)
	case len(device) > 3 && strings.HasPrefix(strings.ToLower(name), strings.ToLower(device)+" "):
		c.fail(key, "name %q repeats the device's name", name)
	}
}

func (c *checker) category(key string, m map[string]any) {
	if v, there := m["entity_category"]; there && v != "diagnostic" {
		c.fail(key, "entity_category %v is refused for what cannot be written", v)
	}
}
