package openmeteo

import (
	"fmt"

	"sunwire/drivers"
)

// conditions are the WMO weather codes (WMO 306, table 4677) that the service uses.
var conditions = [...]struct {
	code float64
	name string
}{
	{0, "clear"},
	{1, "mainly clear"},
	{2, "partly cloudy"},
	{3, "overcast"},
	{45, "fog"},
	{48, "freezing fog"},
	{51, "light drizzle"},
	{53, "drizzle"},
	{55, "heavy drizzle"},
	{56, "light freezing drizzle"},
	{57, "freezing drizzle"},
	{61, "light rain"},
	{63, "rain"},
	{65, "heavy rain"},
	{66, "light freezing rain"},
	{67, "freezing rain"},
	{71, "light snow"},
	{73, "snow"},
	{75, "heavy snow"},
	{77, "snow grains"},
	{80, "light showers"},
	{81, "showers"},
	{82, "heavy showers"},
	{85, "snow showers"},
	{86, "heavy snow showers"},
	{95, "thunderstorm"},
	{96, "thunderstorm with hail"},
	{99, "thunderstorm with heavy hail"},
}

func conditionNames() (names []string) {
	for _, c := range conditions {
		names = append(names, c.name)
	}
	return names
}

func condition(code float64) drivers.Value {
	for _, c := range conditions {
		if c.code == code {
			return drivers.Text(c.name)
		}
	}
	return drivers.Text(fmt.Sprintf("unknown (%g)", code))
}
