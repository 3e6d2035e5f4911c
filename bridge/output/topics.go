// Package output has the other places that values go to, beside Home Assistant's documents: plain topics, one value each.
package output

import (
	"strings"
	"time"

	"sunwire/bridge/pipeline"
	"sunwire/drivers"
)

// Topics publishes primary values as plain texts, each on its own topic. A value that is not known is not published: a plain topic
// cannot say so.
type Topics struct {
	pattern, id string
}

// Message is one value on its topic.
type Message struct {
	Topic   string
	Payload []byte
}

// NewTopics publishes by a pattern such as house/{key}; {id} is the device's.
func NewTopics(pattern, id string) *Topics {
	return &Topics{pattern, id}
}

// Messages is every shown primary value that is known at now.
func (t *Topics) Messages(cells []pipeline.Cell, shown []int, now time.Time) []Message {
	var out []Message
	for _, i := range shown {
		c := &cells[i]
		if c.Entity.Category != drivers.Primary || c.Entity.Attribute != "" {
			continue
		}
		if v := c.Known(now); !v.Absent() {
			topic := strings.NewReplacer("{key}", c.Entity.Key, "{id}", t.id).Replace(t.pattern)
			out = append(out, Message{Topic: topic, Payload: []byte(v.Format(c.Entity.Quantity.Decimals))})
		}
	}
	return out
}
