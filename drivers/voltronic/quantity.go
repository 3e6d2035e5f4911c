package voltronic

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sunwire/drivers"
)

// A constructor a quantity, and methods that change the row they are called on and give it back. Limits are what a reading can mean. Those
// that do more than pass on are not inlined: a table calls them hundreds of times, and of inlined code the line tables alone are larger
// than all that it says.

//go:noinline
func measure(key, name string, q *drivers.Quantity, least, most float64) *Field {
	return &Field{Entity: drivers.Entity{Key: key, Name: name, Quantity: *q, Min: least, Max: most}, Form: number}
}

func volts(key, name string, most float64) *Field {
	return measure(key, name, &drivers.Voltage, 0, most)
}

func amps(key, name string, most float64) *Field {
	return measure(key, name, &drivers.Current, 0, most)
}

func hertz(key, name string) *Field    { return measure(key, name, &drivers.Frequency, 0, 70) }
func watts(key, name string) *Field    { return measure(key, name, &drivers.Power, 0, 15000) }
func voltAmps(key, name string) *Field { return measure(key, name, &drivers.ApparentPower, 0, 15000) }
func celsius(key, name string) *Field  { return measure(key, name, &drivers.Temperature, -40, 150) }
func seconds(key, name string) *Field  { return measure(key, name, &drivers.Duration, 0, 86400) }
func minutes(key, name string) *Field  { return measure(key, name, &drivers.Minutes, 0, 999) }

func percent(key, name string, most float64) *Field {
	return measure(key, name, &drivers.Percent, 0, most)
}

// charge is the state of charge.
func charge() *Field {
	return percent("state_of_charge", "State of charge", 100).is(drivers.StateOfCharge).role(drivers.BatteryCharge)
}

// reserved is a number that nobody knows.
func reserved() *Field { return measure("", "", &drivers.Number, -1e9, 1e9) }

func plain(key, name string, most float64) *Field {
	return measure(key, name, &drivers.Number, 0, most)
}

// wattHours is a counter of Wh, published in kWh; kiloWattHours one that the device keeps in kWh.
func wattHours(key, name string) *Field {
	return measure(key, name, &drivers.Energy, 0, 99999.999).shift(3)
}

func kiloWattHours(key, name string) *Field {
	return measure(key, name, &drivers.Energy, 0, 99999999)
}

// choice is one of options, whose codes count from 0.
func choice(key, name string, options ...string) *Field {
	codes := make([]string, len(options))
	for i := range options {
		codes[i] = strconv.Itoa(i)
	}
	return &Field{Entity: drivers.Entity{Key: key, Name: name, Platform: drivers.Enum, Options: slices.Clone(options)}, Form: code, Codes: codes}
}

// coded is one of options that have codes of their own: code, option, code, option ...
func coded(key, name string, pairs ...string) *Field {
	f := &Field{Entity: drivers.Entity{Key: key, Name: name, Platform: drivers.Enum}, Form: code}
	for i := 0; i+1 < len(pairs); i += 2 {
		f.Codes = append(f.Codes, pairs[i])
		if !slices.Contains(f.Options, pairs[i+1]) {
			f.Options = append(f.Options, pairs[i+1])
		}
		f.meanings = append(f.meanings, pairs[i+1])
	}
	return f
}

// onOff is on where the device says 1, offOn where it says 0.
func onOff(key, name string) *Field { return switched(key, name, "0", "1") }
func offOn(key, name string) *Field { return switched(key, name, "1", "0") }

//go:noinline
func switched(key, name, off, on string) *Field {
	return &Field{Entity: drivers.Entity{Key: key, Name: name, Platform: drivers.Binary}, Form: code, Codes: []string{off, on}}
}

//go:noinline
func label(key, name, prefix string, takes func(string) bool) *Field {
	return &Field{Entity: drivers.Entity{Key: key, Name: name, Platform: drivers.Label}, Form: text, Prefix: prefix, Takes: takes}
}

// options lists what the setting with the key of can be set to.
func options(key, name, of string) *Field {
	return &Field{Entity: drivers.Entity{Key: key, Name: name, Platform: drivers.Label, Attribute: of}, Form: list}
}

// bitField takes key, name, key, name ... of the bits from the first on; one without a key has no meaning that is known.
func bitField(pairs ...string) *Field { return &Field{Form: bits, Bits: inPairs(pairs, bit)} }

