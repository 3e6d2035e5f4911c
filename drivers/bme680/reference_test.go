//go:build reference

package bme680

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
)

// TestPythonSaysTheSame compares with PyPI bme680 on 10,000 random dumps: .ci/reference provides the library. Both are
// Bosch's integers; Python rounds the quotient of a negative number down where C and Go cut it off, and does not cut the resistance at all.
func TestPythonSaysTheSame(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const sets = 10000
	var dumps [][]byte
	var stdin strings.Builder
	for range sets {
		b := unhex(t, realCalibration+strings.Repeat("00", frameSize-data))
		b[variantAt] = byte(random.IntN(2))
		b[4] = byte(random.IntN(8)) << 4                                                                 // where it is negative the library takes it for positive
		for _, at := range []int{6, 8, 10, 12, 14, 16, 18, 20, 21, 24, 26, 28, 31, 33, 34, 35, 36, 37} { // low bytes, which leave a plausible chip
			b[at] ^= byte(random.Uint32() & 0x1F)
		}
		copy(b[data:], []byte{byte(0x48 + random.IntN(0x28)), byte(random.Uint32()), byte(random.Uint32()) & 0xF0})
		copy(b[data+3:], []byte{byte(0x60 + random.IntN(0x38)), byte(random.Uint32()), byte(random.Uint32()) & 0xF0})
		copy(b[data+6:], []byte{byte(0x38 + random.IntN(0x40)), byte(random.Uint32())})
		cell := uint16(random.Uint32())&0xFFCF | gasGood
		for _, at := range []int{0x2A, 0x2C} {
			copy(b[data+at-regData:], []byte{byte(cell >> 8), byte(cell)})
		}
		dumps = append(dumps, b)
		fmt.Fprintln(&stdin, hex.EncodeToString(b))
	}
	python := exec.CommandContext(t.Context(), "python3", "../../testdata/tools/compensate.py", "bme680")
	python.Stdin = strings.NewReader(stdin.String())
	out, err := python.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(strings.NewReader(string(out)))
	compared := 0
	var worst [len(entities) - 1]float64 // hPa, °C, %, Ω
	for _, dump := range dumps {
		var theirs [len(worst)]float64
		if !lines.Scan() {
			t.Fatal("an answer is missing")
		}
		if _, err := fmt.Sscan(lines.Text(), &theirs[1], &theirs[0], &theirs[2], &theirs[gas]); err != nil {
			t.Fatal(err)
		}
		fields, err := decode(burst, dump)
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range fields[len(coefficients):] {
			mine, ok := f.Raw.Float()
			if !ok || !f.Entity.Plausible(f.Value) {
				continue
			}
			off := math.Abs(mine - theirs[i])
			compared++
			worst[i] = max(worst[i], off)
		}
	}
	t.Logf("%d values compared; largest difference %.4f hPa, %.4f °C, %.4f %%, %.1f Ω", compared, worst[0], worst[1], worst[2], worst[3])
	if compared < 3*sets {
		t.Fatalf("only %d values were comparable", compared)
	}
	for i, limit := range [...]float64{0, 0, 0.05, 1} {
		if worst[i] > limit {
			t.Errorf("%s differs by %v", entities[i].Key, worst[i])
		}
	}
}
