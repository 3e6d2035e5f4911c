package config

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"sunwire/drivers/openmeteo"
)

// addOn is an environment with a file (none where it is empty) and a form.
func addOn(file, form string) Env {
	return Env{
		AddOn: true, Drivers: testDrivers(), Form: func() ([]byte, error) { return []byte(form), nil },
		ReadFile: func(string) ([]byte, error) {
			if file == "" {
				return nil, &fs.PathError{Op: "open", Path: "sunwire.yaml", Err: fs.ErrNotExist}
			}
			return []byte(file), nil
		},
		Getenv: func(string) (string, bool) { return "", false },
	}
}

func TestTheFormAndTheFileAreOneListAndTheFileGoesFirst(t *testing.T) {
	c, err := Load("sunwire.yaml", addOn(
		"log: {level: warn}\ndevices:\n  - {id: house, driver: bme280, port: \"i2c:1/0x76\"}\n",
		`{"devices": [{"id": "house", "driver": "pi30", "port": "sim:"}, {"id": "inverter", "driver": "axpert", "port": "/dev/ttyUSB0", "name": "", "address": null}],
		  "log_level": "debug", "mqtt_username": "me", "topic_prefix": "cabin"}`))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Devices) != 2 || c.Devices[0].Driver != "bme280" || c.Devices[1].Driver != "pi30" || c.Devices[1].Name != "Inverter" {
		t.Errorf("devices: %+v", c.Devices)
	}
	if c.Log.Level != "warn" || c.MQTT.Username != "me" || c.MQTT.TopicPrefix != "cabin" {
		t.Errorf("level %s, user %s, prefix %s", c.Log.Level, c.MQTT.Username, c.MQTT.TopicPrefix)
	}
	if len(c.Notes) != 1 || !strings.Contains(c.Notes[0], "sunwire.yaml line 3") || !strings.Contains(c.Notes[0], "house") {
		t.Errorf("notes: %q", c.Notes)
	}
	if !c.MQTT.Ask || c.StateDir != "/data" || c.HTTP.Listen != ":8099" {
		t.Errorf("ask %v, state %s, page %s", c.MQTT.Ask, c.StateDir, c.HTTP.Listen)
	}
}

func TestTheBrokerOfFormOrFileIsNotAskedFor(t *testing.T) {
	for file, form := range map[string]string{
		"mqtt: {url: \"mqtt://10.0.0.5\"}\n": `{"mqtt_url": "mqtt://10.0.0.6"}`,
		"":                                   `{"mqtt_url": "mqtt://10.0.0.5", "devices": []}`,
	} {
		c, err := Load("sunwire.yaml", addOn(file, form))
		if err != nil {
			t.Fatal(err)
		}
		if c.MQTT.Ask || c.MQTT.URL[0].Host != "10.0.0.5:1883" {
			t.Errorf("ask %v, url %v", c.MQTT.Ask, c.MQTT.URL)
		}
	}
}

// roof is what a test reads of the options of the weather's driver.
func roof(d Device) string {
	return fmt.Sprintf("%s %s %s %+v", d.ID, d.Driver, d.Port.Text, d.Options)
}