// warningField is a bitField of warnings, which some firmware has more of.
func warningField(pairs ...string) *Field {
	return &Field{Form: bits, Loose: true, Bits: inPairs(pairs, warningOf)}
}

// flagField has a letter for each of switches.
func flagField(codes string, switches []Field) *Field {
	f := &Field{Form: flags, Codes: strings.Split(codes, "")}
	for i := range switches {
		f.Bits = append(f.Bits, switches[i].Entity)
	}
	return f
}

// digitField has a digit for each of fs.
func digitField(fs []Field) *Field { return &Field{Form: digits, Digits: fs} }

// warnings are fields of their own, by key and name.
func warnings(pairs ...string) (fs []Field) {
	for _, e := range inPairs(pairs, warningOf) {
		f := onOff(e.Key, e.Name)
		f.Entity = e
		fs = append(fs, *f)
	}
	return fs
}

func inPairs(pairs []string, entity func(key, name string) drivers.Entity) (es []drivers.Entity) {
	for i := 0; i+1 < len(pairs); i += 2 {
		es = append(es, entity(pairs[i], pairs[i+1]))
	}
	return es
}

func warningOf(key, name string) drivers.Entity {
	if key == "" {
		return drivers.Entity{}
	}
	e := bit("warning_"+key, name)
	e.Attribute = problemEntity.Key
	return e
}

func bit(key, name string) drivers.Entity {
	return drivers.Entity{Key: key, Name: name, Platform: drivers.Binary, Category: drivers.Diagnostic, Disabled: true}
}

func (f *Field) role(r drivers.Role) *Field          { f.Role = r; return f }
func (f *Field) is(q drivers.Quantity) *Field        { f.Quantity = q; return f }
func (f *Field) most(most float64) *Field            { f.Max = most; return f }
func (f *Field) least(least float64) *Field          { f.Min = least; return f }
func (f *Field) diagnostic() *Field                  { f.Category = drivers.Diagnostic; return f }
func (f *Field) hidden() *Field                      { f.Disabled = true; return f }
func (f *Field) shown() *Field                       { f.Disabled = false; return f }
func (f *Field) rating() *Field                      { return f.diagnostic().hidden() }
func (f *Field) setting() *Field                     { f.Category = drivers.Config; return f.hidden() }
func (f *Field) loose() *Field                       { f.Loose = true; return f }
func (f *Field) wider(n int) *Field                  { f.Wider = n; return f }
func (f *Field) free() *Field                        { f.Free = true; return f }
func (f *Field) blank() *Field                       { f.Blank = true; return f }
func (f *Field) shift(decimals int) *Field           { f.Shift = decimals; return f }
func (f *Field) scale(decimals int) *Field           { f.Scale = decimals; return f }
func (f *Field) tenths() *Field                      { f.Shift, f.Scale = 1, 1; return f }
func (f *Field) hundredths() *Field                  { f.Shift, f.Scale = 2, 2; return f }
func (f *Field) positive(d drivers.Direction) *Field { f.Positive = d; return f }
func (f *Field) of(key string) *Field                { f.Attribute = key; return f }
func (f *Field) times(factor float64) *Field         { f.Times = factor; return f }
func (f *Field) atLeast(key string) *Field           { f.AtLeast = key; return f }

// counted is f where the device means the number as it stands on the wire.
func (f *Field) counted() *Field { return f.scale(0) }

// called is f under another key and name.
func (f *Field) called(key, name string) *Field {
	f.Key, f.Name, f.Role = key, name, ""
	return f
}

// factory is f as it left the factory.
func (f *Field) factory() *Field {
	name := f.Name
	if len(name) > 1 && name[1] >= 'a' {
		name = strings.ToLower(name[:1]) + name[1:]
	}
	f.Key, f.Name, f.Role, f.Setting = "default_"+f.Key, "Default "+name, "", nil
	return f.rating()
}

// fields puts rows together: a list of their own. nil is a field that nobody knows.
func fields(rows ...*Field) []Field {
	fs := make([]Field, len(rows))
	for i, f := range rows {
		if f != nil {
			fs[i] = *f
		}
	}
	return fs
}

// pick takes the fields with these keys out of other tables, the first that has one.
func pick(keys string, from ...[]Field) (fs []Field) {
	for key := range strings.FieldsSeq(keys) {
		for _, table := range from {
			if i := indexOf(key, table); i >= 0 {
				fs = append(fs, table[i])
				break
			}
		}
	}
	return fs
}

