package jk_test

import (
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"testing"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/jk"
	"sunwire/drivers/link"
)

// tap hears what goes over a cable to a simulator.
type tap struct {
	sim     link.Simulator
	written []string
	answer  func(request []byte) []byte // instead of the simulator; nil: it
}

func (*tap) Kind() link.Kind                                 { return link.Serial }
func (*tap) Close() error                                    { return nil }
func (*tap) Wait(ctx context.Context, _ time.Duration) error { return ctx.Err() }

func (c *tap) Transact(_ context.Context, r link.Request) ([]byte, error) {
	c.written = append(c.written, hex.EncodeToString(r.Bytes))
	said := c.sim.Answer(r.Bytes)
	if c.answer != nil {
		said = c.answer(r.Bytes)
	}
	if len(r.Bytes) == 0 || said == nil {
		return nil, drivers.ErrNoReply
	}
	_, frame, err := r.Frame(said, true)
	if err == nil && frame == nil {
		err = drivers.ErrNoReply
	}
	return frame, err
}

func opened(t *testing.T, d drivers.Driver, address uint16) (*tap, drivers.Controller, drivers.Descriptor) {
	t.Helper()
	c := &tap{sim: d.Simulate(nil, address)}
	dev, err := d.Open(c, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	desc, err := dev.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.written = nil
	return c, dev.(drivers.Controller), desc
}

// The frames of TTL are those of syssi/esphome-jk-bms (Apache-2.0), which are in use on firmware 10 and 11; the same with 3 as the source
// and without the directive before are in its issue 404. Those of Bluetooth are mpp-solar's (MIT), the balancer's of syssi's issue 87. Those of PB are the registers and values that basmeerman/jkbms2mqtt wrote to a
// PB2A16S20P and read back.
func TestSettingsAreWrittenAsOthersWriteThem(t *testing.T) {
	const directive = "4e570014000000000502000000000000006800000128"
	on, off, num := drivers.Bool(true), drivers.Bool(false), drivers.Num
	for _, x := range []struct {
		driver  drivers.Driver
		address uint16
		key     string
		v       drivers.Value
		want    []string
	}{
		{jk.TTL, 0, "charge_switch", on, []string{directive, "4e57001400000000020200ab010000000068000001d1"}},
		{jk.TTL, 0, "charge_switch", off, []string{directive, "4e57001400000000020200ab000000000068000001d0"}},
		{jk.TTL, 0, "discharge_switch", on, []string{directive, "4e57001400000000020200ac010000000068000001d2"}},
		{jk.TTL, 0, "discharge_switch", off, []string{directive, "4e57001400000000020200ac000000000068000001d1"}},
		{jk.BLE, 0, "charge_switch", on, []string{"aa5590eb1d04010000000000000000000000009c"}},
		{jk.BLE, 0, "charge_switch", off, []string{"aa5590eb1d04000000000000000000000000009b"}},
		{jk.BLE, 0, "discharge_switch", on, []string{"aa5590eb1e04010000000000000000000000009d"}},
		{jk.BLE, 0, "discharge_switch", off, []string{"aa5590eb1e04000000000000000000000000009c"}},
		{jk.BLE, 0, "balancer_enabled", on, []string{"aa5590eb1f04010000000000000000000000009e"}},
		{jk.PB, 1, "charge_switch", off, []string{"0110107000020400000000394b"}},
		{jk.PB, 1, "charge_switch", on, []string{"0110107000020400000001f88b"}},
		{jk.PB, 15, "discharge_switch", off, []string{"0f101074000204000000000c50"}},
		{jk.PB, 1, "balancer_enabled", off, []string{"011010780002040000000038ed"}},
		{jk.PB, 1, "cell_undervoltage_protection", num(2.581), []string{"0110100400020400000a15f8f3"}},
		{jk.PB, 1, "cell_overvoltage_protection", num(3.651), []string{"0110100c00020400000e437bab"}},
		{jk.PB, 1, "max_charge_current", num(40), []string{"0110102c00020400009c4054d2"}},
		{jk.PB, 1, "charge_overcurrent_delay", num(4), []string{"01101030000204000000043cb8"}},
		{jk.PB, 1, "charge_undertemperature_protection", num(2.5), []string{"0110105c00020400000019facc"}},
		{jk.PB, 1, "charge_undertemperature_protection", num(-10), []string{"0110105c000204ffffff9c7abb"}},
		{jk.PB, 1, "balance_start_voltage", num(3.01), []string{"0110108400020400000bc2b15d"}},
	} {
		c, d, _ := opened(t, x.driver, x.address)
		if err := d.Set(t.Context(), "", x.key, x.v); err != nil || !slices.Equal(c.written, x.want) {
			t.Errorf("%s: %s to %s is written %q, want %q: %v", x.driver.Name, x.key, x.v.Format(-1), c.written, x.want, err)
		}
	}
}

func TestWhatIsSafeAreTheSwitches(t *testing.T) {
	all := []string{"charge_switch", "discharge_switch", "balancer_enabled"}
	for _, d := range []drivers.Driver{jk.TTL, jk.PB, jk.BLE} {
		want := all
		if d.Name == "jk_ttl" {
			want = all[:2]
		}
		_, _, desc := opened(t, d, 0)
		var safe []string
		full := 0
		for _, e := range desc.Entities {
			switch {
			case e.Setting == nil:
			case e.Setting.Risk == drivers.Safe:
				safe = append(safe, e.Key)
			default:
				full++
			}
		}
		if !slices.Equal(safe, want) || (full > 0) != (d.Name == "jk_pb") {
			t.Errorf("%s: %q are safe, and %d settings are not", d.Name, safe, full)
		}
	}
}

func TestASettingIsWhereItsFrameHasIt(t *testing.T) {
	// by register: what was written and read back at that place of a PB2A16S20P
	places := map[string]uint16{
		"smart_sleep_voltage": 0x1000, "cell_undervoltage_protection": 0x1004, "cell_undervoltage_recovery": 0x1008, "cell_overvoltage_protection": 0x100C,
		"cell_overvoltage_recovery": 0x1010, "balance_trigger_voltage": 0x1014, "full_voltage": 0x1018, "empty_voltage": 0x101C, "requested_charge_voltage": 0x1020,
		"requested_float_voltage": 0x1024, "power_off_voltage": 0x1028, "max_charge_current": 0x102C, "charge_overcurrent_delay": 0x1030,
		"charge_overcurrent_recovery": 0x1034, "max_discharge_current": 0x1038, "discharge_overcurrent_delay": 0x103C, "discharge_overcurrent_recovery": 0x1040,
		"short_circuit_recovery": 0x1044, "max_balance_current": 0x1048, "charge_overtemperature_protection": 0x104C, "charge_overtemperature_recovery": 0x1050,
		"discharge_overtemperature_protection": 0x1054, "discharge_overtemperature_recovery": 0x1058, "charge_undertemperature_protection": 0x105C,
		"charge_undertemperature_recovery": 0x1060, "mosfet_overtemperature_protection": 0x1064, "mosfet_overtemperature_recovery": 0x1068,
		"charge_switch": 0x1070, "discharge_switch": 0x1074, "balancer_enabled": 0x1078, "balance_start_voltage": 0x1084,
	}
	c, d, desc := opened(t, jk.PB, 1)
	settings := 0
	for _, e := range desc.Entities {
		if e.Setting == nil {
			continue
		}
		settings++
		v := drivers.Bool(true)
		if e.Platform == drivers.Sensor {
			v = drivers.Num(e.Setting.Max)
		}
		c.written = nil
		if err := d.Set(t.Context(), "", e.Key, v); err != nil {
			t.Error(err)
			continue
		}
		b, _ := hex.DecodeString(c.written[0])
		if register := uint16(b[2])<<8 | uint16(b[3]); register != places[e.Key] {
			t.Errorf("%s is written to %#x, want %#x", e.Key, register, places[e.Key])
		}
	}
	if settings != len(places) {
		t.Errorf("%d settings, and %d places are known", settings, len(places))
	}
}

func TestAPackThatRefusesAndAnEchoAreNoAcknowledgement(t *testing.T) {
	c, d, _ := opened(t, jk.PB, 1)
	set := func() error { return d.Set(t.Context(), "", "max_discharge_current", drivers.Num(200)) }
	c.answer = func([]byte) []byte { return []byte{0x01, 0x90, 0x03, 0x0C, 0x01} }
	if err := set(); !errors.Is(err, drivers.ErrRefused) {
		t.Errorf("exception 3: %v", err)
	}
	c.answer = func([]byte) []byte { return []byte{0x02, 0x90, 0x03, 0xFC, 0x01} }
	if err := set(); err == nil || errors.Is(err, drivers.ErrRefused) {
		t.Errorf("another pack's exception: %v", err)
	}
	c.answer = func(request []byte) []byte { return request }
	if err := set(); err == nil {
		t.Error("an echo counts as an acknowledgement")
	}
}

func TestAnotherAnswerIsNoAcknowledgement(t *testing.T) {
	for _, driver := range []drivers.Driver{jk.TTL, jk.PB} {
		c, d, _ := opened(t, driver, 0)
		var others [][]byte
		c.answer = func(request []byte) []byte {
			others = append(others, c.sim.Answer(request))
			return others[len(others)-1]
		}
		if err := d.Set(t.Context(), "", "discharge_switch", drivers.Bool(false)); err != nil {
			t.Fatal(err)
		}
		if _, err := d.(drivers.Device).Describe(t.Context()); err != nil {
			t.Fatal(err)
		}
		if driver.Name == "jk_ttl" { // what another was told when it read the switch
			read, _ := hex.DecodeString("4e57001400000000030001ab0100000000680000" + "0000")
			others = append(others, driver.Reseal(read))
		}
		for _, other := range others {
			c.answer = func([]byte) []byte { return other }
			if err := d.Set(t.Context(), "", "charge_switch", drivers.Bool(false)); err == nil {
				t.Errorf("%s: %x counts as the acknowledgement of charge_switch", driver.Name, other[:min(len(other), 24)])
			}
		}
	}
}

func TestOnlyTheRadiosWordIsAnAcknowledgement(t *testing.T) {
	for answer, want := range map[string]error{
		"aa5590ebc8010100000000000000000000000044":         nil, // heard by mpp-solar
		"41540d0aaa5590ebc8010100000000000000000000000044": nil,
		"aa5590ebc8010000000000000000000000000043":         drivers.ErrRefused,
		"aa5590eb1d04000000000000000000000000009b":         drivers.ErrFrame, // an echo
		"aa5590ebc8010100000000000000000000000045":         drivers.ErrFrame,
	} {
		c, d, _ := opened(t, jk.BLE, 0)
		c.answer = func([]byte) []byte { b, _ := hex.DecodeString(answer); return b }
		if err := d.Set(t.Context(), "", "charge_switch", drivers.Bool(false)); (err == nil) != (want == nil) || errors.Is(err, drivers.ErrRefused) != errors.Is(want, drivers.ErrRefused) {
			t.Errorf("%s: %v, want %v", answer, err, want)
		}
	}
}

func TestARadioThatIsToBeGreetedIsGreetedBeforeAWrite(t *testing.T) {
	c := &tap{sim: jk.BLE.Simulate(nil, 0)}
	greeted := false // until the next answer, as on a connection that is made anew each time
	c.answer = func(request []byte) []byte {
		if was := greeted; !was && request[4] != 0x97 {
			return nil
		}
		greeted = request[4] == 0x97
		return c.sim.Answer(request)
	}
	d, err := jk.BLE.Open(c, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	desc, err := d.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range desc.Queries {
		greeted = false
		if _, err := d.Poll(t.Context(), q); err != nil {
			t.Fatal(q.Name, err)
		}
	}
	c.written, greeted = nil, false
	err = d.(drivers.Controller).Set(t.Context(), "", "charge_switch", drivers.Bool(false))
	if want := []string{"aa5590eb97000000000000000000000000000011", "aa5590eb1d04000000000000000000000000009b"}; err != nil || !slices.Equal(c.written, want) {
		t.Errorf("written %q, want %q: %v", c.written, want, err)
	}
}

func TestNothingIsWrittenWhereAnotherAsks(t *testing.T) {
	b := &bus{master: true, packs: map[byte]link.Simulator{1: jk.PB.Simulate(charge(20), 1)}}
	d, err := jk.PB.Open(b, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	desc, err := d.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := d.(drivers.Controller).Set(t.Context(), "", "charge_switch", drivers.Bool(false)); err == nil || b.asked > 0 {
		t.Errorf("%d frames are said beside the master, error %v", b.asked, err)
	}
	for _, e := range desc.Entities {
		if e.Setting != nil {
			t.Errorf("%s is offered", e.Key)
		}
	}
}
