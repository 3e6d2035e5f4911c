package ble

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/godbus/dbus/v5"
	"go.uber.org/goleak"

	"sunwire/drivers/link"
	"sunwire/drivers/link/ble/bluez"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func refusing(method, name, text string) func(string) error {
	return func(m string) error {
		if m == method {
			return dbus.Error{Name: name, Body: []any{text}}
		}
		return nil
	}
}

func TestFailuresSayWhatToDo(t *testing.T) {
	const failed = "org.bluez.Error.Failed"
	for name, c := range map[string]struct {
		happens func(d *bluez.Device)
		says    []string
	}{
		"out of range": {func(d *bluez.Device) { d.Silent = true }, []string{"not heard", "phone"}},
		"too far":      {func(d *bluez.Device) { d.Refuse = refusing("Connect", failed, "le-connection-abort-by-local") }, []string{"too far away", "connect: "}},
		"aborted":      {func(d *bluez.Device) { d.Refuse = refusing("Connect", failed, "Software caused connection abort") }, []string{"too far away"}},
		"pairing": {func(d *bluez.Device) {
			d.Refuse = refusing("Connect", "org.bluez.Error.AuthenticationFailed", "Authentication Failed")
		}, []string{"bluetoothctl pair " + address}},
		"pairing to hear": {func(d *bluez.Device) {
			d.Refuse = refusing("StartNotify", failed, "Operation failed with ATT error: 0x0e (Unlikely Error)")
		}, []string{"pair " + address}},
		"pairing to write": {func(d *bluez.Device) {
			d.Refuse = refusing("WriteValue", failed, "Operation failed with ATT error: 0x05 (Insufficient Authentication)")
		}, []string{"pair " + address, "write to it"}},
		"taken": {func(d *bluez.Device) {
			d.Refuse = refusing("StartNotify", "org.bluez.Error.NotPermitted", "Notify acquired")
		}, []string{"another program"}},
		"something new": {func(d *bluez.Device) { d.Refuse = refusing("Connect", failed, "br-connection-canceled") }, []string{"connect: br-connection-canceled"}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				d := battery(daly)
				c.happens(d)
				w.Add("hci0", d)
				conn := w.mustOpen(Options{})
				w.fails(conn, link.ErrNoReply, c.says...)
				w.close(conn)
			})
		})
	}
	inBubble(t, func(t *testing.T, w *world) {
		d := battery(jk)
		d.Services = append(d.Services, bluez.Services(link.GATT{Services: []string{"ffd0"}, Notify: "ffd1", Write: "ffd1"})...)
		w.Add("hci0", d)
		c := w.mustOpen(Options{})
		_, err := c.Transact(t.Context(), question("a"))
		if err == nil || errors.Is(err, link.ErrNoReply) || !strings.Contains(err.Error(), "no characteristic fff1") || !strings.Contains(err.Error(), "its services: ffe0, ffd0") {
			t.Error(err)
		}
		c.Use(link.GATT{Services: []string{"ffd0"}, Notify: "ffd1"})
		_ = c.Connect(t.Context())
		c.Use(jk)
		w.ask(c, "a")
		if h := w.Held(); h.Notifying != 1 {
			t.Errorf("it still hears what it used before: %+v", h)
		}
		w.close(c)
	})
}

func TestWithoutBluetoothTheLinkDoesNotOpen(t *testing.T) {
	for name, c := range map[string]struct {
		happens func(w *world)
		adapter string
		says    string
	}{
		"off":                {func(w *world) { w.Switch("hci0", false) }, "", "bluetoothctl power on"},
		"that one is off":    {func(w *world) { w.Switch("hci0", false) }, "hci0", "bluetoothctl power on"},
		"no adapter":         {func(w *world) { w.Unplug("hci0") }, "", "no such Bluetooth adapter"},
		"another adapter":    {func(*world) {}, "hci7", "hci7, but hci0"},
		"BlueZ does not run": {func(w *world) { w.Crash() }, "", "systemctl enable --now bluetooth"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(_ *testing.T, w *world) {
				c.happens(w)
				_, err := w.open(Options{Adapter: c.adapter})
				w.failed(err, link.ErrLost, c.says)
			})
		})
	}
	_, err := Open(t.Context(), Options{Address: address, Bus: "unix:path=" + filepath.Join(t.TempDir(), "none")})
	if !errors.Is(err, link.ErrLost) || !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "host_dbus") {
		t.Error(err)
	}
}

