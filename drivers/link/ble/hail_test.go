package ble

import (
	"testing"
	"time"

	"sunwire/drivers/link"
	"sunwire/drivers/link/ble/bluez"
)

func TestADeviceIsHailedOnEachConnection(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		g := link.GATT{Services: []string{"fff0"}, Notify: "fff1", Write: "fff2", Hailed: "fffa", Hail: "HiLink"}
		d := battery(g)
		open, keys, answer := false, 0, d.Answer
		d.Answer = func(b []byte) []byte {
			if string(b) == g.Hail {
				open = true
				keys++
				return nil
			}
			if !open {
				return nil
			}
			return answer(b)
		}
		w.Add("hci0", d)
		c := w.mustOpen(Options{GATT: g})
		w.ask(c, "a")
		w.ask(c, "b")
		if keys != 1 {
			t.Errorf("the key was said %d times in one connection", keys)
		}
		time.Sleep(2 * linger) // it is released
		w.Change(d, func(*bluez.Device) { open = false })
		w.ask(c, "a")
		if keys != 2 {
			t.Errorf("the key was said %d times in two connections", keys)
		}
		w.close(c)
	})
	inBubble(t, func(t *testing.T, w *world) { // a firmware without a lock
		g := link.GATT{Services: []string{"fff0"}, Notify: "fff1", Write: "fff2"}
		w.Add("hci0", battery(g))
		g.Hailed, g.Hail = "fffa", "HiLink"
		c := w.mustOpen(Options{GATT: g})
		w.ask(c, "a")
		w.close(c)
	})
}
