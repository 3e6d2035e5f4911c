package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"sunwire/drivers"
	"sunwire/drivers/all"
)

// editor is a schema as an editor uses it: a text that is no YAML is refused too.
type editor struct{ schema *jsonschema.Schema }

func newEditor(t *testing.T, ds []drivers.Driver) editor {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema(ds)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(SchemaURL, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(SchemaURL) // against the meta-schema of its draft
	if err != nil {
		t.Fatal(err)
	}
	return editor{s}
}

func (e editor) refuses(text string) error {
	var tree any
	if err := yaml.Unmarshal([]byte(text), &tree); err != nil {
		return err
	}
	data, err := json.Marshal(tree)
	if err != nil {
		return err
	}
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return err
	}
	return e.schema.Validate(instance)
}

func TestTheSchemaRefusesNothingThatIsTaken(t *testing.T) {
	e := newEditor(t, testDrivers())
	each(t, "good", 8, func(t *testing.T, file string) {
		_, _, parts := caseOf(t, file)
		if err := e.refuses(parts["config.yaml"]); err != nil {
			t.Error(err)
		}
	})
	example, err := os.ReadFile("../../config.yaml.example")
	if err != nil {
		t.Fatal(err)
	}
	optional := regexp.MustCompile(`(?m)^( *)#(\S)`)
	for name, text := range map[string]string{
		"the example": string(example), "with what is optional": optional.ReplaceAllString(string(example), "$1$2"),
	} {
		if err := newEditor(t, all.Drivers()).refuses(text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// unseen are the mistakes that take more than a look at each key, and are left to sunwire check.
var unseen = map[string]string{
	"two_documents":         "an editor looks at each document by itself",
	"home_assistant_secret": "tags are no part of JSON",
	"i2c_address":           "one key against another",
	"shared_port":           "one device against another",
	"groups_of_devices":     "one entry against another",
	"page_on_all_addresses": "one key against another",
	"page_without_password": "one key against another",
	"mqtt_not_encrypted":    "one key against another",
	"environment":           "the environment",
	"secret_file":           "files",
	"password_with_dollar":  "half a variable",
}

func TestTheSchemaRefusesWhatALookAtEachKeyShows(t *testing.T) {
	e := newEditor(t, testDrivers())
	left := maps.Clone(unseen)
	each(t, "bad", 30, func(t *testing.T, file string) {
		_, _, parts := caseOf(t, file)
		err := e.refuses(parts["config.yaml"])
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		why, known := unseen[name]
		delete(left, name)
		if err == nil && !known {
			t.Error("taken: mend the schema, or say in unseen why it cannot know")
		}
		if err != nil && known {
			t.Errorf("refused, although %s: %v", why, err)
		}
	})
	if len(left) > 0 {
		t.Errorf("there are no such cases: %v", left)
	}
}

// One mistake each, so that none hides behind another. What is right about them is what the first row says.
func TestTheSchemaSeesASlipWhileItIsTyped(t *testing.T) {
	e := newEditor(t, testDrivers())
	const right = `devices: [{id: a, driver: pi30, port: "serial:/dev/ttyUSB0?baud=2400&parity=e", interval: 1m30s, max_age: "${AGE}", critical: off}]`
	if err := e.refuses(right); err != nil {
		t.Fatal(err)
	}
	for _, slip := range []struct{ from, to string }{
		{"id: a", "id: A"},
		{"id: a", "id: 5"},
		{"id: a", "id: bridge"},
		{"id: a", "id:"},
		{"id: a", "name: a"},
		{"driver: pi30", "driver: pi31"},
		{"driver: pi30", "driver: bme280"}, // which cannot use that port
		{"driver: pi30", "area: Cellar"},
		{`driver: pi30, port: "serial:/dev/ttyUSB0?baud=2400&parity=e"`, `driver: cloud, port: "http://a"`}, // which needs a token
		{"driver: pi30", "driver: pi30, options: {elevation: 40}"},
		{"interval: 1m30s", "interval: 90"},
		{"interval: 1m30s", "interval: -5s"},
		{"interval: 1m30s", "interval: 1 min"},
		{"interval: 1m30s", "intervall: 5s"},
		{"interval: 1m30s", "address: 65536"},
		{"interval: 1m30s", "address: many"},
		{"interval: 1m30s", "identity: mac"},
		{"interval: 1m30s", "topics: /house"},
		{"interval: 1m30s", "topics: house/#/{key}"},
		{"interval: 1m30s", "entities: {PV Power: {scale: 2}}"},
		{"interval: 1m30s", "entities: {pv_power: {scael: 2}}"},
		{"interval: 1m30s", `entities: {pv_power: {scale: "0,5"}}`},
		{"${AGE}", "$AGE"},
		{"critical: off", "critical: maybe"},
		{"devices: [{", "groups: [{id: bank, members: [a, b], kind: house}]\ndevices: [{"},
		{"devices: [{", "groups: [{id: Bank, members: [a, b]}]\ndevices: [{"},
		{"devices: [{", "groups: [{id: bank}]\ndevices: [{"},
		{"devices: [{", "log: {level: warning}\ndevices: [{"},
		{"devices: [{", "http: {listen: 8099}\ndevices: [{"},
		{"devices: [{", "mqtt: {url: 192.168.1.5}\ndevices: [{"},
		{"devices: [{", "mqtt: {url: [mqtt://a, http://b]}\ndevices: [{"},
		{"devices: [{", "mqtt: {url: []}\ndevices: [{"},
		{"devices: [{", "mqtt: {password: }\ndevices: [{"},
		{"devices: [{", "mqqt: {}\ndevices: [{"},
	} {
		if wrong := strings.Replace(right, slip.from, slip.to, 1); wrong == right {
			t.Errorf("%s is not in the text", slip.from)
		} else if e.refuses(wrong) == nil {
			t.Errorf("%s for %s is taken", slip.to, slip.from)
		}
	}
	_, _, parts := caseOf(t, filepath.Join(cases, "bad", "port.txtar"))
	outOfRange := regexp.MustCompile(`:99999"|:0"|/0x80"|baud=2400&baud=9600"`) // their form is right
	for line := range strings.Lines(parts["config.yaml"]) {
		if strings.HasPrefix(line, "  - ") && e.refuses("devices:\n"+line) == nil && !outOfRange.MatchString(line) {
			t.Errorf("taken: %s", line)
		}
	}
}

func TestEveryKindOfPortHasAForm(t *testing.T) {
	for _, s := range schemes {
		form := regexp.MustCompile("^" + s.form() + "$")
		if !form.MatchString(s.example) {
			t.Errorf("%s: %s is not of the form %s", s.name, s.example, form)
		}
		if form.MatchString(s.name+"x:") || s.name != "sim" && form.MatchString(s.name) {
			t.Errorf("%s: anything is of the form %s", s.name, form)
		}
	}
}

func TestTheSchemaHasEveryKeyOfTheReference(t *testing.T) {
	var root map[string]any
	if err := json.Unmarshal(Schema(testDrivers()), &root); err != nil {
		t.Fatal(err)
	}
	device := below(root, "devices[]")
	for _, r := range Reference(testDrivers()) {
		at, key := root, r.Key
		if i := slices.IndexFunc(testDrivers(), func(d drivers.Driver) bool { return d.Name == r.Driver }); i >= 0 {
			at, _ = device["allOf"].([]any)[i].(map[string]any)["then"].(map[string]any)
			key = strings.TrimPrefix(key, "devices[].")
		}
		for word := range strings.SplitSeq(key, ".") {
			at = below(at, word)
		}
		if text, _ := at["description"].(string); !strings.HasPrefix(text, r.Doc) || r.Doc == "" {
			t.Errorf("%s %s: described as %q, want %q", r.Driver, r.Key, text, r.Doc)
		}
		if value, ok := at["default"]; ok && fmt.Sprint(value) != strings.Trim(r.Default, `"`) {
			t.Errorf("%s %s: by default %v, want %s", r.Driver, r.Key, value, r.Default)
		} else if described := strings.Contains(fmt.Sprint(at["description"]), "left out: "+r.Default); !ok && r.Default != "" && !described {
			t.Errorf("%s %s: without its default, %s", r.Driver, r.Key, r.Default)
		}
	}
}

// below is the schema of one word of a key, as Row writes it.
func below(at map[string]any, word string) map[string]any {
	name, list := strings.CutSuffix(word, "[]")
	next, _ := at["additionalProperties"].(map[string]any)
	if name != "KEY" {
		properties, _ := at["properties"].(map[string]any)
		next, _ = properties[name].(map[string]any)
	}
	if list {
		next, _ = next["items"].(map[string]any)
	}
	return next
}
