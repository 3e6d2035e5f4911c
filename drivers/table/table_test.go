package table

import (
	"errors"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"sunwire/drivers"
)

func rowsOf(t *testing.T, rows ...Row) *Table {
	t.Helper()
	tab, err := New(rows, "")
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

func TestWhatIsNoNumberIsAbsentAndNeverZero(t *testing.T) {
	tab := rowsOf(t, Row{Key: "power", Path: "p", Quantity: "power"}, Row{Key: "there", Path: "there", Quantity: "number"})
	for raw, want := range map[string]drivers.Value{
		`0`: drivers.Num(0), `-3.5`: drivers.Num(-3.5), `"336.80"`: drivers.Num(336.8), `1e3`: drivers.Num(1000), `" 12 "`: drivers.Num(12),
		`null`: {}, `""`: {}, `" "`: {}, `false`: {}, `true`: {}, `"unknown"`: {}, `"unavailable"`: {}, `"nan"`: {}, `"NaN"`: {}, `"12 W"`: {}, `"0x10"`: {}, `"0x1p4"`: {}, `".5"`: {}, `"5."`: {},
		`[]`: {}, `[0]`: {}, `{}`: {}, `"1,5"`: {}, `"--"`: {}, `"1e999"`: {}, `1e999`: {}, `"Infinity"`: {},
	} {
		s, err := tab.Read([]byte(`{"p":` + raw + `,"there":1}`))
		if err != nil {
			t.Errorf("%s: %v", raw, err)
		}
		if got := s.Get("power"); got != want {
			t.Errorf("%s is read as %q, want %q", raw, got.Format(-1), want.Format(-1))
		}
	}
}

func TestOnAndOffAreWordsAndNothingElseIs(t *testing.T) {
	tab := rowsOf(t, Row{Key: "on", Path: "p", Quantity: "on_off"}, Row{Key: "there", Path: "there", Quantity: "number"})
	for raw, want := range map[string]drivers.Value{
		`true`: drivers.Bool(true), `"ON"`: drivers.Bool(true), `1`: drivers.Bool(true), `"off"`: drivers.Bool(false), `0`: drivers.Bool(false),
		`null`: {}, `""`: {}, `2`: {}, `"unknown"`: {}, `[]`: {},
	} {
		s, _ := tab.Read([]byte(`{"p":` + raw + `,"there":1}`))
		if got := s.Get("on"); got != want {
			t.Errorf("%s is read as %q, want %q", raw, got.Format(-1), want.Format(-1))
		}
	}
}

func TestAPathLeadsToItsValueOrNowhere(t *testing.T) {
	const doc = `{"StatusSNS":{"ENERGY":{"Power":[612,20]},"DS18B20-1":{"Temperature":21.4}},"list":[{"x":1},{"x":2}],"m":[[1,2],[3,4]]}`
	for path, want := range map[string]drivers.Value{
		"StatusSNS.ENERGY.Power[0]": drivers.Num(612), "StatusSNS.DS18B20-1.Temperature": drivers.Num(21.4), "list[1].x": drivers.Num(2), "m[1][0]": drivers.Num(3),
		"StatusSNS.ENERGY.Power[2]": {}, "StatusSNS.ENERGY": {}, "StatusSNS[0]": {}, "list.x": {}, "statussns.energy.Power[0]": {}, "list[0].x.y": {}, "nowhere": {},
	} {
		s, err := rowsOf(t, Row{Key: "a", Path: path, Quantity: "number"}).Read([]byte(doc))
		if got := s.Get("a"); got != want || got.Absent() != errors.Is(err, drivers.ErrFrame) {
			t.Errorf("%s leads to %q, want %q (%v)", path, got.Format(-1), want.Format(-1), err)
		}
	}
	if s, err := rowsOf(t, Row{Key: "a", Path: "[1]", Quantity: "number"}).Read([]byte(`[1,2]`)); err != nil || s.Get("a") != drivers.Num(2) {
		t.Errorf("[1]: %v, %v", s, err)
	}
	for _, wrong := range []string{".", "a.", ".a", "a..b", "a[", "a[x]", "a[0]b", "a.[0]", "a[99999]"} {
		if _, err := New([]Row{{Key: "a", Path: wrong, Quantity: "number"}}, ""); err == nil {
			t.Errorf("the path %q is taken", wrong)
		}
	}
}

func TestFieldsAreCountedFromOne(t *testing.T) {
	tab := rowsOf(t, Row{Key: "a", Field: 1, Quantity: "voltage"}, Row{Key: "b", Field: 3, Quantity: "energy", Scale: 0.001}, Row{Key: "c", Field: 5, Quantity: "number"})
	s, err := tab.Read([]byte("230.1 49.9, 1234\n"))
	if err != nil || s.Get("a") != drivers.Num(230.1) || s.Get("b") != drivers.Num(1.234) || !s.Get("c").Absent() {
		t.Errorf("read %v, %v", s, err)
	}
	tab, err = New([]Row{{Key: "a", Field: 2, Quantity: "text"}}, "|")
	if err != nil {
		t.Fatal(err)
	}
	if s, err := tab.Read([]byte("x| two words |y")); err != nil || s.Get("a") != drivers.Text("two words") {
		t.Errorf("read %v, %v", s, err)
	}
}

func TestHalfAnAnswerGivesNothing(t *testing.T) {
	tab := rowsOf(t, Row{Key: "a", Path: "a", Quantity: "number"}, Row{Key: "whole", Quantity: "number"})
	for _, b := range []string{"", "{", `{"a":1`, `{"a":1}}`, `{"a":1}{"a":2}`, "<html>", "null"} {
		if s, err := tab.Read([]byte(b)); !errors.Is(err, drivers.ErrFrame) || len(s) > 0 {
			t.Errorf("%q gives %v, %v", b, s, err)
		}
	}
}

func TestARowThatCannotBeIsRefusedWithTheMend(t *testing.T) {
	for want, rows := range map[string][]Row{
		"a-z, 0-9":          {{Key: "PV power", Quantity: "power"}},
		"sunwire's own":     {{Key: "last_error", Quantity: "text"}},
		"no quantity":       {{Key: "a", Quantity: "watts"}},
		"twice":             {{Key: "a", Quantity: "power"}, {Key: "a", Quantity: "power"}},
		"role pv_power alr": {{Key: "a", Quantity: "power", Role: "pv_power"}, {Key: "b", Quantity: "power", Role: "pv_power"}},
		"is a power":        {{Key: "a", Quantity: "energy", Role: "pv_power"}},
		"has a sign":        {{Key: "a", Quantity: "power", Role: "grid_power", Positive: "charging"}},
		"has no sign":       {{Key: "a", Quantity: "power", Role: "load_power", Positive: "importing"}},
		"a path and a":      {{Key: "a", Quantity: "power", Path: "p", Field: 1}},
		"counted from 1":    {{Key: "a", Quantity: "power", Field: -1}},
		"no role":           {{Key: "a", Quantity: "power", Role: "sun"}},
	} {
		_, err := New(rows, "")
		if want = strings.TrimSuffix(want, " alr"); err == nil || !strings.Contains(err.Error(), want) && !strings.Contains(err.Error(), "already") {
			t.Errorf("%v: said %v, want %q", rows, err, want)
		}
	}
	tab := rowsOf(t, Row{Key: "grid_power", Quantity: "power", Role: "grid_power", Positive: "exporting"})
	if e := tab.Entities[0]; e.Positive != drivers.Exporting || e.Role != drivers.GridPower || e.Name != "Grid power" {
		t.Errorf("made %+v", e)
	}
}

// The words that the configuration takes are those that the tables know.
func TestTheConfigurationTakesWhatTheTablesKnow(t *testing.T) {
	words := func(field string) []string {
		f, _ := reflect.TypeFor[Row]().FieldByName(field)
		return strings.Fields(f.Tag.Get("oneof"))
	}
	var known []string
	for _, q := range quantities {
		known = append(known, q.name)
	}
	if !slices.Equal(words("Quantity"), known) {
		t.Errorf("quantities: the tag has %v, the table %v", words("Quantity"), known)
	}
	known = nil
	for _, r := range roles {
		known = append(known, string(r.role))
	}
	if !slices.Equal(words("Role"), known) {
		t.Errorf("roles: the tag has %v, the table %v", words("Role"), known)
	}
	for _, w := range words("Positive") {
		if directions[w] == drivers.Unsigned {
			t.Errorf("%s is no direction", w)
		}
	}
	file, err := os.ReadFile("../../testdata/vocabulary/bridge.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(file)) {
		if key := strings.TrimSpace(line); key != "" && key[0] != '#' && !slices.Contains(Reserved, key) {
			t.Errorf("the bridge's key %s is not reserved", key)
		}
	}
}

func FuzzWhateverComesIsAValueOfItsKindOrAbsent(f *testing.F) {
	f.Add([]byte(`{"a":1,"b":[true],"c":"x"}`))
	f.Add([]byte("1 2 3"))
	f.Fuzz(func(t *testing.T, b []byte) {
		tab := rowsOf(t, Row{Key: "a", Path: "a", Quantity: "power"}, Row{Key: "b", Path: "b[0]", Quantity: "on_off"}, Row{Key: "c", Path: "c", Quantity: "text"})
		texts := rowsOf(t, Row{Key: "d", Field: 2, Quantity: "number"}, Row{Key: "e", Quantity: "text"})
		for _, tab := range []*Table{tab, texts} {
			s, err := tab.Read(b)
			if (err == nil) != (len(s) > 0) {
				t.Errorf("%d values, error %v", len(s), err)
			}
			for _, v := range s {
				if v.Value.Absent() {
					t.Errorf("%s is absent, and in the sample", v.Key)
				}
			}
		}
	})
}
