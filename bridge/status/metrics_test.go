package status

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheMetricsAreFrozen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := get(t, New(twoDevices(time.Now()), Options{}), "/metrics")
		golden(t, "metrics.txt", w.Body.Bytes())
		if c := w.Header().Get("Content-Type"); !strings.HasPrefix(c, "text/plain; version=0.0.4") {
			t.Errorf("content type %s", c)
		}
	})
}

// everyQuantity is a device with one value of each quantity that a driver can declare, read from the source of the drivers' own table.
func everyQuantity(t *testing.T) Device {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../../drivers/quantity.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	d := Device{ID: "all"}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		lit, _ := spec.Values[0].(*ast.CompositeLit)
		if len(lit.Elts) == 4 {
			var text [3]string
			for i := range text {
				text[i], _ = strconv.Unquote(lit.Elts[i].(*ast.BasicLit).Value)
			}
			d.Values = append(d.Values, num(strings.ToLower(spec.Names[0].Name), "", "100", text[0], text[1], text[2], ""))
		}
		return true
	})
	if len(d.Values) < 20 {
		t.Fatalf("only %d quantities found", len(d.Values))
	}
	return d
}

func TestEveryQuantityHasAMetricWithItsUnit(t *testing.T) {
	for _, v := range everyQuantity(t).Values {
		if quantityOf(&v).name == other.name {
			t.Errorf("%s (%s, %s) has no row", v.Key, v.DeviceClass, v.Unit)
		}
	}
}

func TestWhatIsUnknownHasNoSample(t *testing.T) {
	for _, raw := range []string{"null", "", `"12"`, `"unknown (7)"`, "{}", "true"} {
		s := Snapshot{Devices: []Device{{ID: "a", Values: []Value{num("pv_power", "", raw, "W", "power", "measurement", "")}}}}
		if text := string(exposeAll(&s)); strings.Contains(text, "pv_power") {
			t.Errorf("%q became a sample:\n%s", raw, text)
		}
		if text := string(exposeAll(&s)); strings.Contains(text, "last_update") || strings.Contains(text, "success") || strings.Contains(text, "duration") {
			t.Errorf("a device that never answered has figures:\n%s", text)
		}
	}
}

func TestUnitsAreConvertedAndNothingElse(t *testing.T) {
	tests := []struct{ text, unit, class, state, want string }{
		{"1008.3", "hPa", "atmospheric_pressure", "measurement", `sunwire_pressure_pascals{device="a",key="k"} 100830`},
		{"57.3", "%", "humidity", "measurement", `sunwire_humidity_ratio{device="a",key="k"} 0.573`},
		{"100", "%", "battery", "measurement", `sunwire_state_of_charge_ratio{device="a",key="k"} 1`},
		{"0", "%", "", "measurement", `sunwire_share_ratio{device="a",key="k"} 0`},
		{"412", "ppm", "carbon_dioxide", "measurement", `sunwire_carbon_dioxide_ratio{device="a",key="k"} 0.000412`},
		{"90", "min", "duration", "measurement", `sunwire_duration_seconds{device="a",key="k"} 5400`},
		{"1234.560", "kWh", "energy", "total_increasing", `sunwire_energy_kilowatthours_total{device="a",key="k"} 1234.560`},
		{"16.20", "kWh", "energy", "", `sunwire_expected_energy_kilowatthours{device="a",key="k"} 16.20`},
		{"18", "km/h", "wind_speed", "measurement", `sunwire_wind_speed_meters_per_second{device="a",key="k"} 5`},
		{"-5.10", "kWh", "energy", "total", `sunwire_value{device="a",key="k",unit_of_measurement="kWh"} -5.10`},
		{"7", "furlongs", "distance", "", `sunwire_value{device="a",key="k",unit_of_measurement="furlongs"} 7`},
		{"3", "", "", "", `sunwire_value{device="a",key="k"} 3`},
		{`"OFF"`, "", "problem", "", `sunwire_on{device="a",key="k"} 0`},
		{`"ON"`, "", "problem", "", `sunwire_on{device="a",key="k"} 1`},
	}
	for _, tt := range tests {
		s := Snapshot{Devices: []Device{{ID: "a", Values: []Value{num("k", "", tt.text, tt.unit, tt.class, tt.state, "")}}}}
		if text := string(exposeAll(&s)); !strings.Contains(text, "\n"+tt.want+"\n") {
			t.Errorf("no %s in\n%s", tt.want, text)
		}
	}
}

// awkward is all that can be in a snapshot, with names that need escaping.
func awkward(t *testing.T) *house {
	t.Helper()
	src := twoDevices(time.Now())
	src.snap.Devices = append(src.snap.Devices, everyQuantity(t), Device{ID: "never", Name: "a \"b\" \\ c\nd \xff", MaxAge: time.Minute})
	src.snap.Devices[0].Values[0].Value = json.RawMessage(`"OFF"`)
	return src
}

func TestTheExpositionIsWellFormed(t *testing.T) {
	src := awkward(t)
	text := get(t, New(src, Options{}), "/metrics").Body.String()
	if !strings.Contains(text, `name="a \"b\" \\ c\nd `+"\uFFFD"+`"`) {
		t.Errorf("a name is not escaped:\n%s", text)
	}
	sample := regexp.MustCompile(`^(\w+)(\{(\w+="([^"\\]|\\.)*",?)+\})? (-?[0-9.]+(e[+-]?[0-9]+)?)$`)
	seen, families, family := map[string]bool{}, map[string]bool{}, ""
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i, line := range lines {
		if rest, ok := strings.CutPrefix(line, "# HELP "); ok {
			name, help, _ := strings.Cut(rest, " ")
			if families[name] || help == "" || !strings.HasPrefix(lines[i+1], "# TYPE "+name+" ") {
				t.Errorf("family %s: torn apart, or without help or type", name)
			}
			families[name], family = true, name
			continue
		}
		if strings.HasPrefix(line, "# TYPE ") {
			continue
		}
		m := sample.FindStringSubmatch(line)
		if m == nil || m[1] != family || seen[m[1]+m[2]] {
			t.Errorf("not a sample of %s, or there twice: %s", family, line)
			continue
		}
		seen[m[1]+m[2]] = true
	}
	t.Run("promtool", func(t *testing.T) { promtool(t, text) })
}

// promtool runs the judge of Prometheus itself where it is there; CI sees to it that it is, and says so by SUNWIRE_E2E=1.
func promtool(t *testing.T, text string) {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		if os.Getenv("SUNWIRE_E2E") == "1" {
			t.Fatal("promtool is not there: install Debian's package prometheus")
		}
		return
	}
	cmd := exec.CommandContext(t.Context(), path, "check", "metrics")
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool: %v\n%s", err, out)
	}
}
