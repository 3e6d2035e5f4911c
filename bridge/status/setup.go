package status

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Setup is what the page may change: it adds devices to the configuration, and has a changed one applied. Nothing else.
type Setup interface {
	// FirstStart lists what could be configured. It opens no port.
	FirstStart() FirstStart
	// Results are what came of an Add, for a short while.
	Results() []Result
	// Add looks for devices at those ports, and adds what is there. It takes up to half a minute.
	Add(ctx context.Context, ports []string)
	Reload() error
}

// FirstStart is what is plugged in and could be configured.
type FirstStart struct {
	Choices  []Choice
	Warnings []Result // programs that fight over ports
	Where    string   // where devices are written to
}

// Choice is a port to look at.
type Choice struct {
	Port, Title, Guess string
	Note, Mend         string
	Ticked, Open       bool // worth looking at; can be looked at
}

// Result is a sentence about something that was tried, and the mend.
type Result struct {
	OK         bool
	Text, Mend string
}

const (
	setupBody = 64 << 10
	setupTime = 2 * time.Minute
)

// writable are the paths that change something, and what they do.
func (h *handler) writable() map[string]http.HandlerFunc {
	if h.opts.Setup == nil {
		return nil
	}
	return map[string]http.HandlerFunc{"/setup/add": h.add, "/setup/reload": h.reload}
}

// mayChange is why r may not change anything; 0: it may. Whoever asks is known by the password or by Home Assistant, and asks from this
// page, not from one of another site that has the browser send it.
func (o *Options) mayChange(r *http.Request) (code int, reason string) {
	switch {
	case !o.known(r):
		return http.StatusForbidden, "to change something here, set http.password in the configuration first"
	case !o.sameOrigin(r):
		return http.StatusForbidden, "this was asked for by another site's page"
	}
	return 0, ""
}

// known is whoever has given the password, which refusal has checked, or has logged in to Home Assistant.
func (o *Options) known(r *http.Request) bool {
	return o.Password != "" || slices.Contains(o.AllowPeers, peer(r))
}

// sameOrigin goes by what browsers add to a request and no page can change. Home Assistant's ingress tells the name it is reached by.
func (o *Options) sameOrigin(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" {
		return site == "same-origin"
	}
	origin := r.Header.Get("Origin")
	if origin == "" { // no browser
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return false
	}
	forwarded := slices.Contains(o.AllowPeers, peer(r)) && strings.EqualFold(u.Host, r.Header.Get("X-Forwarded-Host"))
	return strings.EqualFold(u.Host, r.Host) || forwarded
}

func (h *handler) add(w http.ResponseWriter, r *http.Request) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(setupTime))
	r.Body = http.MaxBytesReader(w, r.Body, setupBody)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "what was sent cannot be read", http.StatusBadRequest)
		return
	}
	h.opts.Log.Info("the page asks to add devices", "user", user(r, h.opts.AllowPeers))
	h.opts.Setup.Add(r.Context(), r.PostForm["port"])
	back(w)
}

func (h *handler) reload(w http.ResponseWriter, r *http.Request) {
	h.opts.Log.Info("the page asks to apply the configuration", "user", user(r, h.opts.AllowPeers))
	_ = h.opts.Setup.Reload() // what is wrong with it stands on the page
	back(w)
}

// back leads to the page. The path is relative, since only the browser knows what lies before it.
func back(w http.ResponseWriter) {
	w.Header().Set("Location", "..")
	w.WriteHeader(http.StatusSeeOther)
}

// user is who asked, as Home Assistant says.
func user(r *http.Request, trusted []netip.Addr) string {
	if slices.Contains(trusted, peer(r)) {
		return r.Header.Get("X-Remote-User-Name")
	}
	return ""
}

// setup is the part of the page that adds devices: all of it where nothing is configured or where it was asked for, else what came of
// the last try.
func (h *handler) setup(r *http.Request, all bool) markup {
	if h.opts.Setup == nil {
		return ""
	}
	results := each(h.opts.Setup.Results())
	if !all {
		if results == "" {
			return ""
		}
		return fill(`<section id="setup"><ul class="checks">%s</ul></section>`, results)
	}
	f := h.opts.Setup.FirstStart()
	return f.html(results, h.opts.known(r)) // who only looks at the page may come from anywhere, such as a bookmark
}

func (f FirstStart) html(results markup, may bool) markup {
	var end markup
	switch {
	case len(f.Choices) == 0:
		end = "<p>No serial port, HID device or I2C bus was found. Plug the device in and load this page again.</p>"
	case may:
		end = fill(`<p><button>Look for devices there</button> <span class="quiet">This takes up to half a minute. What is found is written to %s.</span></p>`, f.Where)
	default:
		end = "<p>To add devices from here, set <code>http.password</code> in the configuration; or run <code>sunwire detect</code>.</p>"
	}
	return `<section id="setup"><h2>What is plugged in</h2>` +
		`<p class="quiet">sunwire looks only where you tick. It listens first, and asks nothing that could change a device.</p>` +
		fill(`<ul class="checks">%s</ul>`, results+each(f.Warnings)) +
		fill(`<form id="look" method="post" action="setup/add"><ul class="ports">%s</ul>%s</form>`, each(f.Choices), end) +
		reloadForm(may) + "</section>"
}

func reloadForm(may bool) markup {
	if !may {
		return ""
	}
	return `<form method="post" action="setup/reload"><p><button class="plain">Read the configuration again</button> ` +
		`<span class="quiet">after you changed it by hand</span></p></form>`
}

func (c Choice) html() markup {
	var box markup = " disabled"
	switch {
	case c.Ticked:
		box = " checked"
	case c.Open:
		box = ""
	}
	return fill(`<li><label><input type="checkbox" name="port" value="%s"%s> <span><b>%s</b> <span class="quiet">%s</span>`, c.Port, box, c.Title, c.Guess) +
		wrap("<br>%s", c.Note) + wrap("<br>%s", c.Mend) + fill(`<br><small>%s</small></span></label></li>`, c.Port)
}

func (r Result) html() markup {
	c := check{State: "bad", Title: r.Text, Mend: r.Mend}
	if r.OK {
		c.State = "ok"
	}
	return c.html()
}
