package status

import (
	"encoding/json"
	"net/http"
	"time"
)

const (
	maxStreams = 32                     // at a time; each costs a goroutine and what it last sent
	eventGap   = 500 * time.Millisecond // least pause between two events of one client
	heartbeat  = 5 * time.Second        // an event at least this often: it proves the line, and shows what became too old
)

// stream is the snapshot as server-sent events: one at once, then one after each change and with each heartbeat.
func (h *handler) stream(w http.ResponseWriter, r *http.Request) {
	h.events(w, r, func() ([]byte, error) { return json.Marshal(h.snapshot()) })
}

// events sends what next makes, one line of JSON at a time, until the client or the process ends. Each client is served by its own
// goroutine and misses signals rather than queueing them, so that a slow one holds up nobody; one that takes nothing is cut off.
func (h *handler) events(w http.ResponseWriter, r *http.Request, next func() ([]byte, error)) {
	select {
	case h.streams <- struct{}{}:
		defer func() { <-h.streams }()
	default:
		w.Header().Set("Retry-After", "10")
		http.Error(w, "too many open streams", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // a proxy before us shall not collect events
	if r.Method == http.MethodHead {
		return
	}
	ctx := r.Context()
	changes := h.src.Changes(ctx) // before the first snapshot, so that no change falls between
	out := http.NewResponseController(w)
	line := []byte("retry: 2000\n")
	for {
		event, err := next()
		if err != nil {
			h.opts.Log.Error("the state cannot be written as an event", "error", err)
			return
		}
		line = append(append(append(line, "data: "...), event...), "\n\n"...)
		_ = out.SetWriteDeadline(time.Now().Add(writeTimeout))
		if _, err := w.Write(line); err != nil || out.Flush() != nil {
			return
		}
		line = line[:0]
		select {
		case <-ctx.Done():
			return
		case <-time.After(eventGap):
		}
		select {
		case <-ctx.Done():
			return
		case _, open := <-changes:
			if !open {
				return
			}
		case <-time.After(heartbeat - eventGap):
		}
	}
}
