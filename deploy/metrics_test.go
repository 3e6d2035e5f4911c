package deploy_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"sunwire/bridge"
	"sunwire/bridge/config"
	"sunwire/bridge/status"
	"sunwire/bridge/store"
)

// simulated is a configuration of the demo's devices, for a page at an address and with a state in a folder.
const simulated = `
mqtt: {url: "mqtt://127.0.0.1:1"}
http: {listen: %q, password: "${PAGE_PASSWORD}"}
state_dir: %q
devices:
  - {id: inverter, driver: pi30, port: "sim:", interval: 1s, slow: 1s}
  - {id: house, driver: bme280, port: "sim:", interval: 1s, options: {elevation: 40}}
`

// rule is a recording rule.
type rule struct {
	Record, Expr string
	Labels       map[string]string
}

func rules(t *testing.T) (list []rule) {
	t.Helper()
	var file struct{ Groups []struct{ Rules []rule } }
	if err := yaml.Unmarshal([]byte(read(t, "prometheus/rules.yml")), &file); err != nil {
		t.Fatal(err)
	}
	for _, g := range file.Groups {
		list = append(list, g.Rules...)
	}
	if len(list) < 30 {
		t.Fatalf("only %d rules", len(list))
	}
	return list
}

// selector is one use of our metrics: the name, and the keys where they are named.
var selector = regexp.MustCompile(`\b(sunwire_\w+)(?:\{[^}]*?\bkey=~?"([^"]*)"[^}]*\})?`)

// expressions is all that is asked of Prometheus, by where it stands.
func expressions(t *testing.T) map[string]string {
	t.Helper()
	asked := map[string]string{}
	for _, r := range rules(t) {
		asked[fmt.Sprint("rule ", r.Record, r.Labels)] = r.Expr
	}
	for _, p := range parseDashboard(t).Panels {
		for i, target := range p.Targets {
			asked[fmt.Sprintf("panel %s %d", p.Title, i)] = target.Expr
		}
	}
	return asked
}

// absent are the metrics, with their keys, that expr asks for and the exposition text lacks.
func absent(text, expr string) (lacking []string) {
	for _, m := range selector.FindAllStringSubmatch(expr, -1) {
		for key := range strings.SplitSeq(m[2], "|") {
			sample := `(?m)^` + m[1] + `(\{| )`
			if key != "" {
				sample = `(?m)^` + m[1] + `\{(.*,)?key="` + key + `"`
			}
			if !regexp.MustCompile(sample).MatchString(text) {
				lacking = append(lacking, m[1]+" "+key)
			}
		}
	}
	return lacking
}

// runSimulated runs the demo's devices behind the real bridge and page until the test ends, and gives its /metrics.
func runSimulated(t *testing.T) func() string {
	t.Helper()
	dir := t.TempDir()
	cfg, err := config.Parse("simulated", fmt.Appendf(nil, simulated, "127.0.0.1:0", dir), environment())
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	kept, err := store.Open(dir, log)
	if err != nil {
		t.Fatal(err)
	}
	b, err := bridge.New(cfg, bridge.Options{Version: "test", Log: log, Store: kept})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = b.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		wg.Wait()
		_ = kept.Close()
	})
	page := status.New(b, status.Options{Password: "p2", Log: log})
	return func() string {
		r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
		r.SetBasicAuth("prometheus", "p2")
		w := httptest.NewRecorder()
		page.ServeHTTP(w, r)
		return w.Body.String()
	}
}

func TestDashboardAndRulesAskOnlyForWhatSunwireGives(t *testing.T) {
	metrics, asked := runSimulated(t), expressions(t)
	var lacking []string
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		text := metrics()
		lacking = nil
		for place, expr := range asked {
			if !selector.MatchString(expr) {
				t.Fatalf("%s asks for nothing of ours: %s", place, expr)
			}
			for _, what := range absent(text, expr) {
				lacking = append(lacking, place+": "+what)
			}
		}
		if len(lacking) == 0 {
			return
		}
	}
	slices.Sort(lacking)
	t.Errorf("not in /metrics:\n%s", strings.Join(lacking, "\n"))
}

func TestAMetricThatDoesNotExistIsNoticed(t *testing.T) {
	const text = "sunwire_up 1\nsunwire_power_watts{device=\"a\",key=\"pv_power\"} 1\n"
	for expr, want := range map[string]int{
		`sunwire_up`: 0, `rate(sunwire_ups[1m])`: 1, `sunwire_power_watts{key="pv_power"} * 2`: 0, `sunwire_power_watts{device=~"$device",key="power"}`: 1,
		`sunwire_power_watts{key=~"pv_power|grid_power"}`: 1, `sunwire_on{key=~"a|b"} + sunwire_up{device="x"}`: 2,
	} {
		if got := absent(text, expr); len(got) != want {
			t.Errorf("%s lacks %q, want %d", expr, got, want)
		}
	}
}

func TestTheTableOfOldNamesSaysWhatTheRulesRecord(t *testing.T) {
	row := regexp.MustCompile("(?m)^\\| `([^`]+)` \\| `([^`]+)` \\|$")
	named := regexp.MustCompile(`^label_replace\((.*), "(sensor|inverter)", "\$1", "device", "\(\.\*\)"\)$`)
	var documented, recorded []string
	for _, m := range row.FindAllStringSubmatch(read(t, "../docs/metrics.md"), -1) {
		documented = append(documented, m[1]+" = "+m[2])
	}
	for _, r := range rules(t) {
		var old strings.Builder
		old.WriteString(r.Record)
		for name, value := range r.Labels {
			fmt.Fprintf(&old, "{%s=%q}", name, value)
		}
		recorded = append(recorded, old.String()+" = "+named.ReplaceAllString(r.Expr, "$1"))
	}
	if !slices.Equal(documented, recorded) {
		t.Errorf("docs/metrics.md has\n%s\nprometheus/rules.yml\n%s", strings.Join(documented, "\n"), strings.Join(recorded, "\n"))
	}
}