func TestTheLossOfBluetoothIsNoticed(t *testing.T) {
	for name, c := range map[string]struct {
		happens func(w *world)
		says    string
	}{
		"off":       {func(w *world) { w.Switch("hci0", false) }, "Bluetooth of this machine is off"},
		"unplugged": {func(w *world) { w.Unplug("hci0") }, "adapter was unplugged"},
		"BlueZ":     {func(w *world) { w.Crash() }, "BlueZ"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(_ *testing.T, w *world) { // while nobody asks, not connected
				w.Add("hci0", battery(daly))
				conn := w.mustOpen(Options{})
				c.happens(w)
				<-conn.Lost()
				w.fails(conn, link.ErrLost, c.says)
				w.close(conn)
			})
			inBubble(t, func(_ *testing.T, w *world) { // while a reply is awaited
				d := battery(daly)
				d.Answer = nil
				w.Add("hci0", d)
				conn := w.mustOpen(Options{})
				time.AfterFunc(time.Second, func() { c.happens(w) })
				if _, err := conn.Transact(w.Context(), question("a")); !errors.Is(err, link.ErrLost) && !errors.Is(err, link.ErrNoReply) {
					w.Error(err) // which of the two depends on what BlueZ says first
				}
				<-conn.Lost()
				w.fails(conn, link.ErrLost, c.says)
				w.close(conn)
				w.Drop(d)
			})
			inBubble(t, func(_ *testing.T, w *world) { // while it is looked for
				d := battery(daly)
				d.Silent = true
				w.Add("hci0", d)
				conn := w.mustOpen(Options{})
				time.AfterFunc(time.Second, func() { c.happens(w) })
				start := time.Now()
				w.fails(conn, link.ErrLost, c.says)
				if took := time.Since(start); took > 2*time.Second {
					w.Errorf("noticed after %v", took)
				}
				w.close(conn)
			})
		})
	}
}

func TestADeviceThatCannotBeConnectedIsLeftAloneForAWhile(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		d := battery(daly)
		tries := 0
		d.Refuse = func(method string) error {
			if method == "Connect" {
				tries++
				return errors.New("le-connection-abort-by-local")
			}
			return nil
		}
		w.Add("hci0", d)
		c := w.mustOpen(Options{})
		for start := time.Now(); time.Since(start) < time.Hour; _ = c.Wait(t.Context(), time.Second) {
			w.fails(c, link.ErrNoReply, "too far away")
		}
		if tries < 60 || tries > 70 {
			t.Errorf("%d attempts in an hour", tries)
		}
		w.Change(d, func(d *bluez.Device) { d.Refuse = nil })
		_ = c.Wait(t.Context(), time.Minute)
		w.ask(c, "a")
		w.close(c)
	})
}

func TestALinkThatIsClosedInTheMiddleLeavesNothingBehind(t *testing.T) {
	for after := range 60 {
		inBubble(t, func(t *testing.T, w *world) {
			d := battery(daly)
			d.Answer = nil
			w.Add("hci0", d)
			c := w.mustOpen(Options{Keep: true})
			done := make(chan error)
			go func() {
				_, err := c.Transact(t.Context(), question("a"))
				done <- err
			}()
			time.Sleep(time.Duration(after) * 50 * time.Millisecond)
			closed := make(chan struct{})
			go func() { defer close(closed); w.close(c) }()
			if err := <-done; err == nil {
				t.Error("an answer that nobody gave")
			}
			<-closed
		})
	}
}

// sealed is a frame of n bytes, its length first and its checksum last: no piece of it can change places unnoticed.
func sealed(n uint64, random *rand.Rand) []byte {
	b := []byte{'!', byte(n)}
	for range n {
		b = append(b, byte(random.Uint32()))
	}
	sum := crc32.ChecksumIEEE(b)
	return append(b, byte(sum), byte(sum>>8), byte(sum>>16), byte(sum>>24))
}

func sealedFramer(b []byte, silent bool) (int, []byte, error) {
	skip := bytes.IndexByte(b, '!')
	if skip < 0 {
		return len(b), nil, nil
	}
	b = b[skip:]
	if len(b) < 2 || len(b) < int(b[1])+6 {
		if silent {
			return skip, nil, fmt.Errorf("%w: short", link.ErrFrame)
		}
		return skip, nil, nil
	}
	frame := b[:int(b[1])+6]
	sum := crc32.ChecksumIEEE(frame[:len(frame)-4])
	if !bytes.Equal(frame[len(frame)-4:], []byte{byte(sum), byte(sum >> 8), byte(sum >> 16), byte(sum >> 24)}) {
		return skip, nil, fmt.Errorf("%w: checksum", link.ErrFrame)
	}
	return skip, frame, nil
}

