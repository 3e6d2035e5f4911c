package chip

import (
	"math"
	"testing"
)

// The international standard atmosphere's own table (ISO 2533, geopotential metres): pressure at that height, 1013.25 hPa below it.
func TestSeaLevelPressureFollowsTheStandardAtmosphere(t *testing.T) {
	for height, p := range map[float64]float64{-500: 1074.78, 0: 1013.25, 500: 954.61, 1000: 898.75, 2000: 794.95, 5000: 540.20} {
		if got := atSeaLevel(p, height); math.Abs(got-1013.25) > 0.02 {
			t.Errorf("from %g m: %v", height, got)
		}
	}
}
