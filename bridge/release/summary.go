package release

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// longest is what Home Assistant shows of a summary, in characters.
const longest = 255

// summary is as many of the first lines as fit, so that no markdown is cut in two; of a first line that is too long its beginning.
func summary(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	text = strings.TrimSpace(text)
	if utf8.RuneCountInString(text) <= longest {
		return text
	}
	fits := string([]rune(text)[:longest])
	if i := strings.LastIndexByte(fits, '\n'); i > 0 {
		return strings.TrimSpace(fits[:i])
	}
	return string([]rune(fits)[:longest-1]) + "…"
}
