package pipeline

import (
	"testing"
	"time"

	"sunwire/drivers"
)

func TestAClockIsComparedWithOurs(t *testing.T) {
	zone := time.FixedZone("", 3600)
	at := time.Date(2026, 11, 23, 12, 0, 0, 500e6, zone)
	d := drivers.Descriptor{
		Entities: []drivers.Entity{{Key: "clock", Platform: drivers.Label, Quantity: drivers.Timestamp}, {Key: "a"}},
		Queries:  []drivers.Query{{Name: "time", Pace: drivers.Slow, Keys: []string{"clock"}}},
	}
	u := NewUnit(d, [3]time.Duration{time.Second, time.Minute, time.Hour}, nil)
	if len(d.Entities) != 2 || len(d.Queries[0].Keys) != 1 || u.Descriptor.Entities[1].Key != "clock_offset" || len(u.Descriptor.Queries[0].Keys) != 2 {
		t.Fatalf("%+v of %+v", u.Descriptor, d)
	}
	for text, want := range map[string]drivers.Value{
		"2026-11-23 12:00:00": drivers.Num(0), "2026-11-23T11:58:30": drivers.Num(-90), "2026-11-23T11:00:07Z": drivers.Num(7),
		"2026-13-23 12:00:00": {}, "": {}, "noon": {},
	} {
		u.Apply(drivers.Sample{{Key: "clock", Value: drivers.Text(text)}}, at)
		if got := u.Get("clock_offset").Known(at); got != want {
			t.Errorf("%s: %v s ahead, want %v", text, got, want)
		}
		if got := u.Get("clock").Known(at); got.Absent() != want.Absent() {
			t.Errorf("%s is shown as %v", text, got)
		}
	}
	u.Apply(drivers.Sample{{Key: "clock", Value: drivers.Text("2026-11-23 12:00:00")}}, at)
	if got, _ := u.Get("clock").Value.Text(); got != "2026-11-23T12:00:00+01:00" {
		t.Errorf("a timestamp without its zone: %s", got)
	}
}

func TestADevicesOwnClockOffsetIsLeftAlone(t *testing.T) {
	u := NewUnit(drivers.Descriptor{Entities: []drivers.Entity{{Key: "clock", Platform: drivers.Label}, {Key: "clock_offset"}}}, [3]time.Duration{}, nil)
	if len(u.Cells) != 2 {
		t.Errorf("%d cells", len(u.Cells))
	}
}