// A thousand times: connect, ask, release; with connections that break, pieces of any length, and pieces that are lost, doubled or swapped.
func TestAThousandConnectionsGiveNoFalseValueAndLeaveNothingBehind(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		const cycles = 1000
		random := rand.New(rand.NewPCG(7, 7))
		var expected []byte
		harm := func(p [][]byte) [][]byte { return p }
		d := &bluez.Device{Address: address, RSSI: -70, Services: bluez.Services(jk)}
		d.Answer = func([]byte) []byte {
			expected = sealed(random.Uint64N(256), random)
			return append([]byte("AT\r\n"), expected...)
		}
		d.Fragments = func(p [][]byte) [][]byte { return harm(p) }
		w.Add("hci0", d)
		c := w.mustOpen(Options{GATT: jk})
		before := w.Held()
		right, wrong := 0, map[string]int{}
		for n := range cycles {
			name := []string{"nothing", "nothing", "drop", "lose", "swap", "double", "absent", "forgotten"}[random.IntN(8)]
			w.Change(d, func(d *bluez.Device) {
				d.MTU, d.Breaks, d.Silent, d.Lost = 23+random.IntN(300), name == "drop", name == "absent", name == "forgotten"
				harm = func(p [][]byte) [][]byte { return harmed(name, p, random) }
			})
			got, err := c.Transact(t.Context(), link.Request{Bytes: []byte{1}, Frame: sealedFramer, First: 2 * time.Second, Gap: 300 * time.Millisecond})
			switch {
			case err == nil && !bytes.Equal(got, expected):
				t.Fatalf("cycle %d, %s: a false value", n, name)
			case err == nil:
				right++
			case name == "nothing", name == "forgotten", !errors.Is(err, link.ErrNoReply) && !errors.Is(err, link.ErrFrame):
				t.Errorf("cycle %d, %s: %v", n, name, err)
			default:
				wrong[name]++
			}
			time.Sleep(linger + time.Millisecond)
			synctest.Wait()
			if h := w.Held(); h != before {
				t.Fatalf("cycle %d, %s: held %+v, before %+v", n, name, h, before)
			}
			if q := c.Quality(); q.Connects+q.Failures != uint64(n)+1 {
				t.Fatalf("cycle %d: %+v", n, q)
			}
			_ = c.Wait(t.Context(), backOff(c.fails))
		}
		t.Logf("%d right, given up: %v; %+v", right, wrong, c.Quality())
		if right < cycles/3 || len(wrong) < 4 {
			t.Error("too little happened")
		}
		w.close(c)
	})
}

// harmed is what arrives of the pieces.
func harmed(how string, p [][]byte, random *rand.Rand) [][]byte {
	i := random.IntN(len(p))
	switch how {
	case "lose":
		return slices.Delete(p, i, i+1)
	case "swap":
		k := random.IntN(len(p))
		p[i], p[k] = p[k], p[i]
	case "double":
		return slices.Insert(p, i, p[i])
	}
	return p
}

func TestScan(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.Add("hci0", battery(jk))
		near := battery(daly)
		near.Address, near.Name, near.RSSI = "C8:47:8C:00:00:02", "", -40
		w.Add("hci0", near)
		asleep := battery(daly)
		asleep.Address = "C8:47:8C:00:00:03"
		w.Add("hci0", asleep)
		b := w.bus()
		found, err := scan(t.Context(), b, "", 5*time.Second)
		if err != nil || len(found) != 3 {
			t.Fatal(found, err)
		}
		w.Change(asleep, func(d *bluez.Device) { d.Silent = true }) // BlueZ still knows it
		if found, err = scan(t.Context(), b, "hci0", 5*time.Second); err != nil {
			t.Fatal(err)
		}
		want := []Advertiser{
			{Address: "C8:47:8C:00:00:02", Adapter: "hci0", RSSI: -40, Services: []string{"fff0"}},
			{Address: address, Adapter: "hci0", Name: "JK-B2A24S", RSSI: -67, Services: []string{"ffe0"}},
		}
		if fmt.Sprint(found) != fmt.Sprint(want) {
			t.Errorf("found %+v", found)
		}
		if !Fits(jk, found[1].Name, found[1].Services) || Fits(jk, found[0].Name, found[0].Services) || !Fits(daly, "", found[0].Services) || Fits(daly, "JK-1", nil) {
			t.Error("the wrong drivers fit")
		}
		synctest.Wait()
		if h := w.Held(); h.Connected+h.Scans != 0 {
			t.Errorf("only listened, and yet %+v", h)
		}
		w.Switch("hci0", false)
		if _, err := scan(t.Context(), b, "", time.Second); !errors.Is(err, link.ErrLost) || !strings.Contains(err.Error(), "power on") {
			t.Error(err)
		}
		_ = b.close()
	})
}

// TestTheSystemsBusIsASocket is the way that the program itself takes.
func TestTheSystemsBusIsASocket(t *testing.T) {
	f := bluez.New("hci0")
	defer f.Close()
	f.Add("hci0", battery(jk))
	at, err := f.Listen(filepath.Join(t.TempDir(), "bus"))
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", at)
	c, err := Open(t.Context(), Options{Address: strings.ToLower(address), Adapter: "hci0", GATT: jk})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Transact(t.Context(), question("a")); err != nil || !bytes.HasPrefix(got, []byte("a=0123")) || c.Kind() != link.BLE {
		t.Errorf("got %q, %v", got, err)
	}
	f.Close() // the bus goes down
	<-c.Lost()
	if _, err := c.Transact(t.Context(), question("a")); !errors.Is(err, link.ErrLost) || !strings.Contains(err.Error(), "D-Bus connection ended") {
		t.Error(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

func BenchmarkConnectReadRelease(b *testing.B) {
	f := bluez.New("hci0")
	defer f.Close()
	f.Add("hci0", battery(jk))
	at, err := f.Listen(filepath.Join(b.TempDir(), "bus"))
	if err != nil {
		b.Fatal(err)
	}
	c, err := Open(b.Context(), Options{Address: address, Bus: at, GATT: jk, Keep: true})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Transact(b.Context(), question("a")); err != nil {
			b.Fatal(err)
		}
	}
}
