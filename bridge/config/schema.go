package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/link"
)

// SchemaURL is where the schema of the newest release lies, for editors.
const SchemaURL = "https://github.com/sunwire/sunwire/releases/latest/download/sunwire.schema.json"

// schema is as much of JSON Schema (draft 2020-12) as a configuration needs. A keyword for one type says nothing of the others: a
// pattern binds texts, a minimum numbers.
type schema struct {
	Dialect     string             `json:"$schema,omitempty"`
	ID          string             `json:"$id,omitempty"`
	Title       string             `json:"title,omitempty"`
	Description string             `json:"description,omitempty"`
	Default     any                `json:"default,omitempty"`
	Type        []string           `json:"type,omitempty"`
	Enum        []any              `json:"enum,omitempty"`
	Pattern     string             `json:"pattern,omitempty"`
	Minimum     *float64           `json:"minimum,omitempty"`
	Maximum     *float64           `json:"maximum,omitempty"`
	Items       *schema            `json:"items,omitempty"`
	MinItems    int                `json:"minItems,omitempty"`
	Properties  map[string]*schema `json:"properties,omitempty"`
	Required    []string           `json:"required,omitempty"`
	Names       *schema            `json:"propertyNames,omitempty"`
	Ours        map[string]*schema `json:"patternProperties,omitempty"`
	Others      any                `json:"additionalProperties,omitempty"` // false, or the schema of each
	AnyOf       []*schema          `json:"anyOf,omitempty"`
	Not         *schema            `json:"not,omitempty"`
	If          *schema            `json:"if,omitempty"`
	Then        *schema            `json:"then,omitempty"`
	AllOf       []*schema          `json:"allOf,omitempty"`
}

// Schema is the JSON Schema of a configuration for those drivers, by which editors complete and check while one types. It refuses
// nothing that Parse takes, and knows less: what one key means for another, and what lies outside the file, is for `sunwire check`.
func Schema(ds []drivers.Driver) []byte {
	s := keysOf("", reflect.ValueOf(*newConfig()))
	s.Dialect, s.ID = "https://json-schema.org/draft/2020-12/schema", SchemaURL
	s.Title, s.Type = "The configuration of sunwire", []string{"object"}
	s.Ours = map[string]*schema{"^x-": {}} // a place for anchors
	device := s.Properties["devices"].Items
	var names []string
	for i := range ds {
		names = append(names, namesOf(&ds[i])...)
		device.AllOf = append(device.AllOf, forDriver(&ds[i]))
	}
	driver := device.Properties["driver"]
	driver.Type, driver.AnyOf = nil, oneOf(names)
	driver.AnyOf[1].Pattern = anyCase(names...) + "|" + variable
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(s); err != nil {
		return nil // texts, numbers and their containers always marshal
	}
	return b.Bytes()
}

// variable is a text with something of the environment in it: what it will be is not known here.
const variable = `\$\{[A-Za-z_]`

// A single value may stand in quotes, and a text without: Parse takes what was written, not what YAML makes of it.
var (
	texts    = []string{"string"}
	written  = []string{"string", "number", "boolean"}
	switches = []string{"boolean", "string"}
)

// forms are what the texts of single keys look like. The rest of what Parse wants of them is no matter of form.
var forms = map[string]string{
	"mqtt.url":              `^mqtts?://[^/?#@]+/?$`,
	"mqtt.topic_prefix":     prefixForm.String(),
	"mqtt.discovery_prefix": `^[^+#$/\s]([^+#\s]*[^+#/\s])?$`,
	"http.listen":           `^$|:[0-9]{1,5}$`,
	"state_dir":             `.`,
	"devices[].id":          idForm.String(),
	"groups[].id":           idForm.String(),
	"groups[].members":      memberForm.String(),
	"devices[].topics":      `^$|^[^+#/\s][^+#\s]*$`,
	"devices[].presence":    `^$|^[^+#/\s][^+#\s]*$`,
}

// keysOf is the schema of the struct v, whose values are their defaults. What it may leave out altogether may be null.
func keysOf(key string, v reflect.Value) *schema {
	s := &schema{Type: []string{"object", "null"}, Properties: map[string]*schema{}, Others: false}
	for _, f := range fields(v.Type()) {
		at := strings.TrimPrefix(key+"."+f.key, ".")
		p := keyOf(at, f, v.Field(f.index))
		p.Description = f.doc
		if f.ifNone != "" {
			p.Description += "; left out: " + f.ifNone
		}
		s.Properties[f.key] = p
		if f.required {
			s.Type, s.Required = []string{"object"}, append(s.Required, f.key)
		}
	}
	return s
}

