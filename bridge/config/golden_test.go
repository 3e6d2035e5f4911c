package config

import (
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"sunwire/drivers"
	"sunwire/drivers/link"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const cases = "../../testdata/config"

type bmeOptions struct {
	Elevation *float64 `yaml:"elevation" doc:"metres above sea level"`
	Offsets   struct {
		Temperature float64 `yaml:"temperature" doc:"in °C"`
		Humidity    float64 `yaml:"humidity" doc:"in %"`
		Pressure    float64 `yaml:"pressure" doc:"in hPa"`
	} `yaml:"offsets" doc:"added to what the sensor says"`
}

type cloudOptions struct {
	Token    Secret        `yaml:"token" doc:"the access token" required:"true"`
	Place    string        `yaml:"place" doc:"roof or garden" oneof:"roof garden off"`
	Sensors  []string      `yaml:"sensors" doc:"which to read"`
	Count    int8          `yaml:"count" doc:"how many"`
	Timeout  time.Duration `yaml:"timeout" doc:"patience"`
	Daylight bool          `yaml:"daylight" doc:"by day only"`
}

func testDrivers() []drivers.Driver {
	simulate := func(drivers.Model, uint16) link.Simulator { return nil }
	return []drivers.Driver{
		{
			Name: "pi30", Class: drivers.Inverter, Aliases: []string{"axpert"}, Links: []link.Kind{link.Serial, link.HID, link.TCP}, Simulate: simulate,
			Paces: [3]time.Duration{5 * time.Second, time.Minute, time.Hour},
		},
		{
			Name: "bme280", Class: drivers.Climate, Links: []link.Kind{link.I2C}, Simulate: simulate, Config: func() any { return &bmeOptions{} },
			Paces: [3]time.Duration{time.Minute, time.Hour, time.Hour},
		},
		{
			Name: "cloud", Links: []link.Kind{link.HTTP}, Config: func() any { return &cloudOptions{Place: "roof", Timeout: 10 * time.Second} },
			Paces: [3]time.Duration{10 * time.Minute, time.Hour, time.Hour},
		},
	}
}

// caseOf reads one case: config.yaml, an environment in env, files below file:, and in addon that this is the add-on.
func caseOf(t *testing.T, file string) (a *txtar.Archive, env Env, parts map[string]string) {
	t.Helper()
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	parts = map[string]string{}
	for _, f := range a.Files {
		parts[f.Name] = string(f.Data)
	}
	vars := map[string]string{}
	for line := range strings.Lines(parts["env"]) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		vars[name] = value
	}
	_, addOn := parts["addon"]
	return a, Env{
		Drivers: testDrivers(), AddOn: addOn,
		Getenv: func(name string) (string, bool) { v, ok := vars[name]; return v, ok },
		ReadFile: func(name string) ([]byte, error) {
			if text, ok := parts["file:"+name]; ok {
				return []byte(text), nil
			}
			return nil, &os.PathError{Op: "open", Path: name, Err: os.ErrNotExist}
		},
	}, parts
}

func compare(t *testing.T, file string, a *txtar.Archive, name, got string) {
	t.Helper()
	for i := range a.Files {
		f := &a.Files[i]
		if f.Name != name {
			continue
		}
		if string(f.Data) == got {
			return
		}
		if !*update {
			t.Errorf("got:\n%s\nwant:\n%s", got, f.Data)
			return
		}
		f.Data = []byte(got)
		if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatalf("%s has no part %s", file, name)
}

func each(t *testing.T, folder string, least int, f func(t *testing.T, file string)) {
	files, err := filepath.Glob(filepath.Join(cases, folder, "*.txtar"))
	if err != nil || len(files) < least {
		t.Fatalf("%d cases, want %d at least: %v", len(files), least, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { f(t, file) })
	}
}

// Secrets in these files are called hunter2, whatever is around them.
func TestEveryMistakeIsNamedWithItsLineAndItsMend(t *testing.T) {
	each(t, "bad", 30, func(t *testing.T, file string) {
		a, env, parts := caseOf(t, file)
		c, err := Parse("config.yaml", []byte(parts["config.yaml"]), env)
		if err == nil {
			t.Fatal("taken without an error")
		}
		if c != nil {
			t.Error("a configuration beside the error")
		}
		if strings.Contains(strings.ToLower(err.Error()), "hunter2") {
			t.Errorf("a secret is shown: %v", err)
		}
		compare(t, file, a, "errors", err.Error()+"\n")
	})
}

func TestARightConfigurationIsTakenAsMeant(t *testing.T) {
	each(t, "good", 8, func(t *testing.T, file string) {
		a, env, parts := caseOf(t, file)
		c, err := Parse("config.yaml", []byte(parts["config.yaml"]), env)
		if err != nil {
			t.Fatal(err)
		}
		c.File = ""
		var b strings.Builder
		dump(&b, "", reflect.ValueOf(*c), reflect.ValueOf(*newConfig()))
		if strings.Contains(b.String(), "hunter2") && !strings.Contains(parts["want"], "hunter2") {
			t.Error("a secret is shown")
		}
		compare(t, file, a, "want", b.String())
	})
}

// dump prints what differs from the defaults, one key a line. Secrets are shown by their length.
func dump(b *strings.Builder, key string, v, otherwise reflect.Value) {
	if reflect.DeepEqual(v.Interface(), otherwise.Interface()) {
		return
	}
	switch x := v.Interface().(type) {
	case Port:
		fmt.Fprintf(b, "%s = %q kind=%s address=%s params=%s sim=%v replay=%v\n", key, x.Text, x.Kind, x.Address, x.Params.Encode(), x.Sim, x.Replay)
	case Secret:
		fmt.Fprintf(b, "%s = %s of %d\n", key, x, len(string(x)))
	case *url.URL, Interval:
		fmt.Fprintf(b, "%s = %v\n", key, x)
	case *drivers.Driver:
	default:
		dumpParts(b, key, v, otherwise)
	}
}

func dumpParts(b *strings.Builder, key string, v, otherwise reflect.Value) {
	switch v.Kind() {
	case reflect.Interface:
		dump(b, key, v.Elem(), reflect.Zero(v.Elem().Type()))
	case reflect.Pointer:
		dumpParts(b, key, v.Elem(), reflect.Zero(v.Elem().Type()))
	case reflect.Struct:
		for i := range v.NumField() {
			dump(b, strings.TrimPrefix(key+"."+v.Type().Field(i).Name, "."), v.Field(i), otherwise.Field(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			dump(b, path(key, i), v.Index(i), fresh(v.Type().Elem()))
		}
	case reflect.Map:
		for _, k := range slices.SortedFunc(slices.Values(v.MapKeys()), func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) }) {
			dump(b, key+"."+k.String(), v.MapIndex(k), reflect.Zero(v.Type().Elem()))
		}
	default:
		fmt.Fprintf(b, "%s = %v\n", key, v.Interface())
	}
}
