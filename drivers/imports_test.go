package drivers_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// What may import what. The patterns are Go's: * is one folder, /... a folder and all below it. Tests are free.

// arrows says which of the project's packages each folder may import; the first row that fits a folder counts. never is what it may not
// use of the standard library, or of what the row would allow otherwise.
var arrows = []struct {
	folder    string
	to, never []string
}{
	{"cmd/...", []string{"bridge/...", "deploy/...", "discovery", "drivers", "drivers/all", "drivers/link/..."}, nil},
	{"deploy/...", nil, nil},

	{"bridge/pipeline", []string{"drivers"}, inputOutput},
	{"bridge/config", []string{"drivers", "drivers/all", "drivers/link"}, nil},
	{"bridge/release", nil, nil},
	{"bridge/control", []string{"bridge/config", "discovery", "drivers"}, inputOutput},
	{"bridge/store", []string{"bridge/control", "drivers"}, nil},
	{"bridge/status", []string{"bridge/control", "drivers"}, nil},
	{"bridge/broker/...", []string{"bridge/broker/...", "drivers/link"}, nil},
	{"bridge/supervisor", []string{"bridge/broker"}, nil},
	{"bridge/supervisor/supervisortest", nil, nil},
	{"bridge/...", []string{"bridge/...", "discovery", "drivers", "drivers/all", "drivers/link/..."}, nil},

	{"discovery", []string{"drivers"}, inputOutput},
	{"discovery/discoverytest", []string{"discovery", "drivers"}, nil},

	{"drivers", []string{"drivers/link"}, inputOutput},
	{"drivers/link/...", []string{"drivers/link/..."}, nil},
	{"drivers/drivertest", []string{"discovery/...", "drivers", "drivers/link/..."}, nil},
	{"drivers/all", []string{"drivers", "drivers/*"}, []string{"drivers/drivertest"}},
	{"drivers/*", []string{"drivers", "drivers/battery", "drivers/chip", "drivers/link", "drivers/table", "drivers/wire"}, inputOutput},
}

// inputOutput is what functions of their arguments, and drivers with their link, have no need of.
var inputOutput = []string{"log/...", "net/...", "os/...", "syscall"}

// modules says where each dependency is used; docs/adr/0002-dependencies.md says why. A new one needs a row here and there.
var modules = []struct {
	module string
	in     []string
}{
	{"github.com/creack/pty", []string{"drivers/link/simulated"}},
	{"github.com/eclipse/paho.golang", []string{"bridge/broker"}},
	{"github.com/godbus/dbus/v5", []string{"drivers/link/ble/..."}},
	{"github.com/kardianos/service", []string{"cmd/sunwire"}},
	{"github.com/lmittmann/tint", []string{"cmd/sunwire"}},
	{"github.com/mochi-mqtt/server", []string{"bridge/broker/embedded"}},
	{"github.com/sstallion/go-hid", []string{"drivers/link/hid"}},
	{"go.bug.st/serial", []string{"drivers/link/serial"}},
	{"golang.org/x/sys", []string{"drivers/link/..."}},
	{"golang.org/x/term", []string{"cmd/sunwire", "drivers/link/simulated"}},
	{"golang.org/x/tools/txtar", []string{"drivers/drivertest", "drivers/link/replay"}},
	{"gopkg.in/natefinch/lumberjack.v2", []string{"cmd/sunwire"}},
	{"gopkg.in/yaml.v3", []string{"bridge/config", "bridge/supervisor/supervisortest"}},
	{"periph.io/x", []string{"drivers/link/i2c", "drivers/*"}},
}

func TestPackagesImportOnlyWhatTheDesignLetsThem(t *testing.T) {
	root := os.DirFS("..")
	files := 0
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		source, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.ImportsOnly)
		if err != nil {
			return err
		}
		files++
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if fault := forbidden(path.Dir(name), imported); fault != "" {
				t.Errorf("%s: %s", name, fault)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 20 {
		t.Errorf("only %d files were looked at: the tree is elsewhere", files)
	}
}

func TestAWrongImportIsFound(t *testing.T) {
	for _, c := range []struct {
		folder, imported string
		wrong            bool
	}{
		{"drivers/voltronic", "sunwire/bridge", true},
		{"drivers/voltronic", "sunwire/bridge/config", true},
		{"drivers/voltronic", "sunwire/discovery", true},
		{"drivers/voltronic", "sunwire/drivers/bme280", true},
		{"drivers/voltronic", "sunwire/drivers/link/serial", true},
		{"drivers/voltronic", "sunwire/drivers/link", false},
		{"drivers/voltronic", "github.com/eclipse/paho.golang/paho", true},
		{"drivers/voltronic", "gopkg.in/yaml.v3", true},
		{"drivers/voltronic", "os", true},
		{"drivers/voltronic", "net/http", true},
		{"drivers/voltronic", "time", false},
		{"drivers/bme280", "periph.io/x/conn/v3/i2c", false},
		{"drivers", "sunwire/drivers/all", true},
		{"drivers", "periph.io/x/conn/v3/i2c", true},
		{"drivers/all", "sunwire/drivers/bme280", false},
		{"drivers/all", "sunwire/drivers/drivertest", true},
		{"drivers/link", "sunwire/drivers", true},
		{"drivers/link/serial", "sunwire/drivers", true},
		{"discovery", "sunwire/bridge/broker", true},
		{"discovery", "os", true},
		{"bridge/pipeline", "sunwire/bridge/store", true},
		{"bridge/pipeline", "net", true},
		{"bridge/control", "sunwire/bridge/store", true},
		{"bridge/control", "os", true},
		{"bridge", "github.com/eclipse/paho.golang/paho", true},
		{"bridge", "sunwire/drivers/drivertest", true},
		{"bridge", "sunwire/drivers/voltronic", true},
		{"cmd/sunwire", "github.com/some/body", true},
		{"bridge/status", "html/template", true},
		{"elsewhere", "sunwire/drivers", true},
	} {
		if fault := forbidden(c.folder, c.imported); (fault != "") != c.wrong {
			t.Errorf("%s importing %s: found %q, want a fault: %t", c.folder, c.imported, fault, c.wrong)
		}
	}
}

// forbidden says what is wrong with a package in folder importing imported; "" is nothing.
func forbidden(folder, imported string) string {
	if imported == "text/template" || imported == "html/template" {
		return imported + " keeps every method of every type in the binary: docs/adr/0004-metrics.md"
	}
	first, _, _ := strings.Cut(imported, "/")
	inProject, own := strings.CutPrefix(imported, "sunwire/")
	if !own && strings.Contains(first, ".") {
		for _, m := range modules {
			if fits(m.module+"/...", imported) {
				if anyFits(m.in, folder) {
					return ""
				}
				return fmt.Sprintf("%s is for %s only", imported, strings.Join(m.in, ", "))
			}
		}
		return imported + " is a dependency that has no row in modules"
	}
	for _, a := range arrows {
		if !fits(a.folder, folder) {
			continue
		}
		if own && !anyFits(a.to, inProject) || anyFits(a.never, inProject) {
			return fmt.Sprintf("%s must not import %s", folder, imported)
		}
		return ""
	}
	return folder + " is a new folder: give it a row in arrows"
}

func anyFits(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return fits(p, name) })
}

func fits(pattern, name string) bool {
	if tree, ok := strings.CutSuffix(pattern, "/..."); ok {
		return name == tree || strings.HasPrefix(name, tree+"/")
	}
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}
