package voltronic

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sunwire/drivers"
)

// sealed is a whole reply with that body.
func sealed(body string) []byte { return seal([]byte("(" + body)) }

// lines renders what Decode gives: "key=value" or "key=value/raw".
func lines(decoded []drivers.Decoded, raw bool) (out []string) {
	for _, d := range decoded {
		s := d.Entity.Key + "=" + d.Value.Format(d.Entity.Quantity.Decimals)
		if raw {
			s += "/" + d.Raw.Format(-1)
		}
		out = append(out, s)
	}
	return out
}

func decodes(t *testing.T, command string, reply []byte) []drivers.Decoded {
	t.Helper()
	decoded, err := PI30.Decode(command, reply)
	if err != nil {
		t.Fatalf("%s %q: %v", command, reply, err)
	}
	return decoded
}

func TestTheValuesPublishedAreThoseOfTheWire(t *testing.T) {
	for _, c := range []struct{ command, body, want string }{
		{
			"QPIGS", "000.0 00.0 230.0 49.9 0161 0119 003 460 57.50 012 100 0069 0014 103.8 57.45 00000 00110110 00 00 00856 010",
			"grid_voltage=0.0 grid_frequency=0.0 output_voltage=230.0 output_frequency=49.9 output_apparent_power=161 output_power=119 " +
				"load_percent=3 bus_voltage=460 battery_voltage=57.50 battery_charge_current=12 state_of_charge=100 heatsink_temperature=69 " +
				"pv_current=14.0 pv_voltage=103.8 battery_voltage_scc=57.45 battery_discharge_current=0 sbu_priority_added=OFF " +
				"configuration_changed=OFF scc_firmware_updated=ON load_on=ON battery_voltage_steady=OFF charging=ON scc_charging=ON " +
				"ac_charging=OFF field_17=0 field_18=0 pv_power=856 float_charging=OFF switched_on=ON field_20_2=OFF",
		},
		{"QMOD", "D", "mode=Shutdown"},
		{"QFLAG", "EbuvyzDajkxn", "overload_bypass=ON overload_restart=ON over_temperature_restart=ON source_interrupt_alarm=ON record_fault_code=ON " +
			"buzzer=OFF power_saving=OFF display_return=OFF backlight=OFF field_0_n=OFF"},
		{"QBMS", "0 100 0 1 0 532 532 450 0000 0030", "bms_connected=ON bms_state_of_charge=100 bms_force_charge=OFF bms_discharging_allowed=OFF " +
			"bms_charging_allowed=ON bms_bulk_voltage=53.2 bms_float_voltage=53.2 bms_cut_off_voltage=45.0 bms_max_charge_current=0 " +
			"bms_max_discharge_current=30"},
		{"QVFW", "VERFW:00072.70", "firmware_version=00072.70"},
		{"QID", "92932004102443123", "serial_number=92932004102443123"},
		{"QMCHGCR", "002 010 120 130", "max_charge_current_options=2, 10, 120, 130 field_1=10 field_2=120 field_3=130"},
		{"QBOOT", "1", "bootstrap=ON"},
		{"QOPM", "5", "present_output_mode=Phase 1 of 2"},
		{"POP02", "ACK", "reply=ACK"},
		{"QPIGS", "NAK", "reply=NAK"},
	} {
		if got := strings.Join(lines(decodes(t, c.command, sealed(c.body)), false), " "); got != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.command, got, c.want)
		}
	}
}

