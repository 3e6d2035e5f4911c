package status

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// guard lets in who may come, and sets what every answer bears. Nothing here forbids framing: Home Assistant shows the page in a frame.
func (h *handler) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Cache-Control", "no-store")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "same-origin") // with none at all browsers hide the origin of a form, too
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Content-Security-Policy", "default-src 'none'")
		changes := r.Method == http.MethodPost && h.writable()[r.URL.Path] != nil
		if !changes && r.Method != http.MethodGet && r.Method != http.MethodHead {
			header.Set("Allow", "GET, HEAD")
			http.Error(w, "this page only shows: GET and HEAD", http.StatusMethodNotAllowed)
			return
		}
		if !changes && r.ContentLength != 0 { // a body that trickles in would hold the connection
			_ = http.NewResponseController(w).SetReadDeadline(time.Now())
			http.Error(w, "a request takes no body here", http.StatusRequestEntityTooLarge)
			return
		}
		if code, reason := h.opts.refusal(r); code != 0 {
			if code == http.StatusUnauthorized {
				header.Set("WWW-Authenticate", `Basic realm="sunwire", charset="UTF-8"`)
			}
			http.Error(w, reason, code)
			return
		}
		if changes {
			if code, reason := h.opts.mayChange(r); code != 0 {
				http.Error(w, reason, code)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// refusal is why r may not come in; 0: it may.
func (o *Options) refusal(r *http.Request) (code int, reason string) {
	peer := peer(r)
	switch {
	case peer.IsValid() && slices.Contains(o.AllowPeers, peer):
	case o.Password != "":
		_, given, _ := r.BasicAuth()
		if !isHealth(r.URL.Path) && !equal(given, o.Password) {
			return http.StatusUnauthorized, "the password of http.password is needed, with any user name"
		}
	case !peer.IsLoopback():
		return http.StatusForbidden, "without http.password this page is for its own machine only"
	case !isLocal(r.Host):
		// Another site's page may have its own name resolve to 127.0.0.1 and then read what it likes: DNS rebinding.
		return http.StatusForbidden, "without http.password this page answers to localhost, 127.0.0.1 and [::1] only"
	}
	return 0, ""
}

func isHealth(path string) bool {
	return path == "/healthz" || path == "/health" || path == "/api/health"
}

// equal takes the same time whatever the difference, also in length.
func equal(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// peer is the other end; not valid where it has no address.
func peer(r *http.Request) netip.Addr {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return a.Addr().Unmap().WithZone("")
}

// isLocal reports whether the host a browser asked for is this machine itself by a name that nobody else can hold.
func isLocal(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.TrimSuffix(strings.TrimPrefix(hostport, "["), "]")
	}
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || (err == nil && ip.IsLoopback())
}
