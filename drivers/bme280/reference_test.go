//go:build reference

package bme280

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

// TestPythonSaysTheSame compares with RPi.bme280 on 10,000 random dumps: .ci/reference provides the library. Both are the datasheet's
// floating point.
func TestPythonSaysTheSame(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const sets = 10000
	var dumps [][]byte
	var stdin strings.Builder
	for range sets {
		b := unhex(t, i2cCapture)
		for _, at := range []int{0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 25, 26, 32} { // low bytes, which leave the chip a plausible one
			b[at] ^= byte(random.Uint32() & 0x3F)
		}
		b[28] = byte(random.IntN(128)) // H3: the library takes it for signed, which it is not
		b[29], b[30], b[31] = byte(random.Uint32())&0x1F, byte(random.Uint32()), byte(random.IntN(5)-2)
		for i := range b[data:] {
			b[data+i] = byte(random.Uint32())
		}
		b[data], b[data+3], b[data+6] = byte(0x38+random.IntN(0x30)), byte(0x60+random.IntN(0x38)), byte(0x48+random.IntN(0x48))
		dumps = append(dumps, b)
		fmt.Fprintln(&stdin, hex.EncodeToString(b))
	}
	python := exec.CommandContext(t.Context(), "python3", "../../testdata/tools/compensate.py", "bme280")
	python.Stdin = strings.NewReader(stdin.String())
	out, err := python.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(strings.NewReader(string(out)))
	compared := 0
	var worst [3]float64 // hPa, °C, %
	for _, dump := range dumps {
		var theirs [3]float64
		if !lines.Scan() {
			t.Fatal("an answer is missing")
		}
		if _, err := fmt.Sscan(lines.Text(), &theirs[1], &theirs[0], &theirs[2]); err != nil {
			t.Fatal(err)
		}
		fields, err := bme.decode(burst, dump)
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range fields[len(coefficients):] {
			if mine, ok := f.Raw.Float(); ok && f.Entity.Plausible(f.Value) {
				compared++
				worst[i] = max(worst[i], math.Abs(mine-theirs[i]))
			}
		}
	}
	t.Logf("%d values compared; largest difference %.1e hPa, %.1e °C, %.1e %%", compared, worst[0], worst[1], worst[2])
	if compared < 2*sets {
		t.Fatalf("only %d values were comparable", compared)
	}
	for i := range worst {
		if worst[i] > 1e-9 {
			t.Errorf("%s differs by %v", entities[i].Key, worst[i])
		}
	}
}
