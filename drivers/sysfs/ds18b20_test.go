package sysfs

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/drivertest"
	"sunwire/drivers/link"
)

func TestDS18B20Conformance(t *testing.T) {
	// It knows sixteenths of a degree: which values come out is in the tests below.
	drivertest.Run(t, DS18B20, drivertest.Facts{Derived: []string{"temperature"}})
}

// tree is a made-up /sys.
type tree struct{ fs.FS }

func (tree) Kind() link.Kind                                 { return link.File }
func (tree) Close() error                                    { return nil }
func (tree) Wait(ctx context.Context, _ time.Duration) error { return ctx.Err() }

func text(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }

// The texts are those of the kernel for scratchpads with these temperatures; the first is the datasheet's (Table 1).
func TestW1SlaveGivesItsTemperatureToTheLastBit(t *testing.T) {
	for content, want := range map[string]float64{
		"91 01 4b 46 7f ff 0c 10 70 : crc=70 YES\n91 01 4b 46 7f ff 0c 10 70 t=25062\n":  25.0625,
		"5e ff 4b 46 7f ff 0c 10 6a : crc=6a YES\n5e ff 4b 46 7f ff 0c 10 6a t=-10125\n": -10.125,
		"6f fe 4b 46 7f ff 0c 10 e8 : crc=e8 YES\n6f fe 4b 46 7f ff 0c 10 e8 t=-25062\n": -25.0625,
	} {
		fields, err := decodeW1(w1Slave, []byte(content))
		if err != nil {
			t.Errorf("%q: %v", content, err)
			continue
		}
		if got, _ := fields[0].Raw.Float(); got != want {
			t.Errorf("%q: %v, want %v", content, got, want)
		}
	}
}

// The datasheet's Table 1, but for the 85 °C that it says before it has measured.
func TestTheDatasheetsTableComesOutToTheLastBit(t *testing.T) {
	for word, want := range map[uint16]float64{
		0x07D0: 125, 0x0191: 25.0625, 0x00A2: 10.125, 0x0008: 0.5, 0x0000: 0, 0xFFF8: -0.5, 0xFF5E: -10.125, 0xFE6F: -25.0625, 0xFC90: -55,
	} {
		fields, err := decodeW1(w1Slave, []byte(sealed(byte(word), byte(word>>8), 0x4B, 0x46, 0x7F, 0xFF, 0x0C, 0x10)))
		if err != nil {
			t.Errorf("%04x: %v", word, err)
		} else if got, _ := fields[0].Raw.Float(); got != want {
			t.Errorf("%04x: %v, want %v", word, got, want)
		}
	}
}

func sealed(b ...byte) string {
	crc := crc8Dallas(b)
	hex := func(b []byte) string {
		var out strings.Builder
		for _, c := range b {
			out.WriteString(string("0123456789abcdef"[c>>4]) + string("0123456789abcdef"[c&15]) + " ")
		}
		return out.String()
	}
	sixteenths := int(int16(uint16(b[0]) | uint16(b[1])<<8))
	line := hex(append(b, crc))
	number := func(n int) string { return strings.TrimSuffix(drivers.Num(float64(n)).Format(0), ".") }
	return line + ": crc=" + strings.TrimSpace(hex([]byte{crc})) + " YES\n" + line + "t=" + number(sixteenths*1000/16) + "\n"
}

func TestAScratchpadThatCannotBeBelievedGivesNothing(t *testing.T) {
	for name, content := range map[string]string{
		"checksum":    "91 01 4b 46 7f ff 0c 10 8f : crc=70 NO\n91 01 4b 46 7f ff 0c 10 8f t=25062\n",
		"a lying YES": "91 01 4b 46 7f ff 0c 10 8f : crc=70 YES\n91 01 4b 46 7f ff 0c 10 8f t=25062\n",
		"85 °C":       sealed(0x50, 0x05, 0x4B, 0x46, 0x7F, 0xFF, 0x0C, 0x10),
		"all zero":    sealed(0, 0, 0, 0, 0, 0, 0, 0),
		"two lines":   "91 01 4b 46 7f ff 0c 10 70 : crc=70 YES\n90 01 4b 46 7f ff 0c 10 70 t=25062\n",
		"another t":   "91 01 4b 46 7f ff 0c 10 70 : crc=70 YES\n91 01 4b 46 7f ff 0c 10 70 t=25000\n",
		"beyond":      sealed(0xFF, 0x0F, 0x4B, 0x46, 0x7F, 0xFF, 0x0C, 0x10),
		"a line":      "91 01 4b 46 7f ff 0c 10 70 : crc=70 YES\n",
		"t alone":     "t=25062\n",
		"empty":       "",
	} {
		if fields, err := decodeW1(w1Slave, []byte(content)); !errors.Is(err, drivers.ErrFrame) {
			t.Errorf("%s: %v, %v", name, fields, err)
		}
	}
	if _, err := decodeW1(w1Slave, []byte(sealed(0x91, 0x01, 0x4B, 0x46, 0x7F, 0xFF, 0x0C, 0x10))); err != nil {
		t.Errorf("the test's own seal: %v", err)
	}
}

