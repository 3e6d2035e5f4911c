package supervisortest

import (
	"context"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
)

// exploits is what the Supervisor refuses in a path or a query, our own requests and those to the page alike.
var exploits = regexp.MustCompile(`(?i)proc/self/environ|<.*script.*>|\.\./|[a-z0-9_]=/([a-z0-9_.]//?)+|union.*select.*\(|union.*all.*select|concat.*\(`)

// harmful reports whether r would be filtered. Values that were encoded several times are decoded as often.
func harmful(r *http.Request) bool {
	for _, text := range []string{r.URL.EscapedPath(), r.URL.RawQuery} {
		for {
			plain, err := url.PathUnescape(text)
			if err != nil || plain == text {
				break
			}
			text = plain
		}
		if exploits.MatchString(text) {
			return true
		}
	}
	return false
}

// ingress is Home Assistant's and the Supervisor's way to the page in one.
func (s *Supervisor) ingress() *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite: s.rewrite,
		Transport: &http.Transport{
			DialContext:        s.dial,
			DisableCompression: true, // else Go asks for it by itself
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			http.Error(w, "502: Bad Gateway", http.StatusBadGateway)
		},
		FlushInterval: -1,
	}
}

func (s *Supervisor) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	if s.From.IsValid() {
		d.LocalAddr = &net.TCPAddr{IP: s.From.AsSlice()}
	}
	return d.DialContext(ctx, network, address)
}

func (s *Supervisor) rewrite(r *httputil.ProxyRequest) {
	r.Out.URL.Scheme, r.Out.URL.Host = "http", s.Page
	r.Out.URL.Path = strings.TrimPrefix(r.In.URL.Path, Entry)
	r.Out.URL.RawPath = strings.TrimPrefix(r.In.URL.RawPath, Entry)
	r.Out.Host = r.In.Host // what the browser asked for
	for _, name := range []string{
		"Accept-Encoding", "X-Supervisor-Token", "X-Hassio-Key", "X-Remote-User-Id", "X-Remote-User-Name", "X-Remote-User-Display-Name",
	} {
		r.Out.Header.Del(name)
	}
	r.Out.Header["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"] // added to, not replaced
	r.SetXForwarded()
	set := func(name, value string) {
		if value != "" {
			r.Out.Header.Set(name, value)
		}
	}
	set("X-Ingress-Path", Entry)
	set("X-Hass-Source", "core.ingress")
	set("X-Remote-User-Id", s.User.ID)
	set("X-Remote-User-Name", s.User.Name)
	set("X-Remote-User-Display-Name", s.User.DisplayName)
}
