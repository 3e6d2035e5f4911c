package voltronic

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/link"
)

// cable is a wire to a simulated inverter. reply stands in for what the inverter says to a command, once each.
type cable struct {
	protocol *Protocol // nil: one that begins with (
	sim      link.Simulator
	reply    map[string][][]byte
	asked    []string
	fails    error
}

func (w *cable) Kind() link.Kind                           { return link.Serial }
func (w *cable) Wait(context.Context, time.Duration) error { return nil }
func (w *cable) Close() error                              { return nil }

func (w *cable) Transact(_ context.Context, r link.Request) ([]byte, error) {
	content, _ := unseal(r.Bytes)
	command := string(content)
	if w.protocol != nil {
		c, arg, _ := w.protocol.asked(r.Bytes)
		if command = arg; c != nil {
			command = c.Code + arg
		}
	}
	w.asked = append(w.asked, command)
	reply := w.sim.Answer(r.Bytes)
	if instead := w.reply[command]; len(instead) > 0 {
		reply, w.reply[command] = instead[0], instead[1:]
	}
	switch {
	case w.fails != nil && command != "QID":
		return nil, w.fails
	case reply == nil:
		return nil, link.ErrNoReply
	}
	_, frame, err := r.Frame(reply, true)
	return frame, err
}

func tables() (ps []*Protocol) {
	for _, d := range dialects {
		ps = append(ps, d.table())
	}
	return ps
}

func declared(name string) Protocol {
	for _, d := range dialects {
		if d.Name == name {
			return d.declare()
		}
	}
	return Protocol{}
}

