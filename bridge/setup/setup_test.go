package setup

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sunwire/bridge/config"
	"sunwire/bridge/detect"
	"sunwire/drivers/all"
	"sunwire/drivers/link"
)

// world is a setup in a folder of its own, with a service that takes whatever it is given, and ports that answer as the test wants.
type world struct {
	*Setup
	t       *testing.T
	path    string
	applied []*config.Config
	refuse  error
	looked  []string
	answers map[string]detect.Match
}

func newWorld(t *testing.T, change func(*Options)) *world {
	t.Helper()
	w := &world{t: t, path: filepath.Join(t.TempDir(), "sunwire.yaml"), answers: map[string]detect.Match{}}
	root := t.TempDir()
	for _, name := range []string{"dev/serial/by-id", "sys/class", "proc"} {
		if err := os.MkdirAll(filepath.Join(root, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	o := Options{
		Path: w.path, Env: config.Env{Drivers: all.Drivers()}, Log: slog.New(slog.DiscardHandler), Root: root,
		Apply: func(c *config.Config) error {
			if w.refuse == nil {
				w.applied = append(w.applied, c)
			}
			return w.refuse
		},
		Probe: func(_ context.Context, ports []detect.Port, _ detect.Options) (found []detect.Finding) {
			for _, p := range ports {
				w.looked = append(w.looked, p.Text)
				f := detect.Finding{Port: p}
				if m, ok := w.answers[p.Text]; ok {
					f.Matches = []detect.Match{m}
				} else {
					f.Problem = &detect.Problem{What: "nothing answers"}
				}
				found = append(found, f)
			}
			return found
		},
	}
	if change != nil {
		change(&o)
	}
	w.Setup = New(o)
	w.seen = listing{ports: []detect.Port{
		{Text: "serial:/dev/ttyUSB7", Kind: link.Serial, Path: "/dev/ttyUSB7", Title: "FTDI", Drivers: []string{"pi30"}, Ticked: true},
		{Text: "serial:/dev/ttyACM0", Kind: link.Serial, Path: "/dev/ttyACM0", Title: "Zigbee", Drivers: []string{"pi30"}},
		{Text: "hid:0665:5161", Kind: link.HID, Title: "HID", Drivers: []string{"pi30"}, Problem: &detect.Problem{What: "held", Mend: "stop it"}},
	}}
	w.seen.at = w.seen.at.AddDate(9000, 0, 0) // this list stays
	w.answers["serial:/dev/ttyUSB7"] = detect.Match{Driver: "pi30", Title: "Voltronic", Port: "serial:/dev/ttyUSB7?baud=2400", Serial: "92932004102443", Model: "MKS2"}
	return w
}

func (w *world) write(text string) {
	w.t.Helper()
	if err := os.WriteFile(w.path, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) read() string {
	w.t.Helper()
	text, err := os.ReadFile(w.path)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

func (w *world) load() {
	w.t.Helper()
	if _, err := w.Load(); err != nil {
		w.t.Fatal(err)
	}
}

func TestATickedPortBecomesADeviceAndCommentsStay(t *testing.T) {
	w := newWorld(t, nil)
	w.write("# mine\nlog: {level: warn}\ndevices: []\n")
	w.load()
	w.Add(t.Context(), []string{"serial:/dev/ttyUSB7", "serial:/dev/never-listed", "hid:0665:5161"})
	if !slices.Equal(w.looked, []string{"serial:/dev/ttyUSB7"}) {
		t.Errorf("looked at %v: only what is listed and free may be opened", w.looked)
	}
	if text := w.read(); !strings.HasPrefix(text, "# mine\n") || !strings.Contains(text, "driver: pi30") {
		t.Errorf("the file is now\n%s", text)
	}
	if info, err := os.Stat(w.path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v: a file that nobody else could read stays so", info.Mode(), err)
	}
	if len(w.applied) != 1 || w.applied[0].Devices[0].ID != "inverter" {
		t.Errorf("applied %+v", w.applied)
	}
	rs := w.Results()
	if len(rs) != 1 || !rs[0].OK || !strings.Contains(rs[0].Text, "92932004102443") {
		t.Errorf("results %+v", rs)
	}
	if choices := w.FirstStart().Choices; len(choices) > 0 && choices[0].Open {
		t.Errorf("the port is offered again: %+v", choices[0])
	}
}

func TestWhatDoesNotAnswerIsNotConfigured(t *testing.T) {
	w := newWorld(t, nil)
	w.load()
	w.Add(t.Context(), []string{"serial:/dev/ttyACM0"})
	if _, err := os.Stat(w.path); err == nil {
		t.Error("a file was written")
	}
	if rs := w.Results(); len(rs) != 1 || rs[0].OK || !strings.Contains(rs[0].Text, "nothing answers") {
		t.Errorf("results %+v", rs)
	}
}

func TestAMissingFileIsMadeByTheFirstDevice(t *testing.T) {
	w := newWorld(t, nil)
	w.load()
	w.Add(t.Context(), []string{"serial:/dev/ttyUSB7"})
	if _, err := config.Load(w.path, config.Env{Drivers: all.Drivers()}); err != nil || len(w.applied) != 1 {
		t.Errorf("%v; applied %d", err, len(w.applied))
	}
}

func TestABadConfigurationIsRefusedAndTheOldOneStays(t *testing.T) {
	w := newWorld(t, nil)
	w.write("devices: [{id: a, driver: pi30, port: 'sim:'}]\n")
	w.load()
	for what, text := range map[string]string{"wrong": "devices: [{id: a, driver: nonsense, port: 'sim:'}]\n", "empty": ""} {
		w.write(text)
		if err := w.Reload(); err == nil || len(w.applied) != 0 {
			t.Errorf("%s: %v, applied %d", what, err, len(w.applied))
		}
	}
	if err := os.Remove(w.path); err != nil {
		t.Fatal(err)
	}
	if err := w.Reload(); err == nil || len(w.applied) != 0 {
		t.Errorf("gone: %v, applied %d", err, len(w.applied))
	}
	if ns, _ := w.Notices(); len(ns) != 1 || !strings.Contains(ns[0], "is gone") {
		t.Errorf("notices %q", ns)
	}
	if w.Config().Devices[0].ID != "a" {
		t.Error("the old configuration is lost")
	}
	w.write("devices: [{id: b, driver: pi30, port: 'sim:'}]\n")
	w.refuse = errors.New("no")
	if err := w.Reload(); err == nil || w.Config().Devices[0].ID != "a" {
		t.Errorf("refused by the service: %v", err)
	}
	w.refuse = nil
	err := w.Reload()
	if ns, _ := w.Notices(); err != nil || w.Config().Devices[0].ID != "b" || len(ns) != 0 {
		t.Errorf("mended: %v, %q", err, ns)
	}
}

// supervised is a Supervisor that keeps the options.
type supervised struct {
	options map[string]any
	err     error
}

func (s *supervised) Options(context.Context) (map[string]any, error) { return s.options, s.err }
func (s *supervised) SetOptions(_ context.Context, o map[string]any) error {
	s.options = o
	return s.err
}

func addOnWorld(t *testing.T, s *supervised, options string) *world {
	t.Helper()
	form := filepath.Join(t.TempDir(), "options.json")
	if err := os.WriteFile(form, []byte(options), 0o600); err != nil {
		t.Fatal(err)
	}
	return newWorld(t, func(o *Options) { o.Supervisor, o.FormPath, o.Env.AddOn = s, form, true })
}

func TestInAnAddOnWithoutAFileTheFormIsFilled(t *testing.T) {
	s := &supervised{options: map[string]any{"devices": []any{}, "mqtt_password": "!secret mine"}}
	w := addOnWorld(t, s, `{"devices": [], "mqtt_password": "resolved"}`)
	w.load()
	if f := w.FirstStart(); !strings.Contains(f.Where, "options") {
		t.Errorf("where: %s", f.Where)
	}
	w.Add(t.Context(), []string{"serial:/dev/ttyUSB7"})
	if _, err := os.Stat(w.path); err == nil {
		t.Error("a file was written")
	}
	if s.options["mqtt_password"] != "!secret mine" {
		t.Errorf("a secret was written out: %v", s.options)
	}
	if ds, _ := s.options["devices"].([]any); len(ds) != 1 {
		t.Errorf("options: %v", s.options)
	}
	if len(w.applied) != 1 || len(w.applied[0].Devices) != 1 || w.applied[0].MQTT.Password != "resolved" {
		t.Errorf("applied %+v", w.applied)
	}
}

func TestAFormThatIsRefusedChangesNothing(t *testing.T) {
	s := &supervised{options: map[string]any{}}
	w := addOnWorld(t, s, `{"devices": []}`)
	w.load()
	s.err = errors.New("not now")
	w.Add(t.Context(), []string{"serial:/dev/ttyUSB7"})
	rs := w.Results()
	if len(w.applied) != 0 || len(rs) != 2 || rs[1].OK || !strings.Contains(rs[1].Text, "not now") {
		t.Errorf("applied %d, results %+v", len(w.applied), rs)
	}
}

func TestADeviceInFormAndFileIsToldOf(t *testing.T) {
	w := addOnWorld(t, &supervised{}, `{"devices": [{"id": "a", "driver": "pi30", "port": "sim:"}]}`)
	w.write("devices:\n  - {id: a, driver: bme280, port: 'sim:'}\n")
	w.load()
	problems, notes := w.Notices()
	if len(problems) != 0 || len(notes) != 1 || !strings.Contains(notes[0], w.path+" line 2") || w.Config().Devices[0].Driver != "bme280" {
		t.Errorf("problems %q, notes %q", problems, notes)
	}
}

func TestAWrongFormLeavesAnAddOnThatCanSayWhatIsWrong(t *testing.T) {
	w := addOnWorld(t, &supervised{}, `{"devices": [{"id": "a", "driver": "nonsense", "port": "sim:"}]}`)
	cfg, err := w.Load()
	if err == nil || cfg == nil || len(cfg.Devices) != 0 || !cfg.MQTT.Ask || !w.Failed() {
		t.Errorf("%+v, %v", cfg, err)
	}
	if ns, _ := w.Notices(); len(ns) != 1 || !strings.Contains(ns[0], "nonsense") {
		t.Errorf("notices %q", ns)
	}
}
