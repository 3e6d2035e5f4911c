// Package deploy_test holds what is shipped beside the program against the program itself.
package deploy_test

import (
	"cmp"
	"encoding/json"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"sunwire/bridge/config"
	"sunwire/drivers/all"
)

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTheImageAndTheArchivesAreBuiltLikeTheRest(t *testing.T) {
	flags := map[string][]string{}
	for name, form := range map[string]string{
		"../Makefile": `nethttpomit\w+|-gcflags=(\S+)`, "../Dockerfile": `nethttpomit\w+|-gcflags=(\S+)`, "../.goreleaser.yaml": `nethttpomit\w+|"((?:all|\w+/\.\.\.)=[^"]*)"`,
	} {
		for _, m := range regexp.MustCompile(form).FindAllStringSubmatch(read(t, name), -1) {
			flags[name] = append(flags[name], cmp.Or(m[1], m[0]))
		}
	}
	want := flags["../Makefile"]
	if len(want) < 2 {
		t.Fatalf("the Makefile says only %q", want)
	}
	for name, got := range flags {
		if !slices.Equal(got, want) {
			t.Errorf("%s builds with %q, the Makefile with %q", name, got, want)
		}
	}
}

// compose is what the tests look at in compose.yaml.
type compose struct {
	Services map[string]service
	Volumes  map[string]any
	Secrets  map[string]struct{ Environment string }
}

type service struct {
	Image, Restart, User string
	Profiles, Ports      []string
	Volumes, Secrets     []string
	Entrypoint, Command  []string
	CapDrop              []string `yaml:"cap_drop"`
	SecurityOpt          []string `yaml:"security_opt"`
	GroupAdd             []string `yaml:"group_add"`
	DeviceRules          []string `yaml:"device_cgroup_rules"`
	Environment          map[string]string
	DependsOn            map[string]struct{ Condition string } `yaml:"depends_on"`
	Healthcheck          struct{ Test []string }
	Privileged           bool
	NetworkMode          string `yaml:"network_mode"`
}

var variable = regexp.MustCompile(`\$\{(\w+)(:[-?][^}]*)?\}`)

// interpolate does what docker compose does with the text: ${NAME}, ${NAME:-default} and ${NAME:?message}. What is missing is returned.
func interpolate(text string, env map[string]string) (result string, missing []string) {
	result = variable.ReplaceAllStringFunc(text, func(s string) string {
		m := variable.FindStringSubmatch(s)
		if v := env[m[1]]; v != "" {
			return v
		}
		if v, ok := strings.CutPrefix(m[2], ":-"); ok {
			return v
		}
		missing = append(missing, m[1])
		return ""
	})
	return result, missing
}

func parseCompose(t *testing.T, env map[string]string) compose {
	t.Helper()
	text, missing := interpolate(read(t, "compose.yaml"), env)
	if len(missing) > 0 {
		t.Fatalf("compose.yaml needs %v", missing)
	}
	var c compose
	if err := yaml.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	if len(c.Services) < 5 {
		t.Fatalf("only %d services", len(c.Services))
	}
	return c
}

// passwords is all that must be filled in.
var passwords = map[string]string{"MQTT_PASSWORD": "p:1$x", "PAGE_PASSWORD": "p2"}

func TestNothingStartsWithAnEmptyPassword(t *testing.T) {
	_, missing := interpolate(read(t, "compose.yaml"), nil)
	slices.Sort(missing)
	if got, want := slices.Compact(missing), slices.Sorted(maps.Keys(passwords)); !slices.Equal(got, want) {
		t.Errorf("without .env these are asked for: %v, want %v", got, want)
	}
	for _, m := range variable.FindAllStringSubmatch(read(t, "compose.yaml"), -1) {
		if _, secret := passwords[m[1]]; secret && !strings.HasPrefix(m[2], ":?") {
			t.Errorf("%s goes on without a password", m[0])
		}
	}
}

func TestTheExampleEnvironmentNamesEveryVariableWithItsDefault(t *testing.T) {
	listed := map[string]string{}
	for line := range strings.Lines(read(t, ".env.example")) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(line, "#") {
			listed[name] = value
		}
	}
	used := map[string]bool{}
	for _, m := range variable.FindAllStringSubmatch(read(t, "compose.yaml"), -1) {
		used[m[1]] = true
		value, ok := listed[m[1]]
		if want, _ := strings.CutPrefix(m[2], ":-"); !ok || !strings.HasPrefix(m[2], ":?") && value != want || strings.HasPrefix(m[2], ":?") && value != "" {
			t.Errorf("%s: .env.example has %q (%t)", m[0], value, ok)
		}
	}
	for name := range listed {
		if !used[name] {
			t.Errorf("nothing uses %s", name)
		}
	}
	if ignored := strings.Fields(read(t, ".gitignore")); !slices.Contains(ignored, ".env") {
		t.Error("git would take .env with its passwords")
	}
}

