package drivers

import (
	"context"

	"sunwire/drivers/link"
)

// DetectBy is a Detect for a driver whose Describe only looks: it opens the driver with its own options and takes what describes itself for
// found, with that confidence in percent.
func DetectBy(confidence int, open func(link.Conn, uint16, any) (Device, error)) func(context.Context, link.Conn) (Match, error) {
	return func(ctx context.Context, c link.Conn) (Match, error) {
		dev, err := open(c, 0, nil)
		if err != nil {
			return Match{}, err
		}
		d, err := dev.Describe(ctx)
		if err != nil {
			return Match{}, err
		}
		return Match{Confidence: confidence, Descriptor: d}, nil
	}
}
