package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"sunwire/drivers"
	"sunwire/drivers/link"
)

func testEnv() Env {
	return Env{
		Drivers:  testDrivers()[:2],
		Getenv:   func(string) (string, bool) { return "", false },
		ReadFile: func(string) ([]byte, error) { return nil, os.ErrNotExist },
	}
}

const exampleFile = "../../config.yaml.example"

// uncommented turns #key: value into key: value, and leaves sentences alone.
func uncommented(t *testing.T) []byte {
	t.Helper()
	data, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	data = regexp.MustCompile(`(?m)^( +)#(\w+:)`).ReplaceAll(data, []byte("$1$2"))
	return regexp.MustCompile(`(?m)^( +)#( +\w+:( |$).*)$`).ReplaceAll(data, []byte("$1$2"))
}

func TestTheExampleHasTheDevicesOfTheDocumentation(t *testing.T) {
	env := testEnv()
	env.ReadFile = os.ReadFile
	got, err := Load(exampleFile, env)
	if err != nil {
		t.Fatal(err)
	}
	_, _, parts := caseOf(t, filepath.Join(cases, "good", "example.txtar"))
	want, err := Parse("", []byte(parts["config.yaml"]), env)
	if err != nil {
		t.Fatal(err)
	}
	want.File = exampleFile
	for i := range want.Devices {
		want.Devices[i].Line = got.Devices[i].Line
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b *drivers.Driver) bool { return a.Name == b.Name })); diff != "" {
		t.Error(diff)
	}
}

func TestTheExampleHasEveryKey(t *testing.T) {
	env := testEnv()
	d := &decoder{file: exampleFile, env: env, at: map[string]*yaml.Node{}, open: map[string]*yaml.Node{}}
	c := newConfig()
	d.value("", d.root(uncommented(t)), reflect.ValueOf(c).Elem())
	d.whole(c)
	if len(d.errs) > 0 {
		t.Fatal(d.errs)
	}
	example, _ := os.ReadFile(exampleFile)
	_, groups, _ := strings.Cut(string(example), "\n#groups:")
	groups = "groups:" + regexp.MustCompile(`(?m)^#`).ReplaceAllString(groups, "")
	d.value("", d.root([]byte(groups)), reflect.ValueOf(newConfig()).Elem())
	have := map[string]bool{}
	for key := range d.at {
		key = regexp.MustCompile(`\[\d+\]`).ReplaceAllString(key, "[]")
		have[regexp.MustCompile(`(entities|limits)\.\w+`).ReplaceAllString(key, "$1.KEY")] = true
	}
	rows := Reference(env.Drivers)
	for _, r := range rows {
		if !have[r.Key] {
			t.Errorf("%s is not in the example", r.Key)
		}
		if r.Doc == "" || r.Type == "" {
			t.Errorf("%s has no documentation", r.Key)
		}
	}
	if len(rows) < 40 {
		t.Errorf("the reference has %d keys only", len(rows))
	}
}

// What the example says is the default must be it.
func TestTheExampleShowsTheDefaults(t *testing.T) {
	c, err := Parse("", append([]byte("devices:\n"), regexp.MustCompile(`(?ms)^devices:.*`).ReplaceAll(uncommented(t), nil)...), testEnv())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(newConfig(), c); diff != "" {
		t.Error(diff)
	}
}

func TestReferenceKnowsTypesDefaultsAndWords(t *testing.T) {
	want := map[string]string{
		"mqtt.url":                           `an address or a list of them|mqtt://127.0.0.1:1883|[]|false|`,
		"mqtt.password":                      `a secret text|""|[]|false|`,
		"log.level":                          `a text|info|[debug info warn error]|false|`,
		"devices":                            `a list||[]|false|`,
		"devices[].id":                       `a text||[]|true|`,
		"devices[].interval":                 `a duration|the driver's own|[]|false|`,
		"devices[].gap":                      `a duration|0s|[]|false|`,
		"devices[].address":                  `a whole number|0|[]|false|`,
		"devices[].identity":                 `a text|serial|[serial id]|false|`,
		"devices[].entities.KEY.scale":       `a number|1|[]|false|`,
		"devices[].entities.KEY.min":         `a number||[]|false|`,
		"devices[].options.offsets":          `a mapping||[]|false|bme280`,
		"devices[].options.timeout":          `a duration|10s|[]|false|cloud`,
		"devices[].options.offsets.pressure": `a number|0|[]|false|bme280`,
	}
	for _, r := range Reference(testDrivers()) {
		got := fmt.Sprintf("%s|%s|%s|%v|%s", r.Type, r.Default, r.Words, r.Required, r.Driver)
		if w, ok := want[r.Key]; ok && got != w {
			t.Errorf("%s: got %s, want %s", r.Key, got, w)
		}
		delete(want, r.Key)
	}
	if len(want) > 0 {
		t.Errorf("not in the reference: %v", want)
	}
}

