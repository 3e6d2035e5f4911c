package sysfs

import (
	"strings"
	"testing"
	"testing/fstest"

	"sunwire/drivers"
	"sunwire/drivers/drivertest"
)

func TestClassesConform(t *testing.T) {
	for _, d := range []drivers.Driver{IIO, HWMon, Thermal} {
		t.Run(d.Name, func(t *testing.T) { drivertest.Run(t, d, drivertest.Facts{}) })
	}
}

// read is what a driver makes of a tree: the values by key, or the error.
func read(t *testing.T, d drivers.Driver, files fstest.MapFS, sensor string) (map[string]string, error) {
	t.Helper()
	dev, err := d.Open(tree{files}, 0, &Options{Sensor: sensor})
	if err != nil {
		t.Fatal(err)
	}
	desc, err := dev.Describe(t.Context())
	if err != nil {
		return nil, err
	}
	r, err := dev.Poll(t.Context(), desc.Queries[0])
	if err != nil {
		return nil, err
	}
	got := map[string]string{}
	for i := range desc.Entities {
		e := &desc.Entities[i]
		if v := r[0].Sample.Get(e.Key); !v.Absent() {
			got[e.Key] = v.Format(e.Quantity.Decimals)
		}
	}
	return got, nil
}

func TestTheKernelsUnitsBecomeOurs(t *testing.T) {
	const dht, bmp = "bus/iio/devices/iio:device0/", "bus/iio/devices/iio:device1/"
	iio := fstest.MapFS{
		dht + "name": text("dht11@0\n"), dht + "in_temp_input": text("-3400\n"), dht + "in_humidityrelative_input": text("81500\n"),
		bmp + "name": text("bmp280\n"), bmp + "in_pressure_input": text("100.325000000\n"), bmp + "in_temp_raw": text("2140\n"), bmp + "in_temp_scale": text("10.5\n"),
		bmp + "in_temp_offset": text("-100\n"), bmp + "in_illuminance_raw": text("5\n"), bmp + "in_concentration_co2_input": text("0.0612\n"),
	}
	hw := fstest.MapFS{
		"class/hwmon/hwmon0/name": text("cpu_thermal\n"), "class/hwmon/hwmon0/temp1_input": text("48312\n"),
		"class/hwmon/hwmon1/name": text("ina219\n"), "class/hwmon/hwmon1/in0_input": text("3\n"), "class/hwmon/hwmon1/in1_input": text("12024\n"),
		"class/hwmon/hwmon1/curr1_input": text("-1500\n"), "class/hwmon/hwmon1/power1_input": text("18036000\n"), "class/hwmon/hwmon1/temp1_crit": text("99000\n"),
	}
	for _, c := range []struct {
		d      drivers.Driver
		files  fstest.MapFS
		sensor string
		want   map[string]string
	}{
		{IIO, iio, "dht11@0", map[string]string{"temperature": "-3.4", "humidity": "81.5"}},
		{IIO, iio, "iio:device1", map[string]string{"pressure": "1003.3", "temperature": "21.4", "co2": "612"}}, // the light has no scale
		{HWMon, hw, "cpu_thermal", map[string]string{"temperature_1": "48.3"}},
		{HWMon, hw, "ina219", map[string]string{"voltage_0": "0.003", "voltage_1": "12.024", "current_1": "-1.500", "power_1": "18.036"}},
		{Thermal, fstest.MapFS{"class/thermal/thermal_zone0/type": text("cpu-thermal\n"), "class/thermal/thermal_zone0/temp": text("48312\n")}, "", map[string]string{"temperature": "48.3"}},
	} {
		got, err := read(t, c.d, c.files, c.sensor)
		if err != nil || len(got) != len(c.want) {
			t.Errorf("%s: %v, %v, want %v", c.sensor, got, err, c.want)
		}
		for k, v := range c.want {
			if got[k] != v {
				t.Errorf("%s: %s is %q, want %q", c.sensor, k, got[k], v)
			}
		}
	}
}

func TestWhatIsWrongWithAClassIsSaid(t *testing.T) {
	two := fstest.MapFS{"class/thermal/thermal_zone0/type": text("cpu\n"), "class/thermal/thermal_zone0/temp": text("1\n"), "class/thermal/thermal_zone1/type": text("gpu\n"), "class/thermal/thermal_zone1/temp": text("1\n")}
	for _, c := range []struct {
		d      drivers.Driver
		files  fstest.MapFS
		sensor string
		want   string
	}{
		{Thermal, two, "", "there are several; set the option sensor to one of thermal_zone0 cpu, thermal_zone1 gpu"},
		{Thermal, two, "disk", "disk is not there; there are thermal_zone0 cpu"},
		{Thermal, fstest.MapFS{}, "", "no thermal zones"},
		{IIO, fstest.MapFS{}, "", "dtoverlay=dht11"},
		{IIO, fstest.MapFS{"bus/iio/devices/iio:device0/name": text("adc\n")}, "", "no value that sunwire knows"},
		{Thermal, fstest.MapFS{"class/thermal/thermal_zone0/type": text("cpu\n"), "class/thermal/thermal_zone0/temp": text("warm\n")}, "", "is no number"},
	} {
		if got, err := read(t, c.d, c.files, c.sensor); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, %v, want %q", c.sensor, got, err, c.want)
		}
	}
}

func FuzzDecodeClass(f *testing.F) {
	f.Add("in_temp_input 21400\n")
	f.Fuzz(func(t *testing.T, content string) {
		for _, d := range []drivers.Driver{IIO, HWMon, Thermal} {
			if fields, err := d.Decode(reading, []byte(content)); (err == nil) != (len(fields) > 0) {
				t.Fatalf("%v, %v", fields, err)
			}
		}
	})
}
