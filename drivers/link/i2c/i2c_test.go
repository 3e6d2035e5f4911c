package i2c

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"sunwire/drivers/link"
)

func TestErrorsSayWhatToDo(t *testing.T) {
	for bus, want := range map[string]string{
		"":              "give its number",
		"/dev/i2c-x":    "give its number",
		"1/0x76":        "give its number",
		"99999":         "open /dev/i2c-99999: link lost: there is no such bus: turn I2C on",
		"/dev/i2c-9999": "open /dev/i2c-9999: link lost",
	} {
		c, err := Open(bus)
		if err == nil {
			t.Errorf("%q: opened", bus)
			_ = c.Close()
			continue
		}
		if !strings.Contains(err.Error(), want) || errors.Is(err, link.ErrLost) != strings.Contains(want, "link lost") {
			t.Errorf("%q: %v", bus, err)
		}
	}
	if got := explain(fs.ErrPermission).Error(); !strings.Contains(got, "group i2c") {
		t.Error(got)
	}
	if got := explain(fs.ErrInvalid); !errors.Is(got, fs.ErrInvalid) {
		t.Error(got)
	}
}
