package ble

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/godbus/dbus/v5"

	"sunwire/drivers/link"
	"sunwire/drivers/link/ble/bluez"
)

func TestADeviceIsConnectedWhenAskedAndReleasedAfterwards(t *testing.T) {
	for _, g := range []link.GATT{daly, jk} {
		inBubble(t, func(t *testing.T, w *world) {
			d := w.Add("hci0", battery(g))
			c := w.mustOpen(Options{GATT: g})
			if h := w.Held(); h.Connected != 0 || h.Scans != 0 {
				t.Errorf("nothing was asked, and yet %+v", h)
			}
			w.ask(c, "a")
			if h := w.Held(); h.Connected != 1 || h.Notifying != 1 || h.Scans != 0 {
				t.Errorf("while it is in use: %+v", h)
			}
			time.Sleep(linger * 9 / 10)
			synctest.Wait()
			start := time.Now()
			w.ask(c, "b")
			if took := time.Since(start); took != 0 {
				t.Errorf("connected anew, %v after the answer before", took)
			}
			time.Sleep(linger + time.Millisecond)
			synctest.Wait()
			if h := w.Held(); h.Connected != 0 || h.Notifying != 0 {
				t.Errorf("a second later the phone finds it taken: %+v", h)
			}
			w.Change(d, func(d *bluez.Device) { d.Lost = true }) // BlueZ has forgotten it meanwhile
			w.ask(c, "c")
			if q := c.Quality(); q.RSSI != -67 || q.Connects != 2 || q.Failures+q.Drops != 0 || q.Took <= 0 || q.Took > time.Second || time.Since(q.Heard) > time.Second {
				t.Errorf("quality %+v", q)
			}
			w.close(c)
		})
	}
}

func TestADeviceThatIsKeptStaysConnectedWhileNobodyElseWaits(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.Add("hci0", battery(daly))
		other := battery(daly)
		other.Address = "C8:47:8C:00:00:02"
		w.Add("hci0", other)
		c := w.mustOpen(Options{Keep: true})
		w.ask(c, "a")
		time.Sleep(time.Hour)
		if q := c.Quality(); w.Held().Connected != 1 || q.Connects != 1 {
			t.Errorf("not kept: %+v, %+v", w.Held(), q)
		}
		o := w.mustOpen(Options{Address: other.Address})
		start := time.Now()
		w.ask(o, "b")
		if took := time.Since(start); took > time.Second {
			t.Errorf("the other one waited for %v", took)
		}
		w.ask(c, "c")
		if n := w.AtOnce(); n != 1 {
			t.Errorf("%d were connected at the same time", n)
		}
		w.close(o)
		w.close(c)
	})
}

func TestNoDeviceHoldsTheAdapterWhileAnotherWaits(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.Add("hci0", battery(daly))
		other := battery(daly)
		other.Address = "C8:47:8C:00:00:02"
		w.Add("hci0", other)
		c, o := w.mustOpen(Options{}), w.mustOpen(Options{Address: other.Address})
		busy, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { // asks without a pause, which would never be idle
			defer close(done)
			for busy.Err() == nil {
				if _, err := c.Transact(busy, question("a")); err != nil && busy.Err() == nil {
					t.Error(err)
				}
				_ = c.Wait(busy, 100*time.Millisecond)
			}
		}()
		time.Sleep(5 * time.Second)
		start := time.Now()
		w.ask(o, "b")
		if took := time.Since(start); took > turn {
			t.Errorf("the other one waited for %v", took)
		}
		stop()
		<-done
		listening := c.Listen(t.Context(), line("a"))
		go func() { time.Sleep(time.Minute); w.Say(w.device(address), []byte("a=1;")) }()
		go func() { time.Sleep(30 * time.Second); w.ask(o, "c") }()
		for frame, err := range listening {
			if err != nil || string(frame) != "a=1;" {
				t.Errorf("heard %q, %v", frame, err)
			}
			break
		}
		if n := w.AtOnce(); n != 1 {
			t.Errorf("%d were connected at the same time", n)
		}
		w.close(o)
		w.close(c)
	})
}

func TestWhoGivesUpWaitingLeavesTheQueue(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.Add("hci0", battery(daly))
		other := battery(daly)
		other.Address = "C8:47:8C:00:00:02"
		w.Add("hci0", other)
		c, o := w.mustOpen(Options{}), w.mustOpen(Options{Address: other.Address})
		w.Change(w.device(address), func(d *bluez.Device) { d.Silent = true })
		trying := make(chan struct{})
		go func() { defer close(trying); w.fails(c, link.ErrNoReply, "not heard") }()
		time.Sleep(time.Second)
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		if _, err := o.Transact(ctx, question("a")); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		<-trying
		w.ask(o, "b")
		w.close(o)
		w.close(c)
	})
}

