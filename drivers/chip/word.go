package chip

import (
	"math"
	"sort"
)

// Nearest is the word of that many bits for which rising gives what comes nearest to want: a compensation read backwards, for simulators.
func Nearest(bits int, want float64, rising func(adc float64) float64) uint32 {
	last := 1<<bits - 1
	n := sort.Search(last, func(i int) bool { return rising(float64(i)) >= want })
	if n > 0 && math.Abs(rising(float64(n-1))-want) < math.Abs(rising(float64(n))-want) {
		n--
	}
	return uint32(n)
}

// Apart keeps a measured word from looking like an unmeasured one.
func Apart(word, skipped uint32) uint32 {
	if word == skipped {
		return word + 2
	}
	return word
}
