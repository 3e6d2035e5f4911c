package openmeteo

import (
	"fmt"
	"slices"
	"time"

	"sunwire/drivers"
)

// What the panels should give is an estimate, and its name says so:
//
//	power  = global tilted irradiance / 1000 W/m² x peak x performance, added up over the planes
//	energy = the same of each hour of the day, added up
//
// Neither shadows nor snow nor what a full battery leaves on the roof are in it. Of the rest of today the present hour counts for what is
// left of it.
const tilted = "global_tilted_irradiance"

const (
	rated     = 1000.0 // W/m² at which a panel is rated
	sunniest  = 1.5e6  // W; 1 MW of panels, and an edge of a cloud
	sunniestE = 2e4    // kWh a day
)

var (
	estimatedPower = drivers.Entity{Key: "estimated_pv_power", Name: "Estimated PV power", Quantity: drivers.Power, Min: 0, Max: sunniest}
	estimatedRest  = drivers.Entity{Key: "estimated_pv_energy_rest_of_today", Name: "Estimated PV energy rest of today", Quantity: drivers.ExpectedEnergy, Min: 0, Max: sunniestE}
	estimatedDay   = [2]drivers.Entity{
		{Key: "estimated_pv_energy_today", Name: "Estimated PV energy today", Quantity: drivers.ExpectedEnergy, Min: 0, Max: sunniestE},
		{Key: "estimated_pv_energy_tomorrow", Name: "Estimated PV energy tomorrow", Quantity: drivers.ExpectedEnergy, Min: 0, Max: sunniestE},
	}
	solarForecast = drivers.Entity{Key: "pv_forecast", Name: "Estimated PV power from", Platform: drivers.Label, Quantity: drivers.Timestamp, Disabled: true}
)

var hourlyPower = forecast{tilted, "W/m²", "hourly_pv_power", true, 0}

func solarEntities() []drivers.Entity {
	return []drivers.Entity{
		estimatedPower, estimatedDay[0], estimatedRest, estimatedDay[1], solarForecast, listed(hourlyPower.attribute, solarForecast.Key),
	}
}

// estimate makes the readings of one answer for each plane.
func (o *Options) estimate(answers []*answer, zone *time.Location) ([]drivers.Reading, error) {
	first := answers[0]
	var watts float64
	known := true
	total := make([]*float64, len(first.hours))
	for i, a := range answers {
		if !a.now.Equal(first.now) || !slices.EqualFunc(a.hours, first.hours, time.Time.Equal) {
			return nil, fmt.Errorf("the planes were answered for different times: %w", drivers.ErrFrame)
		}
		factor := o.Planes[i].Peak * o.Performance / rated
		now, ok, err := a.number(tilted, "W/m²")
		if err != nil {
			return nil, err
		}
		watts, known = watts+factor*sunlight(now), known && ok
		series, err := a.series(tilted, "W/m²")
		if err != nil {
			return nil, err
		}
		add(total, series, factor, i == 0)
	}
	today, tomorrow, end := first.days(zone)
	now, day := drivers.Reading{}, drivers.Reading{Until: tomorrow}
	if known {
		now.Sample = append(now.Sample, drivers.Field{Key: estimatedPower.Key, Value: rounded(watts, estimatedPower.Quantity.Decimals)})
	}
	energy := func(r *drivers.Reading, e *drivers.Entity, from, to time.Time) {
		if wh, ok := first.sum(total, from, to); ok {
			r.Sample = append(r.Sample, drivers.Field{Key: e.Key, Value: rounded(wh/1000, e.Quantity.Decimals)})
		}
	}
	energy(&day, &estimatedDay[0], today, tomorrow)
	energy(&now, &estimatedRest, first.now, tomorrow)
	energy(&day, &estimatedDay[1], tomorrow, end)
	now.Sample = append(now.Sample, first.list(&solarForecast, []forecast{hourlyPower}, map[string][]*float64{tilted: total})...)
	if len(now.Sample)+len(day.Sample) == 0 {
		return nil, fmt.Errorf("the answer has no %s: %w", tilted, drivers.ErrFrame)
	}
	return []drivers.Reading{now, day}, nil
}

// sunlight: where the sun stands low the service's model sometimes gives less than nothing.
func sunlight(f float64) float64 { return max(0, f) }

// add adds one plane's hours; an hour that one plane does not know is not known.
func add(total, series []*float64, factor float64, first bool) {
	for i, v := range series {
		switch {
		case v == nil:
			total[i] = nil
		case first:
			total[i] = new(factor * sunlight(*v))
		case total[i] != nil:
			*total[i] += factor * sunlight(*v)
		}
	}
}
