package all_test

import (
	"strings"
	"testing"

	"sunwire/drivers/all"
)

func TestANameIsThatOfOneDriverAlone(t *testing.T) {
	named := map[string]string{}
	for _, d := range all.Drivers() {
		for _, name := range append([]string{d.Name}, d.Aliases...) {
			name = strings.ToLower(name)
			if other, taken := named[name]; taken {
				t.Errorf("%s is %s and %s", name, other, d.Title)
			}
			named[name] = d.Title
		}
	}
}
