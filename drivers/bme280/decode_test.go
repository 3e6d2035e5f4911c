package bme280

import (
	"encoding/hex"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"periph.io/x/conn/v3/physic"
	"periph.io/x/devices/v3/bmxx80"

	"sunwire/drivers"
)

// vectors are worked examples: Bosch's own (BST-BMP280-DS001, 3.12; the BMP280 has the same temperature and pressure cells), results of
// the formulas of 8.1 for the words of a real chip, and two captures of periph.io/x/devices/v3 v3.7.4 (bmxx80/bmx280_test.go).
var vectors = []struct {
	name                            string
	calibration                     calibration
	pressure, temperature, humidity float64 // register words
	fine, celsius, pascal, percent  float64 // as given, percent NaN where it is not
	fineTo, celsiusTo, pascalTo     float64 // half of the last digit given
}{
	{
		"Bosch",
		calibration{27504, 26435, -1000, 36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000},
		415148, 519888, 0, 128422, 25.08, 100653.27, math.NaN(), .5, .005, .005,
	},
	{"cold", real350, 330000, 400000, 20000, -81270.361, -15.8731, 90445.257, 1.1624, .0005, .00005, .0005},
	{"saturated", real350, 290000, 560000, 45000, 174974.584, 34.1747, 105126.646, 100, .0005, .00005, .0005},
	{"dry", real350, 360000, 480000, 10000, 46721.727, 9.1253, 89602.232, 0, .0005, .00005, .0005},
	{"room", real350, 309104, 524112, 30987, 117408.101, 22.9313, 100043.255, 63.1655, .0005, .00005, .0005},
	{"I2C capture", real50, 304428, 526700, 31350, 121457.096, 23.7221, 100942.966, 65.3061, .0005, .00005, .0005},
}

var (
	real350 = calibration{28176, 26220, 350, 38237, -10824, 3024, 7799, -99, -7, 9900, -10230, 4285, 75, 366, 0, 309, 0, 30}
	real50  = calibration{28176, 26220, 50, 38237, -10824, 3024, 7799, -99, -7, 9900, -10230, 4285, 75, 366, 0, 309, 0, 30}
)

func TestWorkedExamplesComeOutToTheLastDigit(t *testing.T) {
	for _, v := range vectors {
		fine := v.calibration.fine(v.temperature)
		near(t, v.name+" t_fine", fine, v.fine, v.fineTo)
		near(t, v.name+" temperature", v.calibration.temperature(fine), v.celsius, v.celsiusTo)
		near(t, v.name+" pressure", 100*v.calibration.pressure(v.pressure, fine), v.pascal, v.pascalTo)
		if !math.IsNaN(v.percent) {
			near(t, v.name+" humidity", v.calibration.humidity(v.humidity, fine), v.percent, .00005)
		}
	}
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance*(1+1e-9)) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

const (
	i2cCapture = realCalibration + "4a52c08096c07a76"
	spiCapture = "c96c63653200779398d5d00b6723ba00f9ffac260ad8bd10004b" + "5c0100150f001e" + "519fc09e3a505e5b"
)

