package supervisor_test

import (
	"image/png"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// what a key of an add-on's config.yaml may hold.
const (
	text    = "text"
	boolean = "boolean"
	integer = "integer"
	texts   = "list of texts"
	mapping = "mapping"
)

// key is one of the documented ones.
type key struct {
	holds string
	form  string // of a text, and of each one of texts; "" = any
	def   any    // what holds without the key: writing it is noise
}

// keys are the Supervisor's, of August 2026 (supervisor/apps/validate.py); those that need a right we must not ask for, and the deprecated
// ones (advanced, codenotary, legacy, auto_uart, snapshot...), are left out.
var keys = map[string]key{
	"name": {text, ``, nil}, "version": {text, `^\d+\.\d+\.\d+$`, nil}, "slug": {text, `^[-_.A-Za-z0-9]+$`, nil}, "description": {text, ``, nil},
	"url": {text, `^https://`, nil}, "image": {text, `^[a-z0-9.-]+(/[a-z0-9._-]+)+$`, nil}, "arch": {texts, `^(aarch64|amd64)$`, nil},
	"startup": {text, `^(initialize|system|services|application|once)$`, "application"}, "boot": {text, `^(auto|manual|manual_only)$`, "auto"},
	"init": {boolean, ``, true}, "stage": {text, `^(stable|experimental|deprecated)$`, "stable"}, "homeassistant": {text, `^\d{4}\.\d+\.\d+$`, nil},
	"ports": {mapping, ``, nil}, "ports_description": {mapping, ``, nil}, "ingress": {boolean, ``, false}, "ingress_port": {integer, ``, 8099},
	"ingress_entry": {text, ``, nil}, "ingress_stream": {boolean, ``, false}, "panel_icon": {text, `^mdi:[a-z-]+$`, "mdi:puzzle"},
	"panel_title": {text, ``, nil}, "panel_admin": {boolean, ``, true}, "devices": {texts, `^/dev/`, nil}, "udev": {boolean, ``, false},
	"tmpfs": {boolean, ``, false}, "uart": {boolean, ``, false}, "usb": {boolean, ``, false}, "gpio": {boolean, ``, false},
	"host_dbus": {boolean, ``, false}, "services": {texts, `^(mqtt|mysql):(provide|want|need)$`, nil}, "timeout": {integer, ``, 10},
	// a mapping in map costs a Supervisor before 2026.07.1 the whole app
	"map":         {texts, `^(app_config|data|ssl|share|media|backup|homeassistant_config|all_app_configs|local_apps):(rw|ro)$`, nil},
	"environment": {mapping, ``, nil}, "options": {mapping, ``, nil}, "schema": {mapping, ``, nil}, "backup": {text, `^(hot|cold)$`, "hot"},
	"backup_exclude": {texts, ``, nil}, "backup_pre": {text, ``, nil}, "backup_post": {text, ``, nil}, "breaking_versions": {texts, ``, nil},
	"homeassistant_api": {boolean, ``, false}, "host_network": {boolean, ``, false}, "privileged": {texts, ``, nil}, "apparmor": {boolean, ``, true},
}

// kinds are the types of a schema.
var kinds = regexp.MustCompile(`^(bool|email|url|port|(str|password)(\(\d*,\d*\))?|(int|float)(\(-?[\d.]*,-?[\d.]*\))?|match\(.*\)|list\(.+\))\??$`)

func readYAML(t *testing.T, name string) map[string]any {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(addon, name))
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := yaml.Unmarshal(data, &m); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return m
}

// fault is what is wrong with value for the key called name; "" is nothing.
func fault(name string, value any) string {
	k, ok := keys[name]
	switch {
	case !ok:
		return "is no key that the Supervisor knows, or none for us"
	case reflect.DeepEqual(value, k.def):
		return "is the default: leave it out"
	}
	form := regexp.MustCompile(k.form)
	switch v := value.(type) {
	case string:
		if k.holds != text || v == "" || !form.MatchString(v) {
			return "is not " + k.holds + " like " + k.form
		}
	case bool:
		if k.holds != boolean {
			return "is not " + k.holds
		}
	case int:
		if k.holds != integer {
			return "is not " + k.holds
		}
	case []any:
		for _, one := range v {
			if s, ok := one.(string); k.holds != texts || !ok || !form.MatchString(s) {
				return "is not " + k.holds + " like " + k.form
			}
		}
	case map[string]any:
		if k.holds != mapping {
			return "is not " + k.holds
		}
	default:
		return "holds nothing"
	}
	return ""
}