func TestAnUnexpectedCodeNeverCostsTheReply(t *testing.T) {
	const qpiri = "230.0 13.0 230.0 50.0 13.0 3000 2400 24.0 23.0 21.0 28.2 27.0 TYPE 30 50 RANGE 2 1 - 01 1 0 26.0 0 0"
	body := strings.NewReplacer("TYPE", "17", "RANGE", "-").Replace(qpiri)
	got := lines(decodes(t, "QPIRI", sealed(body)), true)
	for _, want := range []string{"battery_type=unknown (17)/17", "input_voltage_range=/-", "max_parallel_units=/-", "pv_power_balance=Charge current/0"} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is not among %s", want, got)
		}
	}
	if got := lines(decodes(t, "QMOD", sealed("Z")), true); got[0] != "mode=unknown (Z)/Z" {
		t.Error(got)
	}
	if got := lines(decodes(t, "QID", sealed("92932004102443123")), true); got[0] != "serial_number=92932004102443123/92932004102443123" {
		t.Error(got, "lost digits")
	}
}

func TestMissingFieldsAreAbsentAndExtraOnesStay(t *testing.T) {
	all := strings.Fields(dialect30.table().Commands[0].Example)
	if got := lines(decodes(t, "QPIGS", sealed(strings.Join(all[:12], " "))), false); len(got) != 12 || got[11] != "heatsink_temperature=41" {
		t.Error(got)
	}
	got := lines(decodes(t, "QPIGS", sealed(strings.Join(all, " ")+" 0 01 -123 x:1 ")), true)
	if more := got[len(got)-4:]; !slices.Equal(more, []string{"field_21=0/0", "field_22=1/1", "field_23=-123/-123", "field_24=x:1/x:1"}) {
		t.Error(more)
	}
	warnings := decodes(t, "QPIWS", sealed(strings.Repeat("0", 36)+"1"))
	if len(warnings) != 37 || lines(warnings, true)[36] != "field_0_36=ON/1" {
		t.Error(lines(warnings, true))
	}
}

func TestAFieldOfAnotherFormRefusesTheReply(t *testing.T) {
	example := dialect30.table().Commands[0].Example
	for _, c := range []struct{ command, body string }{
		{"QPIGS", strings.Replace(example, "50.0", "-5.0", 1)},        // no frequency is negative
		{"QPIGS", strings.Replace(example, "0575", "57.5", 1)},        // QPIRI has a current here
		{"QPIGS", strings.Replace(example, "229.4", "2294", 1)},       // no point
		{"QPIGS", strings.Replace(example, "229.4", "ERR.0", 1)},      // no number
		{"QPIGS", strings.Replace(example, "0552", "552", 1) + "  1"}, // a field lost its text
		{"QPIGS", strings.Replace(example, "00010110", "0001011", 1)}, // a bit is missing
		{"QPIGS", strings.Join(strings.Fields(example)[:7], " ")},     // too little to know whose it is
		{"QPIGS", strings.Replace(example, "378", "00378", 1)},        // too wide
		{"QMOD", "b"},
		{"QMOD", "B 1"},
		{"QMOD", "BB"},
		{"QBOOT", "01"},
		{"QOPM", "B"},
		{"QFLAG", "ED"},
		{"QFLAG", "EaDa"},
		{"QFLAG", "aE"},
		{"QFLAG", "Ea1"},
		{"QMN", "MK\x07-5000"},
		{"QMN", "MK\xff-5000"},
		{"QID", "1234"},
		{"QID", "ABCDEFGH1"},
		{"QVFW", "VERFW2:00004.10"},
		{"QPI", "PI3"},
		{"QMCHGCR", "010 020"},
		{"QMCHGCR", "010 020 030 4"},
		{"QPIWS", strings.Repeat("0", 31)},
		{"PF", "PI30"},
	} {
		if decoded, err := PI30.Decode(c.command, sealed(c.body)); !errors.Is(err, drivers.ErrFrame) || decoded != nil {
			t.Errorf("%s %q: %v, %v", c.command, c.body, lines(decoded, true), err)
		}
	}
	negative := decodes(t, "QPIGS", sealed(strings.Replace(example, "0041", "-012", 1)))
	if got := lines(negative, true)[11]; got != "heatsink_temperature=-12/-12" {
		t.Error(got)
	}
}