// The second chip was damaged, its arithmetic holds. Bosch's integers give the same but for its humidity: 9.9501 % instead of 9.9451 %.
func TestACapturedDumpGivesItsValues(t *testing.T) {
	for dump, want := range map[string]map[string]string{
		i2cCapture: {"temperature": "23.72", "pressure": "1009.4", "humidity": "65.3", "field_1": "28176", "field_3": "50", "field_16": "309", "field_18": "30"},
		spiCapture: {"temperature": "62.68", "pressure": "995.8", "humidity": "9.9", "field_1": "27849", "field_3": "50", "field_16": "351", "field_18": "30"},
	} {
		fields, err := bme.decode(burst, unhex(t, dump))
		if err != nil {
			t.Fatal(err)
		}
		if len(fields) != 21 {
			t.Errorf("%d fields, want every one of 21", len(fields))
		}
		for _, f := range fields {
			text, is := want[f.Entity.Key]
			if !is {
				continue
			}
			got := f.Value
			if got.Absent() {
				got = f.Raw
			}
			if got := got.Format(f.Entity.Quantity.Decimals); got != text {
				t.Errorf("%s is %s, want %s", f.Entity.Key, got, text)
			}
			delete(want, f.Entity.Key)
		}
		for key := range want {
			t.Errorf("%s is missing", key)
		}
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestNegativeHumidityWordsKeepTheirSign(t *testing.T) {
	dump := unhex(t, i2cCapture)
	copy(dump[29:], []byte{0xE2, 0x5A, 0xFF}) // H4 = 0xE2A, H5 = 0xFF5
	c, err := bme.parse(dump)
	if err != nil {
		t.Fatal(err)
	}
	if c[h4] != -470 || c[h5] != -11 {
		t.Errorf("H4 %v and H5 %v, want -470 and -11", c[h4], c[h5])
	}
}

func TestWhatWasNotMeasuredIsAbsent(t *testing.T) {
	for _, c := range []struct {
		data    string
		present []string
		err     error
	}{
		{"8000008000008000", nil, drivers.ErrFrame},
		{"4a52c08096c08000", []string{"pressure", "temperature"}, nil},
		{"8000008096c07a76", []string{"temperature", "humidity"}, nil},
		{"4a52c08000007a76", []string{"pressure", "temperature", "humidity"}, nil}, // 22.9 °C, not skipped
	} {
		fields, err := bme.decode(burst, unhex(t, realCalibration+c.data))
		if !errors.Is(err, c.err) {
			t.Errorf("%s: %v, want %v", c.data, err, c.err)
		}
		var present []string
		for _, f := range fields {
			if !f.Value.Absent() {
				present = append(present, f.Entity.Key)
			}
		}
		if !slices.Equal(present, c.present) {
			t.Errorf("%s gives %v, want %v", c.data, present, c.present)
		}
	}
}

func TestABlankCalibrationIsAnError(t *testing.T) {
	for _, fill := range []byte{0x00, 0xFF} {
		for _, part := range [][2]int{{0, data}, {0, block2}, {block2, data}, {0, 2}, {2, 4}, {6, 8}, {26, 28}} {
			dump := unhex(t, i2cCapture)
			for i := part[0]; i < part[1]; i++ {
				dump[i] = fill
			}
			if fields, err := bme.decode(burst, dump); !errors.Is(err, drivers.ErrFrame) || fields != nil {
				t.Errorf("bytes %v all %#x: %v, %v", part, fill, fields, err)
			}
		}
	}
}

func TestAnotherLengthOrCommandIsAnError(t *testing.T) {
	dump := unhex(t, i2cCapture)
	for n := range dump {
		if _, err := bme.decode(burst, dump[:n]); !errors.Is(err, drivers.ErrFrame) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	if _, err := bme.decode(burst, append(dump, dump...)); !errors.Is(err, drivers.ErrFrame) {
		t.Errorf("two glued: %v", err)
	}
	if _, err := bme.decode("QPIGS", dump); !errors.Is(err, drivers.ErrUnsupported) {
		t.Errorf("another command: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(unhex(f, i2cCapture))
	f.Add(unhex(f, spiCapture))
	f.Add(make([]byte, frameSize))
	f.Fuzz(func(t *testing.T, dump []byte) {
		fields, err := bme.decode(burst, dump)
		if err != nil {
			if fields != nil {
				t.Fatal("values beside an error")
			}
			return
		}
		if len(fields) != len(coefficients)+len(entities) {
			t.Fatalf("%d fields", len(fields))
		}
		for _, d := range fields[len(coefficients):] {
			v, ok := d.Value.Float()
			if !ok && !d.Value.Absent() || d.Value.Absent() != d.Raw.Absent() || math.IsNaN(v) || math.IsInf(v, 0) {
				t.Fatalf("%s is %v (raw %v)", d.Entity.Key, d.Value, d.Raw)
			}
			if d.Entity.Role == drivers.AirHumidity && !d.Entity.Plausible(d.Value) {
				t.Fatalf("humidity %v", v)
			}
		}
	})
}

// image is a chip for periph's driver: a dump laid out as registers.
type image [256]byte

func (m *image) String() string                  { return "image" }
func (m *image) SetSpeed(physic.Frequency) error { return nil }
func (m *image) Tx(_ uint16, w, r []byte) error {
	copy(r, m[w[0]:])
	return nil
}

func imageOf(dump []byte) *image {
	m := new(image)
	m[regChipID] = 0x60
	copy(m[regCalibration1:], dump[:block2])
	copy(m[regCalibration2:], dump[block2:data])
	copy(m[regData:], dump[data:])
	return m
}

// byPeriph is what periph's integers make of a dump: °C, Pa, %. With a filter and a standby time it measures nothing, it only reads.
func byPeriph(t *testing.T, dump []byte) (celsius, pascal, percent float64) {
	t.Helper()
	d, err := bmxx80.NewI2C(imageOf(dump), 0x76, &bmxx80.Opts{
		Temperature: bmxx80.O1x, Pressure: bmxx80.O1x, Humidity: bmxx80.O1x, Filter: bmxx80.F2, Standby: time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	var e physic.Env
	if err := d.Sense(&e); err != nil {
		t.Fatal(err)
	}
	return e.Temperature.Celsius(), float64(e.Pressure) / float64(physic.Pascal), float64(e.Humidity) / float64(physic.PercentRH)
}

func TestPeriphsIntegersSayTheSame(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	compared := 0
	var worst [3]float64
	for range 20000 {
		dump := unhex(t, i2cCapture)
		for _, at := range []int{0, 4, 6, 8, 14, 22, 25, 26, 32} { // low bytes, which leave the chip a plausible one
			dump[at] ^= byte(random.Uint32() & 0x3F)
		}
		dump[30] = byte(random.Uint32()) // H4 and H5, not negative
		copy(dump[data:], []byte{byte(0x38 + random.IntN(0x30)), byte(random.Uint32()), byte(random.Uint32()) & 0xF0})
		copy(dump[data+3:], []byte{byte(0x60 + random.IntN(0x38)), byte(random.Uint32()), byte(random.Uint32()) & 0xF0})
		copy(dump[data+6:], []byte{byte(0x48 + random.IntN(0x48)), byte(random.Uint32())})
		fields, err := bme.decode(burst, dump)
		if err != nil {
			t.Fatal(err)
		}
		celsius, pascal, percent := byPeriph(t, dump)
		for i, other := range []float64{pascal / 100, celsius, percent} {
			f := fields[len(coefficients)+i]
			mine, ok := f.Raw.Float()
			if !ok || !f.Entity.Plausible(f.Value) {
				continue
			}
			compared++
			worst[i] = max(worst[i], math.Abs(mine-other))
		}
	}
	t.Logf("%d values compared; worst %v hPa, °C, %%", compared, worst)
	if compared < 30000 {
		t.Fatalf("only %d values were comparable", compared)
	}
	for i, limit := range [...]float64{0.005, 0.0075, 0.01} {
		if worst[i] > limit {
			t.Errorf("%s differs by %v", entities[i].Key, worst[i])
		}
	}
}

// This is why periph's driver is a witness here and not the driver: when it fails, periph has learnt the sign, and the choice can be
// looked at again.
func TestPeriphLosesTheSignOfAHumidityWord(t *testing.T) {
	dump := unhex(t, i2cCapture)
	copy(dump[29:], []byte{0x13, 0xB5, 0xFF}) // H5 = -5 instead of 0
	fields, err := bme.decode(burst, dump)
	if err != nil {
		t.Fatal(err)
	}
	mine, _ := fields[len(fields)-1].Raw.Float()
	near(t, "humidity", mine, 65.38, 0.01) // H5 is a small correction
	if _, _, percent := byPeriph(t, dump); math.Abs(percent-mine) < 10 {
		t.Errorf("periph gives %v, and we %v", percent, mine)
	}
}
