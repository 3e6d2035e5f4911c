package config

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

var (
	yamlError = regexp.MustCompile(`^yaml: (?:line (\d+): )?(?s:(.*))$`)
	anchor    = regexp.MustCompile(`^unknown anchor '(.*)' referenced`)
)

// slips are the usual mistakes, by the line that has them.
var slips = []struct {
	line *regexp.Regexp
	mend string
}{
	{regexp.MustCompile("^ *\t"), "indent with spaces, not with a tab"},
	{regexp.MustCompile(`^[\s-]*port:\s+[^"'#{\[].*:(\s|$)`), `the port needs quotes, as in port: "sim:"`},
	{regexp.MustCompile(`^[\s-]*[\w-]+:\s+[^"'#{\[].*:(\s|$)`), "a text with a colon needs quotes"},
	{regexp.MustCompile("^[\\s-]*[\\w-]+:\\s+[@`%*&!|>,\\]}]"), "a text that begins with such a sign needs quotes"},
	{regexp.MustCompile(`^[\s-]*[\w-]+:[^\s"']`), "a colon needs a space behind it"},
}

// syntax reports what yaml.v3 could not read. It counts lines now from 0, now from 1, and may notice late: a usual mistake nearby is
// what it is about. Nothing of the file is shown, it may be a password.
func (d *decoder) syntax(data string, err error) {
	line, text := 0, err.Error()
	if m := yamlError.FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1])
		text = m[2]
	}
	mend := "look at the indentation, the quotes and the brackets here"
	if m := anchor.FindStringSubmatch(text); m != nil {
		line = lineOf(data, strings.Index(data, "*"+m[1]))
		text, mend = "*name stands for an &name further up, and there is none", "a text that begins with * needs quotes"
	} else if i := strings.IndexFunc(data, unprintable); i >= 0 {
		line, text, mend = lineOf(data, i), "a character that is no text", "save the file as plain text, UTF-8"
	} else {
		line, mend = slip(strings.Split(data, "\n"), max(line, 1), mend)
	}
	d.errs = append(d.errs, Error{File: d.file, Line: line, Text: "this is not YAML: " + text + "; " + mend})
}

// slip is the line with a usual mistake near that line, and how to mend it.
func slip(lines []string, near int, otherwise string) (line int, mend string) {
	for _, s := range slips {
		for _, n := range []int{near, near + 1, near - 1} {
			if n >= 1 && n <= len(lines) && s.line.MatchString(strings.TrimRight(lines[n-1], "\r")) {
				return n, s.mend
			}
		}
	}
	return near, otherwise
}

func lineOf(data string, offset int) int { return 1 + strings.Count(data[:max(offset, 0)], "\n") }

// unprintable is what is no part of a YAML text: control characters, and bytes that are not UTF-8.
func unprintable(r rune) bool {
	return r == utf8.RuneError || r < ' ' && r != '\n' && r != '\r' && r != '\t' || r == 0x7f
}
