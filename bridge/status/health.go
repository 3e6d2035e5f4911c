package status

import (
	"encoding/json"
	"io"
	"net/http"
	"time"

	"sunwire/bridge/control"
)

// healthReport is what /health answers. Its names are a public contract.
type healthReport struct {
	Status        string                `json:"status"` // ok, degraded or unhealthy
	Timestamp     time.Time             `json:"timestamp"`
	MQTTConnected bool                  `json:"mqtt_connected"`
	DataSources   map[string]dataSource `json:"data_sources"` // by device id
}

type dataSource struct {
	LastUpdate *time.Time `json:"last_update"` // null: never since the start
	AgeSeconds *float64   `json:"age_seconds"` // null: never since the start
	MaxAge     float64    `json:"max_age"`     // seconds
	Critical   bool       `json:"critical"`
	Healthy    bool       `json:"healthy"`
}

// checkHealth judges s at now. A critical device that never answered is over its max_age once sunwire has run for that long.
func checkHealth(s *Snapshot, now time.Time) (report healthReport, healthy bool) {
	report = healthReport{Status: "ok", Timestamp: now, MQTTConnected: s.Broker.Connected, DataSources: make(map[string]dataSource, len(s.Devices))}
	if !s.Broker.Connected {
		report.Status = "degraded"
	}
	healthy = true
	for i := range s.Devices {
		d := &s.Devices[i]
		src := dataSource{MaxAge: d.MaxAge.Seconds(), Critical: d.Critical, Healthy: d.healthy(now)}
		since := s.Started
		if !d.LastUpdate.IsZero() {
			since = d.LastUpdate
			age := max(0, now.Sub(since)).Round(time.Millisecond).Seconds()
			src.LastUpdate, src.AgeSeconds = &d.LastUpdate, &age
		}
		report.DataSources[d.ID] = src
		if !src.Healthy {
			report.Status = "degraded"
			healthy = healthy && (!d.Critical || now.Sub(since) <= d.MaxAge)
		}
	}
	if !healthy {
		report.Status = "unhealthy"
	}
	return report, healthy
}

// health is for monitoring: 503 only when a critical device is over its max_age.
func (h *handler) health(w http.ResponseWriter, _ *http.Request) {
	s := h.src.Snapshot()
	report, healthy := checkHealth(&s, time.Now())
	code := http.StatusOK
	if !healthy {
		code = http.StatusServiceUnavailable
	}
	h.writeJSON(w, code, report)
}

// alive is for whoever restarts a process that hangs: an unplugged inverter is no reason to.
func (h *handler) alive(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, "ok\n")
}

// devices is the whole snapshot.
func (h *handler) devices(w http.ResponseWriter, _ *http.Request) {
	h.writeJSON(w, http.StatusOK, h.snapshot())
}

func (h *handler) writes(w http.ResponseWriter, _ *http.Request) {
	all := []control.Result{}
	if h.opts.Writes != nil {
		all = h.opts.Writes()
	}
	h.writeJSON(w, http.StatusOK, map[string]any{"schema": 1, "writes": all})
}

func (h *handler) writeJSON(w http.ResponseWriter, code int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		h.opts.Log.Error("the state cannot be written as JSON", "error", err)
		http.Error(w, "the state cannot be written as JSON", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(append(b, '\n'))
}

// snapshot is the source's, with lists that are empty instead of null: the contract says list.
func (h *handler) snapshot() Snapshot {
	s := h.src.Snapshot()
	if s.Problems == nil {
		s.Problems = []string{}
	}
	devices := make([]Device, len(s.Devices)) // the source keeps its own
	for i, d := range s.Devices {
		if d.Values == nil {
			d.Values = []Value{}
		}
		if d.Failures == nil {
			d.Failures = map[string]uint64{}
		}
		devices[i] = d
	}
	s.Devices = devices
	return s
}
