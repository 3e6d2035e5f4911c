package voltronic

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sunwire/drivers"
	"sunwire/drivers/link"
)

// threeUnits is a parallel system; the inverter at the port is its first.
type threeUnits struct{}

func (threeUnits) Value(unit, key string) (drivers.Value, bool) {
	serials := map[string]string{"unit_0": "92932004102443", "unit_1": "92932004102444", "unit_2": "92932004102445"}
	switch key {
	case "unit_present":
		return drivers.Bool(serials[unit] != ""), true
	case "serial_number":
		if s := serials[unit]; s != "" {
			return drivers.Text(s), true
		}
	case "output_mode":
		return drivers.Text("Parallel"), true
	case "output_power":
		return drivers.Num(map[string]float64{"unit_0": 500, "unit_1": 600, "unit_2": 700}[unit]), unit != ""
	case "total_output_power":
		return drivers.Num(1800), true
	}
	return drivers.Value{}, false
}

func TestUnitsStandUnderTheInverterAtThePortWithTheSumsOfAll(t *testing.T) {
	d, w := wired(t, table("pi30"), threeUnits{})
	w.reply["QPGS4"] = [][]byte{nak, nak}
	desc, err := d.Describe(t.Context())
	if err != nil || len(desc.Units) != 2 || desc.Units[0].Serial != "92932004102444" || desc.Units[1].Unit != "unit_2" {
		t.Fatalf("%+v, %v", desc.Units, err)
	}
	round := func() (sums drivers.Sample, units []float64, failed int) {
		t.Helper()
		for _, u := range desc.Units {
			for _, q := range u.Queries {
				readings, err := d.Poll(t.Context(), q)
				if err != nil {
					failed++
					continue
				}
				if len(readings) != 1 || readings[0].Unit != u.Unit {
					t.Fatalf("%s: %+v", q.Name, readings)
				}
				for _, f := range readings[0].Sample {
					if !slices.Contains(q.Keys, f.Key) {
						t.Errorf("%s of %s is not declared", f.Key, u.Unit)
					}
				}
				n, _ := readings[0].Sample.Get("output_power").Float()
				units = append(units, n)
			}
		}
		readings, err := d.Poll(t.Context(), desc.Queries[len(desc.Queries)-1])
		if err != nil || len(readings) != 1 || readings[0].Unit != "" {
			t.Fatalf("%+v, %v", readings, err)
		}
		return readings[0].Sample, units, failed
	}
	sums, units, failed := round()
	if total, _ := sums.Get("total_output_power").Float(); total != 1800 || failed != 0 || !slices.Equal(units, []float64{600, 700}) {
		t.Errorf("%v, %v, %d failed", sums, units, failed)
	}
	for what, away := range map[string][]byte{"silent": nil, "not there": w.sim.Answer(seal([]byte("QPGS7")))} {
		w.reply["QPGS1"] = [][]byte{away}
		sums, units, failed = round()
		if v := sums.Get("total_output_power"); !v.Absent() || failed != 1 || !slices.Equal(units, []float64{700}) {
			t.Errorf("while one is %s: %v, %v, %d failed", what, sums, units, failed)
		}
		if n, _ := sums.Get("parallel_units").Float(); n != 2 {
			t.Errorf("while one is %s, %v answer", what, n)
		}
	}
	if again, err := d.Describe(t.Context()); err != nil || len(again.Units) != 2 {
		t.Errorf("a unit that was silent is forgotten: %v, %v", again.Units, err)
	}
	if sums, units, _ = round(); len(units) != 2 || sums.Get("total_output_power").Absent() {
		t.Errorf("after its return: %v, %v", sums, units)
	}
}

