package ble

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"sunwire/drivers"
	jkbms "sunwire/drivers/jk"
	"sunwire/drivers/link"
	"sunwire/drivers/link/ble/bluez"
)

// pack is the state of a simulated battery.
type pack map[string]float64

func (p pack) Value(_, key string) (drivers.Value, bool) {
	v, ok := p[key]
	return drivers.Num(v), ok
}

// A JK's frames have the weakest checksum of all, and a radio module that talks in between. A thousand times: connect, read, release, with
// frames that lose pieces, connections that break and frames of a stream that nobody asked for.
func TestAThousandReadingsOfAJKGiveNoFalseValue(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		const cycles = 1000
		random := rand.New(rand.NewPCG(3, 3))
		truth := pack{}
		sim := jkbms.BLE.Simulate(truth, 0)
		how := "nothing"
		d := &bluez.Device{Address: address, RSSI: -70, Services: bluez.Services(jkbms.BLE.GATT)}
		d.Answer = func(q []byte) []byte {
			said := append([]byte("AT\r\n"), sim.Answer(q)...)
			said = append(said, jkTaken...)
			if q[4] == 0x96 { // and from now on it goes on talking
				status := said[len(said)-len(jkTaken)-300 : len(said)-len(jkTaken)]
				for range random.IntN(3) {
					said = append(said, status...)
				}
			}
			return said
		}
		d.Fragments = func(p [][]byte) [][]byte { return harmed(how, p, random) }
		w.Add("hci0", d)
		c := w.mustOpen(Options{GATT: jkbms.BLE.GATT})
		before := w.Held()
		dev, err := jkbms.BLE.Open(c, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		truth.become(random)
		desc, err := dev.Describe(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		right, wrong := 0, map[string]int{}
		for n := range cycles {
			how = []string{"nothing", "nothing", "lose", "lose", "drop", "absent"}[random.IntN(6)]
			w.Change(d, func(d *bluez.Device) {
				d.MTU, d.Breaks, d.Silent = 23+random.IntN(300), how == "drop", how == "absent"
			})
			truth.become(random)
			rs, err := dev.Poll(t.Context(), desc.Queries[n%len(desc.Queries)])
			switch {
			case err == nil:
				right++
				for _, f := range rs[0].Sample {
					if want, told := truth[f.Key]; told && f.Value.Format(3) != drivers.Num(want).Format(3) {
						t.Fatalf("cycle %d, %s: %s is %s, not %v", n, how, f.Key, f.Value.Format(3), want)
					}
				}
			case how == "nothing", !errors.Is(err, link.ErrNoReply) && !errors.Is(err, link.ErrFrame):
				t.Errorf("cycle %d, %s: %v", n, how, err)
			default:
				wrong[how]++
			}
			time.Sleep(linger + time.Millisecond)
			synctest.Wait()
			if h := w.Held(); h != before {
				t.Fatalf("cycle %d, %s: held %+v, before %+v", n, how, h, before)
			}
			_ = c.Wait(t.Context(), backOff(c.fails))
		}
		t.Logf("%d right, given up: %v; %+v", right, wrong, c.Quality())
		if right < cycles/3 || len(wrong) < 3 {
			t.Error("too little happened")
		}
		w.close(c)
	})
}

var jkTaken = append([]byte{0xAA, 0x55, 0x90, 0xEB, 0xC8, 1, 1}, append(bytes.Repeat([]byte{0}, 12), 0x44)...)

// become puts the battery into another state, whose cells are what the pack is.
func (p pack) become(random *rand.Rand) {
	sum := 0.0
	for n := range 8 {
		mV := float64(3000 + random.IntN(500))
		p[fmt.Sprintf("cell_%02d_voltage", n+1)] = mV / 1000
		sum += mV
	}
	p["voltage"], p["current"] = sum/1000, float64(random.IntN(200_000)-100_000)/1000
	p["state_of_charge"] = float64(random.IntN(101))
	p["power_off_voltage"] = float64(2000+random.IntN(500)) / 1000
}
