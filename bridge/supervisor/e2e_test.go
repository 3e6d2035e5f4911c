//go:build e2e

package supervisor_test

import (
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"sunwire/bridge/supervisor"
	"sunwire/bridge/supervisor/supervisortest"
)

// TestInTheAddOnsNetwork runs itself where .ci/supervised makes that network: the client as it is, and a Supervisor at its own address.
func TestInTheAddOnsNetwork(t *testing.T) {
	if os.Getenv("SUPERVISOR_TOKEN") == "" {
		inside := exec.CommandContext(t.Context(), "../../.ci/supervised", os.Args[0], "-test.run=^TestInTheAddOnsNetwork$", "-test.v")
		inside.Env = append(os.Environ(), "SUPERVISOR_TOKEN="+supervisortest.Token)
		if said, err := inside.CombinedOutput(); err != nil || !strings.Contains(string(said), "--- PASS: TestInTheAddOnsNetwork") {
			t.Fatalf("%v: %s", err, said)
		}
		return
	}
	s, err := supervisortest.New(addon)
	if err != nil {
		t.Fatal(err)
	}
	s.SetBroker(mosquitto())
	s.From = supervisor.Peer
	serve(t, supervisor.Peer.String()+":80", s)
	s.Page = serve(t, "127.0.0.1:0", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.RemoteAddr) }))
	l, err := supervisor.New(os.Getenv("SUPERVISOR_TOKEN"), nil).Login(t.Context())
	if err != nil || l.URLs[0].Hostname() != "core-mosquitto" {
		t.Errorf("%v, %v", l.URLs, err)
	}
	page, err := http.Get("http://hassio" + supervisortest.Entry + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer page.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if from, err := io.ReadAll(page.Body); err != nil || !strings.HasPrefix(string(from), "172.30.32.2:") {
		t.Errorf("the page is asked from %s, %v", from, err)
	}
}

func serve(t *testing.T, address string, handler http.Handler) string {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler}
	done := make(chan struct{})
	go func() { _ = server.Serve(l); close(done) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	return l.Addr().String()
}
