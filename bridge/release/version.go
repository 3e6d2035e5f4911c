package release

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// version is major, minor, patch, stage and the number of the stage, in the order in which they count. It is as much of Semantic
// Versioning as this project's releases use.
type version [5]int

var (
	versionForm = regexp.MustCompile(`^v?(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})(?:-(alpha|beta|rc)\.(0|[1-9][0-9]{0,8}))?$`)
	stages      = []string{"alpha", "beta", "rc", ""} // "": the release itself
)

// Is reports whether text is the version of a release, as v1.2.3, 1.2.3 or 1.2.3-rc.1. What is built between two releases is none: it
// has no place in their order.
func Is(text string) bool {
	_, ok := parse(text)
	return ok
}

func parse(text string) (v version, ok bool) {
	m := versionForm.FindStringSubmatch(text)
	if m == nil {
		return v, false
	}
	for i, part := range []string{m[1], m[2], m[3], strconv.Itoa(slices.Index(stages, m[4])), m[5]} {
		v[i], _ = strconv.Atoi(part) // digits, or nothing, which is 0
	}
	return v, true
}

// compare is below 0 where a is older than b, above 0 where it is newer.
func compare(a, b version) int { return slices.Compare(a[:], b[:]) }

// bare is a version as it is shown.
func bare(text string) string { return strings.TrimPrefix(text, "v") }
