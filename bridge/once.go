package bridge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"sunwire/bridge/config"
	"sunwire/bridge/control"
	"sunwire/bridge/pipeline"
	"sunwire/bridge/status"
	"sunwire/bridge/store"
	"sunwire/drivers"
	"sunwire/drivers/link"
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
	conn, dev, desc, err := openOnce(ctx, d, log)
	if err != nil {
		return out, err
	}
	defer conn.Close() //nolint:errcheck // everything has been read
	if _, err := d.meet(desc, "sunwire", func(string) string { return c.ID }); err != nil {
		return out, err
	}
	var failed []error
	if to, ok := dev.(drivers.Streamer); ok && len(queries(desc)) == 0 {
		failed = append(failed, d.hear(ctx, to))
	}
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

// openOnce opens the port of d and asks who is there; the caller closes it.
func openOnce(ctx context.Context, d *device, log *slog.Logger) (link.Conn, drivers.Device, drivers.Descriptor, error) {
	p := &port{
		devices: []*device{d}, log: log,
		serial: func(*device) string { return "" }, known: func(string, *device) bool { return false },
	}
	conn, err := p.open(ctx)
	if err != nil {
		return nil, nil, drivers.Descriptor{}, err
	}
	dev, err := d.open(conn)
	if err != nil {
		return nil, nil, drivers.Descriptor{}, errors.Join(err, conn.Close())
	}
	desc, err := twice(func() (drivers.Descriptor, error) { return dev.Describe(ctx) })
	if err != nil {
		return nil, nil, drivers.Descriptor{}, errors.Join(fmt.Errorf("identity: %w", err), conn.Close())
	}
	return conn, dev, desc, nil
}

// SendOnce opens the port of c, sends a raw command and returns the reply. What the configuration does not list has to be confirmed by the
// device's serial number, or by its id where it has none.
func SendOnce(ctx context.Context, c config.Device, command, serial string, log *slog.Logger) ([]byte, error) {
	conn, dev, desc, err := openOnce(ctx, newDevice(c, store.Device{ID: c.ID}, false), log)
	if err != nil {
		return nil, err
	}
	defer conn.Close() //nolint:errcheck // the reply is there, or not
	if confirm := cmp.Or(Serial(desc.Serial), c.ID); serial != confirm && !control.Listed(&c, command) {
		return nil, fmt.Errorf("%q is not on the list raw of the configuration: confirm it by --serial %s", command, confirm)
	}
	to, ok := dev.(drivers.Commander)
	if !ok {
		return nil, fmt.Errorf("the driver %s takes no raw commands", c.Spec.Name)
	}
	return to.Command(ctx, command)
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
