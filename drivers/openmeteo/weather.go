package openmeteo

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"sunwire/drivers"
)

// outlives is for how long the weather of a moment is shown when no newer is to be had; last_update says how old it is.
const outlives = 3 * time.Hour

// row is a current value: the entity, and the service's name and unit for it.
type row struct {
	drivers.Entity
	variable, unit string
}

var current = [...]row{
	{drivers.Entity{Key: "temperature", Name: "Temperature", Quantity: drivers.Temperature, Role: drivers.AirTemperature, Min: -90, Max: 60}, "temperature_2m", "°C"},
	{drivers.Entity{Key: "humidity", Name: "Humidity", Quantity: drivers.Humidity.At(0), Role: drivers.AirHumidity, Min: 0, Max: 100}, "relative_humidity_2m", "%"},
	{drivers.Entity{Key: "pressure", Name: "Pressure", Quantity: drivers.AirPressure, Role: drivers.Pressure, Min: 300, Max: 1100}, "surface_pressure", "hPa"},
	{drivers.Entity{Key: "sea_level_pressure", Name: "Sea-level pressure", Quantity: drivers.AirPressure, Min: 800, Max: 1100, Disabled: true}, "pressure_msl", "hPa"},
	{drivers.Entity{Key: "irradiance", Name: "Irradiance", Quantity: drivers.Irradiance, Min: 0, Max: 1500}, "shortwave_radiation", "W/m²"},
	{drivers.Entity{Key: "cloud_cover", Name: "Cloud cover", Quantity: drivers.Percent, Min: 0, Max: 100}, "cloud_cover", "%"},
	{drivers.Entity{Key: "wind_speed", Name: "Wind speed", Quantity: drivers.WindSpeed, Min: 0, Max: 400}, "wind_speed_10m", "km/h"},
	{drivers.Entity{Key: "wind_gusts", Name: "Wind gusts", Quantity: drivers.WindSpeed, Min: 0, Max: 500, Disabled: true}, "wind_gusts_10m", "km/h"},
	{drivers.Entity{Key: "wind_direction", Name: "Wind direction", Quantity: drivers.Direction360, Min: 0, Max: 360, Disabled: true}, "wind_direction_10m", "°"},
	{drivers.Entity{Key: "precipitation_intensity", Name: "Precipitation", Quantity: drivers.PrecipitationIntensity, Min: 0, Max: 400}, "precipitation", "mm"},
	{drivers.Entity{Key: "condition", Name: "Condition", Platform: drivers.Enum, Options: conditionNames()}, "weather_code", "wmo code"},
}

var lastUpdate = drivers.Entity{
	Key: "last_update", Name: "As of", Platform: drivers.Label, Quantity: drivers.Timestamp, Category: drivers.Diagnostic,
}

// forecast is a variable of the coming hours: the attribute of the entity forecast that lists it.
type forecast struct {
	variable, unit, attribute string
	ends                      bool // the mean or sum of the hour that ends then, not of a moment
	decimals                  int
}

var hourly = [...]forecast{
	{"temperature_2m", "°C", "hourly_temperature", false, 1},
	{"cloud_cover", "%", "hourly_cloud_cover", false, 0},
	{"shortwave_radiation", "W/m²", "hourly_irradiance", true, 0},
	{"wind_speed_10m", "km/h", "hourly_wind_speed", false, 1},
	{"precipitation", "mm", "hourly_precipitation", true, 1},
}

const ahead = 48 // hours that are listed

// The state is the first hour; the attributes have one number for each hour from then on, null where it is not known.
var forecastEntity = drivers.Entity{Key: "forecast", Name: "Forecast from", Platform: drivers.Label, Quantity: drivers.Timestamp, Disabled: true}

// What a day will be. [0] is today, [1] tomorrow.
var (
	temperatureMin = daily("temperature_min", "Lowest temperature", drivers.Temperature, -90, 60)
	temperatureMax = daily("temperature_max", "Highest temperature", drivers.Temperature, -90, 60)
	cloudCover     = daily("cloud_cover", "Mean cloud cover", drivers.Percent, 0, 100)
	windMax        = daily("wind_speed_max", "Highest wind speed", drivers.WindSpeed, 0, 400)
	irradiation    = daily("irradiation", "Irradiation", drivers.Irradiation, 0, 20)
	precipitation  = daily("precipitation", "Precipitation", drivers.Precipitation, 0, 2000)
)

func daily(key, name string, q drivers.Quantity, least, most float64) [2]drivers.Entity {
	e := drivers.Entity{Quantity: q, Min: least, Max: most, Disabled: true}
	today, tomorrow := e, e
	today.Key, today.Name = key+"_today", name+" today"
	tomorrow.Key, tomorrow.Name = key+"_tomorrow", name+" tomorrow"
	return [2]drivers.Entity{today, tomorrow}
}

