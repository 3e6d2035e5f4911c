package drivers

import (
	"encoding/json"
	"math"
	"testing"
)

func TestAValueIsWrittenAsItIsMeant(t *testing.T) {
	for _, c := range []struct {
		v           Value
		decimals    int
		json, plain string
	}{
		{Value{}, 1, "null", ""},
		{Num(0), 1, "0.0", "0.0"},
		{Num(-0.04), 1, "0.0", "0.0"},
		{Num(-0.06), 1, "-0.1", "-0.1"},
		{Num(52.345), 2, "52.34", "52.34"},
		{Num(9293333010501), -1, "9293333010501", "9293333010501"},
		{Num(math.NaN()), 0, "null", ""},
		{Num(math.Inf(1)), 0, "null", ""},
		{Bool(true), 0, `"ON"`, "ON"},
		{Bool(false), 0, `"OFF"`, "OFF"},
		{Text(""), 0, `""`, ""},
		{Text("a \"b\" \\ \n €"), 0, `"a \"b\" \\ \u000a €"`, "a \"b\" \\ \n €"},
	} {
		if got := string(c.v.AppendJSON(nil, c.decimals)); got != c.json {
			t.Errorf("%#v is %s in JSON, want %s", c.v, got, c.json)
		}
		if got := c.v.Format(c.decimals); got != c.plain {
			t.Errorf("%#v is %q, want %q", c.v, got, c.plain)
		}
	}
}

func TestAbsentIsNotZero(t *testing.T) {
	if v := (Value{}); !v.Absent() || v == Num(0) || v == Text("") || v == Bool(false) {
		t.Error("absent is taken for a value")
	}
	if _, ok := (Value{}).Float(); ok {
		t.Error("absent is a number")
	}
}

func FuzzATextIsAlwaysValidJSON(f *testing.F) {
	f.Add("plain")
	f.Add("\xff\"\x00\\")
	f.Fuzz(func(t *testing.T, s string) {
		var back string
		if err := json.Unmarshal(Text(s).AppendJSON(nil, 0), &back); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	})
}