func TestAReplyToAnotherCommandIsRefused(t *testing.T) {
	alike := map[string]string{"QMCHGCR": "QMUCHGCR", "QBOOT": "QOPM"} // nothing tells these apart
	for _, theirs := range captured(t) {
		for i := range dialect30.table().Commands {
			code := dialect30.table().Commands[i].Code
			if strings.HasPrefix(theirs.command, code) || alike[theirs.command] == code || alike[code] == theirs.command {
				continue
			}
			if decoded, err := PI30.Decode(code, theirs.reply); !errors.Is(err, drivers.ErrFrame) || decoded != nil {
				t.Errorf("%s takes the reply to %s: %v, %v", code, theirs.command, lines(decoded, false), err)
			}
		}
	}
}

func TestNoDamagedReplyGivesAValue(t *testing.T) {
	for _, c := range captured(t) {
		good := c.reply
		check := func(what string, b []byte) {
			if decoded, err := PI30.Decode(c.command, b); !errors.Is(err, drivers.ErrFrame) || decoded != nil {
				t.Errorf("%s %s: %q: %v, %v", c.command, what, b, decoded, err)
			}
		}
		for i := range good {
			check("cut off", good[:i])
			check("begun late", good[i+1:])
			for bit := range 8 {
				b := bytes.Clone(good)
				if b[i] ^= 1 << bit; !sameUnescaped(b, good) {
					check("flipped", b)
				}
			}
		}
		check("behind a NUL", append([]byte{0}, good...))
		check("twice", append(good, good...))
		check("an echo", seal([]byte(c.command)))
		check("with a second CR", append(good, '\r'))
	}
	if _, err := PI30.Decode("QNONE", captured(t)[0].reply); err == nil {
		t.Error("a command that does not exist has a reply")
	}
}

// sameUnescaped: one flipped bit can turn an escaped checksum byte into the plain one, which some devices send.
func sameUnescaped(a, b []byte) bool {
	n := len(a) - 3
	if !bytes.Equal(a[:n], b[:n]) || a[n+2] != b[n+2] {
		return false
	}
	return escape(a[n], true) == escape(b[n], true) && escape(a[n+1], true) == escape(b[n+1], true)
}

func TestAllThreeWaysToWriteAChecksumAreTaken(t *testing.T) {
	q1, _ := compile(pi30()).find("Q1")
	frameQ1, seen := wire{}.framer(q1, nil), map[byte]int{}
	for n := range 60000 {
		body := fmt.Appendf(nil, "(%05d 00000 01 01 00 059 045 053", n)
		hi, lo := crc(body)
		for _, special := range []byte{'(', '\r', '\n', 0} {
			if hi != special && lo != special {
				continue
			}
			seen[special]++
			for _, raised := range []string{"", "(\r\n", "(\r\n\x00"} {
				reply := slices.Clone(body)
				for _, x := range []byte{hi, lo} {
					if strings.IndexByte(raised, x) >= 0 {
						x++
					}
					reply = append(reply, x)
				}
				reply = append(reply, '\r')
				decoded, err := PI30.Decode("Q1", reply)
				if err != nil || lines(decoded, false)[5] != "scc_temperature=59" {
					t.Fatalf("%q: %v", reply, err)
				}
				skip, frame, err := frameQ1(append([]byte("\n\x00"), reply...), false)
				if err != nil || skip != 2 || !bytes.Equal(frame, reply) {
					t.Fatalf("%q: framed as %q, %v", reply, frame, err)
				}
			}
		}
	}
	if len(seen) != 4 {
		t.Errorf("not all of the special bytes came up: %v", seen)
	}
}

func TestAnArgumentMustHaveItsForm(t *testing.T) {
	p := compile(pi30())
	for command, want := range map[string]string{
		"QPGS0": "QPGS", "QPGS": "QPGS", "PBCV48.0": "PBCV", "POP02": "POP", "POPM01": "POPM", "POPLG00": "POPLG", "BTA-01": "BTA",
		"PEabj": "PE", "DAT20240131120000": "DAT", "F50": "F", "PBATMAXDISC150": "PBATMAXDISC",
		"QPGSx": "", "QPIGS2": "", "PBCV48": "", "PBCV480": "", "POP": "POP", "F5": "", "PE1": "", "PF1": "", "BTA01": "", "": "",
	} {
		c, _ := p.find(command)
		if got := codeOf(c); got != want {
			t.Errorf("%q is taken for %q, want %q", command, got, want)
		}
	}
}

