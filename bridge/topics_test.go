package bridge

import (
	"strings"
	"testing"
)

func TestOtherProgramsReadValuesAndPresenceInTheirForm(t *testing.T) {
	w := newWorld(t)
	const house = `
devices:
  - {id: house, driver: bme280, port: "sim:", interval: 100ms, max_age: 1s, topics: "tele/{id}", topic_format: tasmota, topic_temperature: F, retain: true, presence: "tele/{id}/LWT"}
  - {id: attic, driver: bme280, port: "sim:", interval: 100ms, max_age: 1s, topics: "attic", topic_format: json, presence: "attic/LWT"}
`
	b, stop := w.run(w.dir, house, nil)
	is := func(topic, payload string) func() bool {
		return func() bool { got, _ := w.heard(topic); return strings.Contains(got, payload) }
	}
	w.until("Tasmota's object", is("tele/house/SENSOR", `"BME280":{"Pressure":`))
	w.until("degrees Fahrenheit", is("tele/house/SENSOR", `"Temperature":74.70,`))
	w.until("one object", is("attic", `"temperature":23.72,`))
	w.until("presence", is("tele/house/LWT", "Online"))
	w.until("presence of the other", is("attic/LWT", "Online"))
	if err := w.reload(b, strings.SplitAfter(house, "LWT\"}\n")[0]); err != nil {
		t.Fatal(err)
	}
	w.until("that one has left", is("attic/LWT", "Offline"))
	stop()
	w.until("that sunwire has ended", is("tele/house/LWT", "Offline"))
}
