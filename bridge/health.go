package bridge

import (
	"maps"
	"time"
)

// health counts how a device fares.
type health struct {
	polls     uint64
	failures  map[string]uint64
	recent    [100]bool // outcomes of the last hundred exchanges, true = answered
	filled    int
	pollTime  time.Duration
	rssi      int // dBm, of a radio; 0: none
	lastError string
	lastAt    time.Time
	shown     figures
	shownAt   time.Time
}

// figures are the health as published; they are renewed once a minute, so that they do not fill the recorder.
type figures struct {
	ratio    float64
	pollTime time.Duration
	rssi     int
	known    bool
}

// newHealth counts every reason from 0: who reads the counters sees the first failure too.
func newHealth() health {
	h := health{failures: map[string]uint64{"implausible": 0, "other": 0}}
	for _, r := range reasons {
		h.failures[r.name] = 0
	}
	return h
}

func (h *health) outcome(answered bool) {
	h.recent[h.polls%uint64(len(h.recent))] = answered
	h.polls++
	h.filled = min(h.filled+1, len(h.recent))
}

func (h *health) fail(reason, text string, at time.Time) {
	h.failures[reason]++
	h.lastError, h.lastAt = text, at
}

func (h *health) implausible(keys []string) {
	if len(keys) > 0 {
		h.failures["implausible"] += uint64(len(keys))
	}
}

func (h *health) ratio() float64 {
	if h.filled == 0 {
		return 0
	}
	n := 0
	for _, ok := range h.recent[:h.filled] {
		if ok {
			n++
		}
	}
	return float64(n) / float64(h.filled)
}

// figures are what is shown at now.
func (h *health) figures(now time.Time) figures {
	if h.filled > 0 && (!h.shown.known || now.Sub(h.shownAt) >= time.Minute) {
		h.shown, h.shownAt = figures{h.ratio(), h.pollTime, h.rssi, true}, now
	}
	return h.shown
}

func (h *health) counts() map[string]uint64 { return maps.Clone(h.failures) }
