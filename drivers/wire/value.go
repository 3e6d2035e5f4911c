package wire

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"sunwire/drivers"
)

// Decode reads the payload and appends what it says. What is cut off in the middle is ErrFrame; end is where the layout ended.
func (l *Layout) Decode(out []drivers.Decoded, unit string, payload []byte) (fields []drivers.Decoded, end int, err error) {
	if out == nil {
		out = make([]drivers.Decoded, 0, l.lines)
	}
	var sounding []string
	var words drivers.Value // the last alarm word
	watched := false
	end, err = l.walk(payload, func(f *Field, e *drivers.Entity, b []byte) {
		switch {
		case f.Alarms != nil:
			raw := l.unsigned(b)
			sounding, words, watched = f.sounding(sounding, raw), drivers.Num(float64(raw)), true
		case f.States != nil:
			raw := l.unsigned(b)
			if name := f.state(e, raw); name != "" {
				sounding = append(sounding, name)
			}
			if words, watched = drivers.Num(float64(raw)), true; e.Key != "" {
				v, raw := l.value(f, b)
				out = append(out, drivers.Decoded{Unit: unit, Entity: e, Value: v, Raw: raw})
			}
		case f.Bits != nil:
			out = f.bits(out, unit, l.unsigned(b))
		case f.Any != nil:
			on := slices.ContainsFunc(b, func(x byte) bool { return x != 0 })
			out = append(out, drivers.Decoded{Unit: unit, Entity: f.Any, Value: drivers.Bool(on), Raw: drivers.Num(float64(l.unsigned(b)))})
		case e.Key != "":
			v, raw := l.value(f, b)
			out = append(out, drivers.Decoded{Unit: unit, Entity: e, Value: v, Raw: raw})
		}
	})
	if watched {
		text := "No alarms"
		if len(sounding) > 0 {
			text = joined(sounding)
		}
		out = append(out, drivers.Decoded{Unit: unit, Entity: &alarms, Value: drivers.Text(text), Raw: words},
			drivers.Decoded{Unit: unit, Entity: &problem, Value: drivers.Bool(len(sounding) > 0), Raw: words})
	}
	return out, end, err
}

// Never is a bit of Bits that is not on in any device that is known: a word with it on is not believed.
var Never = drivers.Entity{Name: "never"}

func (f *Field) bits(out []drivers.Decoded, unit string, raw uint32) []drivers.Decoded {
	strange := raw>>len(f.Bits) != 0
	for n := range f.Bits {
		strange = strange || f.Bits[n].Key == "" && f.Bits[n].Name == Never.Name && raw>>n&1 == 1
	}
	for n := range f.Bits {
		if f.Bits[n].Key == "" {
			continue
		}
		d := drivers.Decoded{Unit: unit, Entity: &f.Bits[n], Raw: drivers.Num(float64(raw >> n & 1))}
		if !strange {
			d.Value = drivers.Bool(raw>>n&1 == 1)
		}
		out = append(out, d)
	}
	return out
}

func (f *Field) sounding(names []string, raw uint32) []string {
	for n := range 8 * f.size(0) {
		if raw>>n&1 == 0 {
			continue
		}
		name := "Unknown alarm " + strconv.Itoa(n)
		if n < len(f.Alarms) {
			name = f.Alarms[n]
		}
		if name != "" {
			names = append(names, name)
		}
	}
	return names
}

// state is the alarm that raw is, "" where it is none.
func (f *Field) state(e *drivers.Entity, raw uint32) string {
	name := "Unknown alarm " + strconv.FormatUint(uint64(raw), 10)
	if n := f.stated(raw); n >= 0 {
		name = f.States[n]
	} else if e.Key == "" && e.Name != "" {
		name = "has the unknown alarm " + strconv.FormatUint(uint64(raw), 10)
	}
	if name == "" || e.Key != "" || e.Name == "" {
		return name
	}
	return e.Name + " " + name
}

// stated is which of States raw is; -1: none of them.
func (f *Field) stated(raw uint32) int {
	for n := range f.States {
		if f.code(n) == raw {
			return n
		}
	}
	return -1
}

const longestText = 255 // characters that Home Assistant takes

// joined says as many names as there is room for, and how many more there are.
func joined(names []string) string {
	text := strings.Join(names, ", ")
	for n := len(names) - 1; len(text) > longestText && n > 0; n-- {
		text = strings.Join(names[:n], ", ") + " ... and " + strconv.Itoa(len(names)-n) + " more"
	}
	return text
}