func weatherEntities() []drivers.Entity {
	var es []drivers.Entity
	for i := range current {
		es = append(es, current[i].Entity)
	}
	es = append(es, lastUpdate)
	for _, d := range [...][2]drivers.Entity{temperatureMin, temperatureMax, cloudCover, windMax, irradiation, precipitation} {
		es = append(es, d[:]...)
	}
	es = append(es, forecastEntity)
	for i := range hourly {
		es = append(es, listed(hourly[i].attribute, forecastEntity.Key))
	}
	return es
}

func listed(key, of string) drivers.Entity {
	return drivers.Entity{Key: key, Name: "Hourly values", Platform: drivers.Label, Attribute: of}
}

// readWeather makes the readings of an answer: what is now, what counts until midnight, and the hours ahead.
func readWeather(a *answer, zone *time.Location) ([]drivers.Reading, error) {
	now := drivers.Reading{Until: a.now.Add(outlives)}
	for i := range current {
		r := &current[i]
		f, ok, err := a.number(r.variable, r.unit)
		if err != nil {
			return nil, err
		}
		if ok {
			now.Sample = append(now.Sample, drivers.Field{Key: r.Key, Value: r.value(f, a.span)})
		}
	}
	if len(now.Sample) == 0 {
		return nil, fmt.Errorf("the answer has none of the values that were asked for: %w", drivers.ErrFrame)
	}
	now.Sample = append(now.Sample, drivers.Field{Key: lastUpdate.Key, Value: stamp(a.now)})
	series := map[string][]*float64{}
	for _, f := range hourly {
		s, err := a.series(f.variable, f.unit)
		if err != nil {
			return nil, err
		}
		series[f.variable] = s
	}
	_, midnight, _ := a.days(zone)
	day := drivers.Reading{Sample: a.daily(series, zone), Until: midnight}
	hours := drivers.Reading{Sample: a.list(&forecastEntity, hourly[:], series), Until: a.now.Add(outlives)}
	return slices.DeleteFunc([]drivers.Reading{now, day, hours}, func(r drivers.Reading) bool { return len(r.Sample) == 0 }), nil
}

// value is f as the entity has it.
func (r *row) value(f float64, span time.Duration) drivers.Value {
	switch {
	case r.Platform == drivers.Enum:
		return condition(f)
	case r.Quantity == drivers.PrecipitationIntensity:
		f /= span.Hours()
	}
	return rounded(f, r.Quantity.Decimals)
}

func rounded(f float64, decimals int) drivers.Value {
	unit := math.Pow10(decimals)
	return drivers.Num(math.Round(f*unit) / unit)
}

func stamp(t time.Time) drivers.Value { return drivers.Text(t.UTC().Format(time.RFC3339)) }

func (a *answer) daily(series map[string][]*float64, zone *time.Location) (s drivers.Sample) {
	add := func(e drivers.Entity, f float64, ok bool) {
		if ok {
			s = append(s, drivers.Field{Key: e.Key, Value: rounded(f, e.Quantity.Decimals)})
		}
	}
	today, tomorrow, end := a.days(zone)
	for i, d := range [...]struct{ start, end time.Time }{{today, tomorrow}, {tomorrow, end}} {
		temperature, ok := a.day(series["temperature_2m"], d.start, d.end)
		add(temperatureMin[i], temperature.least, ok)
		add(temperatureMax[i], temperature.greatest, ok)
		clouds, ok := a.day(series["cloud_cover"], d.start, d.end)
		add(cloudCover[i], clouds.mean, ok)
		wind, ok := a.day(series["wind_speed_10m"], d.start, d.end)
		add(windMax[i], wind.greatest, ok)
		wattHours, ok := a.sum(series["shortwave_radiation"], d.start, d.end)
		add(irradiation[i], wattHours/1000, ok)
		mm, ok := a.sum(series["precipitation"], d.start, d.end)
		add(precipitation[i], mm, ok)
	}
	return s
}

// list is the hours from the present one on: the field of parent, and behind it its attributes; nothing where no hour is known.
func (a *answer) list(parent *drivers.Entity, rows []forecast, series map[string][]*float64) drivers.Sample {
	first := slices.IndexFunc(a.hours, func(t time.Time) bool { return t.Add(time.Hour).After(a.now) })
	if first < 0 {
		return nil
	}
	s := drivers.Sample{{Key: parent.Key, Value: stamp(a.hours[first])}}
	for _, f := range rows {
		if slices.ContainsFunc(series[f.variable], func(v *float64) bool { return v != nil }) {
			s = append(s, drivers.Field{Key: f.attribute, Value: numbers(series[f.variable], first, f.ends, f.decimals)})
		}
	}
	if len(s) == 1 {
		return nil
	}
	return s
}

// numbers are those of the hours from first on. Those of hours that end are shifted, so that each stands at its hour's beginning.
func numbers(series []*float64, first int, ends bool, decimals int) drivers.Value {
	if ends {
		first++
	}
	b := []byte{'['}
	for i := first; i < min(first+ahead, len(series)); i++ {
		if i > first {
			b = append(b, ',')
		}
		if series[i] == nil {
			b = append(b, "null"...)
		} else {
			b = strconv.AppendFloat(b, *series[i], 'f', decimals, 64)
		}
	}
	return drivers.JSON(string(append(b, ']')))
}
