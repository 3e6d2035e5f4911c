// Package all is the one explicit list of drivers: the only file to touch besides a new driver's own.
package all

import (
	"fmt"
	"slices"
	"strings"

	"sunwire/drivers"
	"sunwire/drivers/ant"
	"sunwire/drivers/bme280"
	"sunwire/drivers/bme680"
	"sunwire/drivers/bmp180"
	"sunwire/drivers/cbt"
	"sunwire/drivers/chip"
	"sunwire/drivers/daly"
	"sunwire/drivers/ecoworthy"
	"sunwire/drivers/heltec"
	"sunwire/drivers/httpjson"
	"sunwire/drivers/jbd"
	"sunwire/drivers/jk"
	"sunwire/drivers/lithium"
	"sunwire/drivers/mqttin"
	"sunwire/drivers/openmeteo"
	"sunwire/drivers/pace"
	"sunwire/drivers/pylontech"
	"sunwire/drivers/redodo"
	"sunwire/drivers/renogy"
	"sunwire/drivers/seplos"
	"sunwire/drivers/sysfs"
	"sunwire/drivers/tdt"
	"sunwire/drivers/vedirect"
	"sunwire/drivers/voltronic"
)

// Drivers lists every driver: inverters, batteries, sensors, and what comes from elsewhere.
func Drivers() []drivers.Driver {
	return []drivers.Driver{
		voltronic.Voltronic,
		voltronic.PI30,
		voltronic.PI30MAX,
		voltronic.PI30MST,
		voltronic.PI30M044,
		voltronic.PI30M045,
		voltronic.PI30REVO,
		voltronic.PI41,
		voltronic.PI16,
		voltronic.PI17,
		voltronic.PI17Infini,
		voltronic.PI17M058,
		voltronic.PI18,
		voltronic.PI18SV,
		voltronic.PI18LVX,
		ant.Driver,
		ant.Old,
		cbt.Driver,
		cbt.VB,
		daly.Driver,
		daly.D2,
		daly.P81,
		ecoworthy.Driver,
		heltec.Driver,
		jbd.Driver,
		jk.Balancer,
		jk.BLE,
		jk.PB,
		jk.TTL,
		lithium.C4S,
		lithium.EG4,
		lithium.Gobel,
		lithium.Humsienk,
		lithium.PylontechRT,
		lithium.RoyPow,
		lithium.Saihang,
		lithium.Vatrer,
		pace.Driver,
		pylontech.Driver,
		redodo.Driver,
		renogy.Driver,
		renogy.Pro,
		seplos.V2,
		seplos.V2BLE,
		seplos.V3,
		tdt.Driver,
		vedirect.HEX,
		vedirect.Text,
		chip.AHT20,
		chip.BH1750,
		bme280.BMP280,
		chip.CCS811,
		sysfs.DS18B20,
		chip.HDC302x,
		sysfs.HWMon,
		sysfs.IIO,
		chip.INA219,
		chip.INA260,
		chip.MCP9808,
		chip.SCD4x,
		chip.SGP30,
		chip.SHT3x,
		chip.SHT4x,
		chip.TMP102,
		sysfs.Thermal,
		bme280.Driver,
		bme680.Driver,
		bmp180.Driver,
		httpjson.Driver,
		mqttin.Driver,
		openmeteo.Driver,
	}
}

// Find is the driver with that name or alias.
func Find(name string) (drivers.Driver, error) {
	ds := Drivers()
	var names []string
	for _, d := range ds {
		if strings.EqualFold(d.Name, name) || slices.ContainsFunc(d.Aliases, func(a string) bool { return strings.EqualFold(a, name) }) {
			return d, nil
		}
		names = append(names, d.Name)
	}
	return drivers.Driver{}, fmt.Errorf("there is no driver %q; there are %s", name, strings.Join(names, ", "))
}
