package voltronic

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/link"
)

// Voltronic is the driver for whoever does not know which of the protocols an inverter speaks: it asks, picks the table that fits, and says
// why. What is decided stays for as long as the link is open, and is tried first when it is opened again.
var Voltronic = drivers.Driver{
	Name: "voltronic", Title: "Voltronic, whichever protocol it speaks", Family: "voltronic", Class: drivers.Inverter,
	Links:    []link.Kind{link.Serial, link.HID, link.TCP},
	Paces:    [3]time.Duration{10 * time.Second, time.Minute, 24 * time.Hour},
	Config:   func() any { return &Options{CRC: strict} },
	Open:     openAny,
	Detect:   detectAny,
	Decode:   decodeAny,
	Commands: PI30.Commands,
	Simulate: PI30.Simulate,
	Reseal:   PI30.Reseal,
}

// dialects are all of them, in the order in which decodeAny tries them.
var dialects = []*dialect{
	dialect30, dialect30MAX, dialect30MST, dialect30M044, dialect30M045, dialect30REVO, dialect41, dialect16, dialect18, dialect18SV, dialect18LVX, dialect17, dialect17Infini,
	dialect17M058,
}

// decodeAny reads a reply by the first table that can.
func decodeAny(command string, reply []byte) (decoded []drivers.Decoded, err error) {
	for _, d := range dialects {
		p := d.table()
		if c, _ := p.find(command); c == nil {
			continue
		}
		if decoded, err = p.decode(command, reply); err == nil {
			return decoded, nil
		}
	}
	if err == nil {
		err = fmt.Errorf("no Voltronic protocol has a command %q", command)
	}
	return nil, err
}

// anyDevice is a device whose protocol is found out by Describe.
type anyDevice struct {
	*device // nil until then
	link    link.Transactor
	options Options
	why     string
	last    drivers.Descriptor // what it was the last time
}

func openAny(c link.Conn, address uint16, options any) (drivers.Device, error) {
	t, err := attach("voltronic", c, address)
	if err != nil {
		return nil, err
	}
	o, err := checked(options)
	if err != nil {
		return nil, err
	}
	return &anyDevice{link: t, options: o}, nil
}

// Remember has the dialect of last tried first.
func (d *anyDevice) Remember(last drivers.Descriptor) { d.last = last }

func (d *anyDevice) Describe(ctx context.Context) (drivers.Descriptor, error) {
	if d.device == nil {
		if desc, err := d.recall(ctx); err != nil || desc.Variant != "" {
			return desc, err
		}
		found, why, err := recognize(ctx, d.link)
		if err != nil {
			return drivers.Descriptor{}, err
		}
		d.device, d.why = found.table().device(d.link, d.options), why
	}
	desc, err := d.device.Describe(ctx)
	desc.Variant, desc.Why = d.protocol.Name, d.why
	return desc, err
}

const remembered = "remembered, as the same serial number answers; first by "

// recall is the device of last time where that is there again: it says what it speaks, in the dialect and with the checksum of that, and has
// the serial number and the firmware that it had. Without a Variant: that has to be found out anew.
func (d *anyDevice) recall(ctx context.Context) (desc drivers.Descriptor, err error) {
	i := slices.IndexFunc(dialects, func(known *dialect) bool { return known.Name == d.last.Variant })
	if i < 0 || d.last.Serial == "" {
		return desc, nil
	}
	as, said, asking := dialects[i], "", &interview{link: d.link}
	for range opening { // it may sleep, and miss the first
		if q := as.table().questions()[0]; said == "" && q.Fields[0].Key == protocolKey {
			said = asking.ask(ctx, as, q.Code)
		}
	}
	if said == "" {
		return desc, asking.lost
	}
	again := as.table().device(d.link, d.options)
	desc, err = again.Describe(ctx)
	if err != nil || desc.Serial != d.last.Serial || desc.Firmware != "" && d.last.Firmware != "" && desc.Firmware != d.last.Firmware {
		return drivers.Descriptor{}, err
	}
	d.device, d.why = again, remembered+strings.TrimPrefix(d.last.Why, remembered)
	desc.Variant, desc.Why = as.Name, d.why
	return desc, nil
}

// detectAny looks for the dialects that have no Detect of their own: one after the other, they would all ask the same.
func detectAny(ctx context.Context, c link.Conn) (drivers.Match, error) {
	t, err := attach("voltronic", c, 0)
	if err != nil {
		return drivers.Match{}, err
	}
	found, why, err := recognize(ctx, t)
	if err != nil {
		return drivers.Match{}, err
	}
	if found == dialect30 {
		return drivers.Match{}, fmt.Errorf("%s speaks for itself: %w", found.Name, drivers.ErrUnsupported)
	}
	m, err := found.table().detect(ctx, c, "")
	m.Descriptor.Variant, m.Descriptor.Why = found.Name, why
	return m, err
}

var errUnknown = errors.New("voltronic: it has not been found out yet which protocol the inverter speaks")

func (d *anyDevice) Poll(ctx context.Context, q drivers.Query) ([]drivers.Reading, error) {
	if d.device == nil {
		return nil, errUnknown
	}
	return d.device.Poll(ctx, q)
}

