// Package table reads values that the user describes, out of JSON, separated texts and bare numbers: what drivers/httpjson and drivers/mqttin
// have in common.
package table

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"sunwire/drivers"
)

// Row is one value. The tags are those of the configuration.
type Row struct {
	Key      string  `yaml:"key" doc:"its name in topics and entity ids: a-z, 0-9 and _, such as load_power" required:"true"`
	Name     string  `yaml:"name" doc:"what Home Assistant shows" default:"from the key"`
	Path     string  `yaml:"path" doc:"where it stands in JSON, as in ENERGY.Power or list[0].watts; none: all that came is the value"`
	Field    int     `yaml:"field" doc:"its place in a separated text, counted from 1"`
	Quantity string  `yaml:"quantity" doc:"what it measures" required:"true" oneof:"voltage current power apparent_power energy stored_energy frequency temperature humidity pressure state_of_charge percent charge co2 irradiance wind_speed duration signal_strength number text on_off"`
	Scale    float64 `yaml:"scale" doc:"factor that makes it V, A, W, kWh, °C or hPa, as 0.001 for Wh" default:"1"`
	Role     string  `yaml:"role" doc:"what it is to the house, so that groups and the energy account find it" oneof:"pv_power load_power grid_power battery_power battery_voltage battery_current battery_charge_current battery_discharge_current state_of_charge pv_energy load_energy grid_import_energy grid_export_energy battery_charge_energy battery_discharge_energy temperature humidity pressure"`
	Positive string  `yaml:"positive" doc:"of a value with a sign: what + means in what comes; published, + is discharging or importing" oneof:"discharging charging importing exporting"`
	Decimals *int    `yaml:"decimals" doc:"how many are published, 0 to 6" default:"those of the quantity"`
}

// quantity is what a row may measure, with limits beyond which a value can only be a mistake: -127 °C is a sensor that is not there.
type quantity struct {
	name        string
	quantity    drivers.Quantity
	least, most float64
	platform    drivers.Platform
}

var quantities = [...]quantity{
	{"voltage", drivers.Voltage, -2000, 2000, drivers.Sensor},
	{"current", drivers.Current, -5000, 5000, drivers.Sensor},
	{"power", drivers.Power, -1e6, 1e6, drivers.Sensor},
	{"apparent_power", drivers.ApparentPower, 0, 1e6, drivers.Sensor},
	{"energy", drivers.Energy, 0, 1e8, drivers.Sensor},
	{"stored_energy", drivers.StoredEnergy, 0, 1e5, drivers.Sensor},
	{"frequency", drivers.Frequency, 0, 1000, drivers.Sensor},
	{"temperature", drivers.Temperature, -100, 1000, drivers.Sensor},
	{"humidity", drivers.Humidity, 0, 100, drivers.Sensor},
	{"pressure", drivers.AirPressure, 300, 1200, drivers.Sensor},
	{"state_of_charge", drivers.StateOfCharge, 0, 100, drivers.Sensor},
	{"percent", drivers.Percent, -1000, 1000, drivers.Sensor},
	{"charge", drivers.Charge, 0, 1e5, drivers.Sensor},
	{"co2", drivers.CarbonDioxide, 0, 40000, drivers.Sensor},
	{"irradiance", drivers.Irradiance, 0, 2000, drivers.Sensor},
	{"wind_speed", drivers.WindSpeed, 0, 500, drivers.Sensor},
	{"duration", drivers.Duration, 0, 1e10, drivers.Sensor},
	{"signal_strength", drivers.SignalStrength, -200, 50, drivers.Sensor},
	{"number", drivers.Count, -1e15, 1e15, drivers.Sensor},
	{"text", drivers.None, 0, 0, drivers.Label},
	{"on_off", drivers.None, 0, 0, drivers.Binary},
}

// meaning is what a role wants of a value.
type meaning struct {
	role     drivers.Role
	quantity string
	signs    [2]drivers.Direction
}

// roles are those a row may have, and the quantity that each is; signed ones need to know what + means.
var roles = [...]meaning{
	{drivers.PVPower, "power", [2]drivers.Direction{}},
	{drivers.LoadPower, "power", [2]drivers.Direction{}},
	{drivers.GridPower, "power", [2]drivers.Direction{drivers.Importing, drivers.Exporting}},
	{drivers.BatteryPower, "power", [2]drivers.Direction{drivers.Discharging, drivers.Charging}},
	{drivers.BatteryVoltage, "voltage", [2]drivers.Direction{}},
	{drivers.BatteryCurrent, "current", [2]drivers.Direction{drivers.Discharging, drivers.Charging}},
	{drivers.BatteryChargeCurrent, "current", [2]drivers.Direction{}},
	{drivers.BatteryDischargeCurrent, "current", [2]drivers.Direction{}},
	{drivers.BatteryCharge, "state_of_charge", [2]drivers.Direction{}},
	{drivers.PVEnergy, "energy", [2]drivers.Direction{}},
	{drivers.LoadEnergy, "energy", [2]drivers.Direction{}},
	{drivers.GridImportEnergy, "energy", [2]drivers.Direction{}},
	{drivers.GridExportEnergy, "energy", [2]drivers.Direction{}},
	{drivers.BatteryChargeEnergy, "energy", [2]drivers.Direction{}},
	{drivers.BatteryDischargeEnergy, "energy", [2]drivers.Direction{}},
	{drivers.AirTemperature, "temperature", [2]drivers.Direction{}},
	{drivers.AirHumidity, "humidity", [2]drivers.Direction{}},
	{drivers.Pressure, "pressure", [2]drivers.Direction{}},
}

