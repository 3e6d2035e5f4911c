// Package broker is the connection to the MQTT broker: the only importer of paho.golang, and the embedded broker of the demo.
package broker

// Message is one MQTT message.
type Message struct {
	Topic   string
	Payload []byte
	Retain  bool
	QoS     byte
}
