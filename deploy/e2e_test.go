//go:build e2e

package deploy_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The programs of Debian's packages mosquitto, mosquitto-clients, prometheus and busybox-static, with the files that compose.yaml gives
// to their containers.

// program is the path of a program, or the end of the test.
func program(t *testing.T, name string) string {
	t.Helper()
	for _, path := range []string{name, "/usr/sbin/" + name} { // which Debian keeps from ordinary users
		if path, err := exec.LookPath(path); err == nil {
			return path
		}
	}
	t.Fatalf("%s is missing; .ci/run says which package has it", name)
	return ""
}

// run runs a program to its end.
func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(program(t, name), args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// start runs a program until the test ends.
func start(t *testing.T, env []string, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if t.Failed() {
			t.Logf("%s:\n%s", name, &log)
		}
	})
}

func sunwire(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sunwire")
	cmd := exec.Command("go", "build", "-trimpath", "-o", path, "sunwire/cmd/sunwire")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// free is an address at which nobody listens.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// within waits until nothing is missing.
func within(t *testing.T, limit time.Duration, missing func() string) {
	t.Helper()
	for end := time.Now().Add(limit); ; time.Sleep(100 * time.Millisecond) {
		what := missing()
		if what == "" {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", limit, what)
		}
	}
}

// unless is what, where ok is not.
func unless(ok bool, what string) string {
	if ok {
		return ""
	}
	return what
}

// adapt writes a file of the repository to folder, with old texts replaced by new ones, each of which must be there.
func adapt(t *testing.T, name, folder string, oldNew ...string) string {
	t.Helper()
	text := read(t, name)
	for i := 0; i < len(oldNew); i += 2 {
		if !strings.Contains(text, oldNew[i]) {
			t.Fatalf("%s has no %q", name, oldNew[i])
		}
		text = strings.ReplaceAll(text, oldNew[i], oldNew[i+1])
	}
	path := filepath.Join(folder, filepath.Base(name))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// get is the body of a page, "" while there is none.
func get(address, password string) string {
	req, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		return ""
	}
	if password != "" {
		req.SetBasicAuth("any", password)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return ""
	}
	return string(body)
}

func secrets() (env []string) {
	for name, value := range passwords {
		env = append(env, name+"="+value)
	}
	return env
}

// sample is one series of an answer of Prometheus.
type sample struct {
	Metric map[string]string
	Value  [2]any
}

func query(t *testing.T, prometheus, expr string) []sample {
	t.Helper()
	var answer struct {
		Status, Error string
		Data          struct{ Result []sample }
	}
	body := get("http://"+prometheus+"/api/v1/query?query="+url.QueryEscape(expr), "")
	if err := json.Unmarshal([]byte(body), &answer); err != nil || answer.Status != "success" {
		t.Fatalf("%s: %v %q %s", expr, err, body, answer.Error)
	}
	return answer.Data.Result
}

func TestPrometheusScrapesSunwireAndEveryPanelAndRuleHasSamples(t *testing.T) {
	dir, page, address := t.TempDir(), free(t), free(t)
	conf, state := filepath.Join(dir, "sunwire.yaml"), filepath.Join(dir, "state")
	if err := os.WriteFile(conf, fmt.Appendf(nil, simulated, page, state), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, secrets(), sunwire(t), "run", "-c", conf)
	password := passwords["PAGE_PASSWORD"]
	within(t, 10*time.Second, func() string {
		return unless(strings.Contains(get("http://"+page+"/metrics", password), "sunwire_humidity_ratio"), "sunwire's metrics")
	})

	text := get("http://"+page+"/metrics", password)
	cmd := exec.Command(program(t, "promtool"), "check", "metrics")
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
	run(t, "prometheus", "promtool", "check", "rules", "rules.yml")
	run(t, "prometheus", "promtool", "test", "rules", "rules_test.yml")
	secret := filepath.Join(dir, "page_password")
	if err := os.WriteFile(secret, []byte(password), 0o600); err != nil {
		t.Fatal(err)
	}
	adapt(t, "prometheus/rules.yml", dir)
	scrape := adapt(t, "prometheus/prometheus.yml", dir, "sunwire:8099", page, "/run/secrets/page_password", secret, "15s", "1s")
	run(t, dir, "promtool", "check", "config", scrape)

	// With the flags of compose.yaml.
	s := parseCompose(t, passwords).Services["prometheus"]
	flags := strings.Split(strings.NewReplacer("/etc/prometheus/prometheus.yml", scrape, "=/prometheus", "="+dir+"/data").Replace(strings.Join(s.Command, "\n")), "\n")
	start(t, nil, program(t, "prometheus"), append(flags, "--web.listen-address="+address)...)
	within(t, 20*time.Second, func() string {
		check := strings.Split(strings.ReplaceAll(strings.Join(s.Healthcheck.Test[1:], " "), "127.0.0.1:9090", address), " ")
		return unless(exec.Command(program(t, "busybox"), check...).Run() == nil, "Prometheus is healthy, by compose.yaml's own check")
	})
	// All that is asked, and all that is recorded; what is counted needs two scrapes.
	asked := expressions(t)
	for _, r := range rules(t) {
		asked["recorded "+r.Record] = r.Record
	}
	grafana := strings.NewReplacer("$device", ".*", "$__rate_interval", "1m")
	within(t, 30*time.Second, func() string {
		var lacking []string
		for place, expr := range asked {
			if len(query(t, address, grafana.Replace(expr))) == 0 {
				lacking = append(lacking, place+": "+expr)
			}
		}
		return strings.Join(lacking, "\n")
	})

	for _, name := range []string{"sunwire_build_info", `sunwire_voltage_volts{key="rated_output_voltage"}`, `sunwire_device_max_age_seconds{device="house"}`} {
		want, ok := strings.CutPrefix(lineOf(text, name), " ")
		if got := query(t, address, name); !ok || len(got) != 1 || got[0].Value[1] != trimZeros(want) {
			t.Errorf("%s is %v in Prometheus, sunwire said %q", name, got, want)
		}
	}
	if got := query(t, address, `up{job="sunwire"}`); len(got) != 1 || got[0].Value[1] != "1" {
		t.Errorf("up is %v", got)
	}
	t.Logf("%d series; %d queries and recorded names have samples", len(query(t, address, `{job="sunwire"}`)), len(asked))
}

// lineOf is what follows the sample of a metric, by its name and one label at most, in the text format.
func lineOf(text, metric string) string {
	name, label, _ := strings.Cut(strings.TrimSuffix(metric, "}"), "{")
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, name) && strings.Contains(line, label) {
			return line[strings.LastIndex(line, " "):]
		}
	}
	return ""
}

