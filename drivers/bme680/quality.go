package bme680

// quality is how the air is compared with the best that this sensor has had: 0 as good, 100 as bad as can be told. It is not Bosch's index
// of air quality, whose making is secret. Organic gases lower the resistance of the cell, and so does moisture, which this does not take
// apart. It knows no time, it counts measurements.
type quality struct {
	best float64 // the highest resistance of late
	seen int     // measurements, up to burnIn
}

const (
	burnIn = 30    // measurements until the cell is believed to be warm: half an hour at one a minute (datasheet 1.2: "burn-in")
	fading = 10000 // of so many measurements the best is forgotten by a factor of e: a week at one a minute
)

// of compares one measurement. While the cell burns in, its resistance climbs, and there is nothing to compare with.
func (q *quality) of(resistance float64) (relative float64, ok bool) {
	if q.seen < burnIn {
		q.seen++
		q.best = resistance
		return 0, false
	}
	q.best = max(q.best*(1-1.0/fading), resistance)
	return 100 * (1 - resistance/q.best), true
}
