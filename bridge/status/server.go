package status

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"sunwire/bridge/control"
)

// Options are the choices of a page.
type Options struct {
	// Password is asked for by everything but the health checks, with any user name. Without one only this machine, and AllowPeers, get in.
	Password string
	// AllowPeers get in without a password and by any host name: whoever stands there has asked for a login already, as Home Assistant's
	// ingress has.
	AllowPeers []netip.Addr
	// Setup is what the page may change; nil: nothing.
	Setup Setup
	// Writes are the last commands and what came of them, the newest first; nil: none are shown.
	Writes func() []control.Result
	// Log is where the page tells what went wrong; nil: nowhere.
	Log *slog.Logger
}

const (
	headerTimeout = 5 * time.Second
	writeTimeout  = 10 * time.Second // for a whole answer, and for each event of a stream
	idleTimeout   = time.Minute
	maxHeader     = 32 << 10
	graceTime     = time.Second // what open requests get at the end
)

// handler answers all requests from one source.
type handler struct {
	src     Source
	opts    Options
	epoch   time.Time // times on the page count from here, by the monotonic clock: a Raspberry Pi learns the date only after its start
	process string    // tells this process from the next: a page that was served by another one loads itself anew
	streams chan struct{}
}

// New is the page and everything beside it: / /live /api/devices /api/writes /api/stream /api/health /health /healthz /metrics.
// It only reads, but for POST /setup/add and /setup/reload where there is a Setup: any other method but GET and HEAD is refused.
func New(src Source, opts Options) http.Handler {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	now := time.Now()
	h := &handler{
		src: src, opts: opts, epoch: now, process: strconv.FormatInt(now.UnixNano(), 36) + rand.Text()[:4],
		streams: make(chan struct{}, maxStreams),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", h.page)
	mux.HandleFunc("/setup", h.setupPage)
	for path, change := range h.writable() {
		mux.HandleFunc("POST "+path, change)
	}
	mux.HandleFunc("/live", h.live)
	mux.HandleFunc("/api/devices", h.devices)
	mux.HandleFunc("/api/writes", h.writes)
	mux.HandleFunc("/api/stream", h.stream)
	mux.HandleFunc("/api/health", h.health)
	mux.HandleFunc("/health", h.health)
	mux.HandleFunc("/healthz", h.alive)
	mux.HandleFunc("/metrics", h.metrics)
	return h.guard(mux)
}

// Serve serves the page on listen (host:port) until ctx ends; then it ends within 2 s, open streams and slow readers included, and
// returns nil. A listen address that other machines can reach without a password is an error.
func Serve(ctx context.Context, listen string, src Source, opts Options) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
	if err != nil {
		return fmt.Errorf("open the status page: %w (does another program hold this port? choose another in http.listen)", err)
	}
	if a, ok := l.Addr().(*net.TCPAddr); ok && !a.IP.IsLoopback() && opts.Password == "" && len(opts.AllowPeers) == 0 {
		_ = l.Close()
		return fmt.Errorf("open the status page: %s can be reached from other machines: set http.password, or http.listen to 127.0.0.1:8099", listen)
	}
	return serve(ctx, l, src, opts)
}

func serve(ctx context.Context, l net.Listener, src Source, opts Options) error {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	var open sync.WaitGroup // connections with their handlers
	server := &http.Server{
		Handler:           New(src, opts),
		BaseContext:       func(net.Listener) context.Context { return ctx }, // so that streams end with it
		ErrorLog:          slog.NewLogLogger(opts.Log.Handler(), slog.LevelDebug),
		ReadHeaderTimeout: headerTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ConnState: func(_ net.Conn, s http.ConnState) {
			switch s {
			case http.StateNew:
				open.Add(1)
			case http.StateClosed:
				open.Done()
			default:
			}
		},
	}
	opts.Log.Info("status page opened", "url", "http://"+l.Addr().String())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve the status page: %w", err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), graceTime)
	defer cancel()
	if server.Shutdown(grace) != nil {
		_ = server.Close()
	}
	<-ended
	open.Wait()
	return nil
}
