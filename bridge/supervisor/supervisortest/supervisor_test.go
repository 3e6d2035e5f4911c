package supervisortest_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"sunwire/bridge/supervisor/supervisortest"
)

// house is a Supervisor with page as its add-on's page, and where a browser finds it.
func house(t *testing.T, page http.HandlerFunc) (*supervisortest.Supervisor, string) {
	t.Helper()
	s, err := supervisortest.New("../../../addon")
	if err != nil {
		t.Fatal(err)
	}
	behind := httptest.NewServer(page)
	front := httptest.NewServer(s)
	t.Cleanup(func() { front.Close(); behind.Close() })
	s.Page = behind.Listener.Addr().String()
	return s, front.URL
}

func get(t *testing.T, url string, header ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	return answer
}

func TestThePageIsAskedAsHomeAssistantAsks(t *testing.T) {
	seen := make(chan *http.Request, 1)
	s, url := house(t, func(_ http.ResponseWriter, r *http.Request) { seen <- r })
	s.From = netip.MustParseAddr("127.0.0.2")
	get(t, url+supervisortest.Entry+"/api/devices?a=b", "Accept-Encoding", "gzip", "X-Remote-User-Name", "mallory",
		"X-Ingress-Path", "/elsewhere", "X-Forwarded-For", "192.168.1.7", "X-Supervisor-Token", "stray", "Accept", "text/html")
	r := <-seen
	if r.URL.String() != "/api/devices?a=b" || !strings.HasPrefix(r.RemoteAddr, "127.0.0.2:") || "http://"+r.Host != url {
		t.Errorf("%s from %s for %s", r.URL, r.RemoteAddr, r.Host)
	}
	for name, want := range map[string]string{
		"X-Ingress-Path": supervisortest.Entry, "X-Hass-Source": "core.ingress", "X-Forwarded-For": "192.168.1.7, 127.0.0.1",
		"X-Forwarded-Proto": "http", "X-Forwarded-Host": r.Host, "X-Remote-User-Id": "4f5e6d", "X-Remote-User-Name": "anna",
		"X-Remote-User-Display-Name": "Anna", "Accept-Encoding": "", "X-Supervisor-Token": "", "Accept": "text/html",
	} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestWhatTheSupervisorFiltersDoesNotReachThePage(t *testing.T) {
	_, url := house(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	for path, want := range map[string]int{
		"/":                         http.StatusTeapot,
		"/device?id=inverter":       http.StatusTeapot,
		"":                          http.StatusNotFound,
		"/a?file=../../etc/passwd":  http.StatusBadRequest,
		"/a?file=%252e%252e%252fx":  http.StatusBadRequest,
		"/%2e%2e/x":                 http.StatusBadRequest,
		"/a?q=%3Cscript%3E":         http.StatusBadRequest,
		"/a?q=UNION+SELECT(1)":      http.StatusBadRequest,
		"/a?q=concat(1)":            http.StatusBadRequest,
		"/a?file=proc/self/environ": http.StatusBadRequest,
	} {
		if got := get(t, url+supervisortest.Entry+path).StatusCode; got != want {
			t.Errorf("%s: %d, want %d", path, got, want)
		}
	}
}

func TestEventsArriveWhenTheyAreSent(t *testing.T) {
	next := make(chan int)
	_, url := house(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for n := range next {
			fmt.Fprintf(w, "data: %d\n", n)
			_ = http.NewResponseController(w).Flush()
		}
	})
	defer close(next)
	go func() { next <- 0 }()
	body := get(t, url+supervisortest.Entry+"/api/stream").Body
	lines := bufio.NewReader(body)
	for n := range 3 {
		if n > 0 {
			next <- n
		}
		late := time.AfterFunc(10*time.Second, func() { _ = body.Close() }) // an event that is held back is one that fails to come
		if line, err := lines.ReadString('\n'); err != nil || line != fmt.Sprintf("data: %d\n", n) {
			t.Errorf("%q, %v", line, err)
		}
		late.Stop()
	}
}

func TestAPageThatIsNotThereIsABadGateway(t *testing.T) {
	s, url := house(t, func(http.ResponseWriter, *http.Request) {})
	s.Page = "127.0.0.1:1"
	if got := get(t, url+supervisortest.Entry+"/").StatusCode; got != http.StatusBadGateway {
		t.Error(got)
	}
}

func TestOnlyWhatAnAddOnMayAskIsAnswered(t *testing.T) {
	_, url := house(t, func(http.ResponseWriter, *http.Request) {})
	for path, want := range map[string]int{
		"/addons/self/info":           http.StatusOK,
		"/addons/self/options/config": http.StatusOK,
		"/services/mqtt":              http.StatusBadRequest,
		"/addons/self/security":       http.StatusForbidden,
		"/core/info":                  http.StatusForbidden,
	} {
		answer := get(t, url+path, "Authorization", "Bearer "+supervisortest.Token)
		body, _ := io.ReadAll(answer.Body)
		if answer.StatusCode != want {
			t.Errorf("%s: %d %s", path, answer.StatusCode, body)
		}
		if got := get(t, url+path).StatusCode; got != http.StatusUnauthorized {
			t.Errorf("%s without a token: %d", path, got)
		}
	}
}
