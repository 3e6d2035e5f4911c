// Package replay plays recordings of real devices: text files of requests and replies, as a debug log writes them and testdata/frames
// keeps them.
package replay

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"iter"
	"regexp"
	"strings"
	"time"

	"golang.org/x/tools/txtar"
)

// Recording is what was asked and answered. It is a link.Simulator: requests are answered in the order recorded, the last reply again
// and again; what was never asked stays without a reply.
type Recording struct {
	replies map[string][][]byte
	unasked []byte
}

// File reads a recording from the text of a file: its section exchange, or the whole text where it has no sections.
func File(text []byte) (*Recording, error) {
	a := txtar.Parse(text)
	for _, f := range a.Files {
		if f.Name == "exchange" {
			return Parse(f.Data)
		}
	}
	if len(a.Files) > 0 {
		return nil, fmt.Errorf("the recording has no section -- exchange --")
	}
	return Parse(text)
}

// logged is a line of a debug log, as text or JSON: of an exchange it finds the direction and the bytes.
var logged = regexp.MustCompile(`^(?:\d{4}-\d\d-\d\d |time=|\{"time").*?(?:(?:DBG |msg=|"msg":")([<>])"?[ ,].*hex(?:=|":)"?([0-9a-f ]*).*)?$`)

// Parse reads "> hex", a request, and "< hex", its reply, which may go on over several lines; # begins a comment. What comes before any
// request was said unasked. A debug log will do as well.
func Parse(text []byte) (*Recording, error) {
	r := &Recording{replies: map[string][][]byte{}}
	var request string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if l := logged.FindStringSubmatch(line); l != nil {
			line = l[1] + l[2]
		}
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if line[0] != '>' && line[0] != '<' {
			return nil, fmt.Errorf("%q begins neither with > nor with <", line)
		}
		b, err := hex.DecodeString(strings.Join(strings.Fields(line[1:]), ""))
		if err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
		if line[0] == '>' {
			request = string(b)
			r.replies[request] = append(r.replies[request], nil)
			continue
		}
		rs := r.replies[request]
		if len(rs) == 0 {
			r.unasked = append(r.unasked, b...)
			continue
		}
		rs[len(rs)-1] = append(rs[len(rs)-1], b...)
	}
	return r, nil
}

// Answer implements link.Simulator.
func (r *Recording) Answer(request []byte) []byte {
	replies := r.replies[string(request)]
	if len(replies) == 0 {
		return nil
	}
	if len(replies) > 1 {
		r.replies[string(request)] = replies[1:]
	}
	return bytes.Clone(replies[0])
}

// Push implements link.Simulator: what was said before anything was asked is said again and again, with a pause between.
func (r *Recording) Push() iter.Seq2[time.Duration, []byte] {
	if r.unasked == nil {
		return nil
	}
	return func(yield func(time.Duration, []byte) bool) {
		for pause := time.Duration(0); yield(pause, bytes.Clone(r.unasked)); pause = time.Second {
		}
	}
}
