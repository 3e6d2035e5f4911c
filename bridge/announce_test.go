package bridge

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheLogWarnsOnceAndOnlyOfAHomeAssistantThatStaysAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		p := &publisher{log: slog.New(slog.NewTextHandler(&log, nil))}
		away := func(d time.Duration) (warnings int) {
			log.Reset()
			for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(time.Second) {
				p.heard(false, nil)
			}
			return strings.Count(log.String(), "nobody takes the announcements")
		}
		if n := away(15 * time.Second); n != 0 {
			t.Errorf("%d warnings while it comes back to a broker that was restarted", n)
		}
		p.heard(true, nil)
		if n := away(15 * time.Second); n != 0 {
			t.Errorf("%d warnings: the first time away counts for the second", n)
		}
		if n := away(time.Minute); n != 1 {
			t.Errorf("%d warnings of one that stays away, want 1", n)
		}
		p.heard(true, nil)
		if n := away(time.Minute); n != 1 {
			t.Errorf("%d warnings of one that left again, want 1", n)
		}
	})
}

func TestTwoSimulatedPacksAreNotOne(t *testing.T) {
	one, has := numbered(1).Value("", "serial_number")
	two, _ := numbered(2).Value("", "serial_number")
	if !has || one == two {
		t.Errorf("both have the serial number %v", one)
	}
	if v, has := numbered(1).Value("", "voltage"); has {
		t.Errorf("a voltage of %v in place of the driver's own", v)
	}
}