func (d *anyDevice) Set(ctx context.Context, unit, key string, v drivers.Value) error {
	if d.device == nil {
		return errUnknown
	}
	return d.device.Set(ctx, unit, key, v)
}

func (d *anyDevice) Command(ctx context.Context, command string) ([]byte, error) {
	if d.device == nil {
		return nil, errUnknown
	}
	return d.device.Command(ctx, command)
}

// interview asks one inverter in several protocols, and keeps what it heard.
type interview struct {
	link  link.Transactor
	heard []string
	lost  error // neither silence nor a refusal: nothing more can be asked
}

// ask is the first field of the answer, "" where there is none.
func (i *interview) ask(ctx context.Context, as *dialect, command string) string {
	if i.lost != nil {
		return ""
	}
	d := as.table().device(i.link, Options{})
	decoded, err := d.ask(ctx, command)
	if errors.Is(err, drivers.ErrFrame) { // after silence a link takes the first answer for a late one
		decoded, err = d.ask(ctx, command)
	}
	switch {
	case errors.Is(err, drivers.ErrNoReply):
		i.heard = append(i.heard, command+": silence")
	case errors.Is(err, drivers.ErrUnsupported):
		i.heard = append(i.heard, command+": refused")
	case errors.Is(err, drivers.ErrFrame):
		i.heard = append(i.heard, command+": something else")
	case err != nil:
		i.lost = err
	default:
		s := decoded[0].Value.Format(-1)
		i.heard = append(i.heard, command+": "+s)
		return s
	}
	return ""
}

// fields is how many fields the answer to command has.
func (i *interview) fields(ctx context.Context, as *dialect, command string) int {
	if i.lost != nil {
		return 0
	}
	p := as.table()
	d := p.device(i.link, Options{})
	reply, err := d.exchange(ctx, command, nil)
	if errors.Is(err, drivers.ErrFrame) {
		reply, err = d.exchange(ctx, command, nil)
	}
	if body, ok := p.Wire.opened(nil, reply, false); err == nil && ok && string(body) != "NAK" {
		n := len(strings.Fields(string(body)))
		i.heard = append(i.heard, fmt.Sprintf("%s: %d fields", command, n))
		return n
	}
	return 0
}

// recognize finds out which protocol answers at t, and says why it is that one. Only what reads is asked.
func recognize(ctx context.Context, t link.Transactor) (found *dialect, why string, err error) {
	i := &interview{link: t}
	switch name := i.protocol(ctx); name {
	case "PI30":
		found = i.of30(ctx)
	case "PI41":
		found = dialect41
	case "PI16":
		found = dialect16
	case "18":
		found = dialect18
	case "18 bare":
		found = dialect18LVX
		if i.ask(ctx, dialect18SV, "PIRI") != "" { // with its checksum
			found = dialect18SV
		}
	case "17":
		found = dialect17
		if i.ask(ctx, dialect17, "DM") == "058" {
			found = dialect17M058
		}
	}
	switch {
	case i.lost != nil:
		return nil, "", i.lost
	case found != nil:
		return found, strings.Join(i.heard, ", "), nil
	}
	err = drivers.ErrNoReply
	if slices.ContainsFunc(i.heard, func(s string) bool { return !strings.HasSuffix(s, ": silence") }) {
		err = drivers.ErrFrame
	}
	return nil, "", fmt.Errorf("voltronic: no known protocol fits (%s): name the driver if you know it: %w", strings.Join(i.heard, ", "), err)
}

// protocol is what the inverter says that it speaks.
func (i *interview) protocol(ctx context.Context) string {
	for _, try := range []struct {
		as      *dialect
		command string
		suffix  string
	}{{dialect30, "QPI", ""}, {dialect18, "PI", ""}, {dialect16, "QPI", ""}, {dialect17, "PI", ""}, {dialect18LVX, "PI", " bare"}} {
		if s := i.ask(ctx, try.as, try.command); s != "" {
			return s + try.suffix
		}
	}
	return ""
}

// of30 tells the dialects of PI30 apart: by model where the table is of one model, else by what they can do.
func (i *interview) of30(ctx context.Context) *dialect {
	general, model := i.ask(ctx, dialect30, "QGMN"), i.ask(ctx, dialect30, "QMN")
	switch {
	case strings.Contains(model, "LV5048"):
		return dialect41
	case strings.Contains(model, "4048MST"):
		return dialect30MST
	case general == "045", strings.Contains(model, "LV6548"):
		return dialect30M045
	case general == "044" && strings.Contains(model, "7200"):
		return dialect30M044
	}
	switch i.fields(ctx, dialect30, "QPIGS2") {
	case 3:
		return dialect30MAX
	case 11:
		return dialect41
	case 12:
		return dialect30MST
	}
	if i.fields(ctx, dialect30, "QPIGS") > len(pi30Status()) {
		return dialect30MAX
	}
	if general == "" && model == "" && i.ask(ctx, dialect30REVO, "QALL") != "" {
		return dialect30REVO
	}
	return dialect30
}
