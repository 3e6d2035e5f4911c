package supervisor_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"sunwire/bridge/supervisor"
	"sunwire/bridge/supervisor/supervisortest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const addon = "../../addon"

// ask is a client that reaches handler with token.
func ask(t *testing.T, token string, handler http.Handler) *supervisor.Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	c := supervisor.New(token, nil)
	c.DialBy(func() (net.Conn, error) { return net.Dial("tcp", server.Listener.Addr().String()) })
	return c
}

func fake(t *testing.T) (*supervisortest.Supervisor, *supervisor.Client) {
	t.Helper()
	s, err := supervisortest.New(addon)
	if err != nil {
		t.Fatal(err)
	}
	return s, ask(t, supervisortest.Token, s)
}

func mosquitto() *supervisortest.Broker {
	return &supervisortest.Broker{Host: "core-mosquitto", Port: 1883, Protocol: "3.1.1", Username: "addons", Password: "hush", AddOn: "core_mosquitto"}
}

func TestTheBrokerOfHomeAssistantIsFound(t *testing.T) {
	s, c := fake(t)
	for _, v := range []struct {
		change func(*supervisortest.Broker)
		url    string
	}{
		{func(*supervisortest.Broker) {}, "mqtt://core-mosquitto:1883"},
		{func(b *supervisortest.Broker) { b.Port = "1884" }, "mqtt://core-mosquitto:1884"},
		{func(b *supervisortest.Broker) { b.SSL, b.Port = true, 8883 }, "mqtts://core-mosquitto:8883"},
		{func(b *supervisortest.Broker) { b.Host = "fd00::5" }, "mqtt://[fd00::5]:1883"},
	} {
		b := mosquitto()
		v.change(b)
		s.SetBroker(b)
		l, err := c.Login(t.Context())
		if err != nil {
			t.Errorf("%s: %v", v.url, err)
			continue
		}
		if len(l.URLs) != 1 || l.URLs[0].String() != v.url || l.Username != "addons" || l.Password != "hush" {
			t.Errorf("%s: %+v", v.url, l)
		}
	}
}

func TestChangedCredentialsAreSeen(t *testing.T) {
	s, c := fake(t)
	for _, password := range []string{"first", "second"} {
		b := mosquitto()
		b.Password = password
		s.SetBroker(b)
		if l, err := c.Login(t.Context()); err != nil || l.Password != password {
			t.Errorf("%+v, %v", l, err)
		}
	}
}

