package simulated

import (
	"errors"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"sunwire/drivers/link"
)

// web is a page, and a topic that says something every ten seconds.
type web struct{}

func (web) Answer(path []byte) []byte {
	if string(path) != "/page" {
		return nil
	}
	return []byte("42")
}

func (web) Push() iter.Seq2[time.Duration, []byte] {
	return func(yield func(time.Duration, []byte) bool) {
		for yield(10*time.Second, []byte("a/topic 21.4 °C")) {
		}
	}
}

func TestASimulatedPageAnswersItsPath(t *testing.T) {
	c, err := New(link.HTTP, web{}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if b, err := c.(link.Fetcher).Get(t.Context(), "/page"); err != nil || string(b) != "42" {
		t.Errorf("%q, %v", b, err)
	}
	if b, err := c.(link.Fetcher).Get(t.Context(), "/other"); !errors.Is(err, link.ErrNoReply) || b != nil {
		t.Errorf("%q, %v", b, err)
	}
}

func TestASimulatedTopicSpeaksInItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := New(link.MQTT, web{}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		start, n := time.Now(), 0
		for m, err := range c.(link.Subscriber).Subscribe(t.Context(), "a/topic") {
			if err != nil || m.Topic != "a/topic" || string(m.Payload) != "21.4 °C" {
				t.Fatalf("%v, %v", m, err)
			}
			if n++; n == 3 {
				break
			}
		}
		if took := time.Since(start); took != 30*time.Second {
			t.Errorf("three messages in %v", took)
		}
	})
}