func TestTheAddOnIsWhatTheSupervisorKnows(t *testing.T) {
	config := readYAML(t, "config.yaml")
	for name, value := range config {
		if f := fault(name, value); f != "" {
			t.Errorf("%s: %v %s", name, value, f)
		}
	}
	for _, name := range []string{"name", "version", "slug", "description", "arch", "image", "url", "homeassistant", "ingress", "services", "options", "schema"} {
		if config[name] == nil {
			t.Errorf("%s is missing", name)
		}
	}
	if n, ok := config["timeout"].(int); !ok || n < 10 || n > 300 {
		t.Errorf("timeout: %v", config["timeout"])
	}
}

func TestAWrongKeyIsFound(t *testing.T) {
	for name, value := range map[string]any{
		"advanced": true, "hassio_api": true, "webui": "http://[HOST]:[PORT:8099]", "ingress_port": 8099, "init": true, "version": "1", "arch": []any{"armv7"},
		"map": []any{map[string]any{"type": "app_config"}}, "services": []any{"mqtt"}, "ingress": "yes", "timeout": "20", "options": nil, "panel_icon": "sun",
	} {
		if fault(name, value) == "" {
			t.Errorf("%s: %v is taken", name, value)
		}
	}
}

// rating is the Supervisor's (supervisor/apps/utils.py); 8 is the best there is.
func rating(config map[string]any, profile bool) int {
	is := func(name string) bool { return config[name] == true }
	n := 5
	switch {
	case config["apparmor"] == false:
		n--
	case profile:
		n++
	}
	switch ports, _ := config["ports"].(map[string]any); {
	case is("ingress"), !is("host_network") && !slices.ContainsFunc(slices.Collect(maps.Values(ports)), func(p any) bool { return p != nil }):
		n += 2
	case is("auth_api"):
		n++
	}
	dangerous := []any{"BPF", "CHECKPOINT_RESTORE", "DAC_READ_SEARCH", "NET_ADMIN", "NET_RAW", "PERFMON", "SYS_ADMIN", "SYS_MODULE", "SYS_PTRACE", "SYS_RAWIO"}
	privileged, _ := config["privileged"].([]any)
	if slices.ContainsFunc(privileged, func(p any) bool { return slices.Contains(dangerous, p) }) || is("kernel_modules") {
		n--
	}
	n -= map[any]int{"manager": 1, "admin": 2}[config["hassio_role"]]
	if is("host_network") {
		n--
	}
	if is("host_pid") {
		n -= 2
	}
	if is("host_uts") && slices.Contains(privileged, "SYS_ADMIN") {
		n--
	}
	if is("docker_api") || is("full_access") {
		return 1
	}
	return max(min(8, n), 1)
}

func TestTheAddOnAsksForNoRightThatCostsItsRating(t *testing.T) {
	config := readYAML(t, "config.yaml")
	if got := rating(config, true); got != 8 {
		t.Errorf("rated %d of 8", got)
	}
	config["privileged"] = []any{"NET_ADMIN"}
	if got := rating(config, true); got != 7 {
		t.Errorf("with a privilege: rated %d", got)
	}
}

// TestTheProfileCanBeNamedAnew: the Supervisor replaces the profile's name, wherever it stands in the one line that begins with profile.
func TestTheProfileCanBeNamedAnew(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(addon, "apparmor.txt"))
	if err != nil {
		t.Fatal(err)
	}
	lines := regexp.MustCompile(`(?m)^profile .*$`).FindAllString(string(data), -1)
	if len(lines) != 1 || strings.Count(lines[0], "sunwire") != 1 {
		t.Errorf("lines that begin with profile: %q", lines)
	}
	if rights := regexp.MustCompile(`(?m)^\s*(capability|mount|ptrace|change_profile|file,|network,|signal,).*$`).FindAllString(string(data), -1); len(rights) > 0 {
		t.Errorf("more than is needed: %q", rights)
	}
}

func TestOptionsHaveATypeAndAValueOrAreOptional(t *testing.T) {
	config := readYAML(t, "config.yaml")
	options, _ := config["options"].(map[string]any)
	schema, _ := config["schema"].(map[string]any)
	walk(t, "", schema)
	for name, kind := range schema {
		word, ok := kind.(string)
		if _, has := options[name]; has == (ok && strings.HasSuffix(word, "?")) {
			t.Errorf("%s: an option has either a default or a ? and not both", name)
		}
	}
	for name := range options {
		if schema[name] == nil {
			t.Errorf("%s has a default and no type", name)
		}
	}
	if _, err := os.Stat(filepath.Join(addon, "build.yaml")); err == nil {
		t.Error("build.yaml is deprecated")
	}
}

