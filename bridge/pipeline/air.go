package pipeline

import "math"

// Moist air by Magnus' formula, with the coefficients of WMO-No. 8 (2018), volume I, annex 4.B, for water from -45 to 60 °C:
//
//	e = 6.112 hPa exp(17.62 t / (243.12 °C + t))
//
// Below 0 °C humidity sensors and weather services mean water too, not ice.
const (
	magnusA = 6.112 // hPa
	magnusB = 17.62
	magnusC = 243.12 // °C
)

// vapourPressure is that of saturated air at t °C, in hPa.
func vapourPressure(t float64) float64 { return magnusA * math.Exp(magnusB*t/(magnusC+t)) }

// dewPoint is the temperature, in °C, to which air of t °C and a relative humidity of rh % has to cool down for dew to form.
func dewPoint(t, rh float64) float64 {
	x := math.Log(vapourPressure(t) * rh / 100 / magnusA)
	return magnusC * x / (magnusB - x)
}

// absoluteHumidity is the mass of water in g/m³: the gas law with water's own constant, 461.5 J/(kg K).
func absoluteHumidity(t, rh float64) float64 {
	const waterVapour, hPa, gram = 461.5, 100, 1000
	return vapourPressure(t) * hPa * rh / 100 / (waterVapour * (273.15 + t)) * gram
}

// deficit is what the air's vapour pressure lacks to saturation, in kPa.
func deficit(t, rh float64) float64 { return vapourPressure(t) * (1 - rh/100) / 10 }