// swap exchanges the fields with the same keys.
func swap(fs []Field, by ...*Field) []Field {
	for _, f := range by {
		if i := indexOf(f.Key, fs); i >= 0 {
			fs[i] = *f
		}
	}
	return fs
}

// named is the field with that key, for another table.
func named(key string, fs []Field) *Field {
	f := fs[indexOf(key, fs)]
	return &f
}

func indexOf(key string, fs []Field) int {
	for i := range fs {
		if fs[i].Key == key {
			return i
		}
	}
	return -1
}

// each makes a change to all of fs.
func each(change func(*Field) *Field, fs []Field) []Field {
	for i := range fs {
		change(&fs[i])
	}
	return fs
}

// What texts look like: enough to tell one from another.

func looksLike(picture string) func(string) bool {
	return func(s string) bool { return pictured(s, picture) }
}

// looksSerial takes at least eight letters and digits, half of them digits.
func looksSerial(s string) bool {
	count := 0
	for _, x := range s {
		switch {
		case x >= '0' && x <= '9':
			count++
		case (x < 'A' || x > 'Z') && (x < 'a' || x > 'z'):
			return false
		}
	}
	return len(s) >= 8 && len(s) <= 30 && count >= len(s)/2
}

// looksModel takes a name such as MKS2-5000 or LV5048: more than four characters, a letter first, and somewhere a digit.
func looksModel(s string) bool {
	return len(s) > 4 && s[0] >= 'A' && s[0] <= 'Z' && strings.ContainsAny(s, "0123456789") && !strings.ContainsAny(s, ": ")
}

// counted is a serial number behind its length: 14 96161704100242 000000.
func counted(s string) string {
	if n := int(s[0]-'0')*10 + int(s[1]-'0'); n >= 8 && n <= 20 {
		return s[2 : 2+n]
	}
	return s
}

func looksCounted(s string) bool {
	return pictured(s, "0000000000000000000000") && counted(s) != s
}

// dated writes 20210726122606 as 2021-07-26T12:26:06, the device's own time.
func dated(s string) string {
	return s[:4] + "-" + s[4:6] + "-" + s[6:8] + "T" + s[8:10] + ":" + s[10:12] + ":" + s[12:14]
}

// clock is the device's date and time.
func clock() *Field {
	f := label("clock", "Clock", "", looksLike("00000000000000")).diagnostic().hidden().set(drivers.Safe)
	f.Says = dated
	return f
}

// serial is a serial number behind its length.
func serial() *Field {
	f := label("serial_number", "Serial number", "", looksCounted)
	f.Says = counted
	return f
}

// longSerial is the whole of a serial number that is longer than the device's identity.
func longSerial() *Field {
	f := serial().diagnostic().hidden().called("long_serial_number", "Long serial number")
	f.Bare = true
	return f
}

// counters are the queries of an energy counter: its total (T), and what it was in a year (Y), a month (M) and a day (D).
func counters(key, name, code string) []Command {
	at := func(period, picture, suffix, of string) Command {
		f := wattHours(key+suffix, name+of)
		c := Command{Code: code + period, Arg: picture, Pace: drivers.Slow, Dated: picture != "", Example: "00238800"}
		switch suffix {
		case "":
			f = f.role(drivers.Role(key)).atLeast(key + "_this_year")
		case "_today":
		default:
			f, c.Pace = f.hidden(), drivers.Once
		}
		c.Fields = fields(f)
		return c
	}
	return []Command{
		at("T", "", "", ""), at("Y", "0000", "_this_year", " this year"), at("M", "000000", "_this_month", " this month"),
		at("D", "00000000", "_today", " today"),
	}
}

// slots are a setting's values by the hour, the present one, and the order that the device's buttons offer.
func slots(f *Field) (fs []Field) {
	add := func(suffix, name string) {
		s := *f
		s.Setting = nil
		fs = append(fs, *s.called(f.Key+"_"+suffix, f.Name+" "+name).hidden().of(f.Key))
	}
	for hour := range 24 {
		add(fmt.Sprintf("%02d", hour), fmt.Sprintf("from %02d hours", hour))
	}
	add("now", "now")
	for n := range 3 {
		add("order_"+strconv.Itoa(n+1), "order "+strconv.Itoa(n+1))
	}
	return fs
}
