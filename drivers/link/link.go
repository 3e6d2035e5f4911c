// Package link has the interfaces by which a driver reaches its device, whatever the cable: little but interfaces, their kinds live in the
// packages below. A driver is handed an open link and uses what its kind can do; it never opens, reopens or paces one.
package link

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"time"
)

// Kind names a way to reach a device. It fixes which of the interfaces below a link has.
type Kind string

// The kinds of link.
const (
	Serial Kind = "serial" // Transactor, Listener
	HID    Kind = "hid"    // Transactor
	TCP    Kind = "tcp"    // Transactor, Listener
	UDP    Kind = "udp"    // Transactor
	BLE    Kind = "ble"    // Transactor, Listener
	I2C    Kind = "i2c"    // Bus
	HTTP   Kind = "http"   // Fetcher
	MQTT   Kind = "mqtt"   // Subscriber
	File   Kind = "files"  // Files
)

// What goes wrong on a link. ErrNoReply and ErrFrame are asked once more; after ErrLost the link is closed and looked for again.
var (
	ErrNoReply = errors.New("no reply")
	ErrFrame   = errors.New("bad frame")
	ErrLost    = errors.New("link lost")
)

// Conn is what every link is.
type Conn interface {
	Kind() Kind
	// Wait is the only sleep a driver has; it is instant on simulated links and recordings.
	Wait(ctx context.Context, d time.Duration) error
	Close() error
}

// Sleep is the Wait of links on which time passes.
func Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// Framer finds the first frame in what was received so far, like bufio.SplitFunc. It is called whenever bytes arrived, and once more
// with silent set when the line has been quiet for the request's Gap. skip bytes are thrown away first (rubbish, an echo, a frame that
// belongs to somebody else); frame is the whole frame, or nil where more is to come. An error ends the exchange: it should wrap ErrFrame.
// With silent set, bytes that can no longer become a frame are an error, not a wish for more.
type Framer func(b []byte, silent bool) (skip int, frame []byte, err error)

// Request is one question on the wire.
type Request struct {
	Bytes []byte
	Frame Framer
	First time.Duration // how long the first byte may take, counted from the last byte written; then ErrNoReply
	Gap   time.Duration // silence that ends a reply
}

// Transactor asks and is answered: serial, hid, tcp, udp, ble. Before it writes, what was left on the line is thrown away; after a
// time-out or a bad frame it first waits until the line has been quiet, so that a late reply is never taken for another's.
type Transactor interface {
	Conn
	Transact(ctx context.Context, r Request) ([]byte, error)
}

// GATT says where on a Bluetooth device its bytes are. Services and characteristics are named by UUID, in short ("ffe0") or in full.
type GATT struct {
	Services []string // in which the characteristics are looked for; what the device advertises is mostly the first
	Notify   string   // the characteristic that talks
	Write    string   // the one that is written to; some firmwares give it the UUID of the other. "": the device only talks
	Hailed   string   // the characteristic to which Hail is written on each connection, where the device has it: a password, or what wakes it
	Hail     string
	Names    []string // how such devices call themselves in the air, as patterns of path.Match: a guess, no proof
}

// Listener hears what is said unasked: serial, tcp, ble. The sequence ends with the context or with an error that wraps ErrLost.
type Listener interface {
	Conn
	Listen(ctx context.Context, f Framer) iter.Seq2[[]byte, error]
}

// Bus is an I2C bus; Tx is the method of periph's i2c.Bus: write w, then read into r.
type Bus interface {
	Conn
	Tx(addr uint16, w, r []byte) error
}

// Fetcher gets a path below a base address: http.
type Fetcher interface {
	Conn
	Get(ctx context.Context, path string) ([]byte, error)
}

// Message is one MQTT message.
type Message struct {
	Topic    string
	Payload  []byte
	Retained bool // kept by the broker and said on subscribing: nobody knows how old it is
}

// Subscriber hears MQTT topics.
type Subscriber interface {
	Conn
	Subscribe(ctx context.Context, filters ...string) iter.Seq2[Message, error]
}

// Files is a tree of small files that the kernel keeps, such as 1-Wire, iio and thermal zones; a made-up folder in tests.
type Files interface {
	Conn
	fs.FS
}

// Simulator is a device made of a driver's own tables. On a Bus, Answer takes what was written and gives what lies there on out, to be
// read; for http it takes the path and gives the body; of files a path and what the file has, and of a folder, with a slash behind it, the
// names there, one a line. For mqtt, Push says a topic, a blank and a payload.
type Simulator interface {
	Answer(request []byte) (reply []byte)   // nil: silence
	Push() iter.Seq2[time.Duration, []byte] // what it says unasked, each after a pause; nil: nothing
}
