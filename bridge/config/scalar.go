package config

import (
	"errors"
	"io/fs"
	"math"
	"net/url"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// scalar decodes a single value. A text is taken as it was written, whatever YAML makes of it: 0123 stays 0123, and off is off.
func (d *decoder) scalar(path string, n *yaml.Node, v reflect.Value) {
	switch {
	case n.Kind != yaml.ScalarNode:
		d.fail(path, "%s stands where %s belongs", form(n), kindOf(v.Type()))
		return
	case null(n):
		d.fail(path, `nothing is written here; remove the line, or put a text in quotes ("" for none)`)
		return
	}
	var ok bool
	text := n.Value
	if file, found := strings.CutPrefix(text, "file:"); found && secret(v.Type()) {
		text, ok = d.fromFile(path, file)
	} else {
		text, ok = d.expand(path, text)
	}
	if !ok {
		return
	}
	if wrong := d.set(v, text); wrong != "" { // a secret is a text, which is never wrong: none is quoted
		d.fail(path, "%s is not %s", d.quote(path), wrong)
	}
}

// set gives v the value that text means, or says what text is not.
func (d *decoder) set(v reflect.Value, text string) (wrong string) {
	switch p := v.Addr().Interface().(type) {
	case *time.Duration:
		return duration(text, p)
	case *Interval:
		p.Set = true
		return duration(text, &p.D)
	case *Port:
		p.Text = text // the driver is not known yet: see checkPort
		return ""
	case **url.URL:
		u, err := url.Parse(text)
		if err != nil || u.Host == "" {
			return "an address with its kind in front, such as mqtt://host:1883 or http://host"
		}
		*p = u
		return ""
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		on, ok := truth(text)
		if !ok {
			return "true or false"
		}
		v.SetBool(on)
	case reflect.Float32, reflect.Float64:
		f, err := strconv.ParseFloat(text, v.Type().Bits())
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) || strings.ContainsAny(text, "xX_") {
			return "a number such as 40 or -0.4"
		}
		v.SetFloat(f)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		i, err := strconv.ParseInt(text, base(text), v.Type().Bits())
		if err != nil {
			return "a whole number such as 3 or 0x10"
		}
		v.SetInt(i)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		u, err := strconv.ParseUint(text, base(text), v.Type().Bits())
		if err != nil {
			return "a whole number from 0 to " + strconv.FormatUint(math.MaxUint64>>(64-v.Type().Bits()), 10) + ", such as 3 or 0x10"
		}
		v.SetUint(u)
	default:
		return "something that can be configured (" + v.Type().String() + ")" // a fault of the driver that declares it
	}
	return ""
}

// base is 16 for 0x..., else 10: 010 is ten, whatever YAML and C make of it.
func base(text string) int {
	if t := strings.ToLower(text); strings.HasPrefix(t, "0x") || strings.HasPrefix(t, "-0x") {
		return 0
	}
	return 10
}

func duration(text string, to *time.Duration) (wrong string) {
	t, err := time.ParseDuration(text)
	if err != nil {
		if _, err := strconv.ParseFloat(text, 64); err == nil {
			return "a duration: it has no unit; write 5s, 2m or 1h"
		}
		return "a duration; write 5s, 2m or 1h"
	}
	*to = t
	return ""
}

// truth takes the words of all versions of YAML.
func truth(text string) (on, ok bool) {
	switch strings.ToLower(text) {
	case "true", "on", "yes":
		return true, true
	case "false", "off", "no":
		return false, true
	}
	return false, false
}

var dollar = regexp.MustCompile(`\$\$|\$\{(?:([A-Za-z_]\w*)\})?`)

// expand puts the environment's value for ${NAME}, and $ for $$.
func (d *decoder) expand(path, text string) (string, bool) {
	ok := true
	text = dollar.ReplaceAllStringFunc(text, func(r string) string {
		if r == "$$" {
			return "$"
		}
		name := dollar.FindStringSubmatch(r)[1]
		if name == "" { // not shown: it may be half a password
			d.fail(path, "${ begins the name of an environment variable, as in ${MQTT_PASSWORD}; for the sign itself write $$")
			ok = false
			return ""
		}
		value, _ := d.env.Getenv(name)
		if value == "" { // containers hand down as empty what was not set
			d.fail(path, "the environment variable %s is not set, or empty; set it, or write the value here", name)
			ok = false
		}
		return value
	})
	return text, ok
}

// fromFile is the text of a file, without the line feed that editors and echo leave at its end.
func (d *decoder) fromFile(path, name string) (string, bool) {
	name, ok := d.expand(path, name)
	if !ok {
		return "", false
	}
	if !filepath.IsAbs(name) { // not shown: it may be a password after all
		d.fail(path, "file: wants the whole path, as in file:/etc/sunwire/password")
		return "", false
	}
	data, err := d.env.ReadFile(name)
	if pe := (*fs.PathError)(nil); errors.As(err, &pe) {
		err = pe.Err
	}
	text := strings.TrimRight(string(data), "\r\n")
	switch {
	case err != nil:
		d.fail(path, "cannot read %s: %v; mend the path, or let sunwire's user read it", d.quote(path), err)
	case text == "":
		d.fail(path, "%s is empty; write the password into it", d.quote(path))
	}
	return text, err == nil && text != ""
}

// public is text as it may be shown: without the user, the password and the query of an address.
func public(text string) string {
	scheme, rest, web := strings.Cut(text, "://")
	if web {
		scheme += "://"
	} else {
		scheme, rest = "", text
	}
	rest, query, asked := strings.Cut(rest, "?")
	if !web && asked {
		rest, query = rest+"?"+query, ""
	}
	if strings.Contains(query, "@") { // which part is the password cannot be told
		return scheme + "(hidden)"
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = "(hidden)" + rest[i:]
	}
	if web && asked {
		rest += "?..."
	}
	return scheme + rest
}
