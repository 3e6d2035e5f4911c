package bridge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"sunwire/bridge/config"
	"sunwire/bridge/pipeline"
	"sunwire/bridge/status"
	"sunwire/bridge/store"
	"sunwire/drivers"
	"sunwire/drivers/link/simulated"
)

// Once is what one reading of a device gave.
type Once struct {
	ID           string         `json:"id"`
	Manufacturer string         `json:"manufacturer,omitempty"`
	Model        string         `json:"model,omitempty"`
	Serial       string         `json:"serial,omitempty"`
	Firmware     string         `json:"firmware,omitempty"`
	Values       []status.Value `json:"values"`
}

// ReadOnce opens the port of c, asks every query once, and closes it again; nothing is published or kept. The error tells what was not
// answered; what was answered stands in Once all the same.
func ReadOnce(ctx context.Context, c config.Device, log *slog.Logger) (Once, error) {
	out := Once{ID: c.ID, Values: []status.Value{}}
	d := newDevice(c, store.Device{ID: c.ID}, false)
	p := &port{
		devices: []*device{d}, log: log,
		serial: func(*device) string { return "" }, known: func(string, *device) bool { return false },
	}
	conn, err := p.open(ctx)
	if err != nil {
		return out, err
	}
	defer conn.Close() //nolint:errcheck // everything has been read
	dev, err := c.Spec.Open(conn, c.Address, c.Options)
	if err != nil {
		return out, err
	}
	desc, err := twice(func() (drivers.Descriptor, error) { return dev.Describe(ctx) })
	if err != nil {
		return out, fmt.Errorf("identity: %w", err)
	}
	if _, err := d.meet(desc, "sunwire", func(string) string { return c.ID }); err != nil {
		return out, err
	}
	var failed []error
	for _, q := range queries(desc) {
		rs, err := twice(func() ([]drivers.Reading, error) { return dev.Poll(ctx, q) })
		switch {
		case err == nil:
			d.take(q, rs, time.Now())
		case !errors.Is(err, drivers.ErrUnsupported):
			failed = append(failed, err)
		}
		if ctx.Err() != nil {
			break
		}
	}
	s := d.snapshot(time.Now())
	out.Manufacturer, out.Model, out.Serial, out.Firmware, out.Values = s.Manufacturer, s.Model, desc.Serial, s.Firmware, s.Values
	return out, errors.Join(failed...)
}

// twice asks once more after a failure that may have been an accident.
func twice[T any](ask func() (T, error)) (T, error) {
	v, err := ask()
	if errors.Is(err, drivers.ErrFrame) || errors.Is(err, drivers.ErrNoReply) {
		return ask()
	}
	return v, err
}

func queries(d drivers.Descriptor) (qs []drivers.Query) {
	for _, desc := range append([]drivers.Descriptor{d}, d.Units...) {
		qs = append(qs, desc.Queries...)
	}
	return qs
}

// Simulated is what the driver's own simulator says of itself, with what is derived: for lists and documentation.
func Simulated(ctx context.Context, spec drivers.Driver, options any) (drivers.Descriptor, error) {
	conn, err := simulated.New(spec.Links[0], spec.Simulate(nil, 0), simulated.Options{})
	if err != nil {
		return drivers.Descriptor{}, err
	}
	defer conn.Close() //nolint:errcheck // nothing is open
	if options == nil && spec.Config != nil {
		options = spec.Config()
	}
	dev, err := spec.Open(conn, 0, options)
	if err != nil {
		return drivers.Descriptor{}, err
	}
	d, err := dev.Describe(ctx)
	return pipeline.NewUnit(d, spec.Paces, nil).Descriptor, err
}
