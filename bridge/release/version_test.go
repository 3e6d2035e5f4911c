package release

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestVersionsAreInOrder(t *testing.T) {
	order := []string{"0.1.0-alpha.1", "0.1.0-beta.2", "0.1.0-beta.10", "v0.1.0-rc.1", "0.1.0", "0.1.2", "v0.1.10", "0.2.0", "0.10.0", "1.0.0-rc.1", "1.0.0", "10.0.0"}
	for i, a := range order {
		for j, b := range order {
			va, oka := parse(a)
			vb, okb := parse(b)
			if c := compare(va, vb); !oka || !okb || (c < 0) != (i < j) || (c == 0) != (i == j) {
				t.Errorf("%s against %s: %d", a, b, c)
			}
		}
	}
}

func TestWhatIsBuiltBetweenReleasesHasNoPlaceAmongThem(t *testing.T) {
	for _, text := range []string{"", "dev", "ci", "ddd967e", "v0.1.0-3-gddd967e", "v0.1.0-dirty", "0.1", "0.1.0.1", "01.0.0", "0.1.0-rc", "0.1.0-rc.01", "0.1.0+x", "0.1.0-gamma.1", " 0.1.0", "9999999999.0.0"} {
		if Is(text) {
			t.Errorf("%q is taken for a release", text)
		}
	}
}

func TestASummaryIsCutAtALineAndFits(t *testing.T) {
	long := strings.Repeat("ä", 200)
	for text, want := range map[string]string{
		"":                          "",
		"  \r\n":                    "",
		"### Added\r\n- One.\x1b\n": "### Added\n- One.",
		long + "\n" + long:          long,
		long + long:                 strings.Repeat("ä", 254) + "…",
		"a\xffb":                    "ab",
	} {
		if got := summary(text); got != want || utf8.RuneCountInString(got) > longest {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}
