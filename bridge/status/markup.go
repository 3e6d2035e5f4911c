package status

import (
	_ "embed" // the page
	"fmt"
	"html"
	"io"
	"strings"
)

//go:embed page.html
var pageText string

// page.html is the page's frame, this file makes its parts. What comes from devices and users gets into them only through fill, which
// escapes it: a string is assignable to neither of these types, unless it is a constant of this source. Package html/template would escape
// as well, but adds 2 MB to the program (docs/adr/0004-metrics.md).
type (
	form   string // HTML with a %s for each text between tags or in the quotes of an attribute, and for each markup between tags
	markup string // HTML
)

// fill puts args into f: markup as it is, anything else as text.
func fill(f form, args ...any) markup {
	for i, arg := range args {
		if _, is := arg.(markup); !is {
			args[i] = html.EscapeString(fmt.Sprint(arg))
		}
	}
	return markup(fmt.Sprintf(string(f), args...))
}

// wrap fills f with each of texts; an empty one makes nothing.
func wrap(f form, texts ...string) (all markup) {
	for _, text := range texts {
		if text != "" {
			all += fill(f, text)
		}
	}
	return all
}

// each is the markup of all parts.
func each[T interface{ html() markup }](parts []T) markup {
	var all strings.Builder
	for _, p := range parts {
		all.WriteString(string(p.html()))
	}
	return markup(all.String())
}

func (p page) write(w io.Writer) {
	places := []string{}
	for name, value := range map[string]any{
		"base": wrap(`<base href="%s">`, p.Base), "nonce": p.Nonce, "process": p.Process, "now": p.Now,
		"summary": p.Summary.html(), "setup": p.Setup, "devices": each(p.Devices),
		"add": p.Foot.Add, "version": p.Foot.Version, "host": wrap(" on %s", p.Foot.Host), "started": p.Foot.Started.in(", started %s"),
	} {
		places = append(places, "{{"+name+"}}", string(fill("%s", value)))
	}
	_, _ = strings.NewReplacer(places...).WriteString(w, pageText)
}

// in is nothing where there is no such moment.
func (m *moment) in(f form) markup {
	if m == nil {
		return ""
	}
	return fill(f, fill(`<time data-t="%s">%s</time>`, m.T, m.Ago))
}

func (s summary) html() markup {
	return fill(`<section id="summary" class="%s"><div class="head"><h2>%s</h2></div>`, s.State, s.Headline) +
		fill(`<ul class="checks">%s</ul>`, each(s.Checks)) +
		wrap(`<p class="alert">%s</p>`, s.Problems...) + wrap(`<p class="quiet note">%s</p>`, s.Notes...) + "</section>"
}

var signs = map[string]string{"ok": "✓", "wait": "…", "bad": "!"}

func (c check) html() markup {
	return fill(`<li class="%[1]s"><b role="img" aria-label="%[1]s">%[2]s</b>`, c.State, signs[c.State]) +
		fill(`<div><p>%s%s</p>%s</div></li>`, c.Title, wrap(` <span class="quiet">%s</span>`, c.Text), wrap("<p>%s</p>", c.Mend))
}

func (c card) html() markup {
	var lastError markup
	if c.LastError != "" {
		lastError = fill("<br>Last error%s: %s", c.LastErrorAt.in(", %s"), c.LastError)
	}
	return fill(`<article id="device-%s"><div class="head"><div><h2>%s</h2><p class="quiet">%s</p></div>`, c.ID, c.Name, c.About) +
		fill(`<p class="state %s">%s%s</p></div>`, c.State, c.StateText, c.Updated.in(" %s")) +
		fill(`<p class="alert">%s%s</p>`, c.LinkError, wrap(" %s", c.Advice)) +
		each(c.Groups) +
		fill(`<p class="facts quiet">%s%s</p></article>`, wrap("<span>%s</span>", c.Facts...), lastError) + "\n"
}

func (g group) html() markup {
	return "<div>" + wrap("<h3>%s</h3>", g.Title) + fill(`<p class="alert">%s</p><dl class="tiles">%s</dl>`, g.Alert, each(g.Tiles)) +
		folded("more", g.More) + folded("diagnostic", g.Diagnostics) + "</div>"
}

// folded is a list that the reader has to open.
func folded(kind string, items []item) markup {
	if len(items) == 0 {
		return ""
	}
	noun := "values"
	if len(items) == 1 {
		noun = "value"
	}
	return fill(`<details><summary>%s %s %s</summary><dl class="rows">%s</dl></details>`, len(items), kind, noun, each(items))
}

func (i item) html() markup {
	return fill(`<div%s><dt>%s</dt>`, wrap(` class="%s"`, i.Class()), i.Name) +
		fill("<dd>%s%s%s</dd></div>", i.Text, wrap("<i> %s</i>", i.Unit), wrap("<small>%s</small>", i.Note))
}
