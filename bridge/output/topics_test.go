package output

import (
	"testing"
	"time"

	"sunwire/bridge/pipeline"
	"sunwire/drivers"
)

func TestOnlyPrimaryValuesThatAreKnownAreSaidPlainly(t *testing.T) {
	d := drivers.Descriptor{
		Entities: []drivers.Entity{
			{Key: "temperature", Quantity: drivers.Temperature},
			{Key: "humidity", Quantity: drivers.Humidity},
			{Key: "raw", Category: drivers.Diagnostic},
		},
		Queries: []drivers.Query{{Keys: []string{"temperature", "humidity", "raw"}}},
	}
	u := pipeline.NewUnit(d, [3]time.Duration{time.Second, time.Minute, time.Hour}, nil)
	at := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	u.Apply(drivers.Sample{{Key: "temperature", Value: drivers.Num(-0.04)}, {Key: "raw", Value: drivers.Num(1)}}, at)
	topics := NewTopics("house/{id}/{key}", "attic")
	got := topics.Messages(u.Cells, []int{0, 1, 2}, at)
	if len(got) != 1 || got[0].Topic != "house/attic/temperature" || string(got[0].Payload) != "0.0" {
		t.Errorf("said %v", got)
	}
	if late := topics.Messages(u.Cells, []int{0, 1, 2}, at.Add(2*time.Minute)); len(late) != 0 {
		t.Errorf("two minutes later it still says %v", late)
	}
}
