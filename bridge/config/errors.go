package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Error is one thing wrong in a configuration file: where, at which key, what was expected and how to mend it.
type Error struct {
	File         string
	Line, Column int    // from 1; 0: the file as a whole
	Key          string // devices[1].interval; "": the file as a whole
	Text         string
}

// Error is config.yaml:12: devices[1].interval: "5 seconds" is not a duration; write 5s, 2m or 1h.
func (e Error) Error() string {
	s := e.File + ": "
	if e.Line > 0 {
		s = fmt.Sprintf("%s:%d: ", e.File, e.Line)
	}
	if e.Key != "" {
		s += e.Key + ": "
	}
	return s + e.Text
}

// Errors is everything wrong in a configuration file, in the file's order.
type Errors []Error

// Error has a line for each.
func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

func (es Errors) sort() {
	slices.SortStableFunc(es, func(a, b Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}

// instead says what should stand in place of word: the nearest of the right ones, or all of them where none is near.
func instead(word string, right []string) string {
	switch near := nearest(word, right); {
	case near != "":
		return fmt.Sprintf("did you mean %q?", near)
	case len(right) == 0:
		return "there are none here"
	case len(right) == 1:
		return "write " + right[0]
	default:
		last := len(right) - 1
		return "write " + strings.Join(right[:last], ", ") + " or " + right[last]
	}
}

// nearest is the right word that word was most likely meant to be, or "".
func nearest(word string, right []string) string {
	word = strings.ReplaceAll(strings.ToLower(word), "-", "_")
	if len(word) > 40 { // no slip of the finger, and too long to compare
		return ""
	}
	best, least := "", max(1, (len(word)+1)/3)+1
	for _, r := range right {
		d := distance(word, r)
		if min(len(word), len(r)) >= 3 && (strings.HasPrefix(word, r) || strings.HasPrefix(r, word)) {
			d = min(d, 1) // baudrate means baud
		}
		if d < least {
			best, least = r, d
		}
	}
	return best
}

// distance counts the letters to insert, remove, change or swap with their neighbour.
func distance(a, b string) int {
	before, prev, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, prev, row = prev, row, before
		row[0] = i + 1
		for j := range len(b) {
			change := prev[j]
			if a[i] != b[j] {
				change++
			}
			row[j+1] = min(change, prev[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}
