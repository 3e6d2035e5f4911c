package mqttin

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/link"
	"sunwire/drivers/table"
)

// broker says what it was given, then nothing.
type broker struct {
	asked    []string
	messages []link.Message
	err      error
}

func (*broker) Kind() link.Kind                                 { return link.MQTT }
func (*broker) Close() error                                    { return nil }
func (*broker) Wait(ctx context.Context, d time.Duration) error { return ctx.Err() }
func (b *broker) Subscribe(_ context.Context, filters ...string) iter.Seq2[link.Message, error] {
	b.asked = filters
	return func(yield func(link.Message, error) bool) {
		for _, m := range b.messages {
			if !yield(m, nil) {
				return
			}
		}
		if b.err != nil {
			yield(link.Message{}, b.err)
		}
	}
}

func plugAndMeter() *Options {
	return &Options{Topics: []Source{
		{Topic: "tele/plug/SENSOR", Values: []table.Row{{Key: "pv_power", Path: "ENERGY.Power", Quantity: "power", Role: "pv_power"}}},
		{Topic: "meter/total", Retained: true, Values: []table.Row{{Key: "load_energy", Quantity: "energy", Role: "load_energy"}}},
	}}
}

func hear(t *testing.T, b *broker) (samples []drivers.Sample, errs []error) {
	t.Helper()
	d, err := open(b, 0, plugAndMeter())
	if err != nil {
		t.Fatal(err)
	}
	for r, err := range d.(drivers.Streamer).Stream(t.Context()) {
		if err != nil {
			errs = append(errs, err)
		} else {
			samples = append(samples, r.Sample)
		}
	}
	return samples, errs
}

func message(topic, payload string, retained bool) link.Message {
	return link.Message{Topic: topic, Payload: []byte(payload), Retained: retained}
}

func TestEachTopicGivesItsOwnValues(t *testing.T) {
	b := &broker{messages: []link.Message{
		message("tele/plug/SENSOR", `{"ENERGY":{"Power":612}}`, false),
		message("meter/total", "1234.567", false),
		message("meter/other", "99", false),
	}}
	got, errs := hear(t, b)
	want := []drivers.Sample{{{Key: "pv_power", Value: drivers.Num(612)}}, {{Key: "load_energy", Value: drivers.Num(1234.567)}}}
	if !slices.EqualFunc(got, want, slices.Equal) || errs != nil {
		t.Errorf("heard %v, %v", got, errs)
	}
	if !slices.Equal(b.asked, []string{"tele/plug/SENSOR", "meter/total"}) {
		t.Errorf("listens to %v", b.asked)
	}
}

func TestARetainedMessageIsNotBelievedUnlessTheTableSaysSo(t *testing.T) {
	got, _ := hear(t, &broker{messages: []link.Message{
		message("tele/plug/SENSOR", `{"ENERGY":{"Power":612}}`, true),
		message("meter/total", "1234.567", true),
	}})
	if len(got) != 1 || got[0].Get("load_energy").Absent() {
		t.Errorf("believed %v", got)
	}
}

func TestAMessageWithoutTheValueIsAnErrorAndListeningGoesOn(t *testing.T) {
	got, errs := hear(t, &broker{err: link.ErrLost, messages: []link.Message{
		message("tele/plug/SENSOR", `{"ENERGY":{"Power":null}}`, false),
		message("tele/plug/SENSOR", `{"ENERGY":`, false),
		message("tele/plug/SENSOR", `{"ENERGY":{"Power":5}}`, false),
	}})
	if len(got) != 1 || len(errs) != 3 || !errors.Is(errs[0], drivers.ErrFrame) || !strings.Contains(errs[0].Error(), "tele/plug/SENSOR") || !errors.Is(errs[2], link.ErrLost) {
		t.Errorf("heard %v, %v", got, errs)
	}
}

func TestATableThatCannotBeIsRefused(t *testing.T) {
	for want, change := range map[string]func(*Options){
		"without + or #": func(o *Options) { o.Topics[0].Topic = "tele/+/SENSOR" },
		"there twice":    func(o *Options) { o.Topics[1].Topic = o.Topics[0].Topic },
		"is there twice": func(o *Options) { o.Topics[1].Values[0].Key = "pv_power"; o.Topics[1].Values[0].Role = "" },
		"no quantity":    func(o *Options) { o.Topics[0].Values[0].Quantity = "" },
	} {
		o := plugAndMeter()
		change(o)
		if _, err := open(&broker{}, 0, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("said %v, want %q", err, want)
		}
	}
}