func codeOf(c *Command) string {
	if c == nil {
		return ""
	}
	return c.Code
}

func TestTheTableAgreesWithItsExamples(t *testing.T) {
	keys := map[string]string{}
	p := compile(pi30())
	for i := range p.Commands {
		c := &p.Commands[i]
		if n := len(strings.Fields(c.Example)); n != len(c.Fields) && len(c.Fields) > 0 && c.Fields[0].Form != list {
			t.Errorf("%s: %d fields, %d in the example", c.Code, len(c.Fields), n)
		}
		if len(c.Fields) > 0 && c.decode([]byte(c.Example), "") == nil {
			t.Errorf("%s: the example does not fit", c.Code)
		}
		for n := range c.Fields {
			f := &c.Fields[n]
			key := c.Unit + f.Key
			if other := keys[key]; published(&f.Entity) && other != "" {
				t.Errorf("%s of %s is in %s too", key, c.Code, other)
			}
			keys[key] = c.Code
			for _, o := range f.Options {
				if len(o) > 40 {
					t.Errorf("%s: the option %q is long", f.Key, o)
				}
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, c := range captured(f) {
		f.Add(c.command, c.reply)
	}
	f.Add("POP02", sealed("ACK"))
	f.Fuzz(func(t *testing.T, command string, reply []byte) {
		for _, b := range [][]byte{reply, wire{}.reseal(reply)} {
			decoded, err := PI30.Decode(command, b)
			if (err == nil) == (len(decoded) == 0) {
				t.Fatalf("%q %q: %d lines, %v", command, b, len(decoded), err)
			}
			for _, d := range decoded {
				if d.Entity == nil || d.Entity.Key == "" || d.Raw.Absent() {
					t.Fatalf("%q %q: %+v", command, b, d)
				}
			}
		}
	})
}

func BenchmarkDecodeQPIGS(b *testing.B) {
	reply := sealed(dialect30.table().Commands[0].Example)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := PI30.Decode("QPIGS", reply); err != nil {
			b.Fatal(err)
		}
	}
}

func TestDecodeQPIGSAllocatesLittle(t *testing.T) {
	reply := sealed(dialect30.table().Commands[0].Example)
	if n := testing.AllocsPerRun(100, func() { _, _ = PI30.Decode("QPIGS", reply) }); n > 6 {
		t.Errorf("%v allocations", n)
	}
}

func TestABitWithoutANameIsCalledAfterItsOwnPlace(t *testing.T) {
	one := fields(bitField("", ""))
	p := compile(Protocol{Commands: []Command{{Code: "A", Fields: one}, {Code: "B", Fields: slices.Concat(fields(nil), one)}}})
	if a, b := p.Commands[0].Fields[0].Bits[0].Key, p.Commands[1].Fields[1].Bits[0].Key; a != "field_0_0" || b != "field_1_0" {
		t.Errorf("%s and %s", a, b)
	}
}

// A scale cannot be seen where the only capture is of an inverter at rest.
func TestTheBatteryCurrentOfPI17IsInTenths(t *testing.T) {
	p := table("pi17")
	reply := "0000,0000,0000,0000,0394,000,-00123,2389,2427,2459,5002,0000,0000,0000,2378,2434,2455,5001,,,,029,029,000,0"
	decoded, err := p.decode("GS", p.Wire.reseal([]byte("^D110"+reply+"\x00\x00\r")))
	if err != nil || decoded[6].Raw != drivers.Num(-12.3) || published(decoded[6].Entity) {
		t.Errorf("%v: %v", err, decoded)
	}
}