// trimZeros is a number as Prometheus writes it.
func trimZeros(text string) string {
	text = strings.TrimSpace(text)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

func TestTheBrokerOfComposeTakesThePasswordAndNoOther(t *testing.T) {
	dir, broker, page := t.TempDir(), free(t), free(t)
	_, port, _ := net.SplitHostPort(broker)
	conf := adapt(t, "mosquitto/mosquitto.conf", dir, "listener 1883", "listener "+port+" 127.0.0.1\nuser root",
		"/tmp/passwords", dir+"/passwords", "/mosquitto/data", dir)
	script := adapt(t, "mosquitto/start.sh", dir, "/tmp/passwords", dir+"/passwords", "/mosquitto/config/mosquitto.conf", conf)
	if out, err := exec.Command(program(t, "busybox"), "sh", script).CombinedOutput(); err == nil || !strings.Contains(string(out), ".env") {
		t.Errorf("a broker without a password starts, or does not say what is missing: %s", out)
	}
	start(t, append(secrets(), "PATH="+os.Getenv("PATH")+":/usr/sbin"), program(t, "busybox"), "sh", script)

	check := parseCompose(t, passwords).Services["mosquitto"].Healthcheck.Test
	if check[0] != "CMD-SHELL" {
		t.Fatalf("the health check is %q", check)
	}
	healthy := strings.NewReplacer("netstat", "busybox netstat", "1883", port).Replace(check[1])
	within(t, 5*time.Second, func() string {
		return unless(exec.Command(program(t, "busybox"), "sh", "-c", healthy).Run() == nil, "the broker is healthy, by compose.yaml's own check")
	})
	if other := strings.ReplaceAll(healthy, port, "1"); exec.Command(program(t, "busybox"), "sh", "-c", other).Run() == nil {
		t.Error("the health check takes a broker that is not there for healthy")
	}
	kept, err := os.ReadFile(dir + "/passwords")
	if info, _ := os.Stat(dir + "/passwords"); err != nil || info.Mode().Perm() != 0o600 || bytes.Contains(kept, []byte(passwords["MQTT_PASSWORD"])) {
		t.Errorf("the password file: %v, or open to others, or not hashed: %s", err, kept)
	}
	ask := func(login ...string) error {
		args := append([]string{"-p", port, "-t", "$SYS/broker/version", "-C", "1", "-W", "3"}, login...)
		return exec.Command(program(t, "mosquitto_sub"), args...).Run()
	}
	if err := ask("-u", "sunwire", "-P", passwords["MQTT_PASSWORD"]); err != nil {
		t.Errorf("the right password: %v", err)
	}
	if ask() == nil || ask("-u", "sunwire", "-P", "wrong") == nil || ask("-u", "sunwire", "-P", "p") == nil {
		t.Error("the broker lets in who has no password, or a wrong one")
	}

	// The configuration that compose.yaml mounts reaches that broker.
	shipped := adapt(t, "sunwire/sunwire.yaml", dir, "mosquitto:1883", broker, "0.0.0.0:8099", page, "devices:", "state_dir: "+dir+"/state\ndevices:")
	start(t, secrets(), sunwire(t), "run", "-c", shipped)
	within(t, 10*time.Second, func() string {
		text := get("http://"+page+"/metrics", passwords["PAGE_PASSWORD"])
		return unless(strings.Contains(text, "\nsunwire_broker_connected 1\n"), "sunwire is connected")
	})
	if get("http://"+page+"/metrics", "") != "" {
		t.Error("the page asks for no password")
	}
}
