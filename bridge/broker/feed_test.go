package broker

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
)

func TestAFilterTakesInItsTopicsAndNoOther(t *testing.T) {
	for _, c := range []struct {
		filter, topic string
		want          bool
	}{
		{"a/b", "a/b", true},
		{"a/b", "a/c", false},
		{"a/b", "a/b/c", false},
		{"a/b/c", "a/b", false},
		{"a", "ab", false},
		{"a/+/c", "a/b/c", true},
		{"a/+", "a/b/c", false},
		{"+", "a", true},
		{"a/+", "a/", true},
		{"a/+", "a", false},
		{"a/#", "a/b/c", true},
		{"a/#", "a", true},
		{"#", "a/b", true},
		{"a/#", "b/a", false},
	} {
		if got := Matches(c.filter, c.topic); got != c.want {
			t.Errorf("%s takes in %s: %v", c.filter, c.topic, got)
		}
	}
}

func TestAListenerHearsItsTopicsUntilItLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f Feed
		changes := 0
		f.Changed = func() { changes++ }
		ctx, cancel := context.WithCancel(t.Context())
		var heard []string
		var wg sync.WaitGroup
		wg.Go(func() {
			for m, err := range f.Conn().Subscribe(ctx, "a/+", "b") {
				heard = append(heard, fmt.Sprintf("%s %s %v %v", m.Topic, m.Payload, m.Retained, err))
			}
		})
		synctest.Wait()
		if got := f.Filters(); !slices.Equal(got, []string{"a/+", "b"}) || changes != 1 {
			t.Errorf("wants %v after %d changes", got, changes)
		}
		for _, m := range []Message{{Topic: "a/x", Payload: []byte("1")}, {Topic: "c", Payload: []byte("2")}, {Topic: "b", Payload: []byte("3"), Retain: true}} {
			f.Message(m)
		}
		synctest.Wait()
		cancel()
		wg.Wait()
		if want := []string{"a/x 1 false <nil>", "b 3 true <nil>"}; !slices.Equal(heard, want) {
			t.Errorf("heard %v, want %v", heard, want)
		}
		f.Message(Message{Topic: "b"})
		if len(f.Filters()) != 0 || changes != 2 {
			t.Errorf("it left, and %v is still wanted", f.Filters())
		}
	})
}

func TestAListenerThatSleepsHoldsUpNobodyAndHearsTheNewest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f Feed
		ctx, cancel := context.WithCancel(t.Context())
		asleep, last := make(chan struct{}), ""
		var wg sync.WaitGroup
		wg.Go(func() {
			for m := range f.Conn().Subscribe(ctx, "a") {
				<-asleep
				last = string(m.Payload)
			}
		})
		synctest.Wait()
		for i := range 3 * waiting {
			f.Message(Message{Topic: "a", Payload: fmt.Append(nil, i)})
		}
		close(asleep)
		synctest.Wait()
		cancel()
		wg.Wait()
		if last != fmt.Sprint(3*waiting-1) {
			t.Errorf("the last that was heard is %s", last)
		}
	})
}
