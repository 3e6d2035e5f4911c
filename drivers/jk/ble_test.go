package jk_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/drivertest"
	"sunwire/drivers/jk"
	"sunwire/drivers/link"
)

func TestConformanceOfBluetooth(t *testing.T) { drivertest.Run(t, jk.BLE, drivertest.Facts{}) }

func TestConformanceOfJK02For24Cells(t *testing.T) { drivertest.Run(t, narrow(t), drivertest.Facts{}) }

func TestConformanceOfJK04(t *testing.T) { drivertest.Run(t, float(t), drivertest.Facts{}) }

func FuzzDecodeBluetooth(f *testing.F) { drivertest.Fuzz(f, jk.BLE) }

func TestCapturesOfBluetooth(t *testing.T) {
	drivertest.Captures(t, jk.BLE, 55, 577, 3, map[string]string{
		"jk_legacy_8s_fw_pre11 state_of_charge":             "the source divides the capacities; the device says whole percent",
		"jk_syssi_ble_16s_jk02_24s_frame state_of_charge":   "the source divides the capacities; the device says whole percent",
		"test_oversized_response[JK02_24S] heating":         "older boards say that they heat at 28 °C",
		"test_problem_response[JK02_24S-first_bit] heating": "the same",
		"jk_bms_ble_jk04/CELL_INFO_JK04 voltage":            "the source adds up the cells; the device does not say it",
	})
}

// Some of these boards say 1 where newer ones say that they heat, at 28 °C; one has three cells and knows no health.
func TestAnOlderBoardIsNotSaidToHeatNorToBeWornOut(t *testing.T) {
	seen := 0
	for id, frame := range captured(t) {
		if !strings.HasPrefix(id, "mpp-solar/jk02/getCellData/") {
			continue
		}
		reply, _ := hex.DecodeString(frame)
		decoded, err := jk.BLE.Decode("status", reply)
		if err != nil {
			continue // a frame of another type
		}
		for _, d := range decoded {
			if n, ok := d.Value.Float(); d.Entity.Key == "heating" || d.Entity.Key == "state_of_health" && ok && n == 0 {
				t.Errorf("%s: %s is %s", id, d.Entity.Key, d.Value.Format(-1))
			}
		}
		seen++
	}
	if seen < 3 {
		t.Errorf("%d frames", seen)
	}
}

func TestAPlaceWithoutACellAmongOthersHasNoVoltage(t *testing.T) {
	frame, _ := hex.DecodeString(captured(t)["mpp-solar/jk02/getCellData/0"])
	clear(frame[6+2*2 : 6+2*3])
	frame[54] &^= 1 << 2
	decoded, err := jk.BLE.Decode("status", jk.BLE.Reseal(frame))
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range decoded {
		if d.Entity.Key == "cell_03_voltage" && d.Entity.Plausible(d.Value) {
			t.Errorf("the third is said to have %s V", d.Value.Format(3))
		}
	}
}

// captured are published frames by their id, in hexadecimal.
func captured(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../testdata/captures/jk_ble.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []struct{ ID, Reply string }
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	frames := map[string]string{}
	for _, c := range all {
		frames[c.ID] = c.Reply
	}
	return frames
}

func narrow(t *testing.T) drivers.Driver {
	f := captured(t)
	return jk.Dialect("jk02", map[string]string{
		"info": f["jk_bms_ble_jk02_24s_v10/DEVICE_INFO_JK02_24S_V10"], "settings": f["jk_legacy_8s_fw_pre11 settings"],
		"status": f["jk_bms_ble_jk02_24s_v10/CELL_INFO_JK02_24S_V10"],
	})
}

func float(t *testing.T) drivers.Driver {
	f := captured(t)
	return jk.Dialect("jk04", map[string]string{
		"info": f["jk_bms_ble_jk04/DEVICE_INFO_JK04"], "settings": f["jk_bms_ble_jk04_b5a24s/SETTINGS_JK04_B5A24S"],
		"status": f["jk_bms_ble_jk04_b5a24s/CELL_INFO_JK04_B5A24S"],
	})
}

// radio is a Bluetooth device at the other end of a link on which nothing takes time.
type radio struct {
	answer func(request []byte) []byte
	asked  string // the commands, in order
}

