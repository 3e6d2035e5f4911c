package status

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// page is all that the page shows. The script renders nothing itself: it puts the same parts, rendered here, in the place of the old ones.
type page struct {
	Base    string // where the page lies below Home Assistant's ingress, with a slash at its end; else ""
	Nonce   string // of the Content-Security-Policy
	Process string
	Now     int64 // milliseconds of the handler's epoch, as all moments
	Summary summary
	Setup   markup
	Devices []card
	Foot    foot
}

// summary is the first look: is all well, and what is to do where it is not.
type summary struct {
	State, Headline string // State: ok, wait or bad, as everywhere on the page
	Checks          []check
	Problems, Notes []string
}

// check is one line of the list that a house owner goes through from top to bottom.
type check struct{ State, Title, Text, Mend string }

// card is one device.
type card struct {
	ID, Name, About   string
	State, StateText  string
	Updated           *moment
	Groups            []group // the device itself, then the units it reports
	Facts             []string
	LinkError         string
	LastError, Advice string
	LastErrorAt       *moment
}

type group struct {
	Title, Alert             string
	Tiles, More, Diagnostics []item
}

// item is one value as a person reads it.
type item struct {
	Name, Text, Unit, Note string
	State                  string // "", bad, or none: not known
}

// Class is how it is set: bad in red, none pale, long smaller where others are large.
func (i item) Class() string {
	class := i.State
	if utf8.RuneCountInString(i.Text+i.Unit) > 9 {
		class = join(" ", class, "long")
	}
	return class
}

// moment is a time in the past: T for the script, which keeps counting, and Ago for those who have none.
type moment struct {
	T   int64
	Ago string
}

type foot struct {
	Version, Host string
	Started       *moment
	Add           markup // the way to more devices
}

func (h *handler) moment(t, now time.Time) *moment {
	if t.IsZero() {
		return nil
	}
	return &moment{T: t.Sub(h.epoch).Milliseconds(), Ago: ago(now.Sub(t))}
}

// ago is said the same way by the script.
func ago(d time.Duration) string {
	switch s := max(0, int64(d/time.Second)); {
	case s < 60:
		return fmt.Sprintf("%d s ago", s)
	case s < 3600:
		return fmt.Sprintf("%d min ago", s/60)
	case s < 48*3600:
		return fmt.Sprintf("%d h ago", s/3600)
	default:
		return fmt.Sprintf("%d days ago", s/86400)
	}
}

func (h *handler) view(now time.Time) page {
	s := h.src.Snapshot()
	p := page{
		Process: h.process, Now: now.Sub(h.epoch).Milliseconds(), Summary: summarize(&s, now),
		Foot: foot{Version: s.Version, Host: s.Host, Started: h.moment(s.Started, now)},
	}
	for i := range s.Devices {
		p.Devices = append(p.Devices, h.card(&s.Devices[i], now))
	}
	return p
}

// page is the page as a whole, useful without its script too.
func (h *handler) page(w http.ResponseWriter, r *http.Request) {
	p := h.view(time.Now())
	p.Setup = h.setup(r, len(p.Devices) == 0)
	h.send(w, r, p)
}

// setupPage is the page with what could be added.
func (h *handler) setupPage(w http.ResponseWriter, r *http.Request) {
	p := h.view(time.Now())
	p.Setup = h.setup(r, true)
	h.send(w, r, p)
}

func (h *handler) send(w http.ResponseWriter, r *http.Request, p page) {
	if h.opts.Setup != nil {
		p.Foot.Add = ` <a href="setup">Add a device</a>.`
	}
	p.Base, p.Nonce = base(r.Header.Get("X-Ingress-Path")), rand.Text()
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", fmt.Sprintf("default-src 'none'; script-src 'nonce-%[1]s'; style-src 'nonce-%[1]s'; img-src data:; "+
		"connect-src 'self'; base-uri 'self'; form-action 'self'", p.Nonce))
	p.write(w)
}

var ingressPath = regexp.MustCompile(`^(/[A-Za-z0-9_.~-]+)+/?$`)

