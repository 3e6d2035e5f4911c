package voltronic

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"sunwire/drivers"
	"sunwire/drivers/link"
	"sunwire/drivers/link/simulated"
	"sunwire/drivers/link/stream"
)

// A link believes no reply that may be the late one to another question, and an inverter is silent to all that is not of its protocol.
func TestTheDialectIsFoundOutOnALineToo(t *testing.T) {
	for _, c := range []struct {
		name  string
		model state
		deaf  string // it does not know this, and is silent
	}{
		{"pi30", nil, ""},
		{"pi30", nil, "QGMN QMN QPIGS2"},
		{"pi30max", nil, ""},
		{"pi30max", nil, "QGMN QMN"},
		{"pi30max", nil, "QGMN QMN QPIGS2"},
		{"pi30mst", nil, "QGMN QMN"},
		{"pi30revo", nil, ""},
		{"pi30revo", nil, "QGMN QMN QPIGS2"},
		{"pi41", nil, ""},
		{"pi41", state{"protocol": drivers.Text("PI41")}, ""},
		{"pi16", nil, ""},
		{"pi17", nil, ""},
		{"pi17m058", state{"general_model": drivers.Text("058")}, ""},
		{"pi18", nil, ""},
		{"pi18sv", nil, ""},
		{"pi18lvx", nil, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := table(c.name)
			near, far := net.Pipe()
			ctx, stop := context.WithCancel(t.Context())
			var serving sync.WaitGroup
			serving.Go(func() {
				sim := &unknowing{p.simulate(c.model, 0), p, c.deaf}
				_ = simulated.Line{Baud: 2400, Ends: simulated.EndsInCR}.Serve(ctx, far, sim) // it ends with the pipe
			})
			defer serving.Wait()
			defer far.Close()
			defer stop()
			conn := stream.New(link.Serial, near, stream.Options{Name: "line"})
			defer conn.Close()
			d, err := Voltronic.Open(conn, 0, nil)
			if err != nil {
				t.Fatal(err)
			}
			desc, err := d.Describe(t.Context())
			if err != nil { // the bridge asks twice as well
				desc, err = d.Describe(t.Context())
			}
			if err != nil || desc.Variant != c.name {
				t.Errorf("%s, deaf to %q, is taken for %q, because %s: %v", c.name, c.deaf, desc.Variant, desc.Why, err)
			}
			detect, variant := Voltronic.Detect, c.name
			if c.name == "pi30" { // it is looked for by its own name
				detect, variant = PI30.Detect, ""
			}
			if m, err := detect(t.Context(), conn); err != nil || m.Descriptor.Variant != variant || m.Confidence < 50 {
				t.Errorf("%s, deaf to %q: detected as %q with %d %%: %v", c.name, c.deaf, m.Descriptor.Variant, m.Confidence, err)
			}
		})
	}
}

// unknowing is a simulator that is silent to some commands.
type unknowing struct {
	link.Simulator
	protocol *Protocol
	deaf     string
}

func (u *unknowing) Answer(request []byte) []byte {
	if c, _, _ := u.protocol.asked(request); c != nil && c.Code != "" && slices.Contains(strings.Fields(u.deaf), c.Code) {
		return nil
	}
	return u.Simulator.Answer(request)
}