func (*radio) Kind() link.Kind                                 { return link.BLE }
func (*radio) Close() error                                    { return nil }
func (*radio) Wait(ctx context.Context, _ time.Duration) error { return ctx.Err() }

func (r *radio) Transact(_ context.Context, q link.Request) ([]byte, error) {
	r.asked += hex.EncodeToString(q.Bytes[4:5]) + " "
	for b := r.answer(q.Bytes); len(b) > 0; {
		skip, frame, err := q.Frame(b, false)
		if frame != nil || err != nil {
			return bytes.Clone(frame), err
		}
		if skip == 0 {
			_, frame, err := q.Frame(b, true)
			return bytes.Clone(frame), err
		}
		b = b[skip:]
	}
	return nil, drivers.ErrNoReply
}

// chatty is what a device says around its frames: its radio's own word before, and that a command was taken after.
func chatty(sim link.Simulator) func([]byte) []byte {
	taken, _ := hex.DecodeString("aa5590ebc8010100000000000000000000000044")
	return func(q []byte) []byte {
		return append(append([]byte("AT\r\n"), sim.Answer(q)...), taken...)
	}
}

func TestTheFramesTellWhichLayoutTheyHave(t *testing.T) {
	for name, d := range map[string]drivers.Driver{"jk02_32": jk.BLE, "jk02": narrow(t), "jk04": float(t)} {
		dev, err := jk.BLE.Open(&radio{answer: chatty(d.Simulate(nil, 0))}, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		desc, err := dev.Describe(t.Context())
		if err != nil || desc.Variant != name || !strings.Contains(desc.Why, desc.Firmware) || desc.Firmware == "" {
			t.Errorf("%s is taken for %q, because %s: %v", name, desc.Variant, desc.Why, err)
		}
		for _, q := range desc.Queries {
			rs, err := dev.Poll(t.Context(), q)
			if err != nil || len(rs[0].Sample) != len(q.Keys) {
				t.Errorf("%s: %s: %v, %v", name, q.Name, rs, err)
			}
		}
	}
}

// Somebody changed the firmware, or swapped the battery behind the same address: what is known of the layout is worth nothing.
func TestAFrameOfAnotherLayoutIsNotRead(t *testing.T) {
	all := map[string]drivers.Driver{"jk02_32": jk.BLE, "jk02": narrow(t), "jk04": float(t)}
	for was, before := range all {
		for is, now := range all {
			r := &radio{answer: chatty(before.Simulate(nil, 0))}
			dev, _ := jk.BLE.Open(r, 0, nil)
			desc, err := dev.Describe(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			r.answer = chatty(now.Simulate(nil, 0))
			for _, q := range desc.Queries {
				alike := is == was || q.Name == "settings" && is != "jk04" && was != "jk04"
				if rs, err := dev.Poll(t.Context(), q); alike != (err == nil) || !alike && !errors.Is(err, drivers.ErrFrame) {
					t.Errorf("%s for %s: %s: %v, %v", is, was, q.Name, rs, err)
				}
			}
			if desc, err = dev.Describe(t.Context()); err != nil || desc.Variant != is {
				t.Errorf("%s for %s: afterwards it is taken for %q: %v", is, was, desc.Variant, err)
			}
			r.answer = func([]byte) []byte { return nil }
			if _, err := dev.Poll(t.Context(), desc.Queries[0]); !errors.Is(err, drivers.ErrNoReply) {
				t.Errorf("silence: %v", err)
			}
		}
	}
}

func TestAFrameThatNoLayoutFitsIsNobodys(t *testing.T) {
	for what, spoil := range map[string]func(status []byte){
		"there are cells, and none is fitted": func(b []byte) { b[70] = 0 },
		"no cell is fitted":                   func(b []byte) { b[70] = 0; clear(b[6:22]) },
		"a cell is fitted where none can be":  func(b []byte) { b[6+2*20] = 1 },
	} {
		sim := jk.BLE.Simulate(nil, 0)
		r := &radio{answer: func(q []byte) []byte {
			b := sim.Answer(q)
			if len(b) == 600 {
				spoil(b[300:])
				copy(b[300:], jk.BLE.Reseal(b[300:]))
			}
			return b
		}}
		dev, _ := jk.BLE.Open(r, 0, nil)
		if desc, err := dev.Describe(t.Context()); !errors.Is(err, drivers.ErrFrame) || !strings.Contains(err.Error(), "show us") {
			t.Errorf("%s: %d entities, %v", what, len(desc.Entities), err)
		}
	}
}

// Newer firmware says nothing of its cells on a connection on which it was not asked who it is.
func TestADeviceThatWantsToBeGreetedIsGreetedEachTime(t *testing.T) {
	sim := jk.BLE.Simulate(nil, 0)
	greeted := false
	r := &radio{}
	r.answer = func(q []byte) []byte {
		b := sim.Answer(q)
		if q[4] == 0x97 {
			greeted = true
		} else if !greeted {
			b = b[:300] // settings only
		}
		return b
	}
	dev, _ := jk.BLE.Open(r, 0, nil)
	desc, err := dev.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	status := desc.Queries[1]
	for range 3 {
		greeted, r.asked = false, "" // a connection of its own
		if _, err := dev.Poll(t.Context(), status); err != nil {
			t.Error(err)
		}
	}
	if r.asked != "97 96 " {
		t.Errorf("it was asked %s", r.asked)
	}
}

// A notification that is lost leaves a frame that goes on with the next one's beginning. The sum of bytes is right once in 256 times.
func TestAFrameEndsWhereTheNextBegins(t *testing.T) {
	cells, _ := hex.DecodeString("aa5590eb96000000000000000000000000000010")
	broken := jk.BLE.Simulate(charge(20), 0).Answer(cells)[300:580] // 20 bytes are missing
	said := append(bytes.Clone(broken), jk.BLE.Simulate(charge(70), 0).Answer(cells)[300:]...)
	sum := 0
	for _, x := range said[:299] {
		sum += int(x)
	}
	said[250] += said[299] - byte(sum)
	sim := jk.BLE.Simulate(nil, 0)
	r := &radio{answer: sim.Answer}
	dev, _ := jk.BLE.Open(r, 0, nil)
	desc, err := dev.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r.answer = func([]byte) []byte { return said }
	rs, err := dev.Poll(t.Context(), desc.Queries[1])
	if err != nil {
		t.Fatal(err)
	}
	if soc, _ := rs[0].Sample.Get("state_of_charge").Float(); soc != 70 {
		t.Errorf("state of charge is %v", soc)
	}
	if _, err := jk.BLE.Decode("status", said[:300]); !errors.Is(err, drivers.ErrFrame) {
		t.Errorf("the broken frame: %v", err)
	}
}

func TestDecodeTakesTheCommandsOfMppSolar(t *testing.T) {
	f := captured(t)
	for name, commands := range map[string][]string{
		"jk02":    {"getCellData/0", "getInfo/0", "setBalanceStart/0", "setCellOVP/0", "setChargingOff/0", "setChargingOn/0", "setDischargingOff/0", "setDischargingOn/0"},
		"jk02_32": {"getCellData/0", "getInfo/0", "setCellOVP/0"},
		"jkv11":   {"getCellData/0", "getInfo/0", "setCellOVP/0"},
		"jk04":    {"getCellData/0", "getInfo/0"},
	} {
		if !slices.Contains(jk.BLE.Aliases, name) {
			t.Errorf("jk_ble is not called %s", name)
		}
		for _, c := range commands {
			reply, err := hex.DecodeString(f["mpp-solar/"+name+"/"+c])
			if err != nil || len(reply) == 0 {
				t.Fatalf("%s/%s: no capture: %v", name, c, err)
			}
			command, _, _ := strings.Cut(c, "/")
			if got, err := jk.BLE.Decode(command, reply); err != nil || len(got) == 0 {
				t.Errorf("%s %s: %d fields, %v", name, command, len(got), err)
			}
		}
	}
	for name, d := range map[string]drivers.Driver{"jkpb": jk.PB, "jkserial": jk.TTL, "jk485": jk.Balancer} {
		if !slices.Contains(d.Aliases, name) {
			t.Errorf("%s is not called %s", d.Name, name)
		}
	}
}