func TestAPlaceInTheFormIsTheWeatherThere(t *testing.T) {
	const place, panels = `"latitude": 52.5, "longitude": -13.4`, `, "pv_peak_power": 5000, "pv_tilt": 30, "pv_azimuth": -20`
	const there = "https://api.open-meteo.com &{Latitude:52.5 Longitude:-13.4 Planes:[{Peak:5000 Tilt:30 Azimuth:-20}] Performance:0.8}"
	for name, c := range map[string]struct{ file, form, want string }{
		"place alone":      {"", place, "weather openmeteo https://api.open-meteo.com &{Latitude:52.5 Longitude:-13.4 Planes:[] Performance:0.8}"},
		"with the panels":  {"", place + panels, "weather openmeteo " + there},
		"of a device":      {"", place + panels + `, "devices": [{"id": "sky", "driver": "OpenMeteo", "port": "https://api.open-meteo.com"}]`, "sky openmeteo " + there},
		"the file's holds": {"devices: [{id: sky, driver: open-meteo, port: \"sim:\", options: {latitude: 1, longitude: 2}}]\n", place, "sky openmeteo sim: &{Latitude:1 Longitude:2 Planes:[] Performance:0.8}"},
	} {
		cfg, err := Load("sunwire.yaml", weatherOn(c.file, "{"+c.form+"}"))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if len(cfg.Devices) != 1 || roof(cfg.Devices[0]) != c.want {
			t.Errorf("%s: %s, want %s", name, roof(cfg.Devices[0]), c.want)
		}
	}
	for form, want := range map[string]string{
		`"latitude": 52.5`:        "the add-on's options: longitude: is missing",
		`"pv_peak_power": 5000`:   "the add-on's options: latitude: is missing",
		place + `, "pv_tilt": 30`: "the add-on's options: pv_peak_power: is missing",
		`"devices": [{"id": "sky", "driver": "openmeteo", "port": "https://api.open-meteo.com"}]`: "the add-on's options: latitude: is missing",
		`"latitude": "north"`: "the add-on's options: latitude:",
		place + `, "devices": [{"id": "weather", "driver": "bme280", "port": "i2c:1/0x76"}]`: "the add-on's options: devices[1].id:",
	} {
		if _, err := Load("sunwire.yaml", weatherOn("", "{"+form+"}")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", form, err, want)
		}
	}
}

// weatherOn is addOn with the weather's driver.
func weatherOn(file, form string) Env {
	env := addOn(file, form)
	env.Drivers = append(env.Drivers, openmeteo.Driver)
	return env
}

func TestErrorsOfTheFormNameTheForm(t *testing.T) {
	_, err := Load("sunwire.yaml", addOn("", `{"devices": [{"id": "a", "driver": "pi30", "port": "sim:"}, {"id": "a", "driver": "pi3", "port": ""}], "mqtt_url": "http://x", "log_level": "loud"}`))
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{
		`the add-on's options: devices[1].driver: there is no driver "pi3"`, "the add-on's options: devices[1].port: is missing",
		"the add-on's options: devices[1].id:", "the add-on's options: mqtt_url:", "the add-on's options: log_level:",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in\n%v", want, err)
		}
	}
	env := addOn("", "")
	env.Form = func() ([]byte, error) { return nil, errors.New("permission denied") }
	if _, err := Load("sunwire.yaml", env); err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("unreadable: %v", err)
	}
	if _, err := Load("sunwire.yaml", addOn("", "nonsense: [")); err == nil {
		t.Error("nonsense is accepted")
	}
}

func TestAFileThatIsMissingIsAnErrorUnlessItMayBe(t *testing.T) {
	env := addOn("", "")
	env.Form, env.AddOn = nil, false
	if _, err := Load("sunwire.yaml", env); err == nil {
		t.Error("accepted")
	}
	env.MayLack = true
	c, err := Load("sunwire.yaml", env)
	if err != nil || !c.Missing || len(c.Devices) != 0 {
		t.Errorf("%+v, %v", c, err)
	}
	if c, err := Parse("x", nil, env); err == nil {
		t.Errorf("an empty file is accepted: %+v", c)
	}
}

func TestAddingToTheFormKeepsWhatIsInIt(t *testing.T) {
	port, _, err := ParsePort("i2c:1/0x76", nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := AddToForm([]byte(`{"log_level":"debug","devices":[{"id":"a","driver":"pi30","port":"sim:"}],"future":{"x":[1]}}`),
		[]FormDevice{{ID: "house", Driver: "bme280", Port: port}})
	want := `{"devices":[{"id":"a","driver":"pi30","port":"sim:"},{"id":"house","driver":"bme280","port":"i2c:1/0x76"}],"future":{"x":[1]},"log_level":"debug"}`
	if err != nil || string(got) != want {
		t.Errorf("%s, %v\nwant %s", got, err, want)
	}
	if _, err := AddToForm([]byte(`{"devices": 3}`), nil); err == nil {
		t.Error("a form that is none is accepted")
	}
}