func TestEveryServiceIsPinnedWatchedAndStaysOnThisMachine(t *testing.T) {
	exact := regexp.MustCompile(`^[a-z0-9./-]+:v?\d+\.\d+\.\d+$`)
	c := parseCompose(t, passwords)
	for name, s := range c.Services {
		if !exact.MatchString(s.Image) {
			t.Errorf("%s: %q is not one exact version", name, s.Image)
		}
		if s.Restart != "unless-stopped" {
			t.Errorf("%s does not come back", name)
		}
		for _, port := range s.Ports {
			if host, _, err := net.SplitHostPort(port[:strings.LastIndex(port, ":")]); err != nil || host != "127.0.0.1" {
				t.Errorf("%s: the port %s is open to others", name, port)
			}
		}
		inImage := name == "sunwire" && strings.Contains(read(t, "../Dockerfile"), "\nHEALTHCHECK ")
		if len(s.Healthcheck.Test) == 0 && !inImage {
			t.Errorf("%s has no health check", name)
		}
		if s.Privileged || s.NetworkMode != "" || !slices.Contains(s.SecurityOpt, "no-new-privileges:true") {
			t.Errorf("%s has rights that it has no need of", name)
		}
		if name != "homeassistant" && !slices.Equal(s.CapDrop, []string{"ALL"}) {
			t.Errorf("%s keeps capabilities", name)
		}
		for other, on := range s.DependsOn {
			up, ok := c.Services[other]
			if !ok || on.Condition != "service_healthy" || len(up.Profiles) > 0 && !slices.Equal(up.Profiles, s.Profiles) {
				t.Errorf("%s waits for %s (%s), which may never be healthy", name, other, on.Condition)
			}
		}
	}
	open := parseCompose(t, map[string]string{"MQTT_PASSWORD": "x", "PAGE_PASSWORD": "x", "BIND": "0.0.0.0"})
	if p := open.Services["prometheus"].Ports; !strings.HasPrefix(p[0], "127.0.0.1:") {
		t.Errorf("%s is open to others, and asks for no password", p[0])
	}
	if p := open.Services["mosquitto"].Ports; p[0] != "0.0.0.0:1883:1883" {
		t.Errorf("BIND=0.0.0.0 leaves the broker at %s", p[0])
	}
}

func TestWhatIsMountedIsThere(t *testing.T) {
	c := parseCompose(t, passwords)
	for name, s := range c.Services {
		for _, v := range s.Volumes {
			source, _, _ := strings.Cut(v, ":")
			if _, named := c.Volumes[source]; named || source == "/dev" {
				continue
			}
			if _, err := os.Stat(source); err != nil || !strings.HasPrefix(source, "./") {
				t.Errorf("%s mounts %s: %v", name, v, err)
			}
		}
		for _, secret := range s.Secrets {
			if passwords[c.Secrets[secret].Environment] == "" {
				t.Errorf("%s wants the secret %s, which is %+v", name, secret, c.Secrets[secret])
			}
		}
	}
}

func TestEveryKindOfCableMayBeOpened(t *testing.T) {
	s := parseCompose(t, passwords).Services["sunwire"]
	narrow := parseCompose(t, map[string]string{"MQTT_PASSWORD": "x", "PAGE_PASSWORD": "x", "HIDRAW_MAJOR": "245", "I2C_GID": "994"}).Services["sunwire"]
	if !slices.Contains(s.Volumes, "/dev:/dev:ro") {
		t.Error("a cable that comes back under another name is not seen")
	}
	for _, rule := range []string{"c 188:* rw", "c 166:* rw", "c 204:* rw", "c 89:* rw", "c 245:* rw"} {
		if !slices.Contains(narrow.DeviceRules, rule) {
			t.Errorf("no rule %q in %q", rule, narrow.DeviceRules)
		}
	}
	if slices.Contains(narrow.DeviceRules, "c *:* rw") || !slices.Contains(s.DeviceRules, "c *:* rw") {
		t.Errorf("rules with HIDRAW_MAJOR %q, without %q", narrow.DeviceRules, s.DeviceRules)
	}
	if want := []string{"20", "46", "994"}; !slices.Equal(narrow.GroupAdd, want) {
		t.Errorf("groups %v, want %v", narrow.GroupAdd, want)
	}
	groups := slices.Clone(s.GroupAdd)
	slices.Sort(groups)
	if len(slices.Compact(groups)) != 3 { // compose refuses one that is there twice
		t.Errorf("groups %v", s.GroupAdd)
	}
}

