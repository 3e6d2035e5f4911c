// Package discoverytest checks discovery payloads against Home Assistant's own tables (testdata/ha), offline.
package discoverytest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Tables are Home Assistant's rules.
type Tables struct {
	keys, deviceKeys, originKeys    map[string]string // short -> long
	topLevel, device, origin        map[string]rule
	shared                          []string                   // options of the payload that components inherit
	platforms                       map[string]map[string]rule // keys of a component
	sensor                          map[string]sensorClass
	stateClassUnits                 map[string][]*string
	rewritten                       map[string]string // spellings of units that Home Assistant changes
	binary, supported, stateClasses []string
}

type rule struct {
	Required bool  `json:"required"`
	Choices  []any `json:"choices"`
}

type sensorClass struct {
	Units        []*string `json:"units"` // nil: any; a nil among them: none at all
	StateClasses []string  `json:"state_classes"`
	Numeric      bool      `json:"numeric"`
}

// Testdata is the path of the repository's testdata folder: the one beside go.mod, above the folder of the running test.
func Testdata(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, "testdata")
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
}

// Load reads the tables from the folder ha of testdata.
func Load(testdata string) (*Tables, error) {
	var short struct{ Abbreviations, Device, Origin map[string]string }
	var payload struct {
		TopLevel map[string]rule `json:"top_level"`
		Device   map[string]rule `json:"device"`
		Origin   map[string]rule `json:"origin"`
		Shared   []string        `json:"shared_options_inherited_by_components"`
	}
	var mqtt struct {
		Supported []string `json:"supported_components"`
		Platforms map[string]struct {
			Schemas map[string]map[string]rule `json:"schemas"`
		} `json:"platforms"`
	}
	var sensor struct {
		StateClasses  []string               `json:"state_classes"`
		DeviceClasses map[string]sensorClass `json:"device_classes"`
		Units         map[string][]*string   `json:"state_class_units"`
		Ambiguous     map[string]string      `json:"ambiguous_units"`
	}
	var binary struct {
		DeviceClasses []string `json:"device_classes"`
	}
	for file, into := range map[string]any{
		"mqtt_abbreviations": &short, "mqtt_device_discovery": &payload, "mqtt_platforms": &mqtt,
		"sensor_device_classes": &sensor, "binary_sensor_device_classes": &binary,
	} {
		b, err := os.ReadFile(filepath.Join(testdata, "ha", file+".json"))
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(b, into); err != nil {
			return nil, fmt.Errorf("%s.json: %w", file, err)
		}
	}
	h := &Tables{
		keys: short.Abbreviations, deviceKeys: short.Device, originKeys: short.Origin,
		topLevel: payload.TopLevel, device: payload.Device, origin: payload.Origin, shared: payload.Shared,
		platforms: map[string]map[string]rule{}, supported: mqtt.Supported,
		sensor: sensor.DeviceClasses, stateClasses: sensor.StateClasses, stateClassUnits: sensor.Units, rewritten: sensor.Ambiguous,
		binary: binary.DeviceClasses,
	}
	for name, p := range mqtt.Platforms {
		h.platforms[name] = p.Schemas["DISCOVERY_SCHEMA"]
	}
	return h, nil
}
