package wire

import "encoding/hex"

// Unhex reads an example that stands in a driver as digits; what is no digit ends it, and the tests see that.
func Unhex(s string) []byte {
	b, _ := hex.DecodeString(s)
	return b
}