func TestAMissingFileIsSaidPlainly(t *testing.T) {
	_, err := Load("/nowhere/config.yaml", Env{})
	if want := "/nowhere/config.yaml: cannot read the configuration: no such file or directory"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestErrorsTellLineAndColumn(t *testing.T) {
	_, err := Parse("c.yaml", []byte("log:\n  level: info\n  formt: text\n"), testEnv())
	var got Errors
	if !errors.As(err, &got) {
		t.Fatalf("%T", err)
	}
	want := Errors{{File: "c.yaml", Line: 3, Column: 3, Key: "log.formt", Text: `unknown key; did you mean "format"?`}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestASecretIsHiddenHoweverItIsPrinted(t *testing.T) {
	c, err := Parse("", []byte("mqtt: {password: hunter2}"), testEnv())
	if err != nil {
		t.Fatal(err)
	}
	if string(c.MQTT.Password) != "hunter2" {
		t.Fatalf("the password is %d letters long", len(c.MQTT.Password))
	}
	j, _ := json.Marshal(c.MQTT)
	y, _ := yaml.Marshal(c.MQTT.Password)
	var b strings.Builder
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "password", c.MQTT.Password, "mqtt", c.MQTT)
	for _, s := range []string{fmt.Sprint(c), fmt.Sprintf("%+v", c.MQTT), fmt.Sprintf("%#v", c.MQTT), string(j), string(y), b.String()} {
		if strings.Contains(s, "hunter2") {
			t.Errorf("shown in %s", s)
		}
	}
}

func TestNoAddressIsShownWithItsCredentials(t *testing.T) {
	for in, want := range map[string]string{
		"mqtt://host:1883":                    "mqtt://host:1883",
		"mqtt://pi:hunter2@host:1883":         "mqtt://(hidden)@host:1883",
		"mqtt://pi:hun/ter@2@host":            "mqtt://(hidden)@host",
		"http://pi:hunter2?x@host/?a=hunter2": "http://(hidden)",
		"http://host/?mail=a@b&t=hunter2":     "http://(hidden)",
		"http://host/a?token=hunter2":         "http://host/a?...",
		"pi:hunter2@host":                     "(hidden)@host",
		"serial:/dev/ttyUSB0?baud=2400":       "serial:/dev/ttyUSB0?baud=2400",
	} {
		if got := public(in); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

func TestAPathIsWhatTheDriverCanUseWhereItsNameTellsNothing(t *testing.T) {
	hid := &drivers.Driver{Name: "hid", Links: []link.Kind{link.HID}}
	for path, want := range map[string]link.Kind{"/dev/ups": link.HID, "/dev/hidraw3": link.HID} {
		p, _, err := ParsePort(path, hid)
		if err != nil || p.Kind != want || p.Address != path {
			t.Errorf("%s: %+v, %v", path, p, err)
		}
	}
	if p, _, err := ParsePort("/dev/ups", nil); err != nil || p.Kind != link.Serial {
		t.Errorf("%+v, %v", p, err)
	}
	if p, a, err := ParsePort("i2c:/dev/i2c-12/0x77", nil); err != nil || p.Address != "12" || a != 0x77 {
		t.Errorf("%+v, %d, %v", p, a, err)
	}
}

func TestAMultiplexersChannelIsAPlaceOfItsOwn(t *testing.T) {
	for text, want := range map[string]string{
		"i2c:1/0x70.3/0x76": "1/0x70.3 76", "i2c:/dev/i2c-10/0x77.0/0x44": "10/0x77.0 44", "i2c:1/0x70.3": "1/0x70.3 00", "i2c:1/0x76": "1 76",
	} {
		if p, a, err := ParsePort(text, nil); err != nil || fmt.Sprintf("%s %02x", p.Address, a) != want {
			t.Errorf("%s: %+v, %#x, %v", text, p, a, err)
		}
	}
	for text, want := range map[string]string{"i2c:1/0x70.8/0x76": "channels 0 to 7", "i2c:1/0x68.0": "0x70 to 0x77", "i2c:1/0x70.3/76": "in hexadecimal"} {
		if p, _, err := ParsePort(text, nil); want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %+v, %v", text, p, err)
		}
	}
}

func TestABluetoothPort(t *testing.T) {
	p, _, err := ParsePort("ble:c8:47:8c:00:0A:01?adapter=hci1&keep=true", nil)
	if err != nil || p.Kind != link.BLE || p.Address != "C8:47:8C:00:0A:01" || p.Params.Get("adapter") != "hci1" || p.Params.Get("keep") != "true" {
		t.Errorf("%+v, %v", p, err)
	}
	for text, says := range map[string]string{
		"ble:": "detect --bluetooth", "ble:C8:47:8C:00:0A": "six pairs", "ble:JK-B2A24S": "six pairs", "ble:C8:47:8C:00:0A:01:02": "six pairs",
		"ble:C8:47:8C:00:0A:01?adapter=usb0": "adapter is", "ble:C8:47:8C:00:0A:01?keep=always": "keep is", "ble:C8:47:8C:00:0A:01?baud=9600": "baud",
	} {
		if p, _, err := ParsePort(text, nil); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %+v, %v", text, p, err)
		}
	}
}

func TestTheNearestWordIsTheOneThatWasMeant(t *testing.T) {
	words := []string{"interval", "identity", "id", "max_age", "baud", "gap"}
	for in, want := range map[string]string{
		"intervall": "interval", "Interval": "interval", "max-age": "max_age", "maxage": "max_age", "baudrate": "baud", "gpa": "gap",
		"identiy": "identity", "di": "id", "colour": "", "x": "", strings.Repeat("a", 100): "",
	} {
		if got := nearest(in, words); got != want {
			t.Errorf("%s: got %q, want %q", in, got, want)
		}
	}
}

// FuzzParse: whatever the file holds, there is a configuration or an error, and the configuration keeps what the checks promise.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob(filepath.Join(cases, "*", "*.txtar"))
	if err != nil || len(files) == 0 {
		f.Fatal("no cases", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		_, after, _ := strings.Cut(string(data), "-- config.yaml --\n")
		text, _, _ := strings.Cut(after, "\n-- ")
		f.Add([]byte(text))
	}
	env := testEnv()
	env.Drivers = testDrivers()
	env.Getenv = func(name string) (string, bool) { return name, true }
	breaks := regexp.MustCompile(`\n|\r|\x{85}|\x{2028}|\x{2029}`) // YAML's lines
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse("c.yaml", data, env)
		var es Errors
		switch {
		case err != nil && (c != nil || !errors.As(err, &es) || len(es) == 0):
			t.Fatalf("%v beside %+v", err, c)
		case err != nil:
			for _, e := range es {
				if e.Text == "" || strings.Contains(e.Error(), "\n") && !strings.Contains(e.Key, "\n") || e.Line > 2+len(breaks.FindAll(data, -1)) {
					t.Errorf("%+v", e)
				}
			}
			return
		case c == nil:
			t.Fatal("neither a configuration nor an error")
		}
		ids := map[string]bool{}
		for _, d := range c.Devices {
			if ids[d.ID] || !idForm.MatchString(d.ID) || d.ID == "bridge" || d.Spec == nil || d.Name == "" || d.MaxAge <= 0 || d.Interval.D < 0 || d.Gap < 0 {
				t.Errorf("%+v", d)
			}
			if !d.Port.Sim && !d.Port.Replay && !slices.Contains(d.Spec.Links, d.Port.Kind) {
				t.Errorf("%+v", d.Port)
			}
			ids[d.ID] = true
		}
	})
}