// keyOf is the schema of one key, whose value v is its default.
func keyOf(key string, f field, v reflect.Value) *schema {
	at, below := inside(key, v)
	switch t := v.Type(); {
	case below.IsValid() && t.Kind() == reflect.Slice:
		return &schema{Type: []string{"array", "null"}, Items: keysOf(at, below)}
	case below.IsValid() && t.Kind() == reflect.Map:
		return &schema{Type: []string{"object", "null"}, Names: &schema{Pattern: keyForm.String()}, Others: keysOf(at, below)}
	case below.IsValid():
		return keysOf(at, below)
	case t.Kind() == reflect.Interface: // a driver's options: see forDriver
		return &schema{}
	case t.Kind() == reflect.Slice:
		s := scalarOf(key, f, t.Elem())
		s.Items = scalarOf(key, f, t.Elem())
		s.Type = append(slices.Clone(s.Type), "array", "null")
		if t == reflect.TypeFor[URLs]() {
			s.Default, s.MinItems = show(v), 1
		}
		return s
	}
	s := scalarOf(key, f, v.Type())
	if f.ifNone == "" && !f.required {
		s.Default = ifLeftOut(v)
	}
	return s
}

// scalarOf is the schema of a single value of type t.
func scalarOf(key string, f field, t reflect.Type) *schema {
	switch t {
	case reflect.TypeFor[time.Duration](), reflect.TypeFor[Interval]():
		return &schema{Type: []string{"string", "integer"}, Pattern: durationForm + "|" + variable, Minimum: new(float64), Maximum: new(float64)}
	case reflect.TypeFor[Port](): // what it looks like is each driver's: see forDriver
		return &schema{Type: texts}
	case reflect.TypeFor[*url.URL]():
		return &schema{Type: texts, Pattern: orVariable(forms[key])}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return scalarOf(key, f, t.Elem())
	case reflect.Bool:
		return &schema{Type: switches, Pattern: anyCase("true", "on", "yes", "false", "off", "no") + "|" + variable}
	case reflect.Float32, reflect.Float64:
		return &schema{Type: []string{"number", "string"}, Pattern: `^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$|` + variable}
	case reflect.String:
		return textOf(key, f)
	}
	s := &schema{Type: []string{"integer", "string"}, Pattern: `^[+-]?(0[xX][0-9a-fA-F]+|[0-9]+)$|` + variable}
	least, most := limits(t)
	s.Minimum, s.Maximum = &least, &most
	return s
}

// durationForm is what time.ParseDuration takes, but for the sign: no time here is negative.
const durationForm = `^\+?(0|(([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$`

// textOf is the schema of a text: one of a few words, of a form, or any.
func textOf(key string, f field) *schema {
	words := strings.Fields(f.words)
	switch form := forms[key]; {
	case len(words) > 0:
		return &schema{AnyOf: oneOf(words)}
	case form != "":
		s := &schema{Type: unquoted(form), Pattern: orVariable(form)}
		if strings.HasSuffix(key, "[].id") {
			s.Not = &schema{Enum: []any{"bridge"}}
		}
		return s
	}
	return &schema{Type: written}
}

// unquoted are the types that YAML may make of a text of that form.
func unquoted(form string) []string {
	types, re := []string{"string"}, regexp.MustCompile(form)
	if re.MatchString("0") {
		types = append(types, "number")
	}
	if re.MatchString("true") {
		types = append(types, "boolean")
	}
	return types
}

// oneOf is one of those words, or what the environment will say.
func oneOf(words []string) []*schema {
	word := &schema{}
	for _, w := range words {
		word.Enum = append(word.Enum, w)
		if on, is := truth(w); is { // YAML makes one of the other
			word.Enum = append(word.Enum, on)
		}
	}
	return []*schema{word, {Type: texts, Pattern: variable}}
}

func orVariable(form string) string {
	if form == "" {
		return ""
	}
	return form + "|" + variable
}