func TestEachReasonForNoBrokerIsToldWithItsMend(t *testing.T) {
	for _, v := range []struct {
		name, token string
		state       func(*supervisortest.Supervisor)
		want        string
	}{
		{"not installed", supervisortest.Token, func(*supervisortest.Supervisor) {}, "install and start Mosquitto broker (Settings > Apps)"},
		{"service not listed", supervisortest.Token, func(s *supervisortest.Supervisor) { s.Deny(true) }, "reinstall"},
		{"starting", supervisortest.Token, func(s *supervisortest.Supervisor) { s.NotReady("setup") }, "still starting"},
		{"no token", "", func(*supervisortest.Supervisor) {}, "token (4"},
		{"another token", "deadbeef", func(*supervisortest.Supervisor) {}, "token (403)"},
		{"no port", supervisortest.Token, func(s *supervisortest.Supervisor) { s.SetBroker(&supervisortest.Broker{Host: "h", Port: 0}) }, "restart Mosquitto"},
		{"a port that is none", supervisortest.Token, func(s *supervisortest.Supervisor) { s.SetBroker(&supervisortest.Broker{Host: "h", Port: 70000}) }, "restart Mosquitto"},
		{"no host", supervisortest.Token, func(s *supervisortest.Supervisor) { s.SetBroker(&supervisortest.Broker{Port: 1883}) }, "restart Mosquitto"},
	} {
		t.Run(v.name, func(t *testing.T) {
			s, err := supervisortest.New(addon)
			if err != nil {
				t.Fatal(err)
			}
			v.state(s)
			_, err = ask(t, v.token, s).Login(t.Context())
			if err == nil || !strings.Contains(err.Error(), v.want) || errors.Is(err, supervisor.ErrNoBroker) != (v.name == "not installed") {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestSelfIsWhatTheStoreShows(t *testing.T) {
	s, c := fake(t)
	s.Release("0.9.0")
	got, err := c.Self(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got.Slug != "1a2b3c4d_sunwire" || got.VersionLatest != "0.9.0" || !got.UpdateAvailable || got.Version == "" || got.State != "started" ||
		got.IngressEntry != supervisortest.Entry || got.IPAddress.String() != "172.30.33.4" {
		t.Errorf("%+v", got)
	}
}

func TestWhatIsSetIsInTheFormAndAtTheNextStartInTheFile(t *testing.T) {
	s, c := fake(t)
	s.OptionsFile = filepath.Join(t.TempDir(), "options.json")
	restarted := false
	s.OnRestart = func() { restarted = true }
	options, err := c.Options(t.Context())
	if err != nil || !reflect.DeepEqual(options, map[string]any{"devices": []any{}}) {
		t.Fatalf("at first: %v, %v", options, err)
	}
	options["devices"] = []any{map[string]any{"id": "inverter", "driver": "pi30", "port": "hid:0665:5161", "address": 3, "colour": "blue"}}
	options["log_level"], options["stray"] = "debug", true
	if err := c.SetOptions(t.Context(), options); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"log_level": "debug", "devices": []any{
		map[string]any{"id": "inverter", "driver": "pi30", "port": "hid:0665:5161", "address": 3.0},
	}}
	if options, err = c.Options(t.Context()); err != nil || !reflect.DeepEqual(options, want) {
		t.Errorf("in the form: %v, %v", options, err)
	}
	if _, err := os.Stat(s.OptionsFile); err == nil {
		t.Error("the file is written before a start")
	}
	if err := c.Restart(t.Context()); err != nil || !restarted {
		t.Errorf("restarted %t, %v", restarted, err)
	}
	text, err := os.ReadFile(s.OptionsFile)
	if err != nil {
		t.Fatal(err)
	}
	var written map[string]any
	if err := json.Unmarshal(text, &written); err != nil || !reflect.DeepEqual(written, want) {
		t.Errorf("in the file: %s, %v", text, err)
	}
}

func TestOptionsThatDoNotFitAreRefusedReadablyAndWithoutAPassword(t *testing.T) {
	device := func(change func(map[string]any)) map[string]any {
		d := map[string]any{"id": "a", "driver": "pi30", "port": "sim:"}
		change(d)
		return map[string]any{"devices": []any{d}, "mqtt_password": "hush"}
	}
	for _, v := range []struct {
		name    string
		options map[string]any
		want    string
	}{
		{"no list", map[string]any{"mqtt_password": "hush"}, "Missing option 'devices'"},
		{"a list that is none", map[string]any{"devices": "hush"}, "Invalid list for option 'devices'"},
		{"a device that is none", map[string]any{"devices": []any{"hush"}}, "Invalid dict for option 'devices'"},
		{"no id", device(func(d map[string]any) { delete(d, "id") }), "Missing option 'id' in devices"},
		{"no name at all", device(func(d map[string]any) { d["name"] = nil }), "Missing required option 'name'"},
		{"another id", device(func(d map[string]any) { d["id"] = "My inverter" }), "does not match"},
		{"a number for a port", device(func(d map[string]any) { d["port"] = 5 }), "not a valid value"},
		{"an address that is none", device(func(d map[string]any) { d["address"] = "x" }), "expected int"},
		{"an address too high", device(func(d map[string]any) { d["address"] = 65536 }), "at most 65535"},
		{"an address too low", device(func(d map[string]any) { d["address"] = "-1" }), "at least 0"},
		{"a latitude beyond the pole", map[string]any{"devices": []any{}, "latitude": 90.5}, "at most 90"},
		{"a longitude that is none", map[string]any{"devices": []any{}, "longitude": "east"}, "expected float"},
		{"a level that is none", map[string]any{"devices": []any{}, "log_level": "loud", "mqtt_password": "hush"}, "must be one of"},
	} {
		t.Run(v.name, func(t *testing.T) {
			s, c := fake(t)
			before := s.Options()
			err := c.SetOptions(t.Context(), v.options)
			if err == nil || !strings.Contains(err.Error(), v.want) || strings.Contains(err.Error(), "hush") {
				t.Errorf("%v", err)
			}
			if !reflect.DeepEqual(before, s.Options()) {
				t.Errorf("changed to %v", s.Options())
			}
		})
	}
}

func TestAnAnswerThatIsNoneIsAnErrorAndShowsNothing(t *testing.T) {
	for _, v := range []struct {
		name   string
		status int
		body   string
		want   string
	}{
		{"a page", 200, "<html>hush</html>", "none that is known"},
		{"nothing", 200, "", "none that is known"},
		{"a list", 200, `["hush"]`, "none that is known"},
		{"another result", 200, `{"result": "hush"}`, "none that is known"},
		{"no data", 200, `{"result": "ok"}`, "another form"},
		{"other data", 200, `{"result": "ok", "data": {"host": ["hush"]}}`, "another form"},
		{"an error with status 200", 200, `{"result": "error", "message": "odd. Got {'mqtt_password': 'hush'}"}`, "refuses /services/mqtt (200): odd"},
		{"two of them", 400, `{"result": "error", "message": "odd. Got 'hush'\neven. Got 'hush'"}`, "odd; even"},
		{"an error without reason", 500, "hush", "status 500"},
		{"elsewhere", 302, `{"result": "ok", "data": {}}`, "status 302"},
		{"a port in words", 200, `{"result": "ok", "data": {"host": "h", "port": "hush"}}`, "another form"},
	} {
		t.Run(v.name, func(t *testing.T) {
			c := ask(t, "secret token", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Host != "supervisor" || r.Header.Get("Authorization") != "Bearer secret token" {
					t.Errorf("asked %s as %q", r.Host, r.Header.Get("Authorization"))
				}
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(v.status)
				_, _ = w.Write([]byte(v.body))
			}))
			_, err := c.Login(t.Context())
			if err == nil || !strings.Contains(err.Error(), v.want) || strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), "secret") {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestAnAnswerWithoutEndIsCutOff(t *testing.T) {
	c := ask(t, "secret token", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	}))
	if _, err := c.Self(t.Context()); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("%v", err)
	}
}

func TestAStartingSupervisorIsNoFaultOfTheOptions(t *testing.T) {
	s, c := fake(t)
	s.NotReady("setup")
	if err := c.SetOptions(t.Context(), map[string]any{"devices": []any{}}); err == nil || !strings.Contains(err.Error(), "still starting") {
		t.Errorf("%v", err)
	}
}

// hanging is a client of a Supervisor that takes a request and says nothing, in fake time.
func hanging(t *testing.T) *supervisor.Client {
	t.Helper()
	c := supervisor.New("secret token", nil)
	c.DialBy(func() (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			defer theirs.Close()
			b := make([]byte, 1<<10)
			for {
				if _, err := theirs.Read(b); err != nil {
					return
				}
			}
		}()
		return ours, nil
	})
	return c
}

func TestASupervisorThatHangsHoldsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := hanging(t)
		for name, call := range map[string]func(context.Context) error{
			"login":  func(ctx context.Context) error { _, err := c.Login(ctx); return err },
			"self":   func(ctx context.Context) error { _, err := c.Self(ctx); return err },
			"form":   func(ctx context.Context) error { return c.SetOptions(ctx, map[string]any{}) },
			"actual": func(ctx context.Context) error { _, err := c.Options(ctx); return err },
		} {
			from := time.Now()
			err := call(t.Context())
			if took := time.Since(from); err == nil || !strings.Contains(err.Error(), "in time") || took > 10*time.Second {
				t.Errorf("%s: %v after %v", name, err, took)
			}
		}
	})
}

func TestARestartThatNeverComesIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := hanging(t)
		if err := c.Restart(t.Context()); err == nil || !strings.Contains(err.Error(), "did not come") {
			t.Errorf("%v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Restart(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("cancelled: %v", err)
		}
	})
}

func TestNobodyThereIsToldWithoutTheToken(t *testing.T) {
	var log bytes.Buffer
	for _, v := range []struct {
		err  error
		want string
	}{
		{&net.DNSError{Err: "no such host", Name: "supervisor", IsNotFound: true}, "is this a Home Assistant app?"},
		{errors.New("connection refused"), "connection refused"},
	} {
		c := supervisor.New("secret token", slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
		c.DialBy(func() (net.Conn, error) { return nil, v.err })
		if _, err := c.Self(t.Context()); err == nil || !strings.Contains(err.Error(), v.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v", err)
		}
	}
	if strings.Contains(log.String(), "secret") {
		t.Errorf("log: %s", log.String())
	}
}

func FuzzAnswersNeverShowWhatTheyRepeat(f *testing.F) {
	f.Add(200, []byte(`{"result": "ok", "data": {"devices": []}}`))
	f.Add(400, []byte(`{"result": "error", "message": "App x has invalid options: Missing option 'id'. Got {'mqtt_password': 'hush'}"}`))
	f.Add(403, []byte("403: Forbidden"))
	f.Fuzz(func(t *testing.T, status int, answer []byte) {
		var into map[string]any
		err := supervisor.Open("/x", status, answer, &into)
		if err != nil && (strings.Contains(err.Error(), ". Got ") || len(into) > 0) {
			t.Errorf("%v, %v", into, err)
		}
		if err == nil && status != http.StatusOK {
			t.Error(fmt.Sprint("status ", status, " was taken"))
		}
	})
}
