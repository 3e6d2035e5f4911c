package config

import (
	"strings"
	"testing"
)

func TestADeviceIsAddedAndNothingElseChanges(t *testing.T) {
	const added = "id: house\n%sdriver: bme280\n%sport: i2c:1/0x76\n"
	entry := func(indent string) string {
		return indent + "- " + strings.ReplaceAll(added, "%s", indent+"  ")
	}
	for name, c := range map[string]struct{ before, after string }{
		"empty file":    {"", header + "devices:\n" + entry("  ")},
		"comments only": {"# mine\n", "# mine\ndevices:\n" + entry("  ")},
		"no list yet":   {"# mine\nlog: {level: warn} # loud\n\n# the end\n", "# mine\nlog: {level: warn} # loud\n\ndevices:\n" + entry("  ") + "\n# the end\n"},
		"an empty list": {"devices: [] # none\nlog: {level: warn}\n", "devices:  # none\n" + entry("  ") + "log: {level: warn}\n"},
		"a bare key":    {"devices:\n# here\nlog:\n  level: warn\n", "devices:\n" + entry("  ") + "# here\nlog:\n  level: warn\n"},
		"a list": {
			"devices:\n  # the garage\n  - {id: a, driver: pi30, port: \"sim:\"} # first\n  # more to come\n\n# the log\nlog:\n  level: warn\n",
			"devices:\n  # the garage\n  - {id: a, driver: pi30, port: \"sim:\"} # first\n" + entry("  ") + "  # more to come\n\n# the log\nlog:\n  level: warn\n",
		},
		"a list without indent": {
			"devices:\n- id: a\n  driver: pi30\n  port: 'sim:'", "devices:\n- id: a\n  driver: pi30\n  port: 'sim:'\n" + entry(""),
		},
	} {
		got, err := AddToFile([]byte(c.before), []FormDevice{{ID: "house", Driver: "bme280", Port: Port{Text: "i2c:1/0x76"}}})
		if err != nil || string(got) != c.after {
			t.Errorf("%s: %v\n%s\nwant\n%s", name, err, got, c.after)
		}
		if _, err := Parse("new", got, testEnv()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAFileThatCannotBeEditedSafelyIsLeftAlone(t *testing.T) {
	for name, text := range map[string]string{
		"flow list":     "devices: [{id: a, driver: pi30, port: \"sim:\"}]\n",
		"flow file":     "{devices: []}\n",
		"empty, broken": "devices: [\n]\n",
		"alias":         "x-d: &d\n  - {id: a, driver: pi30, port: \"sim:\"}\ndevices: *d\n",
		"broken":        "devices: [",
		"literal text":  "devices:\n  - id: a\n    name: |\n      x\n      # not a comment\n",
		"two documents": "devices:\n  - {id: a, driver: pi30, port: \"sim:\"}\n---\nlog: {}\n",
	} {
		got, err := AddToFile([]byte(text), []FormDevice{{ID: "house", Driver: "bme280", Port: Port{Text: "i2c:1/0x76"}}})
		if err == nil {
			t.Errorf("%s becomes\n%s", name, got)
		}
	}
}

func FuzzAddToFile(f *testing.F) {
	for _, text := range []string{"devices: []\n", "log: {}\ndevices:\n- id: a\n", "a: |\n # x\ndevices:\n # y\n - {}\nb: 1\n"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := AddToFile([]byte(text), []FormDevice{{ID: "house", Driver: "bme280", Port: Port{Text: "i2c:1/0x76"}}})
		if err == nil && !sameBut(got, []byte(text), []FormDevice{{ID: "house", Driver: "bme280", Port: Port{Text: "i2c:1/0x76"}}}) {
			t.Errorf("%q became %q", text, got)
		}
	})
}