// limits are the least and the greatest number of an integer type, as far as a JSON number can tell them.
func limits(t reflect.Type) (least, most float64) {
	if t.Kind() >= reflect.Uint {
		return 0, math.Ldexp(1, t.Bits()) - 1
	}
	return -math.Ldexp(1, t.Bits()-1), math.Ldexp(1, t.Bits()-1) - 1
}

// ifLeftOut is a default as JSON has it; nil where nothing holds.
func ifLeftOut(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return ifLeftOut(v.Elem())
		}
	case reflect.Bool, reflect.Float32, reflect.Float64:
		return v.Interface()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if v.Type() != reflect.TypeFor[time.Duration]() {
			return v.Interface()
		}
	case reflect.String:
		return v.String() // a secret has none but ""
	}
	if text := show(v); text != "" {
		return text
	}
	return nil
}

// forDriver is what holds for a device with this driver: its ports, and its options.
func forDriver(d *drivers.Driver) *schema {
	options := &schema{Type: []string{"object", "null"}, Others: false}
	then := &schema{Properties: map[string]*schema{"port": {Pattern: portForm(d) + "|" + variable}, "options": options}}
	if d.Config != nil {
		*options = *keysOf("devices[].options", reflect.ValueOf(d.Config()).Elem())
	}
	if len(options.Required) > 0 {
		then.Required = []string{"options"}
	}
	return &schema{
		If:   &schema{Properties: map[string]*schema{"driver": {Pattern: anyCase(namesOf(d)...)}}, Required: []string{"driver"}},
		Then: then,
	}
}

func namesOf(d *drivers.Driver) []string { return append([]string{d.Name}, d.Aliases...) }

// anyCase is the form of a text that is one of those words, in capitals or not. The regular expressions of JSON Schema have no flag for it.
func anyCase(words ...string) string {
	either := func(letter string) string { return "[" + strings.ToLower(letter) + strings.ToUpper(letter) + "]" }
	var ways []string
	for _, w := range words {
		ways = append(ways, letters.ReplaceAllStringFunc(regexp.QuoteMeta(w), either))
	}
	return "^(" + strings.Join(ways, "|") + ")$"
}

var letters = regexp.MustCompile(`[A-Za-z]`)

// portForm is what the ports look like that driver d can use: in full, or as a plain path.
func portForm(d *drivers.Driver) string {
	var ways []string
	for _, s := range schemes {
		if s.usable(d) == nil {
			ways = append(ways, s.form())
		}
	}
	if slices.ContainsFunc(d.Links, func(k link.Kind) bool { return k == link.Serial || k == link.HID || k == link.I2C }) {
		ways = append(ways, "/.+")
	}
	return "^(" + strings.Join(ways, "|") + ")$"
}

// form is what such a port looks like. Of an address that only Go can judge it has the outline.
func (s *scheme) form() string {
	address := map[string]string{
		"serial": `(/[^?]*|COM[0-9]+)`,
		"hid":    bare(usbID) + "|" + bare(usbSocket) + "|/[^?]*",
		"tcp":    `(//)?[^/@?]+:[0-9]+`,
		"ble":    `[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}`,
		"udp":    `(//)?[^/@?]+:[0-9]+`,
		"i2c":    `(/dev/i2c-)?[0-9]{1,3}(/0x7[0-7]\.[0-7])?(/0x[0-9a-fA-F]+)?`,
		"http":   `//[^/@?#]+([/?#].*)?`,
		"https":  `//[^/@?#]+([/?#].*)?`,
		"mqtt":   `.*`,
		"files":  `(/[^?]*)?`,
		"sim":    ``,
		"replay": `.+`,
	}[s.name]
	var ps []string
	for _, p := range s.params {
		value := bare(p.form)
		if small := strings.ToLower(value); small != value { // a letter is taken in either case
			value = "(" + value + "|" + small + ")"
		}
		ps = append(ps, p.name+"="+value)
	}
	form := s.name + ":(" + address + ")"
	if len(ps) > 0 {
		one := "(" + strings.Join(ps, "|") + ")"
		form += fmt.Sprintf(`(\?(%s(&%s)*)?)?`, one, one)
	}
	return form
}

// bare is the form of a whole text as a part of a greater one.
func bare(form *regexp.Regexp) string {
	return strings.TrimSuffix(strings.TrimPrefix(form.String(), "^"), "$")
}