func TestNoByteFlippedInTheTextGivesAnotherTemperature(t *testing.T) {
	const content = "91 01 4b 46 7f ff 0c 10 70 : crc=70 YES\n91 01 4b 46 7f ff 0c 10 70 t=25062\n"
	for i := range content {
		for bit := range 8 {
			b := []byte(content)
			b[i] ^= 1 << bit
			if fields, err := decodeW1(w1Slave, b); err == nil {
				t.Errorf("byte %d, bit %d: %v", i, bit, fields[0].Value)
			}
		}
	}
}

func TestBitsBelowTheResolutionDoNotCount(t *testing.T) {
	fields, err := decodeW1(w1Slave, []byte(sealed(0x97, 0x01, 0x4B, 0x46, 0x1F, 0xFF, 0x0C, 0x10))) // nine bits: steps of 0.5 °C
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := fields[0].Raw.Float(); got != 25 {
		t.Errorf("%v, want 25", got)
	}
}

func TestTheSensorIsFoundByItsIdAndWhatIsWrongIsSaid(t *testing.T) {
	const a, b = "28-0316a2794bff", "28-0316a2794c00"
	warm := text("91 01 4b 46 7f ff 0c 10 70 : crc=70 YES\n91 01 4b 46 7f ff 0c 10 70 t=25062\n")
	two := fstest.MapFS{w1Folder + "/" + a + "/w1_slave": warm, w1Folder + "/" + b + "/w1_slave": text(""), w1Folder + "/w1_bus_master1/uevent": text("")}
	for _, c := range []struct {
		files  fstest.MapFS
		sensor string
		want   string // in the error; "" 25.06 °C
	}{
		{two, a, ""},
		{two, "", "there are several; set the option sensor to one of " + a + ", " + b},
		{two, b, "not a whole line"},
		{two, "28-000000000000", "is not there; there are " + a + ", " + b},
		{fstest.MapFS{w1Folder + "/" + a + "/w1_slave": warm}, "", ""},
		{fstest.MapFS{w1Folder + "/" + a + "/name": warm}, "", "file does not exist"},
		{fstest.MapFS{w1Folder + "/w1_bus_master1/uevent": warm}, "", "there is no sensor"},
		{fstest.MapFS{}, "", "raspi-config"},
	} {
		d, err := openW1(tree{c.files}, 0, &W1Options{Sensor: c.sensor})
		if err != nil {
			t.Fatal(err)
		}
		r, err := d.Poll(t.Context(), drivers.Query{Name: w1Slave})
		if c.want != "" {
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%q: %v, %v, want %q", c.sensor, r, err, c.want)
			}
			continue
		}
		if err != nil || r[0].Sample.Get("temperature").Format(2) != "25.06" {
			t.Errorf("%q: %v, %v", c.sensor, r, err)
		}
	}
	if _, err := openW1(tree{two}, 0, &W1Options{Sensor: "../../etc"}); err == nil {
		t.Error("a path is taken for an id")
	}
}

func FuzzDecodeW1(f *testing.F) {
	f.Add("91 01 4b 46 7f ff 0c 10 70 : crc=70 YES\n91 01 4b 46 7f ff 0c 10 70 t=25062\n")
	f.Fuzz(func(t *testing.T, content string) {
		fields, err := decodeW1(w1Slave, []byte(content))
		if (err == nil) != (len(fields) == 1) || err == nil && !w1Temperature.Plausible(fields[0].Value) {
			t.Fatalf("%v, %v", fields, err)
		}
	})
}