func TestASettingOfAUnitIsSentToThatUnit(t *testing.T) {
	d, w := wired(t, table("pi30"), threeUnits{})
	desc := settled(t, d)
	for _, u := range desc.Units {
		for _, q := range u.Queries {
			if _, err := d.Poll(t.Context(), q); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.asked = nil
	if err := d.Set(t.Context(), "unit_2", "max_charge_current", drivers.Num(20)); err != nil {
		t.Fatal(err)
	}
	readings, err := d.Poll(t.Context(), drivers.Query{Name: "QPGS2"})
	if v, _ := readings[0].Sample.Get("max_charge_current").Float(); err != nil || v != 20 || w.asked[0] != "MCHGC220" {
		t.Errorf("%v, %v, %v", w.asked, v, err)
	}
}

func TestASingleInverterIsNoSystem(t *testing.T) {
	for _, p := range tables() {
		d, w := wired(t, p, nil)
		for range 2 {
			if desc, err := d.Describe(t.Context()); err != nil || len(desc.Units) > 0 {
				t.Errorf("%s: %v, %v", p.Name, desc.Units, err)
			}
		}
		if n := slices.Index(w.asked, "QPGS1"); n >= 0 {
			t.Errorf("%s: asked %v", p.Name, w.asked)
		}
	}
}

func TestPVPowerIsTheSumOfTheInputsThatThereAre(t *testing.T) {
	model := state{"pv1_power": drivers.Num(1000), "pv2_power": drivers.Num(500)}
	d, w := wired(t, table("pi30max"), model)
	sum := func(query string) drivers.Value {
		r, err := d.Poll(t.Context(), drivers.Query{Name: query})
		if err != nil {
			return drivers.Text(err.Error())
		}
		return r[0].Sample.Get("pv_power")
	}
	if first, both := sum("QPIGS"), sum("QPIGS2"); !first.Absent() || both != drivers.Num(1500) {
		t.Errorf("%v, then %v", first, both)
	}
	w.reply["QPIGS"] = [][]byte{garbage}
	if _ = sum("QPIGS"); !sum("QPIGS2").Absent() {
		t.Error("a sum with an input that was not read")
	}
	w.reply["QPIGS2"] = [][]byte{nak, nak}
	if _ = sum("QPIGS2"); sum("QPIGS") != drivers.Num(1000) {
		t.Error("an inverter with one input has no PV power")
	}
}

func TestPVPowerIsEstimatedOnlyWhereItIsNotMeasuredAndOfTheRightVoltage(t *testing.T) {
	const old = "000.0 00.0 230.0 49.9 0161 0119 003 460 57.50 012 100 0069 0014 103.8 57.45 00000 00110110"
	for _, c := range []struct{ dialect, query, reply, measured, want string }{
		{"pi30", "QPIGS", old, "", "804"}, // where 14 A are at 57.45 V, as what the same inverter measures says
		{"pi30", "QPIGS", old + " 00 00 00856 010", "856", ""},
		{"pi30", "QPIGS", strings.Replace(old, "57.45", "00.00", 1), "", ""},
		{"pi30", "QPIGS", strings.Replace(old, "57.45", "90.00", 1), "", ""}, // no voltage that can be believed
		{"pi30", "QPIGS", strings.Replace(old, "0014 103.8 57.45", "0000 000.0 00.00", 1), "", "0"},
		{"pi30max", "QPIGS", old + " 00 00 00856 010", "", ""}, // the first of two inputs
		{"pi30", "QPGS1", "1 92931701100510 B 00 000.0 00.00 230.6 50.00 0275 0141 005 51.4 001 100 083.3 002 00574 00312 003 10100110 1 2 060 120 010 04 000", "", "206"},
		{"pi30", "QPGS1", "1 92931701100510 B 00 000.0 00.00 230.0 50.00 0989 0907 012 53.2 009 090 349.8 009 00989 00907 011 10100110 1 1 100 120 030 02 000 275.3 02", "", ""},
		{"pi30max", "QPGS1", "1 92931701100510 B 00 000.0 00.00 230.0 50.00 0989 0907 012 53.2 009 090 349.8 009 00989 00907 011 10100110 1 1 100 120 030 02 000 275.3 02", "", "1250"},
		{"pi30mst", "QPGS1", "1 92931701100510 B 00 000.0 00.00 230.0 50.00 0989 0907 012 53.2 009 090 349.8 009 00989 00907 011 10100110 1 1 100 120 030 02 000 275.3 02", "", ""},
	} {
		d, w := wired(t, table(c.dialect), threeUnits{})
		settled(t, d)
		w.reply[c.query] = [][]byte{sealed(c.reply)}
		r, err := d.Poll(t.Context(), drivers.Query{Name: c.query})
		if err != nil {
			t.Fatal(err)
		}
		if got, is := r[0].Sample.Get("pv_power_estimate").Format(0), r[0].Sample.Get("pv_power").Format(0); got != c.want || is != c.measured {
			t.Errorf("%s %s %s: estimated %q, want %q; measured %q, want %q", c.dialect, c.query, c.reply, got, c.want, is, c.measured)
		}
	}
}

func TestATotalInAnotherUnitIsNotBelieved(t *testing.T) {
	d, _ := wired(t, table("pi18"), state{"pv_energy_this_year": drivers.Num(5580), "pv_energy": drivers.Num(12.3)})
	if _, err := d.Poll(t.Context(), drivers.Query{Name: "EY"}); err != nil {
		t.Fatal(err)
	}
	r, err := d.Poll(t.Context(), drivers.Query{Name: "ET"})
	if err != nil || !r[0].Sample.Get("pv_energy").Absent() {
		t.Errorf("%v, %v", r, err)
	}
}

func TestTheDateIsTheDevicesOwn(t *testing.T) {
	d, w := wired(t, table("pi30max"), state{"clock": drivers.Text("2024-02-29T23:59:59")})
	r, err := d.Poll(t.Context(), drivers.Query{Name: "QED"})
	if err != nil || !slices.Equal(w.asked, []string{"QT", "QED20240229"}) || r[0].Sample.Get("pv_energy_today") != drivers.Num(238.8) {
		t.Errorf("%v, %v, %v", w.asked, r, err)
	}
	w.reply["QT"] = [][]byte{sealed("20240230000000")}
	if _, err := d.Poll(t.Context(), drivers.Query{Name: "QED"}); !errors.Is(err, drivers.ErrUnsupported) {
		t.Errorf("an unset clock: %v", err)
	}
}

func TestLenientTakesAWrongChecksumAndNothingElse(t *testing.T) {
	for _, name := range []string{"pi30", "pi18"} {
		p := table(name)
		w := &cable{sim: p.simulate(nil, 0), protocol: p, reply: map[string][][]byte{}}
		live := p.Commands[0].Code
		c, _ := p.find(live)
		good := p.Wire.reply([]byte(c.Example))
		wrong := slices.Clone(good)
		wrong[len(wrong)-2] ^= 0x55
		for _, crc := range []string{strict, lenient} {
			dev, err := p.open(w, 0, &Options{CRC: crc})
			if err != nil {
				t.Fatal(err)
			}
			poll := func(reply []byte) ([]drivers.Reading, error) {
				w.reply[live] = [][]byte{reply}
				return dev.Poll(t.Context(), drivers.Query{Name: live})
			}
			r, err := poll(wrong)
			if crc == strict {
				if !errors.Is(err, link.ErrFrame) {
					t.Errorf("%s: strict, and takes a wrong checksum: %v", name, err)
				}
				continue
			}
			if err != nil || r[0].Sample.Get("wrong_checksums") != drivers.Num(1) || r[0].Sample.Get("output_power").Absent() {
				t.Errorf("%s: lenient: %v, %v", name, r, err)
			}
			if r, err := poll(good); err != nil || r[0].Sample.Get("wrong_checksums") != drivers.Num(1) {
				t.Errorf("%s: a right one is counted: %v, %v", name, r, err)
			}
			short := slices.Concat(wrong[:len(wrong)-8], wrong[len(wrong)-3:])
			if r, err := poll(short); !errors.Is(err, link.ErrFrame) {
				t.Errorf("%s: lenient, and takes a short reply: %v", name, r)
			}
		}
	}
	if _, err := PI30.Open(&cable{}, 0, &Options{CRC: "lax"}); err == nil {
		t.Error("crc: lax is taken")
	}
}

func TestTwoDialectsShareNothingThatOneChanges(t *testing.T) {
	before := map[string]string{}
	picture := func(p *Protocol) string {
		es, qs := p.described()
		var s strings.Builder
		s.WriteString(fmt.Sprintf("%+v", qs))
		for _, e := range es {
			if e.Setting != nil {
				s.WriteString(fmt.Sprintf("%+v", *e.Setting))
			}
			e.Setting = nil // its address says nothing
			s.WriteString(fmt.Sprintf("%+v", e))
		}
		return s.String()
	}
	for _, p := range tables() {
		before[p.Name] = picture(p)
	}
	for _, p := range tables() { // one in a process with all the others, each polled and written to
		d, _ := wired(t, p, nil)
		desc := settled(t, d)
		for i := range desc.Entities {
			if s := desc.Entities[i].Setting; s != nil {
				s.Min, s.Options = -1, append(s.Options, "changed")
			}
			desc.Entities[i].Name = "changed"
		}
	}
	for _, p := range tables() {
		if picture(p) != before[p.Name] {
			t.Errorf("%s changed", p.Name)
		}
		if picture(compile(declared(p.Name))) != before[p.Name] {
			t.Errorf("%s is another table when it is made once more", p.Name)
		}
		for _, q := range tables() {
			if p != q {
				for i := range p.Commands {
					for k := range q.Commands {
						a, b := p.Commands[i].Fields, q.Commands[k].Fields
						if len(a) > 0 && len(b) > 0 && &a[0] == &b[0] {
							t.Errorf("%s %s and %s %s are the same memory", p.Name, p.Commands[i].Code, q.Name, q.Commands[k].Code)
						}
					}
				}
			}
		}
	}
}
