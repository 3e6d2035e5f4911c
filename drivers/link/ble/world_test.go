package ble

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/godbus/dbus/v5"

	"sunwire/drivers/link"
	"sunwire/drivers/link/ble/bluez"
)

const address = "C8:47:8C:00:00:01"

// daly is one of the many that have a characteristic for each direction; jk has one for both.
var (
	daly = link.GATT{Services: []string{"fff0"}, Notify: "fff1", Write: "fff2"}
	jk   = link.GATT{Services: []string{"ffe0"}, Notify: "ffe1", Write: "ffe1", Names: []string{"JK-*", "JK_*"}}
)

// inBubble runs f in fake time, with a BlueZ that has one adapter. At its end nothing may be left behind.
func inBubble(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, Fake: bluez.New("hci0"), radio: &Radio{}}
		defer w.Close()
		f(t, w)
		synctest.Wait()
		if h := w.Held(); h != (bluez.Held{}) {
			t.Errorf("left behind: %+v", h)
		}
	})
}

type world struct {
	*testing.T
	*bluez.Fake
	radio *Radio
}

// bus is a connection to the fake; the program's own connects to a socket instead.
func (w *world) bus() *bus {
	w.Helper()
	conn, err := dbus.NewConn(w.Dial(), ordered())
	if err == nil {
		err = errors.Join(conn.Auth(nil), conn.Hello())
	}
	if err != nil {
		w.Fatal(err)
	}
	return newBus(conn)
}

func (w *world) open(o Options) (*Conn, error) {
	w.Helper()
	if o.Address == "" {
		o.Address = address
	}
	if o.GATT.Notify == "" {
		o.GATT = daly
	}
	o.Radio = w.radio
	b := w.bus()
	c, err := open(w.Context(), b, o)
	if err != nil {
		_ = b.close()
	}
	return c, err
}

func (w *world) mustOpen(o Options) *Conn {
	w.Helper()
	c, err := w.open(o)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { // for tests that fail
		if c.life.Err() == nil {
			_ = c.Close()
		}
	})
	return c
}

func (w *world) close(c *Conn) {
	w.Helper()
	if err := c.Close(); err != nil {
		w.Error(err)
	}
}

// battery is a device that answers "a?" by "a=1;" and a lot of text.
func battery(g link.GATT) *bluez.Device {
	return &bluez.Device{Address: address, Name: "JK-B2A24S", RSSI: -67, Services: bluez.Services(g), Answer: func(b []byte) []byte {
		return []byte(strings.TrimSuffix(string(b), "?") + "=" + strings.Repeat("0123456789", 12) + ";")
	}}
}

// line frames what ends in a semicolon and begins with the name that was asked for.
func line(name string) link.Framer {
	return func(b []byte, silent bool) (int, []byte, error) {
		end := bytes.IndexByte(b, ';') + 1
		switch {
		case end > 0 && !bytes.HasPrefix(b, []byte(name)):
			return end, nil, nil
		case end > 0:
			return 0, b[:end], nil
		case silent:
			return 0, nil, link.ErrFrame
		}
		return 0, nil, nil
	}
}

func question(name string) link.Request {
	return link.Request{Bytes: []byte(name + "?"), Frame: line(name), First: 2 * time.Second, Gap: 200 * time.Millisecond}
}

func (w *world) ask(c *Conn, name string) {
	w.Helper()
	got, err := c.Transact(w.Context(), question(name))
	if err != nil || string(got) != name+"="+strings.Repeat("0123456789", 12)+";" {
		w.Errorf("%s: got %q, %v", name, got, err)
	}
}

func (w *world) fails(c *Conn, want error, says ...string) {
	w.Helper()
	got, err := c.Transact(w.Context(), question("a"))
	w.failed(err, want, says...)
	if got != nil {
		w.Errorf("and yet got %q", got)
	}
}

func (w *world) failed(err, want error, says ...string) {
	w.Helper()
	if !errors.Is(err, want) {
		w.Errorf("got %v, want %v", err, want)
		return
	}
	for _, text := range append(says, "ble:"+address+": ") {
		if !strings.Contains(err.Error(), text) {
			w.Errorf("the error does not say %q: %v", text, err)
		}
	}
}
