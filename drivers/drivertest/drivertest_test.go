package drivertest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sunwire/discovery/discoverytest"
	"sunwire/drivers"
	"sunwire/drivers/link"
)

const meterRecording = `source: made up
device: none
evidence: none
-- exchange --
> 4c 49 56 0d   # LIV
< REPLY1
> 53 45 54 0d
< REPLY2
> 4d 4f 44 0d
< REPLY3
`

// folder is a testdata folder with the golden files of the meter without bugs.
func folder(t *testing.T) string {
	t.Helper()
	real, dir := discoverytest.Testdata(t), t.TempDir()
	frames := filepath.Join(dir, "frames", "meter")
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(frames, 0o755))
	must(os.CopyFS(filepath.Join(dir, "vocabulary"), os.DirFS(filepath.Join(real, "vocabulary"))))
	must(os.Symlink(filepath.Join(real, "ha"), filepath.Join(dir, "ha")))
	hex := func(text string) string {
		var b strings.Builder
		for _, c := range meterSeal([]byte(text)) {
			b.WriteString(" " + string("0123456789abcdef"[c>>4]) + string("0123456789abcdef"[c&15]))
		}
		return b.String()
	}
	text := strings.NewReplacer("REPLY1", hex("230.1 49.9 -0120 1 2"), "REPLY2", hex("0600 54.00"), "REPLY3", hex("12.4")).Replace(meterRecording)
	must(os.WriteFile(filepath.Join(frames, "m1.txtar"), []byte(text), 0o644))
	if found := findings(meter{}, dir, true); len(found) > 0 {
		t.Fatalf("while writing the golden files: %v", found)
	}
	return dir
}

// findings are those of each law.
func findings(m meter, dir string, update bool) map[string][]string {
	return findingsOf(m.driver(), Facts{Refusal: []byte(meterRefusal)}, dir, update)
}

func findingsOf(d drivers.Driver, f Facts, dir string, update bool) map[string][]string {
	out := map[string][]string{}
	for _, law := range laws {
		s := &suite{d: d, f: f, testdata: dir, update: update}
		s.hold(law.check)
		if len(s.found) > 0 {
			out[law.name] = s.found
		}
	}
	return out
}

func TestADriverWithoutFaultPasses(t *testing.T) {
	if found := findings(meter{}, folder(t), false); len(found) > 0 {
		t.Errorf("%v", found)
	}
}

func TestEveryPlantedBugIsCaught(t *testing.T) {
	dir := folder(t)
	for bug, law := range map[string]string{
		"scale":                    "recordings",
		"fields swapped":           "recordings",
		"enum shifted":             "recordings",
		"digits dropped":           "round trip",
		"offset":                   "round trip",
		"limits beyond the wire":   "round trip",
		"simulator knows less":     "round trip",
		"simulator asks for less":  "round trip",
		"unit lost":                "round trip",
		"checksum skipped":         "damage",
		"borrows":                  "damage",
		"takes what came":          "damage",
		"waits for ever":           "damage",
		"refusal believed at once": "damage",
		"error without a reason":   "reseal",
		"panics":                   "calls",
		"any form":                 "reseal",
		"parses halves":            "reseal",
		"zero for what is missing": "reseal",
		"off for what is missing":  "reseal",
		"reseal wrong":             "reseal",
		"refusal ignored":          "calls",
		"old values on silence":    "calls",
		"deaf":                     "calls",
		"a setting is written":     "declaration",
		"option renamed":           "declaration",
		"unit wrong":               "declaration",
		"quantity without a class": "declaration",
		"sign missing":             "declaration",
		"role missing":             "declaration",
		"role twice":               "declaration",
		"another spelling":         "declaration",
		"a key of the bridge":      "declaration",
		"unit in the name":         "declaration",
		"title case":               "declaration",
		"attribute of nothing":     "declaration",
		"query without its key":    "declaration",
		"key not declared":         "declaration",
		"key declared twice":       "declaration",
	} {
		t.Run(bug, func(t *testing.T) {
			found := findings(meter{bug}, dir, false)
			if len(found[law]) == 0 {
				t.Errorf("not caught by %s; others: %v", law, found)
			}
			t.Logf("%v", found)
		})
	}
}

func TestABluetoothDriverSaysWhereItReadsAndWrites(t *testing.T) {
	good := link.GATT{Services: []string{"ffe0"}, Notify: "ffe1", Write: "6e400002-b5a3-f393-e0a9-e50e24dcca9e", Names: []string{"JK-*"}}
	both := []link.Kind{link.Serial, link.BLE}
	for _, c := range []struct {
		what  string
		links []link.Kind
		gatt  link.GATT
		wrong bool
	}{
		{"whole", both, good, false},
		{"it only talks", both, link.GATT{Services: good.Services, Notify: "ffe1"}, false},
		{"nothing", both, link.GATT{}, true},
		{"no service", both, link.GATT{Notify: "ffe1"}, true},
		{"a UUID in another form", both, link.GATT{Services: []string{"0xffe0"}, Notify: "ffe1"}, true},
		{"a pattern that fits nothing", both, link.GATT{Services: good.Services, Notify: "ffe1", Names: []string{"[JK"}}, true},
		{"no such link", both[:1], good, true},
	} {
		s := &suite{d: drivers.Driver{Links: c.links, GATT: c.gatt}}
		if s.gatt(); len(s.found) > 0 != c.wrong {
			t.Errorf("%s: found %q", c.what, s.found)
		}
	}
}

func TestARecordingMustSayWhereItComesFrom(t *testing.T) {
	dir := folder(t)
	file := filepath.Join(dir, "frames", "meter", "m1.txtar")
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for label, spoilt := range map[string]string{
		"source":         strings.Replace(string(whole), "source: made up", "source:", 1),
		"evidence":       strings.Replace(string(whole), "evidence: none\n", "", 1),
		"no sample.json": strings.Replace(string(whole), "-- sample.json --", "-- other --", 1),
		"gone":           strings.Replace(string(whole), `"grid_voltage": 230.1`, `"grid_voltage": 230.2`, 1),
	} {
		if err := os.WriteFile(file, []byte(spoilt), 0o644); err != nil {
			t.Fatal(err)
		}
		found := findings(meter{}, dir, false)["recordings"]
		if !slices.ContainsFunc(found, func(f string) bool { return strings.Contains(f, label) }) {
			t.Errorf("%s: %v", label, found)
		}
	}
	if err := os.RemoveAll(filepath.Dir(file)); err != nil {
		t.Fatal(err)
	}
	if len(findings(meter{}, dir, false)["recordings"]) == 0 {
		t.Error("a driver without any recording passes")
	}
}
