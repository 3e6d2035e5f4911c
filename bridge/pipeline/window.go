package pipeline

import (
	"math"
	"slices"
	"time"

	"sunwire/drivers"
)

// window gathers what a measurement was between two publications.
type window struct {
	cells           [4]int // where the results go
	n               int
	mean, squares   float64 // Welford's running mean and sum of squared differences from it
	least, greatest float64
}

// aggregates are what is published of a window: the suffix of the key, what stands behind the name, the value.
var aggregates = [4]struct {
	key, name string
	value     func(*window) float64
}{
	{"_mean", " mean", func(w *window) float64 { return w.mean }},
	{"_minimum", " minimum", func(w *window) float64 { return w.least }},
	{"_maximum", " maximum", func(w *window) float64 { return w.greatest }},
	{"_deviation", " deviation", (*window).deviation},
}

const deviation = len(aggregates) - 1

func (w *window) add(f float64) {
	if w.n == 0 {
		w.least, w.greatest = f, f
	}
	w.n++
	d := f - w.mean
	w.mean += d / float64(w.n)
	w.squares += d * (f - w.mean)
	w.least, w.greatest = min(w.least, f), max(w.greatest, f)
}

// deviation is the standard deviation of the samples; of one alone there is none.
func (w *window) deviation() float64 {
	if w.n < 2 {
		return math.NaN()
	}
	return math.Sqrt(w.squares / float64(w.n-1))
}

// sampled is d with the aggregates of each live measurement behind it, off by default in Home Assistant.
func sampled(d drivers.Descriptor) drivers.Descriptor {
	pace := PaceOf(d)
	var es []drivers.Entity
	d.Queries = slices.Clone(d.Queries)
	for _, e := range d.Entities {
		es = append(es, e)
		if e.Platform != drivers.Sensor || e.Quantity.StateClass != "measurement" || e.Attribute != "" || e.Setting != nil || pace[e.Key] != drivers.Live {
			continue
		}
		for i := range aggregates {
			a := aggregateOf(e, i)
			if slices.ContainsFunc(d.Entities, func(o drivers.Entity) bool { return o.Key == a.Key }) {
				continue // a device's own value wins
			}
			es = append(es, a)
			for q := range d.Queries {
				if slices.Contains(d.Queries[q].Keys, e.Key) {
					d.Queries[q].Keys = append(slices.Clone(d.Queries[q].Keys), a.Key)
				}
			}
		}
	}
	d.Entities = es
	return d
}

func aggregateOf(e drivers.Entity, i int) drivers.Entity {
	a := drivers.Entity{
		Key: e.Key + aggregates[i].key, Name: e.Name + aggregates[i].name, Quantity: e.Quantity, Category: e.Category, Min: e.Min, Max: e.Max, Disabled: true,
	}
	if a.Quantity.DeviceClass == drivers.StateOfCharge.DeviceClass { // of which a device has one
		a.Quantity.DeviceClass = ""
	}
	if i == deviation { // a width, on no scale; finer than the values are
		a.Min, a.Max, a.Quantity.DeviceClass = 0, 0, ""
		if e.Quantity.Unit == drivers.Temperature.Unit {
			a.Quantity.DeviceClass = drivers.TemperatureDelta.DeviceClass
		}
		a.Quantity.Decimals++
	}
	return a
}

// watch gives each measurement that has aggregates its window.
func (u *Unit) watch() {
	for i := range u.Cells {
		w, found := window{}, false
		for n := range aggregates {
			at, has := u.index[u.Cells[i].Entity.Key+aggregates[n].key]
			if w.cells[n] = -1; has && u.Cells[at].Entity.Disabled {
				w.cells[n], found = at, true
			}
		}
		if found {
			u.Cells[i].window = &w
		}
	}
}

// Publish closes the windows: their aggregates are those of the samples up to at.
func (u *Unit) Publish(at time.Time) {
	for i := range u.Cells {
		w := u.Cells[i].window
		if w == nil || w.n == 0 {
			continue
		}
		for n, a := range aggregates {
			if cell := w.cells[n]; cell >= 0 {
				u.Cells[cell].set(drivers.Num(a.value(w)), at, time.Time{})
			}
		}
		*w = window{cells: w.cells}
	}
}