// value is what is published of b, and what the wire says.
func (l *Layout) value(f *Field, b []byte) (v, raw drivers.Value) {
	if f.Form == Text {
		s, _, _ := strings.Cut(string(b), "\x00")
		s = strings.TrimSpace(s)
		for _, r := range s {
			if r < ' ' || r > '~' {
				return v, drivers.Text(strconv.Quote(s))
			}
		}
		if s == "" {
			return v, drivers.Text(s)
		}
		return drivers.Text(s), drivers.Text(s)
	}
	n := l.number(f.Form, b)
	raw = drivers.Num(n)
	for _, none := range f.None {
		if l.unsigned(b) == none {
			return drivers.Value{}, raw
		}
	}
	if f.Read != nil {
		if n, ok := f.Read(l.unsigned(b)); ok {
			v = drivers.Num(n)
		}
		return v, raw
	}
	switch f.Platform {
	case drivers.Enum:
		for i, o := range f.Options {
			if n == float64(f.code(i)) {
				return drivers.Text(o), raw
			}
		}
		return drivers.Text("unknown (" + raw.Format(-1) + ")"), raw
	case drivers.Binary:
		if f.States != nil && f.stated(l.unsigned(b)) >= 0 {
			return drivers.Bool(l.unsigned(b) == f.On), raw
		}
		if f.States != nil || n != 0 && n != 1 {
			return drivers.Value{}, raw
		}
		return drivers.Bool(n == 1), raw
	default:
		return drivers.Num((n - f.Zero) / f.per()), raw
	}
}

func (f *Field) per() float64 {
	if f.Per == 0 {
		return 1
	}
	return f.Per
}

func (f *Field) code(option int) uint32 {
	if option < len(f.Codes) {
		return f.Codes[option]
	}
	return uint32(option) //nolint:gosec // options are few
}

// unsigned is the bits of b as they stand.
func (l *Layout) unsigned(b []byte) (u uint32) {
	for i := range b {
		x := b[i]
		if l.Little {
			x = b[len(b)-1-i]
		}
		u = u<<8 | uint32(x)
	}
	return u
}

func (l *Layout) number(f Form, b []byte) float64 {
	u := l.unsigned(b)
	switch f {
	case S8:
		return float64(int8(u))
	case S16:
		return float64(int16(u))
	case S32:
		return float64(int32(u))
	case F32:
		return float64(math.Float32frombits(u))
	default:
		return float64(u)
	}
}

// put writes v over b, where it can be written: the simulator's way back.
func (l *Layout) put(f *Field, b []byte, v drivers.Value) {
	var u uint32
	n, isNumber := v.Float()
	on, isBool := v.Bool()
	s, isText := v.Text()
	switch {
	case f.Form == Text && isText:
		clear(b[copy(b, s):])
		return
	case f.Platform == drivers.Enum:
		i := 0
		for i < len(f.Options) && f.Options[i] != s {
			i++
		}
		if i == len(f.Options) {
			return
		}
		u = f.code(i)
	case f.Platform == drivers.Binary && isBool:
		if on {
			u = 1
		}
	case f.Write != nil && isNumber:
		u = f.Write(n)
	case f.Form == F32 && isNumber:
		u = math.Float32bits(float32(n*f.per() + f.Zero))
	case f.Form == Text && s != "":
		clear(b)
		copy(b, s)
		return
	case f.Form != Text && isNumber:
		u = uint32(int64(math.Round(n*f.per() + f.Zero)))
	default:
		return
	}
	l.store(b, u)
}

func (l *Layout) store(b []byte, u uint32) {
	for i := range b {
		at := len(b) - 1 - i
		if l.Little {
			at = i
		}
		b[at] = byte(u >> (8 * i))
	}
}

// Encode writes what value knows over payload, an example of the device's own, and leaves the rest as it is.
func (l *Layout) Encode(payload []byte, value func(key string) drivers.Value) {
	sick, told := value(problem.Key).Bool()
	_, _ = l.walk(payload, func(f *Field, e *drivers.Entity, b []byte) { // an example of its own layout
		switch {
		case f.Alarms != nil:
			if u := l.unsigned(b); told && (sick != (f.sounding(nil, u) != nil)) {
				l.store(b, f.alarm(u, sick))
			}
		case f.States != nil:
			if on, ok := value(e.Key).Bool(); e.Key != "" && ok && on {
				l.store(b, f.On)
			} else if e.Key != "" && ok || e.Key == "" && told && sick != (f.state(e, l.unsigned(b)) != "") {
				l.store(b, f.firstState(e, sick))
			}
		case f.Bits != nil:
			u := l.unsigned(b)
			for n := range f.Bits {
				if on, ok := value(f.Bits[n].Key).Bool(); ok {
					u &^= 1 << n
					if on {
						u |= 1 << n
					}
				}
			}
			l.store(b, u)
		case f.Any != nil:
			if on, ok := value(f.Any.Key).Bool(); ok {
				clear(b)
				if on {
					b[0] = 1
				}
			}
		case e.Key != "":
			l.put(f, b, value(e.Key))
		}
	})
}

// alarm is u with the first alarm alone, or with none; bits that are no alarm stay.
func (f *Field) alarm(u uint32, sick bool) uint32 {
	for n := range 8 * f.size(0) {
		if n >= len(f.Alarms) || f.Alarms[n] != "" {
			u &^= 1 << n
			if sick {
				u, sick = u|1<<n, false
			}
		}
	}
	return u
}

// firstState is one that is an alarm, or none, and not on.
func (f *Field) firstState(e *drivers.Entity, sick bool) uint32 {
	for n, name := range f.States {
		if sick == (name != "") && (e.Key == "" || f.code(n) != f.On) {
			return f.code(n)
		}
	}
	return 0
}