func TestAConnectionThatBreaksIsNoReplyAndIsMadeAnew(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		d := w.Add("hci0", battery(daly))
		c := w.mustOpen(Options{})
		w.ask(c, "a")
		w.Change(d, func(d *bluez.Device) { d.Breaks = true })
		start := time.Now()
		w.fails(c, link.ErrNoReply, "broke off", "phone")
		if took := time.Since(start); took > time.Second {
			t.Errorf("it was noticed after %v", took)
		}
		w.Change(d, func(d *bluez.Device) { d.Breaks = false })
		w.ask(c, "a")
		w.Drop(d) // while nobody asks
		synctest.Wait()
		w.ask(c, "b")
		if q := c.Quality(); q.Drops != 2 || q.Connects != 3 {
			t.Errorf("quality %+v", q)
		}
		w.Change(d, func(d *bluez.Device) { d.Answer = nil })
		time.AfterFunc(100*time.Millisecond, func() { w.Remove(d) })
		start = time.Now()
		w.fails(c, link.ErrNoReply, "broke off")
		if took := time.Since(start); took != 100*time.Millisecond {
			t.Errorf("it was noticed after %v", took)
		}
		select {
		case <-c.Lost():
			t.Error("the link is lost, though only the device was")
		default:
		}
		w.close(c)
	})
}

func TestWhatWasSaidOnAnEarlierConnectionIsNoAnswer(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		d := w.Add("hci0", battery(daly))
		c := w.mustOpen(Options{})
		answer := d.Answer
		w.Change(d, func(d *bluez.Device) {
			d.Answer = func([]byte) []byte { return []byte("a=half of a re") }
		})
		w.fails(c, link.ErrFrame)
		w.Drop(d)
		synctest.Wait()
		w.Change(d, func(d *bluez.Device) { d.Answer = answer })
		w.ask(c, "a")
		w.Say(d, []byte("b=old;")) // nobody asked
		synctest.Wait()
		w.ask(c, "b")
		w.Say(d, []byte("a=half of a"))
		synctest.Wait()
		w.Drop(d)
		synctest.Wait()
		time.AfterFunc(5*time.Second, func() { w.Say(d, []byte("a=whole;")) })
		for frame, err := range c.Listen(t.Context(), line("a")) {
			if err != nil || string(frame) != "a=whole;" {
				t.Errorf("heard %q, %v", frame, err)
			}
			break
		}
		w.close(c)
	})
}

// Signals come by another way than replies, and may be behind.
func TestASignalThatIsOlderThanTheConnectionCountsForNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		d := w.Add("hci0", battery(daly))
		c := w.mustOpen(Options{})
		w.ask(c, "a")
		late := func(at dbus.ObjectPath, face, name string, value any) {
			c.hear(&dbus.Signal{Name: propertiesFace + ".PropertiesChanged", Path: at, Sequence: 1, Body: []any{
				face, properties{name: dbus.MakeVariant(value)}, []string{},
			}})
		}
		w.Change(d, func(d *bluez.Device) {
			answer := d.Answer
			d.Answer = func(b []byte) []byte {
				late(c.hears.Load().at, characterFace, "Value", []byte("b=late;"))
				late(c.device, deviceFace, "Connected", false)
				return answer(b)
			}
		})
		w.ask(c, "b")
		if q := c.Quality(); q.Drops != 0 || q.Connects != 1 {
			t.Errorf("quality %+v", q)
		}
		w.close(c)
	})
}

func TestSignalsKeepTheirOrderHoweverManyWait(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		b := w.bus()
		if err := b.watch(t.Context(), "/org/bluez/hci0", "/org/bluez/hci0/dev_00"); err != nil {
			t.Fatal(err)
		}
		const many = 1000
		for n := range many {
			w.Switch("hci0", n%2 == 1)
		}
		synctest.Wait()
		for n := range many {
			s := <-b.signals
			on, _ := get[bool](s.Body[1].(properties), "Powered")
			if on != (n%2 == 1) {
				t.Fatalf("signal %d came out of its order", n)
			}
		}
		_ = b.close()
	})
}

func TestATurnThatComesTooLateIsPassedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 50 {
			q, first, late := &queue{}, newPlace(), newPlace()
			_ = q.enter(t.Context(), first)
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error)
			go func() { done <- q.enter(ctx, late) }()
			synctest.Wait()
			q.mu.Lock() // both happen before it looks
			cancel()
			q.pass()
			q.mu.Unlock()
			if err := <-done; err == nil {
				q.leave()
			}
			if err := q.enter(t.Context(), first); err != nil || q.holder != first || len(late.turn) > 0 {
				t.Fatalf("%v, the turn is lost", err)
			}
		}
	})
}

func TestLongRequestsAndRepliesAreCutByTheMTUOnly(t *testing.T) {
	for _, mtu := range []int{23, 24, 64, 247, 517} {
		inBubble(t, func(t *testing.T, w *world) {
			d := battery(daly)
			var written []byte
			d.MTU = mtu
			d.Answer = func(b []byte) []byte {
				if written = append(written, b...); bytes.HasSuffix(written, []byte("?")) {
					return bytes.Replace(written, []byte("?"), []byte(";"), 1)
				}
				return nil
			}
			w.Add("hci0", d)
			c := w.mustOpen(Options{})
			name := strings.Repeat("long ", 60)
			if got, err := c.Transact(t.Context(), question(name)); err != nil || string(got) != name+";" {
				t.Errorf("MTU %d: got %q, %v", mtu, got, err)
			}
			w.close(c)
		})
	}
}

func TestWritesAreOfTheKindThatTheCharacteristicTakes(t *testing.T) {
	for _, flags := range [][]string{{"write"}, {"write-without-response"}, {"read", "write", "write-without-response"}} {
		inBubble(t, func(t *testing.T, w *world) {
			d := battery(daly)
			d.Services[0].Characteristics[1].Flags = flags
			w.Add("hci0", d)
			c := w.mustOpen(Options{})
			w.ask(c, "a")
			w.close(c)
		})
	}
	inBubble(t, func(t *testing.T, w *world) { // one UUID twice, as some JK have it: what each can do tells them apart
		d := battery(jk)
		d.Services = []bluez.Service{
			{UUID: longUUID("ffd0"), Characteristics: []bluez.Characteristic{{UUID: longUUID("ffe1"), Flags: []string{"notify", "read"}}}},
			{UUID: longUUID("ffe0"), Characteristics: []bluez.Characteristic{
				{UUID: longUUID("ffe1"), Flags: []string{"write-without-response"}}, {UUID: longUUID("ffe1"), Flags: []string{"notify"}},
			}},
		}
		w.Add("hci0", d)
		c := w.mustOpen(Options{GATT: jk})
		w.ask(c, "a")
		if at := c.hears.Load().at; !strings.HasSuffix(string(at), "/service0010/char0013") {
			t.Errorf("it hears %s", at)
		}
		w.close(c)
	})
	inBubble(t, func(t *testing.T, w *world) { // as CBT and Renogy have it: each direction in a service of its own
		g := link.GATT{Services: []string{"ffe5", "ffe0"}, Notify: "ffe4", Write: "ffe9"}
		d := battery(g)
		d.Services = []bluez.Service{
			{UUID: longUUID("ffe0"), Characteristics: []bluez.Characteristic{{UUID: longUUID("ffe4"), Flags: []string{"notify"}}}},
			{UUID: longUUID("ffe5"), Characteristics: []bluez.Characteristic{{UUID: longUUID("ffe9"), Flags: []string{"write"}}}},
		}
		w.Add("hci0", d)
		c := w.mustOpen(Options{GATT: g})
		w.ask(c, "a")
		w.close(c)
	})
	inBubble(t, func(t *testing.T, w *world) { // it only talks
		g := link.GATT{Services: []string{"fff0"}, Notify: "fff1"}
		d := w.Add("hci0", battery(g))
		c := w.mustOpen(Options{GATT: g})
		time.AfterFunc(3*time.Second, func() { w.Say(d, []byte("a=1;b=2;a=3;")) })
		var heard []string
		for frame, err := range c.Listen(t.Context(), line("a")) {
			if err != nil {
				t.Error(err)
			}
			if heard = append(heard, string(frame)); len(heard) == 2 {
				break
			}
		}
		if fmt.Sprint(heard) != "[a=1; a=3;]" {
			t.Errorf("heard %q", heard)
		}
		w.fails(c, link.ErrNoReply, "takes no requests")
		w.close(c)
	})
}

func (w *world) device(address string) *bluez.Device {
	w.Helper()
	d := w.Device(address)
	if d == nil {
		w.Fatalf("no device %s", address)
	}
	return d
}