// base is where relative links start, from the path that an ingress cut off. A browser that came without the slash at the end would
// start them one step too high. Anything but a plain path, such as //elsewhere, is none.
func base(cutOff string) string {
	if !ingressPath.MatchString(cutOff) {
		return ""
	}
	return strings.TrimSuffix(cutOff, "/") + "/"
}

// update is one event of the page's stream. Parts lists all parts; HTML is there where one differs from what this client was sent last.
type update struct {
	Process string `json:"process"`
	Now     int64  `json:"now"`
	Parts   []part `json:"parts"`
}

type part struct {
	ID   string `json:"id"`
	HTML markup `json:"html,omitempty"`
}

// live is the page's own stream. It goes with the page it was served with and is no contract.
func (h *handler) live(w http.ResponseWriter, r *http.Request) {
	sent := map[string]markup{}
	h.events(w, r, func() ([]byte, error) {
		p := h.view(time.Now())
		u := update{Process: p.Process, Now: p.Now}
		add := func(id string, html markup) {
			next := part{ID: id}
			if sent[id] != html {
				sent[id], next.HTML = html, html
			}
			u.Parts = append(u.Parts, next)
		}
		add("summary", p.Summary.html())
		for _, c := range p.Devices {
			c.still()
			add("device-"+c.ID, c.html())
		}
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false) // it would treble the size of what is parsed as JSON anyway
		err := e.Encode(u)
		return bytes.TrimSpace(b.Bytes()), err
	})
}

// still takes out what changes by time alone: the script counts, so a device without news is not sent again.
func (c *card) still() {
	for _, m := range []*moment{c.Updated, c.LastErrorAt} {
		if m != nil {
			m.Ago = ""
		}
	}
}

func (h *handler) card(d *Device, now time.Time) card {
	c := card{
		ID: d.ID, Name: d.Name, Updated: h.moment(d.LastUpdate, now), LastError: d.LastError, LastErrorAt: h.moment(d.LastErrorAt, now),
		About: about(d), Facts: []string{d.Driver + " on " + d.Port},
	}
	if len(d.Members) > 0 {
		c.Facts = nil
	}
	if d.missing() > 0 { // that is the error
		c.LastError = ""
	}
	for _, m := range d.Members {
		c.Facts = append(c.Facts, m.Name+": "+cmp.Or(m.Missing, "live"))
	}
	if c.Name == "" {
		c.Name = d.ID
	}
	c.State, c.StateText, c.Advice = deviceState(d, now)
	if !d.Link.Up {
		c.LinkError = d.Link.Error
	}
	if c.LastError == c.LinkError || c.LastError == c.Advice {
		c.LastError, c.LastErrorAt = "", nil
	}
	if d.Serial != "" {
		c.About = join(", ", c.About, "serial number "+d.Serial)
	}
	if d.Variant != "" {
		c.Facts = append(c.Facts, "speaks "+d.Variant)
	}
	if d.Firmware != "" {
		c.Facts = append(c.Facts, "firmware "+d.Firmware)
	}
	if d.Polls > 0 {
		c.Facts = append(c.Facts, fmt.Sprintf("%s %% of the last %d queries answered", percent(d.SuccessRatio), min(d.Polls, 100)))
	}
	if d.PollTime >= time.Millisecond {
		c.Facts = append(c.Facts, fmt.Sprintf("%d ms a query", d.PollTime.Milliseconds()))
	}
	c.Groups = append(c.Groups, groupOf("", d.Values))
	for _, u := range d.Units {
		title := u.Unit
		if u.Serial != "" {
			title += ", serial number " + u.Serial
		}
		c.Groups = append(c.Groups, groupOf(title, u.Values))
	}
	return c
}

// percent never rounds a failure away.
func percent(ratio float64) string { return fmt.Sprintf("%d", int(ratio*100+1e-9)) }

// about is who made it and what it is; many models begin with their maker's name.
func about(d *Device) string {
	if strings.HasPrefix(strings.ToLower(d.Model), strings.ToLower(d.Manufacturer)) {
		return d.Model
	}
	return join(" ", d.Manufacturer, d.Model)
}

func join(between string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), between)
}
