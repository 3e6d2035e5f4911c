package config

import (
	"cmp"
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"time"

	"sunwire/drivers"
)

// Row is one key of the configuration, for the reference and for editors. In Key, [] stands for any entry of a list and KEY for any
// word of a mapping.
type Row struct {
	Key, Type, Default, Doc string
	Words                   []string // what it takes; none: anything of its type
	Required                bool
	Driver                  string // whose option it is; "" for all
}

// Reference lists every key there is, in the order of the file, and behind them the options of each driver.
func Reference(ds []drivers.Driver) []Row {
	rows := describe(nil, "", "", reflect.ValueOf(*newConfig()))
	for i := range ds {
		if ds[i].Config != nil {
			rows = describe(rows, "devices[].options", ds[i].Name, reflect.ValueOf(ds[i].Config()).Elem())
		}
	}
	return rows
}

// describe adds the keys of the struct v, whose values are their defaults.
func describe(rows []Row, parent, driver string, v reflect.Value) []Row {
	for _, f := range fields(v.Type()) {
		key, value := strings.TrimPrefix(parent+"."+f.key, "."), v.Field(f.index)
		t := value.Type()
		row := Row{key, kindOf(t), f.ifNone, f.doc, strings.Fields(f.words), f.required, driver}
		if row.Default == "" && !f.required {
			row.Default = show(value)
		}
		rows = append(rows, row)
		if key, v := inside(key, value); v.IsValid() {
			rows = describe(rows, key, driver, v)
		}
	}
	return rows
}

// inside is the struct whose keys stand below key, at its defaults; not valid where there is none.
func inside(key string, v reflect.Value) (string, reflect.Value) {
	t := v.Type()
	switch {
	case isScalar(t):
		return "", reflect.Value{}
	case t.Kind() == reflect.Slice && !isScalar(t.Elem()):
		return key + "[]", fresh(t.Elem())
	case t.Kind() == reflect.Map && !isScalar(t.Elem()):
		return key + ".KEY", fresh(t.Elem())
	case t.Kind() == reflect.Struct:
		return key, v
	}
	return "", reflect.Value{}
}

// isScalar reports whether t is written as a single value, although it may be a struct.
func isScalar(t reflect.Type) bool {
	switch t {
	case reflect.TypeFor[Interval](), reflect.TypeFor[Port](), reflect.TypeFor[*url.URL]():
		return true
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Slice, reflect.Map, reflect.Interface:
		return false
	case reflect.Pointer:
		return isScalar(t.Elem())
	}
	return true
}

// kindOf says what is written for a t, for people.
func kindOf(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[time.Duration](), reflect.TypeFor[Interval]():
		return "a duration"
	case reflect.TypeFor[Port]():
		return "a port"
	case reflect.TypeFor[*url.URL]():
		return "an address"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return kindOf(t.Elem())
	case reflect.Bool:
		return "true or false"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.String:
		if secret(t) {
			return "a secret text"
		}
		return "a text"
	case reflect.Slice:
		if isScalar(t.Elem()) {
			return kindOf(t.Elem()) + " or a list of them"
		}
		return "a list"
	case reflect.Struct, reflect.Map, reflect.Interface:
		return "a mapping"
	}
	return "a whole number"
}

// show is a default as it would be written, "" where nothing holds.
func show(v reflect.Value) string {
	if secret(v.Type()) {
		return `""`
	}
	switch x := v.Interface().(type) {
	case time.Duration:
		return short(x)
	case URLs:
		return fmt.Sprint(x[0])
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return ""
		}
		return show(v.Elem())
	case reflect.Struct, reflect.Slice, reflect.Map, reflect.Interface:
		return ""
	case reflect.String:
		return cmp.Or(v.String(), `""`)
	}
	return fmt.Sprint(v.Interface())
}

// short writes 5m0s as 5m.
func short(t time.Duration) string {
	s := t.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(s, zero) {
			s = s[:len(s)-len(zero)+1]
		}
	}
	return s
}