var directions = map[string]drivers.Direction{
	"": drivers.Unsigned, "discharging": drivers.Discharging, "charging": drivers.Charging, "importing": drivers.Importing, "exporting": drivers.Exporting,
}

// Reserved are the keys that the bridge adds to every device.
var Reserved = []string{
	"bluetooth_signal", "link", "last_error", "poll_time", "success_ratio", "writes_today", "allow_writes", "sync_clock", "write", "raw",
}

// Table is rows that were checked.
type Table struct {
	Entities  []drivers.Entity // one a row
	rows      []row
	separator string
}

// row is a Row ready to be read.
type row struct {
	entity drivers.Entity
	path   []step
	field  int // from 1; 0: none
	scale  float64
}

// New checks rows. separator stands between the fields of a text; "" is any white space, comma or semicolon.
func New(rows []Row, separator string) (*Table, error) {
	t := &Table{separator: separator}
	for i, r := range rows {
		made, err := r.row()
		if err != nil {
			return nil, fmt.Errorf("values[%d], %q: %w", i, r.Key, err)
		}
		for _, e := range t.Entities {
			switch {
			case e.Key == r.Key:
				return nil, fmt.Errorf("values[%d]: the key %q is there twice", i, r.Key)
			case e.Role != "" && e.Role == made.entity.Role:
				return nil, fmt.Errorf("values[%d], %q: %q has the role %s already", i, r.Key, e.Key, e.Role)
			}
		}
		t.rows, t.Entities = append(t.rows, made), append(t.Entities, made.entity)
	}
	return t, nil
}

var keyForm = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

func (r *Row) row() (row, error) {
	i := slices.IndexFunc(quantities[:], func(q quantity) bool { return q.name == r.Quantity })
	switch {
	case !keyForm.MatchString(r.Key):
		return row{}, errors.New("a key is made of a-z, 0-9 and _, a letter first")
	case slices.Contains(Reserved, r.Key):
		return row{}, errors.New("this key is sunwire's own; write another")
	case i < 0:
		return row{}, fmt.Errorf("there is no quantity %q", r.Quantity)
	case r.Path != "" && r.Field != 0:
		return row{}, errors.New("it has a path and a field; remove one")
	case r.Field < 0:
		return row{}, errors.New("fields are counted from 1")
	case r.Decimals != nil && (*r.Decimals < 0 || *r.Decimals > 6):
		return row{}, errors.New("decimals are 0 to 6")
	}
	q := quantities[i]
	path, err := parsePath(r.Path)
	if err != nil {
		return row{}, err
	}
	out := row{path: path, field: r.Field, scale: r.Scale, entity: drivers.Entity{
		Key: r.Key, Name: r.Name, Platform: q.platform, Quantity: q.quantity, Min: q.least, Max: q.most, Positive: directions[r.Positive],
	}}
	if out.scale == 0 {
		out.scale = 1
	}
	if r.Decimals != nil && q.platform == drivers.Sensor {
		out.entity.Quantity = q.quantity.At(*r.Decimals)
	}
	if r.Name == "" {
		name := strings.ReplaceAll(r.Key, "_", " ")
		out.entity.Name = strings.ToUpper(name[:1]) + name[1:]
	}
	out.entity.Role, err = r.role()
	return out, err
}

// role is the row's, where its quantity and sign fit that.
func (r *Row) role() (drivers.Role, error) {
	if r.Role == "" {
		return "", nil
	}
	i := slices.IndexFunc(roles[:], func(m meaning) bool { return string(m.role) == r.Role })
	if i < 0 {
		return "", fmt.Errorf("there is no role %q", r.Role)
	}
	known, sign := roles[i], directions[r.Positive]
	switch {
	case known.quantity != r.Quantity:
		return "", fmt.Errorf("the role %s is a %s, not a %s", r.Role, known.quantity, r.Quantity)
	case known.signs[0] != drivers.Unsigned && !slices.Contains(known.signs[:], sign):
		return "", fmt.Errorf("the role %s has a sign: write positive: discharging, charging, importing or exporting, which of them + means", r.Role)
	case known.signs[0] == drivers.Unsigned && sign != drivers.Unsigned:
		return "", fmt.Errorf("the role %s has no sign; remove positive", r.Role)
	}
	return known.role, nil
}