func environment() config.Env {
	return config.Env{Drivers: all.Drivers(), Getenv: func(name string) (string, bool) { v, ok := passwords[name]; return v, ok }}
}

func TestTheShippedConfigurationIsRightAndFitsTheServices(t *testing.T) {
	text := read(t, "sunwire/sunwire.yaml")
	cfg, err := config.Parse("sunwire.yaml", []byte(text), environment())
	if err != nil {
		t.Fatal(err)
	}
	c := parseCompose(t, passwords)
	if _, ok := c.Services[cfg.MQTT.URL[0].Hostname()]; !ok {
		t.Errorf("the broker is %s, which is no service", cfg.MQTT.URL[0])
	}
	if !strings.Contains(read(t, "mosquitto/start.sh"), " "+cfg.MQTT.Username+" >") || string(cfg.MQTT.Password) != passwords["MQTT_PASSWORD"] {
		t.Errorf("the broker has no user %s with that password", cfg.MQTT.Username)
	}
	if _, port, _ := net.SplitHostPort(cfg.HTTP.Listen); !strings.HasSuffix(c.Services["sunwire"].Ports[0], ":"+port) || string(cfg.HTTP.Password) != passwords["PAGE_PASSWORD"] {
		t.Errorf("the page at %s is not the port %s, or has another password", cfg.HTTP.Listen, c.Services["sunwire"].Ports[0])
	}
	if cfg.StateDir != "/var/lib/sunwire" || !slices.Contains(c.Services["sunwire"].Volumes, "sunwire:"+cfg.StateDir) {
		t.Errorf("the state in %s is on no volume", cfg.StateDir)
	}
	if len(cfg.Devices) != 0 {
		t.Error("a device is read that nobody asked for")
	}
	before, examples, _ := strings.Cut(text, "devices: []")
	text = before + "devices:" + strings.ReplaceAll(examples, "\n#  ", "\n  ")
	if cfg, err = config.Parse("sunwire.yaml", []byte(text), environment()); err != nil || len(cfg.Devices) != 2 {
		t.Errorf("the examples in it are wrong: %v\n%s", err, text)
	}
}

func TestNoFileIsTakenForAnAddOn(t *testing.T) {
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && regexp.MustCompile(`^config\.(ya?ml|json)$`).MatchString(d.Name()) {
			t.Errorf("an add-on store would read %s", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheImageIsBuiltByTheGoOfTheModule(t *testing.T) {
	version := regexp.MustCompile(`(?m)^go (\S+)$`).FindStringSubmatch(read(t, "../go.mod"))[1]
	if from := "FROM --platform=$BUILDPLATFORM golang:" + version + " AS build"; !strings.Contains(read(t, "../Dockerfile"), from) {
		t.Errorf("the Dockerfile has no line %q", from)
	}
}

// dashboard is what the tests look at in grafana/sunwire.json.
type dashboard struct {
	Panels []struct {
		ID      int
		Title   string
		GridPos struct{ X, Y, W, H int }
		Targets []struct{ Expr string }
	}
}

func parseDashboard(t *testing.T) dashboard {
	t.Helper()
	var d dashboard
	if err := json.Unmarshal([]byte(read(t, "grafana/sunwire.json")), &d); err != nil {
		t.Fatal(err)
	}
	if len(d.Panels) < 10 {
		t.Fatalf("only %d panels", len(d.Panels))
	}
	return d
}

func TestThePanelsOfTheDashboardLieSideBySide(t *testing.T) {
	ids, taken := map[int]bool{}, map[[2]int]string{}
	for _, p := range parseDashboard(t).Panels {
		if ids[p.ID] || p.Title == "" || len(p.Targets) == 0 || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %d %q: an id that is there twice, no title, no query, or beyond the edge", p.ID, p.Title)
		}
		ids[p.ID] = true
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				cell := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
				if other, ok := taken[cell]; ok {
					t.Fatalf("%q lies on %q", p.Title, other)
				}
				taken[cell] = p.Title
			}
		}
	}
}
