package voltronic

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"sunwire/drivers"
	"sunwire/drivers/link"
)

func TestTheDialectIsFoundOut(t *testing.T) {
	for label, c := range map[string]struct {
		model state
		reply map[string][][]byte
	}{
		"pi30":                   {},
		"pi30max":                {model: state{"general_model": drivers.Text("047")}},
		"pi30mst":                {model: state{"model": drivers.Text("PIP-4048MST")}},
		"pi30m044":               {model: state{"model": drivers.Text("MKS2-7200"), "general_model": drivers.Text("044")}},
		"pi30m045":               {model: state{"general_model": drivers.Text("045")}},
		"pi30revo":               {},
		"pi41":                   {model: state{"protocol": drivers.Text("PI41"), "model": drivers.Text("LV5048")}},
		"pi41 by what it can do": {model: state{"model": drivers.Text("OEM-5000")}},
		"pi16":                   {},
		"pi17":                   {model: state{"protocol": drivers.Text("17")}},
		"pi17m058":               {model: state{"protocol": drivers.Text("17"), "general_model": drivers.Text("058")}},
		"pi18":                   {},
		"pi18sv":                 {},
		"pi18lvx":                {},
	} {
		name, _, _ := strings.Cut(label, " ")
		w := &cable{sim: table(name).simulate(c.model, 0), protocol: table(name), reply: c.reply}
		d, err := Voltronic.Open(w, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		desc, err := d.Describe(t.Context())
		if err != nil || desc.Variant != name || desc.Why == "" {
			t.Errorf("%s is taken for %q, because %s: %v", name, desc.Variant, desc.Why, err)
			continue
		}
		if _, err := d.Poll(t.Context(), desc.Queries[0]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheDialectOfLastTimeIsTriedFirstAndBelievedOnlyOfTheSameDevice(t *testing.T) {
	open := func(w *cable, last drivers.Descriptor) (drivers.Descriptor, error) {
		d, err := Voltronic.Open(w, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		d.(drivers.Rememberer).Remember(last)
		desc, err := d.Describe(t.Context())
		if err == nil {
			_, err = d.Poll(t.Context(), desc.Queries[0])
		}
		return desc, err
	}
	at := func(name string, model state) *cable {
		return &cable{sim: table(name).simulate(model, 0), protocol: table(name), reply: map[string][][]byte{}}
	}
	for _, p := range tables() {
		w := at(p.Name, nil)
		first, err := open(w, drivers.Descriptor{})
		questions := len(w.asked)
		if err != nil || first.Serial == "" { // REVO has none: nothing says that it is the same
			continue
		}
		was := first
		was.Variant = p.Name // where the example says so little that another was found
		for again := range 2 {
			w = at(p.Name, nil)
			w.reply[p.questions()[0].Code] = [][]byte{garbage} // half asleep
			desc, err := open(w, was)
			if err != nil || desc.Variant != p.Name || desc.Why != remembered+first.Why || again == 0 && len(w.asked) > questions+2 {
				t.Errorf("%s: %q, because %s: %v; asked %q", p.Name, desc.Variant, desc.Why, err, w.asked)
			}
			was = desc
		}
	}
	last := drivers.Descriptor{Variant: "pi30max", Serial: "92932004102443", Firmware: "00072.70", Why: "a test"}
	for label, c := range map[string]struct {
		last drivers.Descriptor
		w    *cable
		want string
	}{
		"another device":      {last, at("pi30", state{"serial_number": drivers.Text("92932004102444")}), "pi30"},
		"another firmware":    {last, at("pi30", state{"firmware_version": drivers.Text("00073.00")}), "pi30"},
		"another protocol":    {last, at("pi18", nil), "pi18"},
		"a dialect of others": {drivers.Descriptor{Variant: "pi99", Serial: "92932004102443"}, at("pi30", nil), "pi30"},
		"the same":            {last, at("pi30", nil), "pi30max"},
	} {
		if desc, err := open(c.w, c.last); err != nil || desc.Variant != c.want || strings.Contains(desc.Why, remembered) != (label == "the same") {
			t.Errorf("%s: %q, because %s: %v", label, desc.Variant, desc.Why, err)
		}
	}
	if _, err := open(&cable{sim: answers{silent: true}}, last); !errors.Is(err, drivers.ErrNoReply) {
		t.Error(err)
	}
	if _, err := open(&cable{sim: answers{}, fails: link.ErrLost}, last); !errors.Is(err, link.ErrLost) {
		t.Error(err)
	}
}

func TestATableIsMadeWhenItsDialectIsFirstUsed(t *testing.T) {
	made := 0
	d := &dialect{Name: "pi30", declare: func() Protocol { made++; return pi30() }}
	driver := d.detected()
	if driver.Config(); made != 0 {
		t.Error("the table is made before anybody asks for it")
	}
	if _, err := driver.Open(&cable{}, 0, nil); err != nil || made != 1 {
		t.Errorf("made %d times: %v", made, err)
	}
	if commands := driver.Commands(); !slices.Contains(commands, "QPIGS") || slices.Contains(commands, "QPGS") || made != 1 {
		t.Errorf("made %d times: %q", made, commands)
	}
}

func TestAnUnknownInverterIsNotTakenForAnother(t *testing.T) {
	w := &cable{sim: answers{plain: map[string]string{"QPI": "PI35"}}}
	d, _ := Voltronic.Open(w, 0, nil)
	if _, err := d.Describe(t.Context()); !errors.Is(err, drivers.ErrFrame) || !strings.Contains(err.Error(), "QPI: PI35") {
		t.Error(err)
	}
	w = &cable{sim: answers{silent: true}}
	d, _ = Voltronic.Open(w, 0, nil)
	if _, err := d.Describe(t.Context()); !errors.Is(err, drivers.ErrNoReply) {
		t.Error(err)
	}
	w.fails = link.ErrLost
	if _, err := d.Describe(t.Context()); !errors.Is(err, link.ErrLost) {
		t.Error(err)
	}
	if _, err := d.Poll(t.Context(), drivers.Query{Name: "QPIGS"}); err == nil {
		t.Error("polled before it is known what it speaks")
	}
}

func TestEveryDialectReadsItsReplyThroughTheOneDriver(t *testing.T) {
	for _, p := range tables() {
		replies, _, _ := captures(t, p)
		for _, c := range replies {
			if decoded, err := Voltronic.Decode(c.command, c.reply); c.means != nil && err != nil {
				t.Errorf("%s %s: %v, %v", p.Name, c.command, decoded, err)
			}
		}
	}
}

func TestASumInPlaceOfAChecksumIsTakenWhereTheTableSaysSo(t *testing.T) {
	summed := func(body string) []byte { b := []byte("(" + body); return append(b, sum(b), '\r') }
	settings := summed("000100 56.0 54.0 44.0 42.0 030 010 2018 06 01 20 00 00 00") // a capture; the sum of one byte can be anything
	decoded, err := PI30REVO.Decode("PQSE", settings)
	if err != nil || strings.Join(lines(decoded, false), " ") != "language=English output_source_priority=Utility first input_voltage_range=Wide "+
		"set_output_voltage=230 V set_output_frequency=50 Hz battery_type=Lead acid bulk_voltage=56.0 float_voltage=54.0 battery_low_voltage=44.0 "+
		"battery_cut_off_voltage=42.0 max_charge_current=30 max_grid_charge_current=10 field_7=2018 field_8=6 field_9=1 field_10=20 field_11=0 "+
		"buzzer=ON grid_connected=OFF battery_full_recovery_voltage=" { // shorter than it should be
		t.Errorf("%v, %v", lines(decoded, false), err)
	}
	for _, c := range []struct {
		d       drivers.Driver
		command string
	}{{PI30REVO, "QLITH0"}, {PI30REVO, "QPIRI"}, {PI30, "QPIRI"}} {
		p := table(c.d.Name)
		cmd, _ := p.find(c.command)
		if _, err := c.d.Decode(c.command, summed(cmd.Example)); !errors.Is(err, drivers.ErrFrame) {
			t.Errorf("%s %s takes a sum", c.d.Name, c.command)
		}
	}
	for s := range 256 { // the sum goes round, and may be any byte
		body := []byte("PSET 1" + string(rune('0'+s%10)) + strings.Repeat("~", s/10))
		c, _ := dialect30REVO.table().find(string(body))
		if request := dialect30REVO.table().Wire.request(c, string(body)); len(request) != len(body)+1 || request[len(body)] != sum(body) {
			t.Fatalf("%q", request)
		}
	}
}