// walk checks every type of a schema.
func walk(t *testing.T, at string, schema any) {
	t.Helper()
	switch s := schema.(type) {
	case string:
		if !kinds.MatchString(s) {
			t.Errorf("%s: there is no type %s; device(...) would keep the app from starting without its cable", at, s)
		}
	case []any:
		if len(s) != 1 {
			t.Errorf("%s: a list has one type", at)
			return
		}
		walk(t, at, s[0])
	case map[string]any:
		for name, v := range s {
			walk(t, strings.TrimPrefix(at+"."+name, "."), v)
		}
	default:
		t.Errorf("%s: no type", at)
	}
}

// leaves are the options' names with dots, groups included.
func leaves(at string, schema any) (names []string) {
	if list, ok := schema.([]any); ok && len(list) == 1 {
		schema = list[0]
	}
	fields, _ := schema.(map[string]any)
	for name, v := range fields {
		full := strings.TrimPrefix(at+"."+name, ".")
		names = append(append(names, full), leaves(full, v)...)
	}
	slices.Sort(names)
	return names
}

// translated are the names that a language has texts for; it fails where a text or the structure would cost the language.
func translated(t *testing.T, at string, entries map[string]any) (names []string) {
	t.Helper()
	for name, v := range entries {
		full := strings.TrimPrefix(at+"."+name, ".")
		names = append(names, full)
		entry, _ := v.(map[string]any)
		for key, value := range entry {
			word, isText := value.(string)
			fields, isGroup := value.(map[string]any)
			switch {
			case (key == "name" || key == "description") && isText && word == strings.TrimSpace(word):
			case key == "fields" && isGroup:
				names = append(names, translated(t, full, fields)...)
			default:
				t.Errorf("%s: %s is wrong", full, key)
			}
		}
		if entry["name"] == nil || entry["description"] == nil {
			t.Errorf("%s: a name and a description are needed", full)
		}
	}
	slices.Sort(names)
	return names
}

func TestEveryOptionIsToldInEveryLanguage(t *testing.T) {
	want := leaves("", readYAML(t, "config.yaml")["schema"])
	files, err := filepath.Glob(filepath.Join(addon, "translations", "*"))
	if err != nil || !slices.Contains(files, filepath.Join(addon, "translations", "en.yaml")) {
		t.Fatalf("%q, %v", files, err)
	}
	for _, f := range files {
		language := readYAML(t, filepath.Join("translations", filepath.Base(f)))
		if path.Ext(f) != ".yaml" || len(language) != 1 {
			t.Errorf("%s: want configuration alone, have %v", f, slices.Collect(maps.Keys(language)))
		}
		entries, _ := language["configuration"].(map[string]any)
		if got := translated(t, "", entries); !slices.Equal(got, want) {
			t.Errorf("%s has texts for\n%q, want\n%q", f, got, want)
		}
	}
}

func TestTheVersionIsTheNewestInTheChangelog(t *testing.T) {
	log, err := os.ReadFile(filepath.Join(addon, "CHANGELOG.md"))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^## \[([^]]+)\]`).FindStringSubmatch(string(log))
	if version := readYAML(t, "config.yaml")["version"]; m == nil || m[1] != version {
		t.Errorf("config.yaml: %v, changelog: %v", version, m)
	}
}

func TestTheStoreHasItsTextsAndPictures(t *testing.T) {
	for _, name := range []string{"README.md", "DOCS.md", "CHANGELOG.md", "apparmor.txt"} {
		if info, err := os.Stat(filepath.Join(addon, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, size := range map[string][2]int{"icon.png": {128, 128}, "logo.png": {250, 100}} {
		f, err := os.Open(filepath.Join(addon, name))
		if err != nil {
			t.Error(err)
			continue
		}
		got, err := png.DecodeConfig(f)
		_ = f.Close()
		if err != nil || got.Width != size[0] || got.Height != size[1] {
			t.Errorf("%s: %dx%d, %v", name, got.Width, got.Height, err)
		}
	}
}

// TestNothingElseLooksLikeAnAddOn: the store takes every config.yaml, .yml or .json of a repository for one.
func TestNothingElseLooksLikeAnAddOn(t *testing.T) {
	root := os.DirFS("../..")
	var found []string
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "rootfs"):
			return fs.SkipDir
		case slices.Contains([]string{"config.yaml", "config.yml", "config.json"}, d.Name()):
			found = append(found, name)
		}
		return nil
	})
	if err != nil || !slices.Equal(found, []string{"addon/config.yaml"}) {
		t.Errorf("%q, %v", found, err)
	}
	var repository map[string]string
	data, err := fs.ReadFile(root, "repository.yaml")
	if err == nil {
		err = yaml.Unmarshal(data, &repository)
	}
	if err != nil || repository["name"] == "" || !strings.HasPrefix(repository["url"], "https://") || len(repository) > 3 {
		t.Errorf("repository.yaml: %v, %v", repository, err)
	}
}