func table(name string) *Protocol {
	for _, p := range tables() {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// state is a model by key.
type state map[string]drivers.Value

func (s state) Value(unit, key string) (drivers.Value, bool) { v, ok := s[unit+key]; return v, ok }

func inverter(t *testing.T, model drivers.Model, replies map[string][][]byte) (drivers.Device, *cable) {
	t.Helper()
	w := &cable{sim: PI30.Simulate(model, 0), reply: replies}
	d, err := PI30.Open(w, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d, w
}

func polled(t *testing.T, d drivers.Device, query string) drivers.Sample {
	t.Helper()
	readings, err := d.Poll(t.Context(), drivers.Query{Name: query})
	if err != nil || len(readings) != 1 {
		t.Fatalf("%s: %v, %v", query, readings, err)
	}
	return readings[0].Sample
}

var (
	nak     = sealed("NAK")
	garbage = []byte("\x00\xff(2\r")
)

func TestDescribeAsksForTheSerialNumberEachTimeAndForTheRestOnce(t *testing.T) {
	d, w := inverter(t, nil, map[string][][]byte{"QMN": {garbage}})
	for i, want := range []struct {
		asked []string
		model string
	}{
		{[]string{"QID", "QMN", "QVFW", "QPGS0"}, ""}, // the model merely failed
		{[]string{"QID", "QMN"}, "MKS2-5000"},
		{[]string{"QID"}, "MKS2-5000"},
	} {
		w.asked = nil
		desc, err := d.Describe(t.Context())
		if err != nil || desc.Serial != "92932004102443" || desc.Model != want.model || desc.Firmware != "00072.70" || desc.Manufacturer != "Voltronic" {
			t.Errorf("%d: %+v, %v", i, desc, err)
		}
		if !slices.Equal(w.asked, want.asked) {
			t.Errorf("%d: asked %v, want %v", i, w.asked, want.asked)
		}
	}
}

func TestAFailedIdentityIsNotAMissingSerialNumber(t *testing.T) {
	d, _ := inverter(t, nil, map[string][][]byte{"QID": {garbage, nak, nak}})
	if _, err := d.Describe(t.Context()); !errors.Is(err, drivers.ErrFrame) {
		t.Errorf("garbage in place of a serial number: %v", err)
	}
	if desc, err := d.Describe(t.Context()); err != nil || desc.Serial != "" {
		t.Errorf("an inverter without a serial number: %q, %v", desc.Serial, err)
	}
	d, w := inverter(t, nil, nil)
	for _, w.fails = range []error{link.ErrLost, context.Canceled} {
		if _, err := d.Describe(t.Context()); !errors.Is(err, w.fails) {
			t.Errorf("%v came out as %v", w.fails, err)
		}
	}
}

func TestANakIsBelievedOnlyTwice(t *testing.T) {
	d, w := inverter(t, nil, map[string][][]byte{"QMOD": {nak}, "QBMS": {nak, nak}})
	if v, _ := polled(t, d, "QMOD").Get("mode").Text(); v != "Battery" || len(w.asked) != 2 {
		t.Errorf("%q after %v", v, w.asked)
	}
	if _, err := d.Poll(t.Context(), drivers.Query{Name: "QBMS"}); !errors.Is(err, drivers.ErrUnsupported) {
		t.Error(err)
	}
}

func TestALateReplyIsPassedOver(t *testing.T) {
	late := sealed("230.0 21.7 230.0 50.0 21.7 5000 5000 48.0")
	own := sealed(dialect30.table().Commands[0].Example)
	d, _ := inverter(t, nil, map[string][][]byte{"QPIGS": {slices.Concat(late, sealed("ACK"), own), late, sealed("ACK")}})
	if v, _ := polled(t, d, "QPIGS").Get("output_power").Float(); v != 552 {
		t.Error(v)
	}
	for range 2 {
		if r, err := d.Poll(t.Context(), drivers.Query{Name: "QPIGS"}); !errors.Is(err, drivers.ErrFrame) {
			t.Errorf("%v, %v", r, err)
		}
	}
}

func TestOnlyWhatIsDeclaredIsPublished(t *testing.T) {
	odd := sealed("00000 00000 07 01 00 059 045 053 068 00 07 000 0040 0580 0000 50.00 77")
	d, _ := inverter(t, nil, map[string][][]byte{"Q1": {odd}})
	s := polled(t, d, "Q1")
	for _, key := range []string{"scc_connected", "fan_locked", "field_9"} {
		if v := s.Get(key); !v.Absent() {
			t.Errorf("%s is %v", key, v)
		}
	}
	if v, _ := s.Get("charge_stage").Text(); v != "unknown (77)" {
		t.Error(v)
	}
}

func TestWarningsAreToldInPlainWords(t *testing.T) {
	for body, want := range map[string]string{
		strings.Repeat("0", 32):                          "OFF No warnings",
		"00000100000000001000000000000000":               "ON Grid lost, Overload",
		"10000100000000000000000000000000":               "OFF PV lost, Grid lost", // every night, in a house without grid
		"10000000000001000000000000000000" + "0001":      "OFF PV lost, unknown warning 13, unknown warning 35",
		"00000000000000000000000000000000" + "0000" + "": "OFF No warnings",
	} {
		d, _ := inverter(t, nil, map[string][][]byte{"QPIWS": {sealed(body)}})
		s := polled(t, d, "QPIWS")
		if got := s.Get("problem").Format(0) + " " + s.Get("warnings").Format(0); got != want {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
	d, _ := inverter(t, nil, map[string][][]byte{"QPIWS": {sealed(strings.Repeat("1", 32))}})
	all, _ := polled(t, d, "QPIWS").Get("warnings").Text()
	if len(all) > 255 || !strings.HasPrefix(all, "PV lost, Inverter fault, ") || !strings.HasSuffix(all, " more") {
		t.Errorf("%d characters: %s", len(all), all)
	}
	var rest int
	if _, err := fmt.Sscanf(all[strings.Index(all, " ... "):], " ... and %d more", &rest); err != nil || strings.Count(all, ",")+1+rest != 32 {
		t.Errorf("%d more, after %s: %v", rest, all, err)
	}
}

func TestRawCommandsAreFramedAndChecked(t *testing.T) {
	d, w := inverter(t, nil, map[string][][]byte{"QXYZ": {sealed("12 34")}, "QMOD": {garbage}})
	for command, want := range map[string]string{"QXYZ": "12 34", "POP02": "ACK", "QVOLT": "NAK", "QPI": "PI30"} {
		if got, err := d.(drivers.Commander).Command(t.Context(), command); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", command, got, err)
		}
	}
	if got, err := d.(drivers.Commander).Command(t.Context(), "QMOD"); !errors.Is(err, drivers.ErrFrame) || got != nil {
		t.Errorf("%q, %v", got, err)
	}
	w.asked = nil
	for _, command := range []string{"", "QPI\r", "(ACK", "POP 02", "é"} {
		if _, err := d.(drivers.Commander).Command(t.Context(), command); err == nil || w.asked != nil {
			t.Errorf("%q was sent", command)
		}
	}
}

func TestOpenRefusesWhatItCannotUse(t *testing.T) {
	if _, err := PI30.Open(&cable{}, 3, nil); err == nil {
		t.Error("an address is ignored")
	}
	if _, err := PI30.Open(struct{ link.Conn }{&cable{}}, 0, nil); err == nil {
		t.Error("a link without Transact is taken")
	}
}

func TestTheSimulatorAnswersLikeAnInverter(t *testing.T) {
	sim := PI30.Simulate(state{
		"grid_voltage": drivers.Num(231.26), "pv_power": drivers.Num(1234.4), "mode": drivers.Text("Line"), "heatsink_temperature": drivers.Num(-12),
		"bms_bulk_voltage": drivers.Num(56.4), "output_power": drivers.Text("nonsense"),
		"grid_frequency": drivers.Num(12345), "max_charge_current_options": drivers.Text("10, 20, 30, 120"),
		"buzzer": drivers.Bool(false), "problem": drivers.Bool(true), "unit_2battery_voltage": drivers.Num(51),
	}, 0)
	for command, want := range map[string]string{
		"QPIGS":    "231.3 50.0 230.1 50.0 0575 0552 011 378 52.40 007 076 -012 03.9 245.8 52.45 00000 00010110 00 00 01234 010",
		"QMOD":     "L",
		"QBMS":     "0 076 0 0 0 564 540 450 0100 0100",
		"QFLAG":    "EkxyDabjuvz",
		"QPIWS":    "01000000000000000000000000000000",
		"QMCHGCR":  "010 020 030 120",
		"QPGS2":    strings.Replace(dialect30.table().Commands[18].Example, " 52.4 ", " 51.0 ", 1),
		"PBFT54.0": "ACK", "PF": "ACK", "PBFT5": "NAK", "QPGS": "NAK", "QZ": "NAK",
	} {
		if got := sim.Answer(seal([]byte(command))); !bytes.Equal(got, sealed(want)) {
			t.Errorf("%s: %q, want %q", command, got, want)
		}
	}
	bad := seal([]byte("QPIGS"))
	bad[5]++
	if got := sim.Answer(bad); got != nil {
		t.Errorf("a damaged request is answered: %q", got)
	}
	if sim.Push() != nil {
		t.Error("an inverter does not speak unasked")
	}
}

func FuzzFramer(f *testing.F) {
	p := compile(pi30())
	for _, c := range captured(f) {
		f.Add(c.command, slices.Concat([]byte("\x00("), c.reply), []byte("x"))
	}
	f.Fuzz(func(t *testing.T, command string, before, after []byte) {
		c, _ := p.find(command)
		b := slices.Concat(before, after)
		for _, silent := range []bool{false, true} {
			skip, frame, err := wire{}.framer(c, nil)(b, silent)
			switch {
			case skip < 0 || skip > len(b), frame != nil && err != nil, silent && frame == nil && err == nil && skip == 0: // what was skipped is asked about again
				t.Fatalf("%q: %d, %q, %v", b, skip, frame, err)
			case err != nil && (!silent || !errors.Is(err, link.ErrFrame)):
				t.Fatalf("%q: %v", b, err)
			case frame != nil:
				if body, ok := (wire{}).opened(c, frame, false); !ok || !c.takes(body) || !bytes.HasPrefix(b[skip:], frame) {
					t.Fatalf("%q gives %q", b, frame)
				}
			}
		}
	})
}
